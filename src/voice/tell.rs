//! The job that tells the vendor what a participant may do, and the one that removes old rows.

use std::time::Duration;

use parlor_protocol::{RoomId, UserId};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{Voice, store};
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Retry, Running};
use crate::telemetry::metric;

/// How long a slot rests after a call that the vendor did not take: so few slots ask a vendor that is away, however many
/// participants it is to be told of.
const REST: Duration = Duration::from_millis(200);
/// The wait for the transaction that changes the state.
const MEANWHILE: Duration = Duration::from_millis(20);
/// The days after which nothing is known any more of somebody who has left a room.
const KEPT_DAYS: i32 = 1;
/// The most rows that one statement removes.
const BATCH: i64 = 1_000;

/// Tells the vendor the newest state of a participant. At least once: a state may be told again, and none is told after a
/// newer one, because one job at a time is about a participant and is done only if there is no newer state.
///
/// LiveKit reads a token whenever somebody connects with it, also with one from before the change. So the job repeats what
/// it has told, more often than once a second, until the last token has ended that says otherwise.
pub struct TellVendor(Voice);

/// Of whom the vendor is told.
#[derive(Serialize, Deserialize)]
pub struct Whom {
    pub(super) room: i64,
    pub(super) user: i64,
}

impl TellVendor {
    /// The job, which calls this vendor.
    pub const fn new(voice: Voice) -> Self {
        Self(voice)
    }
}

impl Kind for TellVendor {
    const NAME: &'static str = "voice.tell";
    type Payload = Whom;

    fn retry(&self) -> Retry {
        Retry { attempts: 10_000_000, first: Duration::from_millis(150), longest: Duration::from_millis(500) }
    }

    async fn run(&self, job: &mut Running, whom: Whom) -> Result<(), Failure> {
        let Some(vendor) = self.0.vendor() else {
            return Err(Failure::Final("the server has no voice vendor any more".to_owned()));
        };
        let unknown = || Failure::Final("there is no such participant".to_owned());
        let (room, user) = (RoomId::new(whom.room).ok_or_else(unknown)?, UserId::new(whom.user).ok_or_else(unknown)?);
        loop {
            let wanted = store::wanted(&mut *job.pool().acquire().await.map_err(Error::from)?, room, user).await?;
            let Some(wanted) = wanted else { return Ok(()) };
            let began = Instant::now();
            let taken = match vendor.tell(&wanted).await {
                Ok(taken) => taken,
                Err(failure) => {
                    let outcome = if matches!(failure, Failure::Final(_)) { "refused" } else { "failed" };
                    metric::VOICE_CALLS.add_of(outcome, 1);
                    if outcome == "failed" {
                        sleep(REST).await;
                    }
                    return Err(failure);
                }
            };
            if let Some(taken) = taken {
                metric::VOICE_CALLS.add_of(if taken.is_known { "taken" } else { "absent" }, 1);
                if !wanted.is_told {
                    metric::VOICE_LAG.record_time(wanted.age + began.elapsed());
                }
                // A rule that was lifted is gone, and so is one that was replaced.
                if !wanted.is_told || taken.rule != wanted.rule {
                    let mut conn = job.pool().acquire().await.map_err(Error::from)?;
                    store::told(&mut conn, &wanted, taken.rule).await?;
                }
            }
            if vendor.must_repeat(&wanted, taken) && has_no_newer(job, &wanted).await? {
                return Err(Failure::Passing("it is told again until an older token has ended".to_owned()));
            }
            if store::is_newest(job.settle().await?, &wanted).await? {
                return Ok(());
            }
            job.unsettle();
            // The newer state may not be committed yet.
            sleep(MEANWHILE).await;
        }
    }
}

/// Whether there is no newer state to be told at once.
async fn has_no_newer(job: &Running, wanted: &store::Wanted) -> Result<bool, Failure> {
    let mut conn = job.pool().acquire().await.map_err(Error::from)?;
    let now = store::wanted(&mut conn, wanted.room, wanted.user).await?;
    Ok(now.is_none_or(|now| now.version == wanted.version))
}

/// Removes the rows of users who left long ago, in batches until none is left. At least once: a repetition finds nothing
/// more to do.
pub struct ForgetRights;

impl Kind for ForgetRights {
    const NAME: &'static str = "voice.forget";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut conn = job.pool().acquire().await.map_err(Error::from)?;
        while store::forget(&mut conn, KEPT_DAYS, BATCH).await? == BATCH as u64 {}
        Ok(())
    }
}
