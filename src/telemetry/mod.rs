//! Telemetry: log lines on standard error, and metrics and traces if they are set up. Nothing here filters what is
//! logged: whoever writes a line must keep tokens, passwords, phone numbers and message bodies out of it.

mod figure;
pub mod metric;
mod observer;
#[cfg(feature = "otlp")]
mod otlp;
mod panics;
mod process;
mod recorder;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal, stderr};

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use figure::{Counter, Figure, Gauge, Held, Histogram, Kind, Metric, Seconds};
pub use process::resident_bytes;
pub use recorder::{render, settle};

use crate::config::{LogFormat, TelemetrySettings};
use crate::start::StartError;

/// Starts logging, once per process, and metrics and traces if they have an address. The variable `PARLOR_LOG`, or else
/// `RUST_LOG`, overrides the setting `telemetry.log`. `otherwise` is the form of lines if none is set.
///
/// # Errors
/// A sentence that names the setting which cannot work.
pub fn start(settings: &TelemetrySettings, otherwise: LogFormat) -> Result<(), StartError> {
    let above = ["PARLOR_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value)));
    let (name, value) = above.unwrap_or(("telemetry.log", settings.log.clone()));
    let filter = EnvFilter::try_new(value).map_err(|error| {
        StartError::new(format!("{name} is not a filter of log lines: write it as `info` or `info,parlor::room=debug`"))
            .because(error)
    })?;
    let format = settings.format.unwrap_or(otherwise);
    if settings.metrics_address.is_none() && settings.otlp_endpoint.is_none() {
        // With log lines only, one filter for everything costs least.
        tracing_subscriber::registry().with(filter).with(lines(format)).init();
        panics::into_the_log();
        return Ok(());
    }
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = vec![lines(format).with_filter(filter).boxed()];
    if settings.metrics_address.is_some() {
        recorder::start()?;
        let wanted = filter_fn(observer::is_wanted).with_max_level_hint(LevelFilter::DEBUG);
        layers.push(observer::Observer.with_filter(wanted).boxed());
    }
    #[cfg(feature = "otlp")]
    if let Some(endpoint) = &settings.otlp_endpoint {
        layers.push(otlp::layer(endpoint)?.boxed());
    }
    tracing_subscriber::registry().with(layers).init();
    panics::into_the_log();
    Ok(())
}

/// Sends the traces that have not been sent. It must be called last, and outside of the runtime.
pub fn stop() {
    #[cfg(feature = "otlp")]
    otlp::stop();
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // A line that cannot be written is lost. To report that on the same closed pipe would panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr).log_internal_errors(false);
    match format {
        LogFormat::Pretty => lines.with_ansi(stderr().is_terminal()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}
