//! The declaration of a metric, and its handles. A handle is looked up once; after that, counting costs an atomic
//! addition, or only a branch if there is no recorder (no `telemetry.metrics_address`, and in tests).
//!
//! All values of a label stand in the declaration. None is made of what users send, so the number of series is fixed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Key, KeyName, Label, Level, Metadata, SharedString};

/// The kind of a metric, as Prometheus defines it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A value that only rises, and starts at 0 with each process.
    Counter,
    /// A value of this moment, which rises and falls.
    Gauge,
    /// How many values were at or below each bound, with their sum and count.
    Histogram,
}

impl Kind {
    /// The kind's name in Prometheus's text format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The declaration of a metric.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Metric {
    /// The name: `parlor_`, what is counted, the base unit, and `_total` for a counter.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The label's name and all of its values; without values there is no label.
    pub label: (&'static str, &'static [&'static str]),
    /// The upper bounds of a histogram, rising; empty for the other kinds.
    pub bounds: &'static [f64],
    /// What the metric tells, in a sentence.
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

    /// The index of a value among the label's values. A value that was not declared counts as the first.
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

/// A metric of any kind.
pub trait Figure: Sync {
    /// The declaration.
    fn metric(&self) -> &Metric;

    /// Registers the metric with the recorder, so that it is rendered from the start, with the value 0.
    fn start(&self);
}

handles! {
    /// A metric that only rises.
    Counter, Counter, register_counter
}
handles! {
    /// A metric that shows a value of this moment.
    Gauge, Gauge, register_gauge
}
handles! {
    /// A metric that shows how values are distributed.
    Histogram, Histogram, register_histogram
}

impl Counter {
    /// Adds this many.
    pub fn add(&self, more: u64) {
        self.handle(0).increment(more);
    }

    /// Adds this many to the series with this value of the label.
    pub fn add_of(&self, value: &str, more: u64) {
        self.handle(self.metric.place(value)).increment(more);
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.handle(0).set(value);
    }

    /// Sets the value of the series with this value of the label.
    pub fn set_of(&self, label: &str, value: f64) {
        self.handle(self.metric.place(label)).set(value);
    }

    /// Adds one, until the guard is dropped.
    pub fn hold(&'static self) -> Held {
        self.handle(0).increment(1.0);
        Held(self)
    }
}

/// Counts one in a gauge for as long as it lives.
#[must_use]
pub struct Held(&'static Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.handle(0).decrement(1.0);
    }
}

impl Histogram {
    /// Records this value.
    pub fn record(&self, value: f64) {
        self.handle(0).record(value);
    }

    /// Records this time, in seconds.
    pub fn record_time(&self, time: Duration) {
        self.record(time.as_secs_f64());
    }
}

/// A counter of seconds with a fraction. The recorder's counters are whole numbers, so this one is rendered separately,
/// after those of the recorder.
pub struct Seconds {
    pub(super) metric: Metric,
    micros: AtomicU64,
}

impl Seconds {
    pub(super) const fn new(metric: Metric) -> Self {
        Self { metric, micros: AtomicU64::new(0) }
    }

    /// Sets the time. A time below the present one changes nothing, because a counter never falls.
    pub fn set(&self, time: Duration) {
        self.micros.fetch_max(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn render(&self, into: &mut String) {
        use std::fmt::Write as _;
        let Metric { name, help, kind, .. } = self.metric;
        let micros = self.micros.load(Ordering::Relaxed);
        let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
        // Writing to a string cannot fail.
        let _ = write!(into, "# HELP {name} {help}\n# TYPE {name} {}\n{name} {whole}.{fraction:06}\n\n", kind.name());
    }
}

impl Figure for Seconds {
    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn start(&self) {}
}
