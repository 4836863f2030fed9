//! The scenarios: what people do. How it is measured and judged is the same for all.

mod gifts;
mod mixed;
mod rooms;
mod storms;

use std::time::Duration;

use clap::ValueEnum;

use crate::meter::{Measured, Meter};
use crate::rest::Away;
use crate::stage::{LINE_CHARS, Plan, Stage};

/// What people do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Scenario {
    /// Everybody comes at once.
    JoinStorm,
    /// One room, many listeners, a line now and then.
    BigRoom,
    /// One room, 16 lines outstanding.
    BurstRoom,
    /// One room of 1,000, a hundred lines a second.
    HotRoom,
    /// Many rooms of ten.
    SmallRooms,
    /// Joined and silent.
    Idle,
    /// Gifts to one person.
    GiftsStar,
    /// Gifts to many, in many rooms.
    GiftsSpread,
    /// Everybody is cut off at once and comes back.
    ReconnectStorm,
    /// Some read nothing.
    SlowReader,
    /// A day in small: joins, chat, seats, gifts, leaving.
    Mixed,
}

impl Scenario {
    /// Its name, as it is typed.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// A size for a machine of two cores.
    pub fn plan(self) -> Plan {
        let plan = |users, rate, seconds, room_size| Plan { users, rate, seconds, room_size };
        match self {
            Self::JoinStorm => plan(5_000, None, 1, 5_000),
            Self::BigRoom => plan(5_000, Some(2.0), 20, usize::MAX),
            Self::BurstRoom => plan(1_000, None, 10, usize::MAX),
            Self::HotRoom => plan(1_000, Some(100.0), 20, usize::MAX),
            Self::SmallRooms => plan(10_000, Some(1.0), 20, 10),
            Self::Idle => plan(10_000, None, 20, 1_000),
            Self::GiftsStar => plan(65, None, 15, usize::MAX),
            Self::GiftsSpread => plan(200, None, 15, 20),
            Self::ReconnectStorm => plan(2_000, Some(1.0), 20, 50),
            Self::SlowReader => plan(200, Some(150.0), 20, usize::MAX),
            Self::Mixed => plan(200, Some(1.0), 15, 20),
        }
    }

    /// Its people send gifts.
    pub const fn gives(self) -> bool {
        matches!(self, Self::GiftsStar | Self::GiftsSpread)
    }

    /// Its load can be put on a server that only passes lines on.
    pub const fn is_chat(self) -> bool {
        matches!(self, Self::BigRoom | Self::BurstRoom | Self::HotRoom | Self::SmallRooms)
    }

    /// Does it once and measures it.
    ///
    /// # Errors
    /// `Away`, or a refusal that leaves nothing to measure.
    pub async fn drive(self, stage: &Stage, what: &str) -> Result<Measured, Away> {
        if self == Self::JoinStorm {
            storms::leave(stage).await;
        }
        let meter = Meter::begin(&stage.tally, stage.server.pid(), what, stage.plan.length());
        let rate = stage.plan.rate;
        match self {
            Self::JoinStorm => storms::joins(stage).await?,
            Self::BigRoom | Self::HotRoom | Self::SmallRooms => {
                stage.chat(rate.unwrap_or(1.0), stage.plan.length(), LINE_CHARS).await;
            }
            Self::BurstRoom => rooms::burst(stage).await,
            Self::Idle => tokio::time::sleep(stage.plan.length()).await,
            Self::GiftsStar | Self::GiftsSpread => gifts::drive(stage).await?,
            Self::ReconnectStorm => storms::reconnects(stage).await?,
            Self::SlowReader => rooms::slow_readers(stage).await?,
            Self::Mixed => mixed::drive(stage).await?,
        }
        // What was sent last is still on its way.
        if self != Self::Idle {
            stage.settle().await;
        }
        Ok(meter.end())
    }
}

/// Between two looks at people who are to come back.
pub(crate) const SHORT: Duration = Duration::from_millis(200);
