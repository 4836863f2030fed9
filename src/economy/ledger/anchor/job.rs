//! The periodic job that makes anchors: one node of the cluster does it each time.

use std::time::Duration;

use super::{AnchorKey, AnchorSettings, PublicKey, make};
use crate::kit::chance::Chance;
use crate::kit::clock::Clock;
use crate::kit::error::{Error, Result};
use crate::kit::jobs::{Failure, Kind, Running};
use crate::media::{Archive, S3Settings};
use crate::telemetry::metric;

/// Makes an anchor. It takes effect at least once: if a worker ends after the anchor and before the job's mark, another
/// anchor of the same books is made, which does no harm.
pub struct MakeAnchor {
    place: Archive,
    key: AnchorKey,
    counted: Vec<PublicKey>,
    every: Duration,
    clock: Clock,
}

impl MakeAnchor {
    /// The job with these settings; `None` if they name no place or no key.
    ///
    /// # Errors
    /// `internal` if the place or the key cannot be used.
    pub fn of(settings: &AnchorSettings, store: &S3Settings, clock: Clock, chance: &Chance) -> Result<Option<Self>> {
        let every = Duration::from_secs(u64::from(settings.minutes) * 60);
        if let Some(why) = settings.unwritable() {
            return Err(Error::internal(why));
        }
        let Some((place, key)) = settings.place(store, chance)?.zip(settings.signing_key(chance)?) else {
            return Ok(None);
        };
        let counted = settings.counted(Some(&key))?;
        Ok(Some(Self { place, key, counted, every, clock }))
    }

    /// The time from one anchor to the next.
    pub fn every(&self) -> Duration {
        self.every
    }
}

impl Kind for MakeAnchor {
    const NAME: &'static str = "ledger.anchor";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut connection = job.pool().acquire().await.map_err(Error::from)?;
        let made = make(&mut connection, &self.place, &self.key, &self.counted, self.clock.now()).await;
        let anchor = made.map_err(|error| {
            tracing::error!(%error, job.kind = Self::NAME, place = %self.place, "the ledger's chains could not be anchored");
            Failure::Passing(error.code().name().to_owned())
        })?;
        metric::LEDGER_ANCHORED.set(anchor.at as f64 / 1_000.0);
        tracing::info!(anchor = anchor.number, links = anchor.links, "the ledger's chains are anchored");
        Ok(())
    }
}
