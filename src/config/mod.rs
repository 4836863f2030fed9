//! The settings: defaults, then a file, then the environment, the later one wins. One documented
//! struct per concern, and every wrong or missing value named at once. A profile (`PARLOR_PROFILE`) is a set
//! of defaults for a purpose; it stands below file and environment.
//!
//! - file: the one that `PARLOR_CONFIG` names, else `parlor.toml` in the working folder if it is there
//! - environment: `PARLOR__SERVER__ADDRESS` is `server.address`
//! - `DATABASE_URL` and `DATABASE_OWNER_URL` are `database.url` and `database.owner_url`

pub mod list;
mod secret;
mod shown;
mod source;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::db::PoolSettings;
pub use secret::Secret;

/// The profiles by their names.
const PROFILES: [(&str, &str); 1] = [("load", include_str!("profiles/load.toml"))];

/// Less memory than this is a slip of the pen.
const MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// All settings.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The profile below the settings, to be named at the start.
    #[serde(skip)]
    pub profile: Option<&'static str>,
    /// Where it listens and how it stops.
    pub server: ServerSettings,
    /// The store.
    pub database: DatabaseSettings,
    /// What it says of itself.
    pub telemetry: TelemetrySettings,
    /// REST.
    pub http: crate::http::Settings,
    /// Accounts and tokens.
    pub identity: crate::identity::Settings,
    /// Messages to people outside the app.
    pub courier: crate::courier::Settings,
    /// Money.
    pub ledger: crate::economy::ledger::Settings,
    /// Rooms.
    pub room: crate::room::Settings,
    /// Sockets.
    pub gateway: crate::gateway::Settings,
    /// The way out to sockets.
    pub delivery: crate::delivery::Settings,
    /// Uploads.
    pub media: crate::media::Settings,
    /// This server among others.
    pub cluster: crate::cluster::Settings,
}

/// Where the server listens and how it stops.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port; port 0 takes a free one. Default 127.0.0.1:8080: for others to come in,
    /// name an address of this machine, or 0.0.0.0.
    pub address: SocketAddr,
    /// Milliseconds from SIGTERM until what has not ended by itself is cut off. Default 10000.
    pub stop_within_ms: u64,
    /// Milliseconds over which the sockets of a stopping server are told to come back, each at a time of
    /// its own. Default 2000.
    pub drain_spread_ms: u64,
    /// The page at `/` for those who try the server out. Default: there in `dev`, not in `serve`.
    pub playground: Option<bool>,
    /// Resident memory that the process may have: near it, what may be missed is left out and new sockets are refused.
    /// Default: four fifths of what the container, or else the machine, has.
    pub memory_bytes: Option<u64>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            stop_within_ms: 10_000,
            drain_spread_ms: 2_000,
            playground: None,
            memory_bytes: None,
        }
    }
}

/// The addresses of PostgreSQL. Without them `dev` and the commands use a private one.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// As the role that serves (parlor_app): `postgres://parlor_app:…@host:5432/parlor`. No default.
    pub url: Option<Secret>,
    /// As the role that owns the schema (parlor_owner); only to migrate. No default.
    pub owner_url: Option<Secret>,
    /// The pool.
    pub pool: PoolSettings,
}

/// What the server says of itself.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Which log lines, as `level` or `level,module=level`. `PARLOR_LOG`, else `RUST_LOG`, stands
    /// above it. Default `info`.
    pub log: String,
    /// `pretty` for people, `json` for machines. Default: pretty in `dev`, JSON in `serve`.
    pub format: Option<LogFormat>,
    /// Where Prometheus finds `GET /metrics`, as `127.0.0.1:9100`; port 0 takes a free one. Never the server's own
    /// address: what stands there is not for everybody. Default: none, and nothing is counted.
    pub metrics_address: Option<SocketAddr>,
    /// A collector that takes traces by OTLP over HTTP, as `http://127.0.0.1:4318`: a span for each request and
    /// command. For a program built with the feature `otlp`. Default: none.
    pub otlp_endpoint: Option<String>,
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

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { log: "info,sqlx=warn".to_owned(), format: None, metrics_address: None, otlp_endpoint: None }
    }
}

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
        let (mut settings, mut problems) = source::read(profile.map(|(_, text)| *text), environment, file);
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

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(100..=600_000).contains(&self.server.stop_within_ms) {
            problems.push("server.stop_within_ms: give 100 to 600000 milliseconds".to_owned());
        }
        if self.server.memory_bytes.is_some_and(|bytes| bytes < MEMORY_BYTES) {
            problems.push(format!("server.memory_bytes: at least {MEMORY_BYTES}"));
        }
        let addresses = [("DATABASE_URL", &self.database.url), ("DATABASE_OWNER_URL", &self.database.owner_url)];
        for (setting, address) in addresses {
            if let Some(address) = address
                && let Err(error) = crate::db::parse(setting, address.reveal())
            {
                problems.push(error.to_string().replacen(" is not", ": is not", 1));
            }
        }
        problems.extend(self.database.pool.problems());
        problems.extend(self.http.problems());
        problems.extend(self.identity.problems());
        problems.extend(self.courier.problems());
        problems.extend(self.ledger.problems());
        problems.extend(self.room.problems());
        problems.extend(self.gateway.problems());
        problems.extend(self.delivery.problems());
        problems.extend(self.media.problems());
        problems.extend(self.cluster.problems());
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
        if let Some(endpoint) = &self.telemetry.otlp_endpoint {
            if !cfg!(feature = "otlp") {
                problems.push(
                    "telemetry.otlp_endpoint: this program sends no traces: build it with `--features otlp`".into(),
                );
            } else if !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
                problems.push("telemetry.otlp_endpoint: write it as http://127.0.0.1:4318".into());
            }
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.telemetry.log) {
            problems.push(format!("telemetry.log: {error}; write it as `info` or `info,parlor::room=debug`"));
        }
        problems
    }
}

#[cfg(test)]
mod tests;
