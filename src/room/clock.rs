//! The clock of one room: the wall clock's time when the room woke, plus the monotonic time since then. So a step of
//! the wall clock neither ends a grace period nor prolongs one. It follows tokio's paused time.

use tokio::time::{Duration, Instant};

use crate::kit::clock::Timestamp;

/// The time in Unix milliseconds, counted from when the room woke.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoomClock {
    woke_at: Timestamp,
    woke: Instant,
}

impl RoomClock {
    /// A clock that shows `now` at this moment.
    pub(super) fn starting(now: Timestamp) -> Self {
        Self { woke_at: now, woke: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.woke_at.plus_ms(i64::try_from(self.woke.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// The moment on the runtime's clock at which this clock shows `at`.
    pub(super) fn instant(&self, at: Timestamp) -> Instant {
        self.woke + Duration::from_millis(at.ms_since(self.woke_at).unsigned_abs())
    }
}
