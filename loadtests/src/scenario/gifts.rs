//! The gift scenarios: everybody gives to one star, or many give to many; at a rate, or as fast as gifts are answered.

use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::{Command, GiftId, UserId};
use tokio::time::Instant;

use crate::latency::{moment, nanos};
use crate::member::Member;
use crate::rest::{self, Away};
use crate::stage::{Stage, op};

/// Unanswered gifts of one sender, without a rate.
const OUTSTANDING: usize = 32;
/// The number of senders, without a rate.
const SENDERS: usize = 64;

/// Sends gifts for as long as the plan says. The receipts are compared with the ledger at the end of the run.
pub(super) async fn drive(stage: &Stage, is_star: bool) -> Result<(), Away> {
    let gift = cheapest(stage).await?;
    match stage.plan.rate {
        Some(rate) => steadily(stage, gift, rate, is_star).await,
        None => at_once(stage, gift, is_star).await,
    }
    Ok(())
}

/// The id of the catalogue's cheapest gift, which costs one coin.
async fn cheapest(stage: &Stage) -> Result<GiftId, Away> {
    let (_, catalogue) = rest::get(stage.server.address, "/v1/gifts", None).await?;
    let gifts = catalogue["gifts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let gift = gifts.iter().find(|gift| gift["price"] == 1).and_then(|gift| gift["id"].as_i64());
    gift.and_then(GiftId::new).ok_or_else(|| Away(format!("no gift for one coin in {catalogue}")))
}

/// The receiver of this sender's gifts: the first member of the room, or the neighbour; `None` if that is the sender.
fn receiver(stage: &Stage, sender: usize, is_star: bool) -> Option<UserId> {
    let rooms = stage.rooms.len();
    let room = &stage.rooms[sender % rooms];
    let place = sender / rooms;
    let to = if is_star { 0 } else { (place + 1) % room.len() };
    (to != place).then(|| i64::try_from(room[to].user).ok().and_then(UserId::new)).flatten()
}

fn gift_to(member: &Member, gift: GiftId, to: UserId) -> Command {
    Command::GiftSend(SendGift { room: member.room(), gift, count: 1, to: Recipients::Users(vec![to]) })
}

async fn steadily(stage: &Stage, gift: GiftId, rate: f64, is_star: bool) {
    let gifts = (rate * stage.plan.length().as_secs_f64()) as u64;
    let (begin, people) = (nanos(), stage.members.len());
    let mut answers = FuturesUnordered::new();
    for number in 0..gifts {
        let due = begin + (number as f64 * 1e9 / rate) as u64;
        tokio::time::sleep_until(moment(due).into()).await;
        let sender = number as usize % people;
        let Some(to) = receiver(stage, sender, is_star) else { continue };
        let member = &stage.members[sender];
        answers.push(member.begin(due, Some(op()), &gift_to(member, gift, to)).await);
        while answers.next().now_or_never().flatten().is_some() {}
    }
    while answers.next().await.is_some() {}
}

async fn at_once(stage: &Stage, gift: GiftId, is_star: bool) {
    let end = Instant::now() + stage.plan.length();
    let senders = stage.members.iter().enumerate();
    let senders = senders.filter_map(|(at, member)| Some((member, receiver(stage, at, is_star)?)));
    let senders: Vec<(&Arc<Member>, UserId)> = senders.take(SENDERS).collect();
    let give = senders.into_iter().map(|(member, to)| async move {
        let mut answers = FuturesUnordered::new();
        let command = gift_to(member, gift, to);
        loop {
            while answers.len() < OUTSTANDING && Instant::now() < end && member.is_connected() {
                answers.push(member.begin(nanos(), Some(op()), &command).await);
            }
            if answers.next().await.is_none() {
                return;
            }
        }
    });
    join_all(give.collect::<Vec<_>>()).await;
}
