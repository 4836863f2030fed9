//! What a metric is made of, and its handles: each is looked up once and then costs an atomic addition.
//! Without a recorder (no `telemetry.metrics_address`, and in tests) they cost a branch.
//!
//! No label is ever made of what people bring: its values stand in the declaration.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Key, KeyName, Label, Level, Metadata, SharedString};

/// How a metric moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only rises; begins anew with the process.
    Counter,
    /// Is what it is at this moment.
    Gauge,
    /// How often a value fell below each bound, with sum and count.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric as it is declared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Metric {
    /// `parlor_`, what is counted, the base unit, and `_total` for what only rises.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// Its label and every value that it takes; no values: no label.
    pub label: (&'static str, &'static [&'static str]),
    /// The upper bounds of a histogram.
    pub bounds: &'static [f64],
    /// What it says, in a sentence.
    pub help: &'static str,
}

const OF_THIS_HOUSE: Metadata<'static> = Metadata::new("parlor", Level::INFO, None);

impl Metric {
    fn keys(&self) -> impl Iterator<Item = Key> {
        let (label, values) = self.label;
        let bare = values.is_empty().then(|| Key::from_static_name(self.name));
        let name = self.name;
        bare.into_iter()
            .chain(values.iter().map(move |value| Key::from_parts(name, vec![Label::from_static_parts(label, value)])))
    }

    /// Where a value stands among the label's; the first one stands in for a word that was not declared.
    fn place(&self, value: &str) -> usize {
        let place = self.label.1.iter().position(|declared| *declared == value);
        debug_assert!(place.is_some(), "{}: {value} is declared", self.name);
        place.unwrap_or(0)
    }

    pub(super) fn describe(&self) {
        let (name, help) = (KeyName::from_const_str(self.name), SharedString::const_str(self.help));
        metrics::with_recorder(|recorder| match self.kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram => recorder.describe_histogram(name, None, help),
        });
    }
}

macro_rules! handles {
    ($(#[doc = $doc:literal])* $name:ident, $handle:ident, $register:ident) => {
        $(#[doc = $doc])*
        pub struct $name {
            pub(super) metric: Metric,
            handles: OnceLock<Box<[metrics::$handle]>>,
        }

        impl $name {
            pub(super) const fn new(metric: Metric) -> Self {
                Self { metric, handles: OnceLock::new() }
            }

            fn handle(&self, place: usize) -> &metrics::$handle {
                let register = || {
                    let handle = |key| metrics::with_recorder(|recorder| recorder.$register(&key, &OF_THIS_HOUSE));
                    self.metric.keys().map(handle).collect()
                };
                &self.handles.get_or_init(register)[place]
            }
        }

        impl Figure for $name {
            fn metric(&self) -> &Metric {
                &self.metric
            }

            fn start(&self) {
                self.metric.describe();
                self.handle(0);
            }
        }
    };
}

/// Any of the three.
pub trait Figure: Sync {
    /// Its declaration.
    fn metric(&self) -> &Metric;

    /// Makes it known to the recorder, so that it is there from the start, at 0.
    fn start(&self);
}

handles! {
    /// A metric that only rises.
    Counter, Counter, register_counter
}
handles! {
    /// A metric that is what it is now.
    Gauge, Gauge, register_gauge
}
handles! {
    /// A metric of how values are distributed.
    Histogram, Histogram, register_histogram
}

impl Counter {
    /// So many more.
    pub fn add(&self, more: u64) {
        self.handle(0).increment(more);
    }

    /// So many more of this value of the label.
    pub fn add_of(&self, value: &str, more: u64) {
        self.handle(self.metric.place(value)).increment(more);
    }
}

impl Gauge {
    /// This is what it is.
    pub fn set(&self, value: f64) {
        self.handle(0).set(value);
    }

    /// The same for this value of the label.
    pub fn set_of(&self, label: &str, value: f64) {
        self.handle(self.metric.place(label)).set(value);
    }

    /// One more, until the guard is dropped.
    pub fn hold(&'static self) -> Held {
        self.handle(0).increment(1.0);
        Held(self)
    }
}

/// One in a gauge, for as long as it lives.
#[must_use]
pub struct Held(&'static Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.handle(0).decrement(1.0);
    }
}

impl Histogram {
    /// One of this value.
    pub fn record(&self, value: f64) {
        self.handle(0).record(value);
    }

    /// One that took so long.
    pub fn record_time(&self, time: Duration) {
        self.record(time.as_secs_f64());
    }
}

/// Seconds that only rise, with their fraction: what the recorder's counters, being whole, cannot hold. Written behind
/// what the recorder renders.
pub struct Seconds {
    pub(super) metric: Metric,
    micros: AtomicU64,
}

impl Seconds {
    pub(super) const fn new(metric: Metric) -> Self {
        Self { metric, micros: AtomicU64::new(0) }
    }

    /// It stands here now.
    pub fn set(&self, time: Duration) {
        self.micros.fetch_max(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn render(&self, into: &mut String) {
        use std::fmt::Write as _;
        let Metric { name, help, kind, .. } = self.metric;
        let micros = self.micros.load(Ordering::Relaxed);
        let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
        // A string takes whatever is written.
        let _ = write!(into, "# HELP {name} {help}\n# TYPE {name} {}\n{name} {whole}.{fraction:06}\n\n", kind.name());
    }
}

impl Figure for Seconds {
    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn start(&self) {}
}
