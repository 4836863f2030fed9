//! The scenarios: what the users do. They are all measured and judged in the same way.

mod bursts;
mod gifts;
mod mixed;
mod slow;
mod storms;

use std::time::Duration;

use clap::ValueEnum;

pub use self::slow::SlowReaders;
pub use self::storms::Storm;
use crate::meter::{Measured, Meter};
use crate::rest::Away;
use crate::stage::{Plan, Stage, Talk};

/// What the users do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Scenario {
    /// All users join at once
    JoinStorm,
    /// One room with many listeners and a few lines a second
    BigRoom,
    /// One room with 16 unanswered lines at any time
    BurstRoom,
    /// One room of 1,000 users with a hundred lines a second
    HotRoom,
    /// Many rooms of ten users with a line a second each
    SmallRooms,
    /// Joined users who say nothing
    Idle,
    /// Gifts to one user
    GiftsStar,
    /// Gifts to many users in many rooms
    GiftsSpread,
    /// All users but one speaker of each room are cut off at once and come back, several times
    ReconnectStorm,
    /// One room with long lines, first without and then with users who read a few kilobytes a second
    SlowReader,
    /// Joins, chat, seats, gifts and leaving; compares what the server holds early and late in the run
    Mixed,
}

impl Scenario {
    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Its default plan, for a machine of two cores.
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
            // 10,000 sockets that are cut, and one speaker in each of 200 rooms.
            Self::ReconnectStorm => plan(10_200, Some(1.0), 20, 51),
            // The lines fill an outbox in some ten seconds.
            Self::SlowReader => plan(5_000, Some(15.0), 20, usize::MAX),
            Self::Mixed => plan(200, Some(1.0), 15, 20),
        }
    }

    /// Whether it is one of the gift scenarios.
    pub const fn gives(self) -> bool {
        matches!(self, Self::GiftsStar | Self::GiftsSpread)
    }

    /// Whether coins move in it.
    pub const fn moves_money(self) -> bool {
        self.gives() || matches!(self, Self::Mixed)
    }

    /// Its default plan with the wishes of the command line.
    ///
    /// # Errors
    /// A sentence that names the option whose value cannot be used.
    pub fn planned(self, wish: Wish) -> Result<Plan, String> {
        let mut plan = self.plan();
        plan.users = wish.users.unwrap_or(plan.users);
        plan.seconds = wish.seconds.unwrap_or(plan.seconds);
        plan.room_size = wish.room_size.unwrap_or(plan.room_size);
        let least = if self.gives() || matches!(self, Self::ReconnectStorm | Self::SlowReader) { 2 } else { 1 };
        let name = self.name();
        if plan.users < least {
            return Err(format!("--users {}: {name} takes {least} at least", plan.users));
        }
        if plan.room_size < least {
            return Err(format!("--room-size {}: {name} takes {least} at least", plan.room_size));
        }
        if !(1..=MAX_SECONDS).contains(&plan.seconds) {
            return Err(format!("--seconds {}: give 1 to {MAX_SECONDS}", plan.seconds));
        }
        let Some(rate) = wish.rate else { return Ok(plan) };
        if !(0.0..=MAX_RATE).contains(&rate) {
            return Err(format!("--rate {rate}: give a number from 0 to {MAX_RATE}"));
        }
        match self {
            Self::JoinStorm | Self::BurstRoom | Self::Idle => Err(format!("--rate {rate}: {name} has no rate")),
            Self::GiftsStar | Self::GiftsSpread => Ok(Plan { rate: (rate > 0.0).then_some(rate), ..plan }),
            _ if rate == 0.0 => Err(format!("--rate 0: {name} needs a rate; only the gift scenarios go without one")),
            _ => Ok(Plan { rate: Some(rate), ..plan }),
        }
    }

    /// Whether it is for long runs, in which samples of what the server holds are taken.
    pub const fn is_long(self) -> bool {
        matches!(self, Self::Mixed)
    }

    /// Whether it can run against a server that only passes lines on.
    pub const fn is_chat(self) -> bool {
        matches!(self, Self::BigRoom | Self::BurstRoom | Self::HotRoom | Self::SmallRooms)
    }

    /// Runs one round and measures it.
    ///
    /// # Errors
    /// `Away`, or a refusal that leaves nothing to measure.
    pub async fn drive(self, stage: &Stage, what: &str) -> Result<Measured, Away> {
        if self == Self::JoinStorm {
            storms::leave(stage).await;
        }
        let meter = Meter::begin(&stage.tally, stage.server.pid(), what, stage.plan.length());
        let rate = stage.plan.rate.unwrap_or(1.0);
        let mut measured = Measured::default();
        match self {
            Self::JoinStorm => storms::joins(stage).await?,
            Self::BigRoom | Self::HotRoom | Self::SmallRooms => stage.chat(Talk::at(rate), stage.plan.length()).await,
            Self::BurstRoom => bursts::burst(stage).await,
            Self::Idle => tokio::time::sleep(stage.plan.length()).await,
            Self::GiftsStar => gifts::drive(stage, true).await?,
            Self::GiftsSpread => gifts::drive(stage, false).await?,
            Self::ReconnectStorm => measured.storm = storms::reconnects(stage, rate).await?,
            Self::SlowReader => measured.slow = slow::drive(stage, rate).await?,
            Self::Mixed => measured.looks = mixed::drive(stage, rate).await?,
        }
        measured.driven = meter.passed();
        // The last lines may still be under way.
        if self != Self::Idle {
            stage.settle().await;
        }
        Ok(meter.end(measured))
    }
}

/// The longest round, in seconds.
const MAX_SECONDS: u64 = 86_400;
/// The highest rate, per second.
const MAX_RATE: f64 = 1_000_000.0;

/// What the command line asks for; anything else is the scenario's default.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Wish {
    /// Simulated users.
    pub users: Option<usize>,
    /// Messages per second and room, or gifts per second; for gifts 0 means as fast as possible.
    pub rate: Option<f64>,
    /// Seconds that a round measures.
    pub seconds: Option<u64>,
    /// People in one room.
    pub room_size: Option<usize>,
}

/// The pause between two checks of something that a scenario waits for.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_makes_no_sense_is_refused_with_the_name_of_the_option() {
        let wish = Wish::default();
        let refused = [
            (Scenario::BigRoom, Wish { users: Some(0), ..wish }, "--users 0"),
            (Scenario::GiftsStar, Wish { users: Some(1), ..wish }, "--users 1"),
            (Scenario::SmallRooms, Wish { room_size: Some(0), ..wish }, "--room-size 0"),
            (Scenario::GiftsSpread, Wish { room_size: Some(1), ..wish }, "--room-size 1"),
            (Scenario::Idle, Wish { seconds: Some(0), ..wish }, "--seconds 0"),
            (Scenario::Idle, Wish { seconds: Some(u64::MAX), ..wish }, "--seconds 184"),
            (Scenario::BigRoom, Wish { rate: Some(-1.0), ..wish }, "--rate -1"),
            (Scenario::GiftsStar, Wish { rate: Some(f64::NAN), ..wish }, "--rate NaN"),
            (Scenario::BigRoom, Wish { rate: Some(f64::INFINITY), ..wish }, "--rate inf"),
            (Scenario::HotRoom, Wish { rate: Some(0.0), ..wish }, "--rate 0"),
            (Scenario::Idle, Wish { rate: Some(1.0), ..wish }, "--rate 1: idle has no rate"),
        ];
        for (scenario, wish, words) in refused {
            let why = scenario.planned(wish).expect_err(words);
            assert!(why.contains(words), "{words}: {why}");
        }
    }

    #[test]
    fn a_wish_changes_only_what_it_names() {
        let wish = Wish { users: Some(7), rate: Some(3.0), ..Wish::default() };
        let plan = Scenario::BigRoom.planned(wish).expect("a plan");
        assert_eq!((plan.users, plan.rate, plan.seconds), (7, Some(3.0), Scenario::BigRoom.plan().seconds));
        let at_once = Wish { rate: Some(0.0), ..Wish::default() };
        assert_eq!(Scenario::GiftsStar.planned(at_once).expect("a plan").rate, None);
    }
}
