//! `kedge serve`: from a configuration to a server, and back to nothing running.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::{oneshot, watch},
    task::JoinSet,
};

use super::{Failure, database::Database};
use crate::{
    audit::{retention, seal, tally},
    authn::{
        last_used,
        password::{Cost, Hasher, Places},
        signing_keys::{SigningKey, configured},
    },
    authz::roles::RoleTable,
    clock::{Clock, Random},
    config::Config,
    db::{self, Db, changes::Changes, managed::ManagedPostgres},
    http::listener::{
        self, Limits, Service,
        tls::{self, Tls},
    },
    identity::{bootstrap, collector, saml::refresh},
    logging::{self, LogLevel},
    secret::Secret,
    startup::{self, Kept, Parts},
    state::App,
    telemetry::Telemetry,
};

/// How long requests in flight are waited for once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT, its terminal is closed, or until the private PostgreSQL dies.
pub async fn serve(config: Config) -> Result<(), Failure> {
    let log_level = logging::init(&config.logging, std::io::stderr)?;
    // Before anything is started or made: a wrong file leaves nothing behind.
    let read = Read {
        roles: RoleTable::load(config.roles.file.as_deref())?,
        signing_key: configured(&config.keys)?,
        tls: Tls::configured(&config.server)?,
        telemetry: Telemetry::configured(&config.telemetry)?,
        log_level,
    };
    let mut stop = Stop::listen(read.tls.is_some())?;
    if config.server.external_url.is_none() {
        tracing::warn!("server.external_url is not set: links say {}", config.server.external_url());
    }
    let random = Arc::new(Random::System);
    let mut database = tokio::select! {
        database = Database::to_serve(&config, &random) => database?,
        () = stop.told() => return Ok(()),
    };
    let served = serve_on(&mut database, config, read, random, stop).await;
    database.release().await?;
    served
}

/// What was made of the configuration before anything was started.
struct Read {
    roles: RoleTable,
    signing_key: Option<SigningKey>,
    tls: Option<Arc<Tls>>,
    telemetry: Option<Telemetry>,
    log_level: LogLevel,
}

async fn serve_on(
    database: &mut Database,
    config: Config,
    read: Read,
    random: Arc<Random>,
    mut stop: Stop,
) -> Result<(), Failure> {
    let (tls, telemetry, direct) = (read.tls.clone(), read.telemetry.clone(), database.direct.clone());
    let (changes, reader) = Changes::new(random.uuid(), config.cache.lease);
    let app = tokio::select! {
        app = Box::pin(build(database, config, read, random, changes)) => app?,
        () = stop.told() => return Ok(()),
    };
    if app.config.audit.enabled {
        tokio::select! {
            () = retention::prepare(&direct) => {}
            () = stop.told() => return Ok(()),
        }
    }
    let listen = app.config.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| Failure::Listen(listen, error))?;
    let address = listener.local_addr().map_err(|error| Failure::Listen(listen, error))?;
    raise_file_limit();
    tracing::info!("listening on {}://{address}", if tls.is_some() { "https" } else { "http" });
    let mut background = JoinSet::new();
    background.spawn(startup::tie(reader, &app).run(direct.clone()));
    background.spawn(collector::run(Arc::clone(&app)));
    background.spawn(write_last_used(Arc::clone(&app)));
    background.spawn(refresh::run(Arc::clone(&app)));
    if app.config.audit.enabled {
        background.spawn(seal::run(Arc::clone(&app)));
        background.spawn(retention::run(Arc::clone(&app), direct));
    }
    if let Some(tls) = tls.clone() {
        background.spawn(watch_certificate(tls));
    }
    let (tallying, end) = oneshot::channel();
    let tally = tokio::spawn(tally::run(Arc::clone(&app), end));
    let ended = run(&app, listener, tls, telemetry.as_ref(), database.managed.as_mut(), stop).await;
    background.abort_all();
    app.changes.leave(&app.db).await;
    report_unwritten(&app).await;
    drop(tallying);
    if let Err(error) = tally.await {
        tracing::error!(error = &error as &dyn std::error::Error, "what was refused last is not written");
    }
    app.db.close().await;
    if let Some(telemetry) = telemetry {
        telemetry.finish().await;
    }
    ended
}

/// The state, on a database that is brought up to date.
async fn build(
    database: &Database,
    mut config: Config,
    read: Read,
    random: Arc<Random>,
    changes: Arc<Changes>,
) -> Result<App, Failure> {
    let schema_version = db::migrate(&database.direct).await?;
    let (options, size) = (database.options.clone(), config.database.pool_size);
    let db = if config.database.statement_cache {
        Db::new(options, size)
    } else {
        Db::pooled_by_transaction(&options, size)
    };
    let hasher = Hasher::new(Arc::clone(&random), Cost::OWASP, Places::from(&config.limits))?;
    let clock = Clock::System;
    if let Some(password) = bootstrap::first_start(&db, &mut config, &hasher, &clock, &random).await? {
        print_first_password(&password);
    }
    let kept = Kept::load(&db, &random, schema_version).await?;
    let Read { roles, signing_key, log_level, .. } = read;
    let parts = Parts { clock, random, db, changes, hasher, roles, signing_key, log_level };
    let app = startup::state(config, parts, kept).await?;
    if app.signing_keys.are_readable() {
        tracing::warn!("keys.sealing_key is not set: whoever reads the database can sign access tokens");
    }
    Ok(app)
}

#[expect(clippy::disallowed_methods, reason = "the password that nobody chose is shown to the operator, once")]
fn print_first_password(password: &Secret) {
    println!(
        "First start: the user admin was created. Its password, shown only this once:\n\n    {}\n",
        password.reveal()
    );
}

/// Runs the server until it is told to stop, then lets what is in flight finish.
async fn run(
    app: &App,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    telemetry: Option<&Telemetry>,
    managed: Option<&mut ManagedPostgres>,
    mut stop: Stop,
) -> Result<(), Failure> {
    let (drain, mut stopped) = watch::channel(false);
    let drained = async move {
        // The sender lives as long as this function; an error would mean that it is over.
        drop(stopped.wait_for(|stop| *stop).await);
    };
    let limits = Limits::from(&app.config.server);
    let router = crate::app(Arc::clone(app));
    let router = match telemetry {
        Some(telemetry) => telemetry.around(router, app),
        None => router,
    };
    let service = Service { router, metrics: Arc::clone(&app.metrics) };
    let server = tokio::spawn(listener::serve(listener, tls, service, limits, drained, DRAIN));
    let reason = tokio::select! {
        () = stop.told() => Ok(()),
        lost = lost_database(managed) => Err(lost),
    };
    drain.send_replace(true);
    match server.await {
        Ok(true) => {}
        Ok(false) => tracing::warn!("some requests were still running {} s after the end", DRAIN.as_secs()),
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the server failed"),
    }
    reason
}

/// Reads the certificate anew when its files have changed, and on SIGHUP at once.
async fn watch_certificate(tls: Arc<Tls>) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot listen for SIGHUP");
            return;
        }
    };
    loop {
        // A signal or the end of the pause: both mean the same.
        drop(tokio::time::timeout(tls::LOOK_EVERY, hangup.recv()).await);
        tls.reload_and_tell().await;
    }
}

/// Lets this process have as many connections as it may: the usual soft limit of 1,024 files is from another time.
fn raise_file_limit() {
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(error = &error as &dyn std::error::Error, "the limit on open files stays as it is");
    }
}

/// SIGTERM, SIGINT, and SIGHUP from a terminal that is closed. Listened to from the start on: one that came earlier
/// would end this process alone and leave the private PostgreSQL behind.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Whether SIGHUP means the end: with TLS it asks for the certificate to be read anew, and a service that has
    /// neither TLS nor a terminal has nothing to do about it.
    hangup_ends: bool,
}

impl Stop {
    fn listen(has_tls: bool) -> Result<Self, Failure> {
        let no_signal = |error| Failure::Other(format!("cannot wait for signals: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(no_signal)?,
            interrupt: signal(SignalKind::interrupt()).map_err(no_signal)?,
            hangup: signal(SignalKind::hangup()).map_err(no_signal)?,
            hangup_ends: !has_tls && std::io::stdin().is_terminal(),
        })
    }

    /// Resolves when one of them comes, or has come before. May be cancelled.
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv(), if self.hangup_ends => {}
        }
        tracing::info!("told to stop: finishing what is in flight");
    }
}

/// Never resolves where the database is not ours.
async fn lost_database(managed: Option<&mut ManagedPostgres>) -> Failure {
    match managed {
        Some(managed) => managed.exited().await.into(),
        None => std::future::pending().await,
    }
}

async fn write_last_used(app: App) {
    loop {
        tokio::time::sleep(last_used::WRITE_EVERY).await;
        report_unwritten(&app).await;
    }
}

async fn report_unwritten(app: &App) {
    if let Err(error) = app.last_used.write(&app.db).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "could not write when keys were used, trying again later"
        );
    }
}
