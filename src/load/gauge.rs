//! Turns readings into a load level. This is pure: the time is an argument.
//!
//! For memory the level rises at once, because memory does not fall by itself. It even rises for the memory expected at
//! the next reading if it goes on rising as it does: many sockets that come at once take some megabytes between two
//! readings. For queues and lag the level rises only after a while, because a burst fills queues for a moment and a
//! busy machine may run a task late once. The level falls when everything has been below lower thresholds for a while,
//! so that it does not rise again as soon as it stops saving work.

use std::time::Duration;

use tokio::time::Instant;

use super::Level;

/// For how long queue or lag must be above the first threshold until load is shed.
const SHEDS_AFTER: Duration = Duration::from_millis(500);
/// For how long queue or lag must be above the second threshold until the node counts as full. It is longer than a
/// storm of users who all reconnect takes to pass by itself: to refuse them would only prolong it.
const FULL_AFTER: Duration = Duration::from_secs(5);

/// For how long everything must be below the lower thresholds until the level falls.
const CALM: Duration = Duration::from_secs(2);

/// The thresholds of the levels `Shedding` and `Full`: those at which the level rises, and the lower ones below which
/// it falls.
struct Bars {
    up: [f64; 2],
    down: [f64; 2],
}

/// The thresholds of memory, in parts of its bound.
const MEMORY: Bars = Bars { up: [0.85, 0.95], down: [0.80, 0.90] };
/// The thresholds of the fullest queue, in parts of its capacity. When a queue is full its senders wait, rooms first.
const QUEUE: Bars = Bars { up: [0.5, 0.9], down: [0.25, 0.5] };
/// The thresholds of the lag in seconds, by which everything takes longer.
const LAG: Bars = Bars { up: [0.25, 1.0], down: [0.1, 0.5] };

/// The level of a value by these thresholds.
fn level(value: f64, [shedding, full]: [f64; 2]) -> Level {
    if value >= full {
        Level::Full
    } else if value >= shedding {
        Level::Shedding
    } else {
        Level::Normal
    }
}

/// One reading of what can run out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The resident memory, in parts of its bound.
    pub memory: f64,
    /// The fullest queue of delivery, in parts of its capacity.
    pub queue: f64,
    /// How late the reading task was run.
    pub lag: Duration,
}

impl Reading {
    /// The level of queue and lag, which may fall by themselves.
    fn passing(&self, bars: impl Fn(&Bars) -> [f64; 2]) -> Level {
        level(self.queue, bars(&QUEUE)).max(level(self.lag.as_secs_f64(), bars(&LAG)))
    }

    /// The memory that is expected at the next reading, if it goes on rising as since the last one. As long as memory
    /// is not scarce, this is the memory of now.
    fn memory_ahead(&self, last: f64) -> f64 {
        if self.memory_is_scarce() { self.memory + (self.memory - last).max(0.0) } else { self.memory }
    }

    /// Whether memory is at or above the lowest threshold, so that the level cannot fall to normal.
    pub(super) fn memory_is_scarce(&self) -> bool {
        self.memory >= MEMORY.down[0]
    }
}

/// What is remembered between readings.
#[derive(Default)]
pub(super) struct Gauge {
    level: Level,
    /// The memory of the last reading.
    memory: Option<f64>,
    /// Since when queue or lag have been above the threshold of shedding.
    shedding_since: Option<Instant>,
    /// Since when queue or lag have been above the threshold of a full node.
    full_since: Option<Instant>,
    /// Since when everything has been below the lower thresholds of the present level.
    calm_since: Option<Instant>,
}

impl Gauge {
    /// Takes a reading, and returns the level after it.
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
            // It falls by one level only: how much load a node has that lets users in again is not known yet.
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

        /// Takes the reading this many times, each a quarter of a second plus the lag apart, and returns the levels.
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
    fn for_memory_the_level_rises_at_once_and_falls_one_level_at_a_time() {
        let mut run = Run::new();
        assert_eq!(run.last(memory(0.84), 100), Normal);
        assert_eq!(run.last(memory(0.85), 1), Shedding);
        assert_eq!(run.last(memory(0.95), 1), Full);
        assert_eq!(run.last(QUIET, 8), Full);
        assert_eq!(run.last(QUIET, 1), Shedding);
        assert_eq!(run.last(QUIET, 7), Shedding);
        assert_eq!(run.last(QUIET, 1), Normal);
        assert_eq!(run.last(memory(1.5), 1), Full, "it may rise by two levels in one reading");
    }

    #[test]
    fn the_level_rises_before_rising_memory_reaches_a_threshold() {
        let mut run = Run::new();
        let course: Vec<_> = [0.805, 0.825, 0.855, 0.88, 0.92].map(|part| run.last(memory(part), 1)).into();
        assert_eq!(course, [Normal, Normal, Shedding, Shedding, Full]);
        // A leap does not count as long as there is enough memory, and neither does memory that falls.
        let mut run = Run::new();
        assert_eq!([0.1, 0.7, 0.79].map(|part| run.last(memory(part), 1)), [Normal; 3]);
        let mut run = Run::new();
        assert_eq!([0.94, 0.82].map(|part| run.last(memory(part), 1)), [Shedding; 2]);
    }

    #[test]
    fn a_full_queue_or_lag_counts_only_if_it_lasts() {
        for (sheds, fills) in [(queue(0.5), queue(0.9)), (lag(250), lag(1_000))] {
            let mut run = Run::new();
            for _ in 0..20 {
                assert_eq!(run.last(fills, 1), Normal, "a single reading does not count");
                assert_eq!(run.last(QUIET, 1), Normal);
            }
            assert_eq!(run.last(sheds, 8), Shedding, "it does not rise further");
            assert_eq!(run.last(fills, 1), Shedding);
            assert_eq!(run.last(fills, 20), Full);
        }
    }

    #[test]
    fn between_its_thresholds_the_level_stays_as_it_is() {
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
    fn a_short_calm_does_not_lower_the_level() {
        let mut run = Run::new();
        assert_eq!(run.last(queue(0.6), 8), Shedding);
        for _ in 0..20 {
            assert_eq!(run.last(QUIET, 7), Shedding);
            assert_eq!(run.last(queue(0.3), 1), Shedding);
        }
    }

    proptest! {
        #[test]
        fn the_level_rises_only_by_what_was_read_and_falls_one_at_a_time(
            course in proptest::collection::vec((0.0..1.2_f64, 0.0..1.0_f64, 0_u64..2_000), 1..200),
        ) {
            let (mut run, mut before, mut last) = (Run::new(), Normal, None);
            for (memory, queue, ms) in course {
                let reading = Reading { memory, queue, lag: Duration::from_millis(ms) };
                let now = run.last(reading, 1);
                prop_assert!(now >= level(memory, MEMORY.up), "memory counts at once");
                let ahead = level(reading.memory_ahead(last.unwrap_or(memory)), MEMORY.up);
                prop_assert!(now <= before.max(ahead).max(reading.passing(|bars| bars.up)), "nothing rises by itself");
                prop_assert!(before <= now || before as u8 - now as u8 == 1, "it falls one at a time");
                (before, last) = (now, Some(memory));
            }
            prop_assert_eq!(run.last(QUIET, 30), Normal);
        }
    }
}
