//! Latencies, counted from the intended time of sending: the time for which a stalled server or sender holds a message
//! back counts as latency (no coordinated omission).

use std::cell::RefCell;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The moment from which all times of this process are counted.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
/// The longest latency that the histogram records exactly, in microseconds.
const MAX_US: u64 = 120_000_000;

/// Nanoseconds since the first call in this process.
pub fn nanos() -> u64 {
    u64::try_from(BEGINNING.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The moment at which [`nanos`] has this value.
pub fn moment(nanos: u64) -> Instant {
    *BEGINNING + Duration::from_nanos(nanos)
}

/// The latencies of one kind: a histogram per thread, so that threads which record do not contend for a lock.
#[derive(Debug)]
pub struct Latency {
    threads: Mutex<Vec<Shared>>,
    number: usize,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Percentiles {
    /// How many were recorded.
    pub count: u64,
    /// The median.
    pub p50_ms: f64,
    /// One in a hundred is slower.
    pub p99_ms: f64,
    /// One in a thousand is slower.
    pub p999_ms: f64,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_US, 3).expect("the bounds are good")
}

/// The histogram of one thread. Its thread locks it to record, and another thread only to read all of them.
type Shared = Arc<Mutex<Histogram<u64>>>;

thread_local! {
    static OWN: RefCell<Vec<Option<Shared>>> = const { RefCell::new(Vec::new()) };
}

impl Default for Latency {
    fn default() -> Self {
        static NUMBERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { threads: Mutex::new(Vec::new()), number }
    }
}

impl Latency {
    /// Records what has passed since `intended` (of [`nanos`]).
    pub fn since(&self, intended: u64) {
        self.record_us(nanos().saturating_sub(intended) / 1_000);
    }

    /// Records what has passed between two times (of [`nanos`]).
    pub fn between(&self, since: u64, until: u64) {
        self.record_us(until.saturating_sub(since) / 1_000);
    }

    fn record_us(&self, us: u64) {
        OWN.with_borrow_mut(|own| {
            if own.len() <= self.number {
                own.resize(self.number + 1, None);
            }
            let histogram = own[self.number].get_or_insert_with(|| {
                let new = Arc::new(Mutex::new(histogram()));
                self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(new.clone());
                new
            });
            histogram.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(us.max(1));
        });
    }

    /// The percentiles of what was recorded since the last `take`; the recording starts afresh.
    pub fn take(&self) -> Percentiles {
        self.read(true)
    }

    /// The percentiles of what was recorded since the last `take`; the recording goes on.
    pub fn peek(&self) -> Percentiles {
        self.read(false)
    }

    fn read(&self, anew: bool) -> Percentiles {
        let mut all = histogram();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let mut own = thread.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(&*own).expect("histograms of the same bounds");
            if anew {
                own.reset();
            }
        }
        let ms = |quantile| all.value_at_quantile(quantile) as f64 / 1_000.0;
        if all.is_empty() {
            return Percentiles::default();
        }
        Percentiles { count: all.len(), p50_ms: ms(0.5), p99_ms: ms(0.99), p999_ms: ms(0.999) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_threads() {
        let latency = Arc::new(Latency::default());
        let other = latency.clone();
        std::thread::spawn(move || (0..100).for_each(|_| other.record_us(1_000))).join().expect("it records");
        (0..100).for_each(|_| latency.record_us(3_000));
        let percentiles = latency.take();
        assert_eq!(percentiles.count, 200);
        assert!((0.99..1.01).contains(&percentiles.p50_ms) && (2.98..3.02).contains(&percentiles.p99_ms));
        assert_eq!(latency.take(), Percentiles::default());
    }
}
