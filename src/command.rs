//! The commands of the program `parlor`, each from reading its settings to its end. A command fails with a sentence
//! that says what to do.

mod addresses;
pub mod admin;
#[cfg(feature = "bench")]
mod fault;
pub mod ledger;

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;

use self::addresses::Addresses;
use crate::app::{self, Mode, Parts, People};
use crate::cluster;
use crate::config::{LogFormat, Settings};
use crate::db;
use crate::dev::{Purpose, lan};
use crate::kit::chance::Chance;
use crate::kit::clock::{BootClock, Clock};
use crate::kit::supervise::Supervisor;
use crate::lifecycle::Stop;
use crate::router;
use crate::start::StartError;
use crate::telemetry::{self, metric};

/// `parlor dev`: runs everything on this machine, with nothing to set up. With `lan` the server can be reached from
/// the whole network.
pub async fn dev(port: Option<u16>, lan: bool, data: Option<PathBuf>) -> Result<(), StartError> {
    let mut settings = load(false)?;
    if lan {
        settings.server.address.set_ip(Ipv4Addr::UNSPECIFIED.into());
    }
    if let Some(port) = port {
        settings.server.address.set_port(port);
    }
    telemetry::start(&settings.telemetry, LogFormat::Pretty)?;
    let stop = stop(&settings)?;
    let listeners = Listeners::bind(&settings).await?;
    let addresses = unless_stopped(&stop, Addresses::of_dev(&settings, data));
    let addresses = app::answering(&listeners.listener, addresses).await?;
    let Some(addresses) = addresses else { return Ok(()) };
    let served = serve_from(settings, Mode::Dev, &addresses, listeners, stop).await;
    addresses.close().await;
    served
}

/// `parlor serve`: serves people, with a PostgreSQL that is given.
pub async fn serve() -> Result<(), StartError> {
    let settings = load(true)?;
    telemetry::start(&settings.telemetry, LogFormat::Json)?;
    let stop = stop(&settings)?;
    let listeners = Listeners::bind(&settings).await?;
    let addresses = Addresses::given(&settings)?;
    serve_from(settings, Mode::Serve, &addresses, listeners, stop).await
}

/// `parlor config check`: prints the settings that hold, or fails with every problem. With `serving` they are judged as
/// `parlor serve` judges them.
pub fn check_config(serving: bool) -> Result<(), StartError> {
    say(&load(serving)?.effective());
    Ok(())
}

/// `parlor config document`: replaces the table of the settings in their page, `docs/settings.md`.
pub fn document_config(page: &Path) -> Result<(), StartError> {
    let cannot = |what: &str| StartError::new(format!("{} {what}", page.display()));
    let text = std::fs::read_to_string(page).map_err(|error| cannot("cannot be read").because(error))?;
    let text = crate::config::renewed(&text).ok_or_else(|| cannot("has no table that begins with `| setting |`"))?;
    std::fs::write(page, text).map_err(|error| cannot("cannot be written").because(error))
}

/// `parlor migrate`: applies the migrations that the database does not have yet, as the owner of the schema. With `made`
/// the private store is made if there is none.
pub async fn migrate(data: Option<PathBuf>, made: bool) -> Result<(), StartError> {
    let settings = for_work()?;
    let purpose = if made { Purpose::Work } else { Purpose::Existing };
    let addresses = Addresses::of_owner(&settings, data, purpose, "parlor migrate").await?;
    let new = async { migrate_as(addresses.owner()?, &settings.cluster, &say).await }.await;
    addresses.close().await;
    match new? {
        0 => say("the database is up to date"),
        new => say(&format!("{new} migrations applied; the database is up to date")),
    }
    Ok(())
}

/// Migrates, unless a server is serving that could not go on behind it: it would write on as before.
async fn migrate_as(
    owner: &PgConnectOptions,
    settings: &cluster::Settings,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<usize, StartError> {
    let mut conn = db::connect(owner).await?;
    if let Some(migration) = db::incompatible_pending(&mut conn).await?
        && let Some(node) = cluster::serving(&mut conn, boot_clock(), settings).await?
    {
        return Err(StartError::new(format!(
            "the server `{node}` is serving this database, and could not behind migration {migration}: stop it, then \
             migrate"
        )));
    }
    // Only read from; a connection that does not close cleanly changes nothing.
    let _ = conn.close().await;
    db::migrate(owner, tell).await
}

/// `parlor seed`: writes the catalogue and issues the coins for promotions; with `people` it also creates these. With
/// `made` the private store is made if there is none.
pub async fn seed(data: Option<PathBuf>, made: bool, people: &People) -> Result<(), StartError> {
    let settings = for_work()?;
    let purpose = if made { Purpose::Work } else { Purpose::Existing };
    let addresses = Addresses::find(&settings, data, purpose, "parlor seed").await?;
    let seeded = async {
        let app = addresses.app()?;
        let mut conn = addresses.migrated().await?;
        if matches!(people, People::Demo) {
            cluster::refuse_peoples(&mut conn).await?;
        }
        // This connection only checked the schema; seeding opens its own.
        let _ = conn.close().await;
        app::seed(&settings, app, people, &|far| say(far)).await
    }
    .await;
    addresses.close().await;
    seeded?;
    match people {
        People::None => say("the catalogue is there"),
        People::Demo => say(&format!("the catalogue and the demo users are there: {}", app::demo_users())),
        // Its progress, which `app::seed` printed, ended with its size.
        People::World(_) => {}
        #[cfg(feature = "bench")]
        People::Load(count, tokens) => {
            say(&format!("{count} accounts are there; their tokens are in {}", tokens.display()))
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a command is composed here")]
fn clock() -> Clock {
    Clock::system()
}

#[expect(clippy::disallowed_methods, reason = "a command is composed here")]
fn boot_clock() -> BootClock {
    BootClock::system()
}

#[expect(clippy::disallowed_methods, reason = "a command is composed here")]
fn chance() -> Chance {
    Chance::system()
}

/// Turns an error of a service into the error of a command, with this sentence.
fn cannot(what: &'static str) -> impl Fn(crate::kit::error::Error) -> StartError {
    move |error| StartError::new(what).because(error)
}

/// `parlor openapi`: prints the description of the API.
pub fn openapi() {
    say(router::openapi().trim_end());
}

/// Prepares the database that was found, and serves until the server ends.
async fn serve_from(
    mut settings: Settings,
    mode: Mode,
    addresses: &Addresses,
    listeners: Listeners,
    stop: Stop,
) -> Result<(), StartError> {
    if let Some(profile) = settings.profile {
        tracing::warn!("the profile `{profile}` is on: its limits are too wide for a server that people use");
    }
    let start = async {
        let app = addresses.app()?;
        tracing::info!("the database is {}", db::shown(app));
        if mode == Mode::Dev {
            if addresses.store.is_none() {
                refuse_anothers(app, &settings.cluster).await?;
                tracing::warn!(
                    "DATABASE_URL is set: the demo users, whose password everybody knows, go into that database"
                );
            }
            addresses.migrate().await?;
        }
        let mut conn = db::connect(app).await?;
        db::refuse_other_schema(&mut conn).await?;
        db::refuse_too_many_rights(&mut conn).await?;
        db::refuse_too_few_rights(&mut conn).await?;
        // This connection only checked the schema and the rights; the pool opens its own.
        let _ = conn.close().await;
        Ok(())
    };
    if app::answering(&listeners.listener, unless_stopped(&stop, start)).await?.is_none() {
        return Ok(());
    }
    settings.ledger.anchor = addresses.anchors(&settings);
    let database = settings.database.pool.dress(addresses.app()?.clone());
    let pool = settings.database.pool.open(database.clone());
    let ready = |address: SocketAddr| match mode {
        Mode::Dev => {
            let here = lan::from_here(address);
            say(&format!("Parlor is ready: http://{here}/ (Ctrl-C stops it)"));
            say(&format!("  users: {}", app::demo_users()));
            say(&format!("  documents: http://{here}/docs/api and http://{here}/docs/socket; docs/first-app.md"));
            if address.ip().is_unspecified() {
                say(&lan::from_elsewhere(address.port(), &lan::addresses()));
            }
        }
        Mode::Serve => tracing::info!(%address, "serving"),
    };
    let media_folder = (mode == Mode::Dev).then(|| addresses.folder().join("media"));
    let Listeners { listener, metrics } = listeners;
    let counting = || Supervisor::counting(|kind| metric::TASKS_FAILED.add_of(kind.name(), 1));
    #[cfg(feature = "bench")]
    let supervisor = fault::supervisor().unwrap_or_else(counting);
    #[cfg(not(feature = "bench"))]
    let supervisor = counting();
    let parts = Parts { settings, mode, pool: pool.clone(), database, media_folder, metrics, supervisor };
    let served = app::run(parts, listener, stop.clone(), ready).await;
    tokio::select! {
        biased;
        () = stop.hard.cancelled() => {}
        () = pool.close() => {}
    }
    if served.is_ok() {
        tracing::info!("the server has stopped");
    }
    served
}

/// Refuses a database for `dev` that has served people or is being served. Nothing has been written to it yet.
async fn refuse_anothers(database: &PgConnectOptions, settings: &cluster::Settings) -> Result<(), StartError> {
    let mut conn = db::connect(database).await?;
    if db::is_migrated(&mut conn).await? {
        cluster::refuse_peoples(&mut conn).await?;
        cluster::unserved(&mut conn, boot_clock(), settings).await?;
    }
    // Only read from; a connection that does not close cleanly changes nothing.
    let _ = conn.close().await;
    Ok(())
}

fn load(serving: bool) -> Result<Settings, StartError> {
    Settings::load(serving).map_err(|problems| StartError::new(problems.to_string()))
}

/// The settings for a command that ends by itself. It logs warnings only, unless `telemetry.log` is set.
fn for_work() -> Result<Settings, StartError> {
    let mut settings = load(false)?;
    if settings.telemetry.log == crate::config::TelemetrySettings::default().log {
        settings.telemetry.log = "warn".to_owned();
    }
    telemetry::start(&settings.telemetry, LogFormat::Pretty)?;
    Ok(settings)
}

fn stop(settings: &Settings) -> Result<Stop, StartError> {
    Stop::on_signals(Duration::from_millis(settings.server.stop_within_ms))
        .map_err(|error| StartError::new("signals cannot be listened for").because(error))
}

/// What the work returns, or `None` if the program was asked to stop before it was done.
async fn unless_stopped<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, StartError>>,
) -> Result<Option<T>, StartError> {
    tokio::select! {
        biased;
        () = stop.soft.cancelled() => Ok(None),
        done = work => done.map(Some),
    }
}

/// The listening sockets. They are bound before anything else, so that a port in use is reported at once.
struct Listeners {
    listener: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self, StartError> {
        let listener = bind(settings.server.address).await?;
        let Some(address) = settings.telemetry.metrics_address else { return Ok(Self { listener, metrics: None }) };
        let metrics = TcpListener::bind(address).await.map_err(|error| {
            StartError::new(format!("the server cannot listen at {address}: correct telemetry.metrics_address"))
                .because(error)
        })?;
        if let Ok(address) = metrics.local_addr() {
            tracing::info!(metrics.address = %address, "metrics are at /metrics");
        }
        Ok(Self { listener, metrics: Some(metrics) })
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| {
        let what = match error.kind() {
            ErrorKind::AddrInUse => format!(
                "{address} is in use, perhaps by another parlor: stop that, or choose another port with --port \
                 (0 takes a free one; for `serve` set PARLOR__SERVER__ADDRESS)"
            ),
            ErrorKind::PermissionDenied => {
                format!("this user may not listen at {address}: choose a port from 1024 up")
            }
            ErrorKind::AddrNotAvailable => {
                format!("{address} is not an address of this machine: correct PARLOR__SERVER__ADDRESS")
            }
            _ => format!("the server cannot listen at {address}: correct PARLOR__SERVER__ADDRESS"),
        };
        StartError::new(what).because(error)
    })
}

/// Prints a line on standard error, so that it does not mix with what a command prints. An error is ignored.
fn tell(line: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints a line on standard output. An error is ignored: whoever has closed the output does not read it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
