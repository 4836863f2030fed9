//! What the server says of itself: log lines on standard error. Never tokens, passwords, phone
//! numbers or message bodies; that is for who writes the line.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, TelemetrySettings};
use crate::start::StartError;

/// Starts logging, once per process. `PARLOR_LOG`, else `RUST_LOG`, stands above the settings.
pub fn start(settings: &TelemetrySettings, otherwise: LogFormat) -> Result<(), StartError> {
    let above = ["PARLOR_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value)));
    let (name, value) = above.unwrap_or(("telemetry.log", settings.log.clone()));
    let filter = EnvFilter::try_new(value).map_err(|error| {
        StartError::new(format!("{name} is not a filter of log lines: write it as `info` or `info,parlor::room=debug`"))
            .because(error)
    })?;
    // A line that cannot be written is lost: to complain of it on the same closed pipe would panic.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    match settings.format.unwrap_or(otherwise) {
        LogFormat::Pretty => lines.with_ansi(stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
