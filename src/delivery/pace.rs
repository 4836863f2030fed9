//! How busy a room is. Frames of a quiet room are written at once; frames of a hot room are gathered for a tick. This
//! is pure: the time is an argument.

use tokio::time::{Duration, Instant};

use super::Settings;

/// The time over which a room's events are counted. After this much silence every room is quiet.
const MEMORY: Duration = Duration::from_millis(500);

/// The number of events in one write that are enough. Waiting for a ninth would save less than a seventieth of the
/// writes per event (1/8 against 1/9).
const ENOUGH: usize = 8;

/// When a room is hot, and for how long its frames are gathered then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The time from the first gathered frame until all of them are written, or wait for one more. Zero: none is
    /// gathered.
    pub tick: Duration,
    /// How much a tick may be prolonged while another event is expected in that time.
    pub longer: Duration,
    /// The time between two events of a room that is just not hot.
    apart: Duration,
}

impl Rule {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            tick: Duration::from_millis(settings.tick_ms),
            longer: settings.longer(),
            apart: Duration::from_secs(1) / settings.hot_events_per_s.max(1),
        }
    }

    /// Whether a room whose tick is over, with this many events gathered, waits for the next one, which must be
    /// expected by `until`.
    pub(super) fn waits(&self, events: usize, pace: &Pace, until: Instant) -> bool {
        events < ENOUGH && pace.expects_between(until - self.longer, until)
    }
}

/// The pace of one room, as a leaky bucket: every event adds [`Rule::apart`], and time drains it. When it is full
/// ([`MEMORY`]) the room becomes hot, and stays hot until it is empty. So a room whose rate stays above the rule's
/// becomes hot and stays hot, one whose rate stays below becomes quiet, and neither flips with each event.
#[derive(Default)]
pub(super) struct Pace {
    /// When the bucket will be empty; `None` before the first event.
    empty_at: Option<Instant>,
    hot: bool,
    /// When the last event came, and the average time between the last few events.
    last: Option<(Instant, Duration)>,
}

impl Pace {
    /// Notes an event. The first one after silence never makes the room hot.
    pub(super) fn note(&mut self, now: Instant, rule: &Rule) {
        let filled = self.empty_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let level = (filled + rule.apart).min(MEMORY);
        self.hot = !filled.is_zero() && (self.hot || level == MEMORY);
        self.empty_at = Some(now + level);
        let apart = self.last.map_or(MEMORY, |(last, apart)| {
            let gap = now.saturating_duration_since(last).min(MEMORY);
            (apart * 3 + gap) / 4
        });
        self.last = Some((now, apart));
    }

    /// Whether another event is expected in this time, if they go on coming at the average of the last few. An event
    /// that is a little late is still expected; after a burst none is.
    pub(super) fn expects_between(&self, from: Instant, until: Instant) -> bool {
        self.last.is_some_and(|(last, apart)| last + apart <= until && from <= last + apart * 2)
    }

    /// Whether frames of the room are gathered now.
    pub(super) fn is_hot(&self, now: Instant) -> bool {
        self.hot && self.empty_at.is_some_and(|at| at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn rule(hot_events_per_s: u32) -> Rule {
        Rule::new(&Settings { hot_events_per_s, ..Settings::default() })
    }

    /// Notes events that are `apart` milliseconds apart, and returns for each whether the room was hot with it.
    fn heat(pace: &mut Pace, from: Instant, apart: u64, events: u64) -> Vec<bool> {
        let note = |at: u64| {
            let now = from + ms(at * apart);
            pace.note(now, &rule(20));
            pace.is_hot(now)
        };
        (0..events).map(note).collect()
    }

    #[test]
    fn a_room_above_the_rate_becomes_hot_once_and_one_at_or_below_it_never() {
        let from = Instant::now();
        for apart in [1, 10, 20, 40] {
            let course = heat(&mut Pace::default(), from, apart, 500);
            let first = course.iter().position(|hot| *hot).expect("it becomes hot");
            assert!(first > 0 && course[first..].iter().all(|hot| *hot), "every {apart} ms");
        }
        for apart in [50, 51, 100, 500, 10_000] {
            assert!(!heat(&mut Pace::default(), from, apart, 500).contains(&true), "every {apart} ms");
        }
    }

    #[test]
    fn the_next_event_is_expected_after_the_average_time_between_the_last_ones() {
        let from = Instant::now();
        let expected = |course: &[u64]| {
            let mut pace = Pace::default();
            course.iter().for_each(|at| pace.note(from + ms(*at), &rule(20)));
            let moment = Duration::from_micros(1);
            let last = from + ms(course[course.len() - 1]);
            (1..1_000).find(|after| pace.expects_between(last, last + ms(*after) + moment))
        };
        let regular: Vec<_> = (0..50).map(|at| at * 10).collect();
        assert_eq!(expected(&regular), Some(10));
        // One late event changes the average little, a long silence much; after a single event there is no average.
        assert_eq!(expected(&[&regular[..], &[504]].concat()), Some(11));
        assert_eq!(expected(&[&regular[..], &[10_000]].concat()), Some(133));
        assert_eq!(expected(&[0]), Some(500));
        assert!(!Pace::default().expects_between(from, from + MEMORY));
    }

    #[test]
    fn after_a_burst_no_event_is_expected_and_after_regular_events_a_late_one_still_is() {
        let from = Instant::now();
        let (mut bursts, mut regular) = (Pace::default(), Pace::default());
        for at in 0..50 {
            (0..5).for_each(|_| bursts.note(from + ms(at * 60), &rule(20)));
            regular.note(from + ms(at * 60), &rule(20));
        }
        let (tick_ends, until) = (from + ms(49 * 60 + 20), from + ms(49 * 60 + 32));
        assert!(!bursts.expects_between(tick_ends, until));
        let (late, until) = (from + ms(49 * 60 + 70), from + ms(49 * 60 + 80));
        assert!(regular.expects_between(late, until));
        assert!(!regular.expects_between(from + ms(49 * 60 + 121), from + ms(49 * 60 + 133)));
    }

    #[test]
    fn a_hundred_events_a_second_are_gathered_within_a_fifth_of_a_second() {
        let course = heat(&mut Pace::default(), Instant::now(), 10, 20);
        assert_eq!(course.iter().position(|hot| *hot), Some(12));
    }

    #[test]
    fn a_hot_room_that_slows_down_becomes_quiet_once() {
        let (mut pace, from) = (Pace::default(), Instant::now());
        heat(&mut pace, from, 5, 400);
        let course = heat(&mut pace, from + ms(2_000), 60, 200);
        let quiet = course.iter().position(|hot| !hot).expect("it becomes quiet");
        assert!(quiet > 10 && course[quiet..].iter().all(|hot| !hot));
        // At exactly the rate a hot room stays hot.
        let (mut pace, from) = (Pace::default(), Instant::now());
        heat(&mut pace, from, 5, 400);
        assert!(heat(&mut pace, from + ms(2_000), 50, 200).iter().all(|hot| *hot));
    }

    #[test]
    fn the_first_event_after_silence_is_written_at_once_however_hot_the_room_was() {
        let (mut pace, from) = (Pace::default(), Instant::now());
        assert!(heat(&mut pace, from, 0, 10_000).ends_with(&[true]));
        assert!(pace.is_hot(from + MEMORY - ms(1)));
        assert!(!pace.is_hot(from + MEMORY));
        pace.note(from + MEMORY, &rule(20));
        assert!(!pace.is_hot(from + MEMORY));
        // That also holds at the lowest rate, at which one event fills the bucket.
        let mut pace = Pace::default();
        for after in [0, 1_000, 2_000] {
            pace.note(from + ms(after), &rule(1));
            assert!(!pace.is_hot(from + ms(after)));
        }
        pace.note(from + ms(2_001), &rule(1));
        assert!(pace.is_hot(from + ms(2_001)));
    }
}
