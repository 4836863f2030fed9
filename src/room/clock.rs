//! The time of one room: the wall clock when it woke, and from there the monotonic clock, so that a
//! step of the wall clock neither ends a grace period nor holds one open. Follows tokio's paused time.

use tokio::time::{Duration, Instant};

use crate::kit::clock::Timestamp;

/// Counts from when the room woke.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoomClock {
    woke_at: Timestamp,
    woke: Instant,
}

impl RoomClock {
    /// It is `now`.
    pub(super) fn starting(now: Timestamp) -> Self {
        Self { woke_at: now, woke: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.woke_at.plus_ms(i64::try_from(self.woke.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// When it will be `at`, on the runtime's clock.
    pub(super) fn instant(&self, at: Timestamp) -> Instant {
        self.woke + Duration::from_millis(at.ms_since(self.woke_at).unsigned_abs())
    }
}
