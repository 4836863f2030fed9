//! The mixed scenario: members chat, sit, give, disconnect and leave. The random choices are seeded, so that a run can
//! be repeated.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parlor_protocol::command::{OnMap, Recipients, SendGift, TakeSeat};
use parlor_protocol::{Command, GiftId};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use crate::drift::{self, Look};
use crate::latency::nanos;
use crate::member::Member;
use crate::rest::Away;
use crate::stage::{LINE, Stage, op, speak};

/// The upper bounds of each action's share, in percent; the remaining share is to leave and join again.
const CHAT: u32 = 55;
const SIT: u32 = CHAT + 15;
const STAND: u32 = SIT + 10;
const GIVE: u32 = STAND + 12;
const VANISH: u32 = GIVE + 5;

/// Every member acts `rate` times a second for as long as the plan says. Returns samples of what the server held
/// meanwhile.
pub(super) async fn drive(stage: &Stage, rate: f64) -> Result<Vec<Look>, Away> {
    let end = Instant::now() + stage.plan.length();
    let pause = Duration::from_secs_f64(1.0 / rate.max(0.01));
    let lives = stage.members.iter().map(|member| live(member, end, pause)).collect::<Vec<_>>();
    let (lives, looks) = tokio::join!(join_all(lives), drift::looks(&stage.server, stage.plan.length()));
    lives.into_iter().collect::<Result<(), _>>()?;
    Ok(looks)
}

async fn live(member: &Arc<Member>, end: Instant, pause: Duration) -> Result<(), Away> {
    let mut chance = StdRng::seed_from_u64(member.index as u64);
    loop {
        tokio::time::sleep(chance.random_range(pause / 2..pause * 3 / 2)).await;
        if Instant::now() >= end {
            break;
        }
        if !member.is_connected() {
            // The server closed the socket for a reason that the protocol allows: an app comes back.
            member.arrive().await?;
        }
        act(member, &mut chance).await?;
    }
    if member.is_connected() { Ok(()) } else { member.arrive().await }
}

async fn act(member: &Arc<Member>, chance: &mut StdRng) -> Result<(), Away> {
    let room = member.room();
    match chance.random_range(0..100) {
        0..CHAT => speak(member, nanos(), LINE).await,
        CHAT..SIT => {
            let seat = Some(chance.random_range(1..8));
            member.send(nanos(), Some(op()), &Command::SeatTake(TakeSeat { room, seat, version: None })).await;
        }
        SIT..STAND => member.send(nanos(), Some(op()), &Command::SeatLeave(OnMap { room, version: None })).await,
        STAND..GIVE => {
            let gift = GiftId::new(1).expect("a gift's number");
            let give = SendGift { room, gift, count: 1, to: Recipients::AllSeats };
            member.send(nanos(), Some(op()), &Command::GiftSend(give)).await;
        }
        GIVE..VANISH => {
            member.vanish();
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..1_000))).await;
            member.arrive().await?;
        }
        _ => {
            member.leave().await;
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..500))).await;
            member.arrive().await?;
        }
    }
    Ok(())
}
