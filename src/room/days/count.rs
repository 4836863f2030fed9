//! The periodic job that counts the days of rooms.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::RoomId;

use super::{DAY_MS, store};
use crate::kit::clock::{Clock, Timestamp};
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};
use crate::room::port::Takings;

/// The rooms of one statement.
const AT_ONCE: usize = 500;

/// Counts the days of all rooms, from the day before the last one that was counted: visits of a server that was killed end
/// later than others. What a day has is made anew each time, so the same visits and gifts give the same, however often it
/// runs.
#[derive(Clone)]
pub struct CountDays {
    takings: Arc<dyn Takings>,
    clock: Clock,
}

impl CountDays {
    /// The job that asks `takings` for coins and takes the day from this clock, which is that of the rooms.
    pub fn new(takings: Arc<dyn Takings>, clock: Clock) -> Self {
        Self { takings, clock }
    }

    async fn count(&self, job: &Running, day: i64, now: Timestamp) -> Result<(), Failure> {
        let (from, until) = (day * DAY_MS, (day + 1) * DAY_MS);
        let counted = {
            let mut conn = job.pool().acquire().await.map_err(Error::from)?;
            store::count(&mut conn, from, until, until.min(now.0)).await.map_err(Error::from)?
        };
        for part in counted.chunks(AT_ONCE) {
            let rooms: Vec<RoomId> = part.iter().filter_map(|counted| RoomId::new(counted.room)).collect();
            let spent = self.takings.spent(rooms, Timestamp(from), Timestamp(until)).await;
            let spent: HashMap<i64, i64> = match spent {
                Ok(spent) => spent.into_iter().map(|(room, coins)| (room.number(), coins.0)).collect(),
                Err(error) => return Err(Failure::Passing(error.code.name().to_owned())),
            };
            let mut conn = job.pool().acquire().await.map_err(Error::from)?;
            let day = i32::try_from(day).map_err(Error::internal)?;
            store::put(&mut conn, day, part, &spent).await.map_err(Error::from)?;
        }
        Ok(())
    }
}

impl Kind for CountDays {
    const NAME: &'static str = "room.count_days";
    type Payload = ();

    fn time_limit(&self) -> Duration {
        Duration::from_secs(600)
    }

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let now = self.clock.now();
        let today = now.0.div_euclid(DAY_MS);
        let first = {
            let mut conn = job.pool().acquire().await.map_err(Error::from)?;
            store::first_to_count(&mut conn).await.map_err(Error::from)?
        };
        let Some(first) = first else { return Ok(()) };
        for day in i64::from(first).min(today)..=today {
            self.count(job, day, now).await?;
        }
        Ok(())
    }
}
