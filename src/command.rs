//! The commands of the program, from settings to exit. Each fails with a sentence that says what to do.

pub mod admin;

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;

use crate::app::{self, Mode, Parts, People};
use crate::config::{LogFormat, Settings};
use crate::db;
use crate::dev::{Purpose, Store, lan};
use crate::economy;
use crate::economy::ledger::anchor::{self, AnchorSettings, Series};
use crate::economy::ledger::audit;
use crate::kit::chance::Chance;
use crate::kit::clock::Clock;
use crate::kit::supervise::Supervisor;
use crate::lifecycle::Stop;
use crate::router;
use crate::start::StartError;
use crate::telemetry::{self, metric};

/// The folder of the private store where none is named.
const DATA: &str = ".data";

/// How the two roles reach the database.
struct Addresses {
    app: Option<PgConnectOptions>,
    owner: Option<PgConnectOptions>,
    /// The private store, if it is that.
    store: Option<Store>,
}

/// `parlor dev`: everything on this machine, with nothing to set up.
/// With `lan` for the whole network.
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

/// `parlor serve`: for people, against a given PostgreSQL.
pub async fn serve() -> Result<(), StartError> {
    let settings = load(true)?;
    telemetry::start(&settings.telemetry, LogFormat::Json)?;
    let stop = stop(&settings)?;
    let listeners = Listeners::bind(&settings).await?;
    let addresses = Addresses::given(&settings)?;
    serve_from(settings, Mode::Serve, &addresses, listeners, stop).await
}

/// `parlor config check`: every problem, or what holds.
pub fn check_config(serving: bool) -> Result<(), StartError> {
    say(&load(serving)?.effective());
    Ok(())
}

/// `parlor config document`: writes the table of the settings into their page anew.
pub fn document_config(page: &Path) -> Result<(), StartError> {
    let cannot = |what: &str| StartError::new(format!("{} {what}", page.display()));
    let text = std::fs::read_to_string(page).map_err(|error| cannot("cannot be read").because(error))?;
    let text = crate::config::renewed(&text).ok_or_else(|| cannot("has no table that begins with `| setting |`"))?;
    std::fs::write(page, text).map_err(|error| cannot("cannot be written").because(error))
}

/// `parlor migrate`: applies what is new in the schema, as its owner.
pub async fn migrate(data: Option<PathBuf>) -> Result<(), StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Work, "parlor migrate").await?;
    let owner = addresses.owner.as_ref().ok_or_else(|| {
        StartError::new(
            "DATABASE_OWNER_URL is missing: give it the address with the role that owns the schema (parlor_owner)",
        )
    });
    let new = match owner {
        Ok(owner) => db::migrate(owner).await,
        Err(error) => Err(error),
    };
    addresses.close().await;
    match new? {
        0 => say("the database is up to date"),
        new => say(&format!("{new} migrations applied; the database is up to date")),
    }
    Ok(())
}

/// `parlor seed`: the catalogue and the coins to promote with; with people also these.
pub async fn seed(data: Option<PathBuf>, people: People<'_>) -> Result<(), StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Work, "parlor seed").await?;
    let seeded = async {
        prepare(&addresses).await?;
        let app = addresses.app()?;
        let mut conn = db::connect(app).await?;
        db::refuse_other_schema(&mut conn).await?;
        // It was only asked; seeding makes its own.
        let _ = conn.close().await;
        app::seed(&settings, app, people, &|far| say(far)).await
    }
    .await;
    addresses.close().await;
    seeded?;
    match people {
        People::None => say("the catalogue is there"),
        People::Demo => say("the catalogue and the demo users are there"),
        // Its size was said when it was done.
        People::World(_) => {}
        People::Load(count, tokens) => {
            say(&format!("{count} accounts are there; their tokens are in {}", tokens.display()))
        }
    }
    Ok(())
}

/// `parlor ledger audit`: whether every invariant of the books holds; what does not is printed.
pub async fn audit(data: Option<PathBuf>, anchors: Option<PathBuf>) -> Result<bool, StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Existing, "parlor ledger audit").await?;
    let audited = async {
        let app = addresses.app()?;
        let mut conn = db::connect(app).await?;
        db::refuse_other_schema(&mut conn).await?;
        // Only read from; a connection that does not close cleanly changes nothing.
        let _ = conn.close().await;
        let series = series(&settings, &addresses, anchors).await?;
        books(app, series.as_ref()).await
    }
    .await;
    addresses.close().await;
    audited
}

/// Prints what the audit looked at and each row that breaks an invariant; whether there is none.
async fn books(database: &PgConnectOptions, anchors: Option<&Series>) -> Result<bool, StartError> {
    let mut conn = db::connect(database).await?;
    let cannot = cannot("the books could not be read");
    let mut report = audit::audit(&mut conn, &economy::kinds(), anchors).await.map_err(cannot)?;
    if report.anchors == 0 {
        report.notes.push(
            "no anchor was compared with: an end that was cut off, or all tables restored together, would not show \
             (docs/ledger.md)"
                .to_owned(),
        );
    }
    say(&report.to_string());
    // Only read from; a connection that does not close cleanly changes nothing.
    let _ = conn.close().await;
    Ok(report.is_clean())
}

/// The anchors that the books are compared with: those of the named folder, else those of the settings.
async fn series(
    settings: &Settings,
    addresses: &Addresses,
    named: Option<PathBuf>,
) -> Result<Option<Series>, StartError> {
    let mut anchor = addresses.anchors(settings);
    if let Some(folder) = named {
        if !folder.is_dir() {
            return Err(StartError::new(format!("{} is no folder: give --anchors one with anchors", folder.display())));
        }
        anchor = AnchorSettings { folder: Some(folder), bucket: None, ..anchor };
    }
    let unreadable = "the anchors could not be read: see ledger.anchor in docs/settings.md";
    let Some(place) = anchor.place(&settings.media.s3, &chance()).map_err(cannot(unreadable))? else { return Ok(None) };
    let key = anchor.signing_key(&chance()).map_err(cannot(unreadable))?;
    let counted = anchor.counted(key.as_ref()).map_err(cannot(unreadable))?;
    if counted.is_empty() {
        return Err(StartError::new(
            "there are anchors and no key to check them with: give ledger.anchor.public_keys what \
             `parlor ledger anchor` prints",
        ));
    }
    Series::read(&place, &counted).await.map(Some).map_err(cannot(unreadable))
}

/// `parlor ledger anchor`: signs the heads of all chains and adds them to the place outside the database.
pub async fn anchor(data: Option<PathBuf>) -> Result<(), StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Existing, "parlor ledger anchor").await?;
    let anchored = async {
        let anchor = addresses.anchors(&settings);
        let unusable = "the anchor could not be made: see ledger.anchor in docs/settings.md";
        let place = anchor.place(&settings.media.s3, &chance()).map_err(cannot(unusable))?;
        let key = anchor.signing_key(&chance()).map_err(cannot(unusable))?;
        let (Some(place), Some(key)) = (place, key) else {
            return Err(StartError::new(
                "anchors have no place or no key: give ledger.anchor.folder or ledger.anchor.bucket, and \
                 ledger.anchor.key (`openssl rand -base64 32` makes one)",
            ));
        };
        let mut conn = db::connect(addresses.app()?).await?;
        db::refuse_other_schema(&mut conn).await?;
        let made = anchor::make(&mut conn, &place, &key, clock().now()).await.map_err(cannot(unusable))?;
        // Only read from; a connection that does not close cleanly changes nothing.
        let _ = conn.close().await;
        say(&format!(
            "anchor {}: {} links, the journal up to transfer {}, {} accounts; its public key is {}",
            made.number,
            made.links,
            made.last_transfer,
            made.openings.no,
            key.public()
        ));
        Ok(())
    }
    .await;
    addresses.close().await;
    anchored
}

#[expect(clippy::disallowed_methods, reason = "a command is composed here")]
fn clock() -> Clock {
    Clock::system()
}

#[expect(clippy::disallowed_methods, reason = "a command is composed here")]
fn chance() -> Chance {
    Chance::system()
}

/// An error of a command, in a sentence.
fn cannot(what: &'static str) -> impl Fn(crate::kit::error::Error) -> StartError {
    move |error| StartError::new(what).because(error)
}

/// `parlor openapi`: prints the description of the API.
pub fn openapi() {
    say(router::openapi().trim_end());
}

/// From a found database to the end of the server.
async fn serve_from(
    mut settings: Settings,
    mode: Mode,
    addresses: &Addresses,
    listeners: Listeners,
    stop: Stop,
) -> Result<(), StartError> {
    if let Some(profile) = settings.profile {
        tracing::warn!("the profile `{profile}` is on: its limits are not for people");
    }
    let start = async {
        if mode == Mode::Dev {
            prepare(addresses).await?;
        }
        let mut conn = db::connect(addresses.app()?).await?;
        db::refuse_other_schema(&mut conn).await?;
        db::refuse_too_many_rights(&mut conn).await?;
        // It was only asked; the pool makes its own.
        let _ = conn.close().await;
        if mode == Mode::Dev {
            if addresses.store.is_none() {
                tracing::warn!(
                    "DATABASE_URL is set: the demo users, whose password everybody knows, go into that database"
                );
            }
            app::seed(&settings, addresses.app()?, People::Demo, &|_| ()).await?;
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
    let supervisor = Supervisor::counting(|kind| metric::TASKS_FAILED.add_of(kind.name(), 1));
    let parts = Parts { settings, mode, pool: pool.clone(), database, media_folder, listener, metrics, supervisor };
    let served = app::run(parts, stop.clone(), ready).await;
    tokio::select! {
        biased;
        () = stop.hard.cancelled() => {}
        () = pool.close() => {}
    }
    served
}

/// Migrates where the owner's address is known.
async fn prepare(addresses: &Addresses) -> Result<(), StartError> {
    match &addresses.owner {
        Some(owner) => db::migrate(owner).await.map(drop),
        None => Ok(()),
    }
}

impl Addresses {
    /// The given ones; without any, those of the private store, which is opened.
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

    /// Where files of `dev` lie beside the database.
    fn folder(&self) -> PathBuf {
        self.store.as_ref().map_or_else(data_folder, |store| store.place().data.clone())
    }

    /// Where anchors go and who signs them; beside the private store unless the settings say otherwise.
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

/// The folder of the private store where none is named.
fn data_folder() -> PathBuf {
    let named = std::env::var_os("PARLOR_DATA").filter(|data| !data.is_empty());
    named.map_or_else(|| Path::new(DATA).to_owned(), PathBuf::from)
}

fn load(serving: bool) -> Result<Settings, StartError> {
    Settings::load(serving).map_err(|problems| StartError::new(problems.to_string()))
}

/// For a command that ends by itself: quiet, unless something is wrong.
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

/// What it gives, or `None` if the stop came first.
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

/// Bound before anything else, so that a taken port is told at once.
struct Listeners {
    listener: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self, StartError> {
        let listener = bind(settings.server.address).await?;
        let Some(address) = settings.telemetry.metrics_address else { return Ok(Self { listener, metrics: None }) };
        let metrics = TcpListener::bind(address).await.map_err(|error| {
            StartError::new(format!("{address} cannot be listened at: put telemetry.metrics_address right"))
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
                "{address} is taken, perhaps by another parlor: stop that, or take another port with --port \
                 (0 takes a free one; `serve` has PARLOR__SERVER__ADDRESS)"
            ),
            ErrorKind::PermissionDenied => {
                format!("this user may not listen at {address}: take a port from 1024 up")
            }
            ErrorKind::AddrNotAvailable => {
                format!("{address} is not an address of this machine: put PARLOR__SERVER__ADDRESS right")
            }
            _ => format!("{address} cannot be listened at: put PARLOR__SERVER__ADDRESS right"),
        };
        StartError::new(what).because(error)
    })
}

/// A line on standard output; who has closed it does not want to know.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
