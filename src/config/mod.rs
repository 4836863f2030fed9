//! The settings. A value is taken from the environment, or else from the file, the profile, or the defaults. There is
//! one documented struct per concern, and all wrong or missing values are reported together.
//!
//! - Environment: `PARLOR__SERVER__ADDRESS` is `server.address`; `DATABASE_URL` and `DATABASE_OWNER_URL` are
//!   `database.url` and `database.owner_url`.
//! - File: the one that `PARLOR_CONFIG` names, or else `parlor.toml` in the working folder, if it is there.
//! - Profile: the one that `PARLOR_PROFILE` names, a set of defaults for a purpose.

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

/// The profiles: their names and their TOML.
const PROFILES: [(&str, &str); 1] = [("load", include_str!("profiles/load.toml"))];

crate::settings! {
    /// All settings.
    pub struct Settings at "", checked by Self::contradictions {
        /// Where the server listens and how it stops.
        server: ServerSettings;
        /// PostgreSQL.
        database: DatabaseSettings;
        /// Logs, metrics and traces.
        telemetry: TelemetrySettings;
        /// The REST API.
        http: crate::http::Settings;
        /// Accounts and tokens.
        identity: crate::identity::Settings;
        /// Messages to people outside the app.
        courier: crate::courier::Settings;
        /// Work outside requests: later, or periodically.
        jobs: crate::kit::jobs::Settings;
        /// Money.
        ledger: crate::economy::ledger::Settings;
        /// Transfers of coins between users.
        transfer: crate::economy::transfer::Settings;
        /// Coins that users ask resellers for.
        coin_request: crate::economy::coin_request::Settings;
        /// Rooms.
        room: crate::room::Settings;
        /// Sockets.
        gateway: crate::gateway::Settings;
        /// Writing to sockets.
        delivery: crate::delivery::Settings;
        /// Uploads.
        media: crate::media::Settings;
        /// The vendor that carries the sound of rooms.
        voice: crate::voice::Settings;
        /// The node and its lease.
        cluster: crate::cluster::Settings;
    }
    beside {
        /// The name of the profile, so that the start can log it.
        profile: Option<&'static str>;
    }
}

crate::settings! {
    /// Where the server listens and how it stops.
    pub struct ServerSettings at "server" {
        /// Address and port to listen at; port 0 takes a free one. With an address of this machine, or `0.0.0.0`, other
        /// machines can connect.
        address: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        /// Milliseconds from SIGTERM until everything that has not ended is cut off.
        stop_within_ms: u64 = 10_000, in 100..=600_000;
        /// Milliseconds over which a stopping server tells its sockets to reconnect, each at its own time.
        drain_spread_ms: u64 = 2_000, in 0..=600_000;
        /// Whether `/` serves the playground, a page for trying the server out.
        playground: Option<bool> = None, shown "on in `dev`, off in `serve`";
        /// Bytes of resident memory that the process may use. Above 85 % of it signals are left out and the rates of
        /// senders fall to a quarter; above 95 % new sockets are refused with `busy`.
        memory_bytes: Option<u64> = None, in 16 << 20..=1 << 50, shown "four fifths of the memory of the container, or else of the machine";
    }
}

crate::settings! {
    /// The addresses of PostgreSQL. Without them `dev` and the commands use a private one.
    pub struct DatabaseSettings at "database", checked by Self::unreadable {
        /// The address with the role that serves, `postgres://parlor_app:…@host:5432/parlor`. `serve` needs it; without
        /// it `dev` and the commands use a private PostgreSQL.
        url: Option<Secret> = None;
        /// The address with the role that owns the schema, `parlor_owner`. It is used only to migrate.
        owner_url: Option<Secret> = None;
        /// The pool.
        pool: PoolSettings;
    }
}

crate::settings! {
    /// Logs, metrics and traces.
    pub struct TelemetrySettings at "telemetry", checked by Self::unusable {
        /// Which lines are logged, as `info` or `info,parlor::room=debug`. `info,parlor::gateway=debug` adds a span for
        /// each socket and command (`connection.id`, `user.id`, `room.id`, `op`).
        log: String = "info,sqlx=warn".to_owned();
        /// The form of log lines: `pretty` or `json`.
        format: Option<LogFormat> = None, shown "pretty in `dev`, JSON in `serve`";
        /// Where Prometheus reads `GET /metrics`, as `127.0.0.1:9100`; it must not be the server's own address.
        /// [The metrics](metrics.md).
        metrics_address: Option<SocketAddr> = None, shown "none: nothing is counted";
        /// A collector that takes traces by OTLP over HTTP, as `http://127.0.0.1:4318`. It gets a span for each request
        /// and command. The program must be built with `--features otlp`, and heeds OpenTelemetry's own variables, such
        /// as `OTEL_TRACES_SAMPLER`.
        otlp_endpoint: Option<String> = None;
    }
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Coloured text for people.
    Pretty,
    /// One JSON object a line, for programs.
    Json,
}

impl Value for LogFormat {}

/// Everything that is wrong with the settings, one sentence each.
#[derive(Debug)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these settings must be corrected:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

impl Settings {
    /// The settings of this process, from its environment and file. With `serving`, as in `parlor serve`, the
    /// database's address is required.
    ///
    /// # Errors
    /// Everything that is wrong with them.
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

    /// The settings of this environment and file.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<PathBuf>,
        serving: bool,
    ) -> Result<Self, Problems> {
        let environment: Vec<_> = environment.into_iter().collect();
        let named = environment.iter().find(|(name, value)| name == "PARLOR_PROFILE" && !value.is_empty());
        let profile = named.and_then(|(_, name)| PROFILES.iter().find(|(known, _)| known == name));
        let unknown = named.filter(|_| profile.is_none()).map(|(_, name)| {
            format!("PARLOR_PROFILE: there is no profile `{name}`; there is only `load`, with limits for a load test")
        });
        let (mut settings, mut problems) = source::read::<Self>(profile.map(|(_, text)| *text), environment, file);
        settings.profile = profile.map(|(name, _)| *name);
        problems.extend(unknown);
        problems.extend(settings.problems());
        if serving {
            problems.extend(settings.ledger.anchor.unwritable());
        }
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
                "delivery.outbox_bytes: must be at least {join_bytes}, the size that the reply to a join may have \
                 (room.resume_bytes is a part of it)"
            ));
        }
        if self.ledger.anchor.bucket.is_some() && self.media.s3.bucket.is_none() {
            problems.push(
                "ledger.anchor.bucket: is a bucket of the object store of media.s3, and media.s3.bucket names none"
                    .into(),
            );
        }
        let counted = Duration::from_millis(self.room.presence_ms.min(self.room.count_ms));
        if self.delivery.longest_tick() >= counted {
            problems.push(
                "delivery.tick_ms: a tick may be up to five eighths longer (at most 12.5 ms); with that it must be below \
                 room.presence_ms and room.count_ms, so that a count of people is never sent together with what came \
                 after it"
                    .into(),
            );
        }
        if self.telemetry.metrics_address.is_some_and(|address| address.port() != 0 && address == self.server.address) {
            problems
                .push("telemetry.metrics_address: must differ from server.address, which everybody can reach".into());
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
                    "telemetry.otlp_endpoint: this program cannot send traces: build it with `--features otlp`".into(),
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
