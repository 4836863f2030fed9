//! How a process finds whether another server lives: it watches that server's lease for as long as its holder can prove
//! it, by its own clock. No two clocks are compared, so a step of any clock of the wall changes nothing.

use std::time::Duration;

use parlor_protocol::ErrorCode;

use super::Settings;
use super::store::Lease;
use crate::kit::clock::{BootClock, BootTime};
use crate::kit::error::Error;
use crate::start::StartError;

/// How often a waiting process checks whether another server renews its lease: several times in the default time between
/// two renewals.
pub(super) const WATCH: Duration = Duration::from_millis(200);

/// What is known of the holder of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holder {
    /// The lease has not been watched for long enough.
    Unknown,
    /// The lease has not changed for as long as it lasts.
    Gone,
    /// The lease has changed since it was first seen.
    Alive,
}

/// Another server's lease as it was seen first, and when that was.
pub(super) struct Watched {
    clock: BootClock,
    /// How long a lease lasts whose holder does not say so.
    lease: Duration,
    first: Option<(Lease, BootTime)>,
}

impl Watched {
    /// Nothing has been seen yet.
    pub(super) fn new(clock: BootClock, settings: &Settings) -> Self {
        Self { clock, lease: Duration::from_millis(settings.lease_ms), first: None }
    }

    /// Looks at a lease once more.
    pub(super) fn holder_of(&mut self, held: &Lease) -> Holder {
        let now = self.clock.now();
        let Some((before, since)) = &self.first else {
            tracing::info!(
                node.id = held.node_id,
                lease_ms = lasts(held, self.lease).as_millis(),
                "another server has not given its lease back: waiting to see whether it renews it"
            );
            self.first = Some((held.clone(), now));
            return Holder::Unknown;
        };
        if before != held {
            return Holder::Alive;
        }
        if since.until(now) >= lasts(before, self.lease) { Holder::Gone } else { Holder::Unknown }
    }
}

fn lasts(held: &Lease, unknown: Duration) -> Duration {
    held.lease_ms.and_then(|ms| u64::try_from(ms).ok()).map_or(unknown, Duration::from_millis)
}

pub(super) fn occupied(living: &Lease) -> StartError {
    StartError::new(format!(
        "another server (node `{}`) is serving this database, and there can be only one: stop that one first, or \
         give this one a database of its own",
        living.node_id
    ))
}

pub(super) fn unanswered(error: impl Into<Error>) -> StartError {
    let error = error.into();
    let what = if error.code() == ErrorCode::StoreUnavailable {
        "the database does not answer: see that PostgreSQL runs, then start again"
    } else {
        "no server can be started on this database: see that DATABASE_URL names Parlor's database, and the role that \
         serves (parlor_app)"
    };
    StartError::new(what).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(lease_ms: Option<i64>, renewals: i64) -> Lease {
        // By the database's clock it lasts for ever: that decides nothing.
        Lease { node_id: "other".into(), incarnation: 1, lease_ms, renewals, until_us: i64::MAX }
    }

    fn watched(clock: &BootClock) -> Watched {
        Watched::new(clock.clone(), &Settings { lease_ms: 6_000, ..Settings::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_does_not_change_for_its_time_is_dead_and_one_that_changes_is_not() {
        let clock = BootClock::of_runtime();
        for (lease_ms, lasts) in [(Some(1_000), 1_000), (Some(60_000), 60_000), (None, 6_000)] {
            let mut watched = watched(&clock);
            for _ in 0..lasts / 200 {
                assert_eq!(watched.holder_of(&lease(lease_ms, 7)), Holder::Unknown, "{lease_ms:?}");
                tokio::time::advance(WATCH).await;
            }
            assert_eq!(watched.holder_of(&lease(lease_ms, 7)), Holder::Gone, "{lease_ms:?}");
            assert_eq!(watched.holder_of(&lease(lease_ms, 8)), Holder::Alive, "renewed at the last moment");
        }
    }
}
