//! From readings to a level. Pure: the time is an argument.
//!
//! It rises at once for memory, which never falls by itself, and for what memory will be at the next reading if it goes on
//! rising as it does: sockets that all come at once take some megabytes between two. It rises after a while for queues
//! and lag, which a burst fills for a moment and a busy machine delays once. It falls after a while below lower bars than
//! it rose at, so that what the level saves does not bring the load back at once.

use std::time::Duration;

use tokio::time::Instant;

use super::Level;

/// For how long queues or lag stay above a bar before it counts.
const SHEDS_AFTER: Duration = Duration::from_millis(500);
/// Longer than a storm of people who all come back at once takes to be over by itself: to send them away would only
/// make it longer.
const FULL_AFTER: Duration = Duration::from_secs(5);

/// For how long everything stays below the lower bars before the level falls.
const CALM: Duration = Duration::from_secs(2);

/// From where on it is shed and where the node is full, going up and going down.
struct Bars {
    up: [f64; 2],
    down: [f64; 2],
}

/// Of the memory's bound.
const MEMORY: Bars = Bars { up: [0.85, 0.95], down: [0.80, 0.90] };
/// Of the fullest queue: where it is full whoever sends waits, rooms first.
const QUEUE: Bars = Bars { up: [0.5, 0.9], down: [0.25, 0.5] };
/// In seconds: everything that is done takes so much longer.
const LAG: Bars = Bars { up: [0.25, 1.0], down: [0.1, 0.5] };

/// The level of a value by these bars.
fn level(value: f64, [shedding, full]: [f64; 2]) -> Level {
    if value >= full {
        Level::Full
    } else if value >= shedding {
        Level::Shedding
    } else {
        Level::Normal
    }
}

/// What runs out, at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The resident memory, in parts of its bound.
    pub memory: f64,
    /// The fullest queue of delivery, in parts of its bound.
    pub queue: f64,
    /// How late the reading is.
    pub lag: Duration,
}

impl Reading {
    /// The level of what passes by itself, queue and lag.
    fn passing(&self, bars: impl Fn(&Bars) -> [f64; 2]) -> Level {
        level(self.queue, bars(&QUEUE)).max(level(self.lag.as_secs_f64(), bars(&LAG)))
    }

    /// The memory of the next reading, if it rises on from the last one as far as it has; where it is scarce alone.
    fn memory_ahead(&self, last: f64) -> f64 {
        if self.memory_is_scarce() { self.memory + (self.memory - last).max(0.0) } else { self.memory }
    }

    /// The level does not fall before there is less.
    pub(super) fn memory_is_scarce(&self) -> bool {
        self.memory >= MEMORY.down[0]
    }
}

/// What there is to remember between readings.
#[derive(Default)]
pub(super) struct Gauge {
    level: Level,
    /// The memory of the last reading.
    memory: Option<f64>,
    /// Since when queue or lag are above the bar of shedding, and above that of a full node.
    shedding_since: Option<Instant>,
    full_since: Option<Instant>,
    /// Since when everything is below the lower bars of the level.
    calm_since: Option<Instant>,
}

impl Gauge {
    /// The level with this reading.
    pub(super) fn take(&mut self, reading: Reading, now: Instant) -> Level {
        let last = self.memory.replace(reading.memory).unwrap_or(reading.memory);
        let memory = level(reading.memory_ahead(last), MEMORY.up);
        let passing = reading.passing(|bars| bars.up);
        let lasts = |since: &mut Option<Instant>, at: Level, after| {
            *since = (passing >= at).then(|| since.unwrap_or(now));
            since.is_some_and(|since| now - since >= after)
        };
        let sheds = lasts(&mut self.shedding_since, Level::Shedding, SHEDS_AFTER);
        let full = lasts(&mut self.full_since, Level::Full, FULL_AFTER);
        let lasting = if full {
            Level::Full
        } else if sheds {
            Level::Shedding
        } else {
            Level::Normal
        };
        let stays = level(reading.memory, MEMORY.down).max(reading.passing(|bars| bars.down));
        if memory.max(lasting) > self.level {
            (self.level, self.calm_since) = (memory.max(lasting), None);
        } else if stays >= self.level {
            self.calm_since = None;
        } else if now - *self.calm_since.get_or_insert(now) >= CALM {
            // One at a time: below full nobody knows yet what a node that lets people in has to do.
            self.level = if self.level == Level::Full { Level::Shedding } else { Level::Normal };
            self.calm_since = Some(now);
        }
        self.level
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Level::{Full, Normal, Shedding};
    use super::*;

    const QUIET: Reading = Reading { memory: 0.3, queue: 0.0, lag: Duration::from_millis(1) };
    const STEP: Duration = Duration::from_millis(250);

    struct Run {
        gauge: Gauge,
        now: Instant,
    }

    impl Run {
        fn new() -> Self {
            Self { gauge: Gauge::default(), now: Instant::now() }
        }

        /// The levels of so many readings, a quarter of a second and the lag apart.
        fn take(&mut self, reading: Reading, times: usize) -> Vec<Level> {
            (0..times)
                .map(|_| {
                    self.now += STEP + reading.lag;
                    self.gauge.take(reading, self.now)
                })
                .collect()
        }

        fn last(&mut self, reading: Reading, times: usize) -> Level {
            self.take(reading, times).pop().expect("at least one")
        }
    }

    fn memory(memory: f64) -> Reading {
        Reading { memory, ..QUIET }
    }

    fn queue(queue: f64) -> Reading {
        Reading { queue, ..QUIET }
    }

    fn lag(ms: u64) -> Reading {
        Reading { lag: Duration::from_millis(ms), ..QUIET }
    }

    #[test]
    fn memory_counts_at_once_and_falls_one_level_at_a_time() {
        let mut run = Run::new();
        assert_eq!(run.last(memory(0.84), 100), Normal);
        assert_eq!(run.last(memory(0.85), 1), Shedding);
        assert_eq!(run.last(memory(0.95), 1), Full);
        assert_eq!(run.last(QUIET, 8), Full);
        assert_eq!(run.last(QUIET, 1), Shedding);
        assert_eq!(run.last(QUIET, 7), Shedding);
        assert_eq!(run.last(QUIET, 1), Normal);
        assert_eq!(run.last(memory(1.5), 1), Full, "from nothing to all in one reading");
    }

    #[test]
    fn memory_that_rises_is_met_before_it_is_there() {
        let mut run = Run::new();
        let course: Vec<_> = [0.805, 0.825, 0.855, 0.88, 0.92].map(|part| run.last(memory(part), 1)).into();
        assert_eq!(course, [Normal, Normal, Shedding, Shedding, Full]);
        // Where there is enough a leap is none of its business, nor is it what falls.
        let mut run = Run::new();
        assert_eq!([0.1, 0.7, 0.79].map(|part| run.last(memory(part), 1)), [Normal; 3]);
        let mut run = Run::new();
        assert_eq!([0.94, 0.82].map(|part| run.last(memory(part), 1)), [Shedding; 2]);
    }

    #[test]
    fn a_full_queue_or_a_late_runtime_counts_when_it_lasts() {
        for (sheds, fills) in [(queue(0.5), queue(0.9)), (lag(250), lag(1_000))] {
            let mut run = Run::new();
            for _ in 0..20 {
                assert_eq!(run.last(fills, 1), Normal, "once is no load");
                assert_eq!(run.last(QUIET, 1), Normal);
            }
            assert_eq!(run.last(sheds, 8), Shedding, "and never more");
            assert_eq!(run.last(fills, 1), Shedding);
            assert_eq!(run.last(fills, 20), Full);
        }
    }

    #[test]
    fn between_its_bars_the_level_stays_what_it_is() {
        for (high, between) in [(memory(0.86), memory(0.81)), (queue(0.6), queue(0.3)), (lag(300), lag(150))] {
            let mut run = Run::new();
            assert_eq!(run.last(between, 100), Normal);
            assert_eq!(run.last(high, 8), Shedding);
            assert_eq!(run.last(between, 100), Shedding);
            assert_eq!(run.last(QUIET, 100), Normal);
        }
        let mut run = Run::new();
        assert_eq!(run.last(memory(0.96), 1), Full);
        assert_eq!(run.last(memory(0.91), 100), Full);
        assert_eq!(run.last(memory(0.89), 100), Shedding);
    }

    #[test]
    fn a_short_calm_ends_nothing() {
        let mut run = Run::new();
        assert_eq!(run.last(queue(0.6), 8), Shedding);
        for _ in 0..20 {
            assert_eq!(run.last(QUIET, 7), Shedding);
            assert_eq!(run.last(queue(0.3), 1), Shedding);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_level_is_that_of_something_that_was_read(
            course in proptest::collection::vec((0.0..1.2_f64, 0.0..1.0_f64, 0_u64..2_000), 1..200),
        ) {
            let (mut run, mut before, mut last) = (Run::new(), Normal, None);
            for (memory, queue, ms) in course {
                let reading = Reading { memory, queue, lag: Duration::from_millis(ms) };
                let now = run.last(reading, 1);
                prop_assert!(now >= level(memory, MEMORY.up), "memory is never waited for");
                let ahead = level(reading.memory_ahead(last.unwrap_or(memory)), MEMORY.up);
                prop_assert!(now <= before.max(ahead).max(reading.passing(|bars| bars.up)), "nothing rises by itself");
                prop_assert!(before <= now || before as u8 - now as u8 == 1, "it falls one at a time");
                (before, last) = (now, Some(memory));
            }
            prop_assert_eq!(run.last(QUIET, 30), Normal);
        }
    }
}
