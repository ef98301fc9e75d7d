//! The one task of a node that reads the log.

use std::{sync::Arc, time::Duration};

use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions, postgres::PgListener};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Ask, Changes, GONE_AFTER, POLL_EVERY, REPORT_EVERY,
    log::{self, Change, Identity, Seen},
    nanoseconds, now,
    position::Position,
};

/// The pause before the database is tried again.
const BREATH: Duration = Duration::from_millis(100);
/// How long a connection may take.
const CONNECTION: Duration = Duration::from_secs(2);
/// How long a statement may take: after that the lease is over, and nothing is lost by giving it up.
const STATEMENT: Duration = Duration::from_secs(1);

/// What else follows the log.
type Follower = Box<dyn Fn(&Change) + Send + Sync>;

/// Reads the log for a node.
pub struct Reader {
    changes: Arc<Changes>,
    asked: mpsc::UnboundedReceiver<Ask>,
    poll_every: Duration,
    follower: Follower,
    returned: Box<dyn Fn() + Send + Sync>,
    /// Whether another log than the one of before was there, since one was read.
    was_elsewhere: bool,
    /// The log that was read last.
    log: Option<Identity>,
}

/// Why the reader begins anew: until it has, everything counts as changed.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the log of changes cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database did not answer in time")]
    Late(#[from] tokio::time::error::Elapsed),
    #[error("the database is a standby, which may be behind")]
    Standby,
    #[error("another database server answers, or another database is restored there")]
    OtherServer,
    #[error("this node was not heard of for too long")]
    Forgotten,
}

impl Lost {
    /// Whether what answered was not the primary of before.
    fn is_elsewhere(&self) -> bool {
        match self {
            Self::Standby | Self::OtherServer => true,
            // Read-only: a standby does not let a node register.
            Self::Database(sqlx::Error::Database(error)) => error.code().as_deref() == Some("25006"),
            Self::Database(_) | Self::Late(_) | Self::Forgotten => false,
        }
    }
}

impl Reader {
    pub(super) fn new(changes: Arc<Changes>, asked: mpsc::UnboundedReceiver<Ask>) -> Self {
        Self {
            changes,
            asked,
            poll_every: POLL_EVERY,
            follower: Box::new(|_| {}),
            returned: Box::new(|| {}),
            was_elsewhere: false,
            log: None,
        }
    }

    /// Looks by itself so often, and not every [`POLL_EVERY`]: a test of what wakes it lets it not look at all.
    #[must_use]
    pub fn polling_every(self, poll_every: Duration) -> Self {
        Self { poll_every, ..self }
    }

    /// Shows each change to `follower` before it counts.
    #[must_use]
    pub fn followed_by(self, follower: impl Fn(&Change) + Send + Sync + 'static) -> Self {
        Self { follower: Box::new(follower), ..self }
    }

    /// Tells `returned` when the log is read again after another server answered, before anything counts that is read
    /// from then on: other connections may still lead to one that is a standby.
    #[must_use]
    pub fn telling(self, returned: impl Fn() + Send + Sync + 'static) -> Self {
        Self { returned: Box::new(returned), ..self }
    }

    /// Reads until it is aborted. The connections are its own: a pool that others have used up must not cost the lease.
    pub async fn run(mut self, options: PgConnectOptions) {
        // What it commits is of this moment alone: the row of a node that says that it is there.
        let options = options.application_name("kedge changes").options([("synchronous_commit", "off")]);
        let changes = Arc::clone(&self.changes);
        let listener = options.clone();
        let reads = async {
            let mut told = None;
            loop {
                let lost = match self.follow(&options, &mut told).await {
                    Err(lost) => lost,
                    Ok(never) => match never {},
                };
                self.changes.freshness.raise_everything();
                self.was_elsewhere |= lost.is_elsewhere();
                // Once for each reason.
                let reason = lost.to_string();
                if told.as_ref() != Some(&reason) {
                    tracing::error!(reason, "nothing that is remembered counts");
                    told = Some(reason);
                }
                sleep(BREATH).await;
                // Whoever asked meanwhile is told by the end of their channel.
                while self.asked.try_recv().is_ok() {}
            }
        };
        tokio::join!(reads, listen(&changes, listener));
    }

    /// From one connection to its loss.
    async fn follow(
        &mut self,
        options: &PgConnectOptions,
        told: &mut Option<String>,
    ) -> Result<std::convert::Infallible, Lost> {
        let (node, lease) = (self.changes.node, self.changes.lease);
        let mut db = timeout(CONNECTION, PgConnection::connect_with(options)).await??;
        timeout(STATEMENT, log::register(&mut db, node, lease.as_secs_f64())).await??;
        let mut position = Position::at_the_end();
        let mut followed = None;
        let mut asks: Vec<Ask> = Vec::new();
        let mut reported = now();
        // What was read before its writer asked: nobody else wakes the other nodes.
        let mut untold = false;
        loop {
            let (sent, poll_at) = (now(), Instant::now() + self.poll_every);
            let seen: Seen = timeout(STATEMENT, log::read(&mut db, position.xmin())).await??;
            if seen.is_standby {
                return Err(Lost::Standby);
            }
            if sent.saturating_sub(reported) > nanoseconds(GONE_AFTER) / 2 {
                return Err(Lost::Forgotten);
            }
            let identity = seen.log;
            let before = followed.replace(identity);
            let is_first = before.is_none();
            if before.is_some_and(|before| before != identity) {
                return Err(Lost::OtherServer);
            }
            let snapshot = seen.snapshot.clone();
            let new = position.advance(seen);
            if is_first {
                self.was_elsewhere |= self.log.replace(identity).is_some_and(|before| before != identity);
                // In this order: what is read by connections of before is forgotten, too.
                if std::mem::take(&mut self.was_elsewhere) {
                    (self.returned)();
                }
                self.changes.freshness.raise_everything();
            }
            self.apply(&new);
            self.changes.freshness.lease(sent.saturating_add(nanoseconds(lease)));
            if told.take().is_some() {
                tracing::info!("the log of changes is read again");
            }
            let mut wrote = false;
            for ask in asks.drain(..) {
                wrote |= ask.wrote;
                // Who asked may have gone.
                let _ = ask.answer.send(());
            }
            untold |= !new.is_empty();
            if wrote && std::mem::take(&mut untold) {
                timeout(STATEMENT, log::wake(&mut db)).await??;
            }
            if is_first || !new.is_empty() || sent.saturating_sub(reported) > nanoseconds(REPORT_EVERY) {
                if !timeout(STATEMENT, log::report(&mut db, node, &snapshot)).await?? {
                    return Err(Lost::Forgotten);
                }
                reported = sent;
            }
            self.wait(&mut asks, poll_at).await;
        }
    }

    fn apply(&self, new: &[Change]) {
        if new.is_empty() {
            return;
        }
        new.iter().for_each(&self.follower);
        self.changes.freshness.raise(new.iter().map(|change| self.changes.stripe_of(&change.kind, &change.subject)));
    }

    /// Until someone asks, another node wakes this one, or it is time.
    async fn wait(&mut self, asks: &mut Vec<Ask>, until: Instant) {
        let asked = async {
            tokio::select! {
                ask = self.asked.recv() => ask,
                () = self.changes.woken.notified() => None,
            }
        };
        if let Ok(Some(ask)) = timeout_at(until, asked).await {
            asks.push(ask);
        }
        while let Ok(ask) = self.asked.try_recv() {
            asks.push(ask);
        }
    }
}

/// Wakes the reader when another node says so. Nothing depends on it: where it fails, what comes is read a little
/// later.
async fn listen(changes: &Changes, options: PgConnectOptions) {
    let pool = PgPool::connect_lazy_with(options);
    loop {
        if let Err(error) = listen_once(changes, &pool).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "not listening for changes");
        }
        sleep(BREATH).await;
    }
}

async fn listen_once(changes: &Changes, pool: &PgPool) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(log::CHANNEL).await?;
    // `recv` would hide that the connection was lost meanwhile.
    while listener.try_recv().await?.is_some() {
        changes.woken.notify_one();
    }
    Ok(())
}
