//! The anchor as a job: one node in the cluster makes one every so often.

use std::time::Duration;

use super::{AnchorKey, AnchorSettings, make};
use crate::kit::chance::Chance;
use crate::kit::clock::Clock;
use crate::kit::error::{Error, Result};
use crate::kit::jobs::{Failure, Kind, Running};
use crate::media::{Archive, S3Settings};
use crate::telemetry::metric;

/// Makes an anchor. At least once: where a worker ends behind the anchor and before its mark, there is one more
/// of the same books, which says nothing false.
pub struct MakeAnchor {
    place: Archive,
    key: AnchorKey,
    every: Duration,
    clock: Clock,
}

impl MakeAnchor {
    /// By these settings; `None` where they name no place or no key.
    ///
    /// # Errors
    /// `internal` where what they name cannot be used.
    pub fn of(settings: &AnchorSettings, store: &S3Settings, clock: Clock, chance: &Chance) -> Result<Option<Self>> {
        let every = Duration::from_secs(u64::from(settings.minutes) * 60);
        let named = settings.place(store, chance)?.zip(settings.signing_key(chance)?);
        Ok(named.map(|(place, key)| Self { place, key, every, clock }))
    }

    /// How long from one to the next.
    pub fn every(&self) -> Duration {
        self.every
    }
}

impl Kind for MakeAnchor {
    const NAME: &'static str = "ledger.anchor";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut connection = job.pool().acquire().await.map_err(Error::from)?;
        let anchor = make(&mut connection, &self.place, &self.key, self.clock.now()).await?;
        metric::LEDGER_ANCHORED.set(anchor.at as f64 / 1_000.0);
        tracing::info!(anchor = anchor.number, links = anchor.links, "the ledger's chains are anchored");
        Ok(())
    }
}
