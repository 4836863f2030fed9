//! The settings: defaults, then a file, then the environment, the later one wins. One documented
//! struct per concern, and every wrong or missing value named at once. A profile (`PARLOR_PROFILE`) is a set
//! of defaults for a purpose; it stands below file and environment.
//!
//! - file: the one that `PARLOR_CONFIG` names, else `parlor.toml` in the working folder if it is there
//! - environment: `PARLOR__SERVER__ADDRESS` is `server.address`
//! - `DATABASE_URL` and `DATABASE_OWNER_URL` are `database.url` and `database.owner_url`

mod document;
pub mod list;
mod secret;
mod shown;
mod source;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::db::PoolSettings;
use crate::kit::settings::Value;
pub use document::renewed;
pub use secret::Secret;
pub use source::read as read_as;

/// The profiles by their names.
const PROFILES: [(&str, &str); 1] = [("load", include_str!("profiles/load.toml"))];

crate::settings! {
    /// All settings.
    pub struct Settings at "", checked by Self::contradictions {
        /// Where it listens and how it stops.
        server: ServerSettings;
        /// The store.
        database: DatabaseSettings;
        /// What it says of itself.
        telemetry: TelemetrySettings;
        /// REST.
        http: crate::http::Settings;
        /// Accounts and tokens.
        identity: crate::identity::Settings;
        /// Messages to people outside the app.
        courier: crate::courier::Settings;
        /// What happens outside of transactions, later, or again and again.
        jobs: crate::kit::jobs::Settings;
        /// Money.
        ledger: crate::economy::ledger::Settings;
        /// Coins from user to user.
        transfer: crate::economy::transfer::Settings;
        /// Coins that users ask resellers for.
        coin_request: crate::economy::coin_request::Settings;
        /// Rooms.
        room: crate::room::Settings;
        /// Sockets.
        gateway: crate::gateway::Settings;
        /// The way out to sockets.
        delivery: crate::delivery::Settings;
        /// Uploads.
        media: crate::media::Settings;
        /// This server among others.
        cluster: crate::cluster::Settings;
    }
    beside {
        /// The profile below the settings, to be named at the start.
        profile: Option<&'static str>;
    }
}

crate::settings! {
    /// Where the server listens and how it stops.
    pub struct ServerSettings at "server" {
        /// Address and port to listen at; port 0 takes a free one. For others to come in, name an address of this
        /// machine, or `0.0.0.0`.
        address: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        /// Milliseconds from SIGTERM until what has not ended is cut off.
        stop_within_ms: u64 = 10_000, in 100..=600_000;
        /// Milliseconds over which the sockets of a stopping server are told to come back, each at a time of its own.
        drain_spread_ms: u64 = 2_000, in 0..=600_000;
        /// The page at `/` for those who try the server out.
        playground: Option<bool> = None, shown "on in `dev`, off in `serve`";
        /// Resident memory that the process may have. From 85 hundredths of it on signals are left out and the rates
        /// of senders are a fourth, from 95 on new sockets are refused with `busy`.
        memory_bytes: Option<u64> = None, in 16 << 20..=1 << 50, shown "four fifths of what the container, or else the machine, has";
    }
}

crate::settings! {
    /// The addresses of PostgreSQL. Without them `dev` and the commands use a private one.
    pub struct DatabaseSettings at "database", checked by Self::unreadable {
        /// PostgreSQL as the role that serves, `postgres://parlor_app:…@host:5432/parlor`; `serve` needs it, `dev`
        /// and the commands use a private one without it.
        url: Option<Secret> = None;
        /// PostgreSQL as the role that owns the schema (`parlor_owner`); only to migrate.
        owner_url: Option<Secret> = None;
        /// The pool.
        pool: PoolSettings;
    }
}

crate::settings! {
    /// What the server says of itself.
    pub struct TelemetrySettings at "telemetry", checked by Self::unusable {
        /// Which log lines: `info`, `info,parlor::room=debug`; `info,parlor::gateway=debug` adds a span for each
        /// socket and command (`connection.id`, `user.id`, `room.id`, `op`).
        log: String = "info,sqlx=warn".to_owned();
        /// `pretty` or `json`.
        format: Option<LogFormat> = None, shown "pretty in `dev`, JSON in `serve`";
        /// Where Prometheus finds `GET /metrics`, as `127.0.0.1:9100`; never the server's own address. [What it
        /// finds](metrics.md).
        metrics_address: Option<SocketAddr> = None, shown "none: nothing is counted";
        /// A collector that takes traces by OTLP over HTTP, as `http://127.0.0.1:4318`: a span for each request and
        /// command. For a program built with `--features otlp`; `OTEL_TRACES_SAMPLER` and its like are heeded.
        otlp_endpoint: Option<String> = None;
    }
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One object a line.
    Json,
}

impl Value for LogFormat {}

/// Everything that is wrong with the settings, one line each.
#[derive(Debug)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings to put right:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

impl Settings {
    /// Of this process. `serving` by `parlor serve` requires the database's address.
    pub fn load(serving: bool) -> Result<Self, Problems> {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        let named = environment.iter().find(|(name, value)| name == "PARLOR_CONFIG" && !value.is_empty());
        let file = match named {
            Some((_, path)) => Some(PathBuf::from(path)),
            None => Some(PathBuf::from("parlor.toml")).filter(|path| path.exists()),
        };
        Self::read(environment, file, serving)
    }

    /// Of this environment and file.
    pub fn read(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<PathBuf>,
        serving: bool,
    ) -> Result<Self, Problems> {
        let environment: Vec<_> = environment.into_iter().collect();
        let named = environment.iter().find(|(name, value)| name == "PARLOR_PROFILE" && !value.is_empty());
        let profile = named.and_then(|(_, name)| PROFILES.iter().find(|(known, _)| known == name));
        let unknown = named.filter(|_| profile.is_none()).map(|(_, name)| {
            format!("PARLOR_PROFILE: there is no profile `{name}`; there is `load`, the limits for a load test")
        });
        let (mut settings, mut problems) = source::read::<Self>(profile.map(|(_, text)| *text), environment, file);
        settings.profile = profile.map(|(name, _)| *name);
        problems.extend(unknown);
        problems.extend(settings.problems());
        if serving
            && settings.database.url.is_none()
            && !problems.iter().any(|problem| problem.starts_with("DATABASE_URL"))
        {
            problems.push(
                "DATABASE_URL: `serve` needs the address of a PostgreSQL, as \
                 postgres://parlor_app:password@host:5432/parlor (`parlor dev` brings its own)"
                    .to_owned(),
            );
        }
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        let join_bytes = self.room.join_bytes();
        if self.delivery.outbox_bytes < join_bytes {
            problems.push(format!(
                "delivery.outbox_bytes: at least {join_bytes}, what the reply to a join may bring (room.resume_bytes)"
            ));
        }
        let counted = Duration::from_millis(self.room.presence_ms.min(self.room.count_ms));
        if self.delivery.longest_tick() >= counted {
            problems.push(
                "delivery.tick_ms: with what a tick may be longer (five eighths, at most 12.5 ms) below room.presence_ms \
                 and room.count_ms, so that a count of people never leaves with what came after it"
                    .into(),
            );
        }
        if self.telemetry.metrics_address.is_some_and(|address| address.port() != 0 && address == self.server.address) {
            problems.push("telemetry.metrics_address: another one than server.address, which is for everybody".into());
        }
    }
}

impl DatabaseSettings {
    fn unreadable(&self, problems: &mut Vec<String>) {
        for (setting, address) in [("DATABASE_URL", &self.url), ("DATABASE_OWNER_URL", &self.owner_url)] {
            if let Some(address) = address
                && let Err(error) = crate::db::parse(setting, address.reveal())
            {
                problems.push(error.to_string().replacen(" is not", ": is not", 1));
            }
        }
    }
}

impl TelemetrySettings {
    fn unusable(&self, problems: &mut Vec<String>) {
        if let Some(endpoint) = &self.otlp_endpoint {
            if !cfg!(feature = "otlp") {
                problems.push(
                    "telemetry.otlp_endpoint: this program sends no traces: build it with `--features otlp`".into(),
                );
            } else if !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
                problems.push("telemetry.otlp_endpoint: write it as http://127.0.0.1:4318".into());
            }
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log) {
            problems.push(format!("telemetry.log: {error}; write it as `info` or `info,parlor::room=debug`"));
        }
    }
}

#[cfg(test)]
mod tests;
