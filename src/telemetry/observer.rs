//! Counts things that `tracing` reports anyway: warnings and errors, and the times of queries.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::metric;

/// The target under which sqlx reports each query.
const QUERIES: &str = "sqlx::query";

/// A layer that counts and writes nothing.
pub(super) struct Observer;

/// Whether the observer counts an event: warnings, errors and queries.
pub(super) fn is_wanted(metadata: &Metadata<'_>) -> bool {
    let level = *metadata.level();
    metadata.is_event() && (level <= Level::WARN || metadata.target() == QUERIES && level <= Level::DEBUG)
}

impl<S: Subscriber> Layer<S> for Observer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target() == QUERIES {
            event.record(&mut Elapsed);
        }
        match *metadata.level() {
            Level::ERROR => metric::LOG_LINES.add_of("error", 1),
            Level::WARN => metric::LOG_LINES.add_of("warn", 1),
            _ => {}
        }
    }
}

/// Reads the seconds from an event of sqlx.
struct Elapsed;

impl Visit for Elapsed {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            metric::QUERY_TIMES.record(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
