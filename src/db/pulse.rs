//! Whether the database still answers.
//!
//! A server that hangs, and a network that swallows what is sent, end no connection: whoever waits for an answer there
//! waits without end, and no timeout of the server's helps. So whoever has waited for a while asks here, on a
//! connection beside the pool's, and is told within [`PATIENCE`]. A slow statement or a lock is no reason to give up:
//! the server answers meanwhile. A standby does not count as an answer.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::refuse_standby;

/// In which time the database must answer.
const PATIENCE: Duration = Duration::from_millis(1_200);
/// How long an answer counts for those who ask after it.
const FRESH: Duration = Duration::from_millis(200);

/// What was found, and whether it was found just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Answers,
    /// It did not, and it did when it was asked before.
    JustLost,
    Lost,
}

pub(super) struct Pulse {
    options: PgConnectOptions,
    last: Mutex<Last>,
    is_lost: AtomicBool,
}

#[derive(Default)]
struct Last {
    connection: Option<PgConnection>,
    asked: Option<Instant>,
}

impl Pulse {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, last: Mutex::default(), is_lost: AtomicBool::new(false) }
    }

    /// Whether the database did not answer when it was asked last.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Asks the database. All who ask at the same time share one answer.
    pub(super) async fn ask(&self) -> Found {
        let mut last = self.last.lock().await;
        if last.asked.is_some_and(|asked| asked.elapsed() < FRESH) {
            return if self.is_lost() { Found::Lost } else { Found::Answers };
        }
        // Taken out: a connection whose answer is no longer waited for is not used again.
        let connection = last.connection.take();
        let answer = timeout(PATIENCE, ask(connection, &self.options)).await;
        last.asked = Some(Instant::now());
        let error = match answer {
            Ok(Ok(connection)) => {
                last.connection = Some(connection);
                if self.is_lost.swap(false, Ordering::AcqRel) {
                    tracing::info!("the database answers again");
                }
                return Found::Answers;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", PATIENCE.as_millis()),
        };
        if self.is_lost.swap(true, Ordering::AcqRel) {
            return Found::Lost;
        }
        tracing::error!(error, "the database does not answer");
        Found::JustLost
    }
}

async fn ask(connection: Option<PgConnection>, options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    if let Some(mut connection) = connection
        && refuse_standby(&mut connection).await.is_ok()
    {
        return Ok(connection);
    }
    // The server may have been started anew, or another one may be where it was.
    let mut connection = PgConnection::connect_with(options).await?;
    refuse_standby(&mut connection).await?;
    Ok(connection)
}
