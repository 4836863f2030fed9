//! Rooms that have panicked, and how long each rests before it may wake again. After its first panic a room may wake at
//! once. If it soon panics again it rests, longer each time, so that it does not restart in a loop.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use parlor_protocol::RoomId;
use tokio::time::{Duration, Instant};

/// The rest after the second panic. It doubles with each further panic.
const FIRST: Duration = Duration::from_secs(1);
/// The longest rest.
const LONGEST: Duration = Duration::from_secs(64);
/// The panics of a room are forgotten when it has not panicked for this long after its rest.
const FORGIVEN: Duration = Duration::from_secs(600);

/// The rooms that have panicked lately.
#[derive(Default)]
pub(super) struct Resting(Mutex<HashMap<RoomId, Rest>>);

struct Rest {
    panics: u32,
    until: Instant,
}

impl Resting {
    /// Notes a panic of this room, and returns how long the room rests.
    pub(super) fn begin(&self, room: RoomId, now: Instant) -> Duration {
        let mut rooms = self.rooms();
        rooms.retain(|_, rest| now < rest.until + FORGIVEN);
        let rest = rooms.entry(room).or_insert(Rest { panics: 0, until: now });
        rest.panics += 1;
        let takes = match rest.panics {
            1 => Duration::ZERO,
            panics => (FIRST * 2_u32.saturating_pow(panics.min(16) - 2)).min(LONGEST),
        };
        rest.until = now + takes;
        takes
    }

    /// How long the room still rests; `None` if it may wake.
    pub(super) fn left(&self, room: RoomId, now: Instant) -> Option<Duration> {
        self.rooms().get(&room).map(|rest| rest.until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_room_that_panics_again_and_again_rests_longer_each_time_and_others_do_not() {
        let (resting, now) = (Resting::default(), Instant::now());
        let [bad, good] = [1, 2].map(|number| RoomId::new(number).expect("a number"));
        let rests: Vec<u64> = (0..10).map(|_| resting.begin(bad, now).as_secs()).collect();
        assert_eq!(rests, [0, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(resting.left(bad, now), Some(LONGEST));
        assert_eq!(resting.left(bad, now + LONGEST), None);
        assert_eq!(resting.begin(good, now), Duration::ZERO);
        assert_eq!(resting.left(good, now), None);
        let later = now + LONGEST + FORGIVEN;
        assert_eq!(resting.begin(bad, later), Duration::ZERO, "the earlier panics are forgotten");
    }
}
