//! Closes the sockets of this node whose sessions have ended. It learns of these from the table `revocations` alone,
//! and needs no bus between nodes.

use std::collections::VecDeque;
use std::time::Duration;

use parlor_protocol::CloseCode;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::GatewayState;
use crate::identity::revocation::{self, Ended, Reason};
use crate::kit::edge::Reads;
use crate::kit::error::{Error, Result};
use crate::telemetry::metric;

/// The time between two readings of the table. Sockets are closed within two seconds.
const EVERY: Duration = Duration::from_secs(1);
/// The longest that one reading may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Closes the sockets of sessions that end, until `stop`. Each reading reaches back by `overlap`, for two reasons: a
/// transaction may commit after one with a higher number, and a socket whose token was checked before the session ended
/// may only now stand among its user's sockets. Closing a closed socket changes nothing.
pub(super) async fn close_revoked(reads: Reads, gateway: GatewayState, overlap: Duration, stop: CancellationToken) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut readings, mut failing) = (Readings::new(overlap), false);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let began = Instant::now();
        match read(&reads, readings.from()).await {
            Ok(ended) => {
                failing = false;
                readings.note(began, ended.last().map(|ended| ended.number));
                for Ended { user, session, reason, .. } in ended {
                    gateway.users().end_session(user, session, close_code(reason)).await;
                }
            }
            Err(error) if !failing => {
                metric::REVOCATION_FAULTS.add(1);
                failing = true;
                tracing::warn!(%error, "ended sessions cannot be read: their sockets stay open until they can");
            }
            Err(_) => metric::REVOCATION_FAULTS.add(1),
        }
    }
}

/// Which revocations were read when, by this process's own clock. It decides by their numbers where the next reading
/// begins, because the times in their rows are those of a clock that can be set back and forward.
struct Readings {
    overlap: Duration,
    /// When the last reading began that succeeded, and the highest number that had been read by then.
    last: Option<Instant>,
    highest: i64,
    /// The readings that are younger than the overlap, and one before them: each with the highest number by then.
    read: VecDeque<(Instant, i64)>,
}

impl Readings {
    const fn new(overlap: Duration) -> Self {
        Self { overlap, last: None, highest: 0, read: VecDeque::new() }
    }

    /// The number above which the next reading begins: the highest that had been read `overlap` before the last reading
    /// that succeeded. It is 0, for all that are kept, until a first overlap has passed.
    fn from(&mut self) -> i64 {
        let is_older = |(at, _): &(Instant, i64)| self.last.is_some_and(|last| *at + self.overlap <= last);
        while self.read.get(1).is_some_and(is_older) {
            self.read.pop_front();
        }
        self.read.front().filter(|first| is_older(first)).map_or(0, |(_, highest)| *highest)
    }

    /// Notes a reading that began at this time, and the highest number that it brought.
    fn note(&mut self, began: Instant, highest: Option<i64>) {
        self.last = Some(began);
        self.highest = highest.map_or(self.highest, |highest| highest.max(self.highest));
        self.read.push_back((began, self.highest));
    }
}

async fn read(reads: &Reads, above: i64) -> Result<Vec<Ended>> {
    let read = async { revocation::above(&mut *reads.conn().await?, above).await };
    timeout(PATIENCE, read).await.unwrap_or_else(|_| Err(Error::new(parlor_protocol::ErrorCode::StoreUnavailable)))
}

const fn close_code(reason: Reason) -> CloseCode {
    match reason {
        Reason::SignedOut => CloseCode::SignedOut,
        Reason::Suspended => CloseCode::Suspended,
        Reason::TokenReused => CloseCode::TokenReused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_reading_begins_where_those_of_an_overlap_before_the_last_one_had_come_to() {
        let mut readings = Readings::new(Duration::from_secs(10));
        let begin = Instant::now();
        let mut from = |second: u64, highest: i64| {
            let from = readings.from();
            readings.note(begin + Duration::from_secs(second), Some(highest));
            from
        };
        let course: Vec<_> = (0..=30).map(|second| from(second, 100 + i64::try_from(second).expect("small"))).collect();
        assert!(course[..=10].iter().all(|from| *from == 0), "{course:?}");
        assert_eq!(course[11..=30], (100..120).collect::<Vec<_>>()[..]);
        // After an outage of a minute it reaches back beyond the last reading that succeeded.
        assert_eq!((from(90, 131), from(91, 132)), (120, 130));
        assert!(readings.read.len() <= 13, "{} are kept", readings.read.len());
    }
}
