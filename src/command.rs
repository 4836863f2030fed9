//! The commands of the program `parlor`, each from reading its settings to its end. A command fails with a sentence
//! that says what to do.

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

use crate::app::{self, Mode, Parts, People};
use crate::cluster;
use crate::config::{LogFormat, Settings};
use crate::db;
use crate::dev::{Purpose, Store, lan};
use crate::economy::ledger::anchor::AnchorSettings;
use crate::kit::chance::Chance;
use crate::kit::clock::Clock;
use crate::kit::supervise::Supervisor;
use crate::lifecycle::Stop;
use crate::router;
use crate::start::StartError;
use crate::telemetry::{self, metric};

/// The folder of the private store if neither the command nor `PARLOR_DATA` names one.
const DATA: &str = ".data";

/// The addresses at which the program reaches the database in its two roles, and who keeps the database running.
struct Addresses {
    /// With the role that serves, `parlor_app`.
    app: Option<PgConnectOptions>,
    /// With the role that migrates, `parlor_owner`.
    owner: Option<PgConnectOptions>,
    /// The private store, if the database is in it.
    store: Option<Store>,
}

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
    let addresses = unless_stopped(&stop, Addresses::find(&settings, data, Purpose::Serve, "parlor dev")).await?;
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

/// `parlor migrate`: applies the migrations that the database does not have yet, as the owner of the schema.
pub async fn migrate(data: Option<PathBuf>) -> Result<(), StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Work, "parlor migrate").await?;
    let owner = addresses.owner.as_ref().ok_or_else(|| {
        StartError::new(
            "DATABASE_OWNER_URL is missing: give it the address with the role that owns the schema (parlor_owner)",
        )
    });
    let new = match owner {
        Ok(owner) => migrate_as(owner, &say).await,
        Err(error) => Err(error),
    };
    addresses.close().await;
    match new? {
        0 => say("the database is up to date"),
        new => say(&format!("{new} migrations applied; the database is up to date")),
    }
    Ok(())
}

/// Migrates, unless a server is serving that could not go on behind it: it would write on as before.
async fn migrate_as(owner: &PgConnectOptions, tell: &(dyn Fn(&str) + Sync)) -> Result<usize, StartError> {
    let mut conn = db::connect(owner).await?;
    if let Some(migration) = db::incompatible_pending(&mut conn).await? {
        let serving = cluster::serving(&mut conn).await;
        let serving =
            serving.map_err(|error| StartError::new("the leases of servers cannot be read").because(error))?;
        if let Some(node) = serving {
            return Err(StartError::new(format!(
                "the server `{node}` is serving this database, and could not behind migration {migration}: stop it, then \
                 migrate (one that was killed counts as serving until its lease has run out, cluster.lease_ms)"
            )));
        }
    }
    drop(conn);
    db::migrate(owner, tell).await
}

/// `parlor seed`: writes the catalogue and issues the coins for promotions; with `people` it also creates these.
pub async fn seed(data: Option<PathBuf>, people: &People) -> Result<(), StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Work, "parlor seed").await?;
    let seeded = async {
        prepare(&addresses).await?;
        let app = addresses.app()?;
        let mut conn = db::connect(app).await?;
        db::refuse_other_schema(&mut conn).await?;
        // This connection only checked the schema; seeding opens its own.
        let _ = conn.close().await;
        app::seed(&settings, app, people, &|far| say(far)).await
    }
    .await;
    addresses.close().await;
    seeded?;
    match people {
        People::None => say("the catalogue is there"),
        People::Demo => say("the catalogue and the demo users are there"),
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
        if mode == Mode::Dev {
            prepare(addresses).await?;
        }
        let mut conn = db::connect(addresses.app()?).await?;
        db::refuse_other_schema(&mut conn).await?;
        db::refuse_too_many_rights(&mut conn).await?;
        // This connection only checked the schema and the rights; the pool opens its own.
        let _ = conn.close().await;
        if mode == Mode::Dev {
            if addresses.store.is_none() {
                tracing::warn!(
                    "DATABASE_URL is set: the demo users, whose password everybody knows, go into that database"
                );
            }
            app::seed(&settings, addresses.app()?, &People::Demo, &|_| ()).await?;
        }
        Ok(())
    };
    if unless_stopped(&stop, start).await?.is_none() {
        return Ok(());
    }
    settings.ledger.anchor = addresses.anchors(&settings);
    let database = settings.database.pool.dress(addresses.app()?.clone());
    let pool = settings.database.pool.open(database.clone());
    let ready = |address: SocketAddr| match mode {
        Mode::Dev => {
            say(&format!("Parlor is ready: http://{}/ (Ctrl-C stops it)", lan::from_here(address)));
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
    let parts = Parts { settings, mode, pool: pool.clone(), database, media_folder, listener, metrics, supervisor };
    let served = app::run(parts, stop.clone(), ready).await;
    tokio::select! {
        biased;
        () = stop.hard.cancelled() => {}
        () = pool.close() => {}
    }
    served
}

/// Migrates the database if the owner's address is known.
async fn prepare(addresses: &Addresses) -> Result<(), StartError> {
    match &addresses.owner {
        Some(owner) => migrate_as(owner, &|line| tracing::info!("{line}")).await.map(drop),
        None => Ok(()),
    }
}

impl Addresses {
    /// The addresses of the settings; if there are none, those of the private store, which is opened.
    async fn find(settings: &Settings, data: Option<PathBuf>, purpose: Purpose, who: &str) -> Result<Self, StartError> {
        if settings.database.url.is_some() || settings.database.owner_url.is_some() {
            return Self::given(settings);
        }
        let data = data.unwrap_or_else(data_folder);
        let store = Store::open(&data, purpose, who).await?;
        if let Some(asked) = &store.place().moved_from {
            let account = store.place().account.as_ref().map_or("", |account| account.name.as_str());
            tracing::info!(
                "PostgreSQL runs as {account}, who cannot enter {}: the data is in {}",
                asked.display(),
                store.place().data.display()
            );
        }
        Ok(Self {
            app: Some(store.options("parlor_app")),
            owner: Some(store.options("parlor_owner")),
            store: Some(store),
        })
    }

    fn given(settings: &Settings) -> Result<Self, StartError> {
        let parse = |setting, address: &Option<crate::config::Secret>| {
            address.as_ref().map(|address| db::parse(setting, address.reveal())).transpose()
        };
        Ok(Self {
            app: parse("DATABASE_URL", &settings.database.url)?,
            owner: parse("DATABASE_OWNER_URL", &settings.database.owner_url)?,
            store: None,
        })
    }

    fn app(&self) -> Result<&PgConnectOptions, StartError> {
        self.app.as_ref().ok_or_else(|| {
            StartError::new("DATABASE_URL is missing: give it the address with the role that serves (parlor_app)")
        })
    }

    /// The folder in which `dev` keeps its files beside the database.
    fn folder(&self) -> PathBuf {
        self.store.as_ref().map_or_else(data_folder, |store| store.place().data.clone())
    }

    /// The settings of the anchors. With a private store, the anchors and their key lie beside it unless the settings
    /// say otherwise.
    fn anchors(&self, settings: &Settings) -> AnchorSettings {
        let given = settings.ledger.anchor.clone();
        match &self.store {
            Some(store) => given.beside(&store.place().data),
            None => given,
        }
    }

    async fn close(self) {
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

/// The folder of the private store if the command names none.
fn data_folder() -> PathBuf {
    let named = std::env::var_os("PARLOR_DATA").filter(|data| !data.is_empty());
    named.map_or_else(|| Path::new(DATA).to_owned(), PathBuf::from)
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
