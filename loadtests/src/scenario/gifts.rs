//! Gifts: to one star by everybody, or from many to many; at a rate, or as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::{Command, GiftId, UserId};
use serde_json::Value;
use tokio::time::Instant;

use crate::latency::{moment, nanos};
use crate::member::Member;
use crate::rest::{self, Away};
use crate::stage::{Stage, op};
use crate::verdict::Kind;

/// Gifts of one sender that wait for their answer, when it goes as fast as it can.
const OUTSTANDING: usize = 32;
/// Senders who go as fast as they can.
const SENDERS: usize = 64;
/// People whose balance is looked at in the end.
const LOOKED_AT: usize = 50;

/// Sends gifts for as long as the plan says, then holds the books to what was answered.
pub(super) async fn drive(stage: &Stage) -> Result<(), Away> {
    let gift = cheapest(stage).await?;
    let before = balances(stage).await?;
    let paid: Vec<AtomicU64> = stage.members.iter().map(|_| AtomicU64::new(0)).collect();
    match stage.plan.rate {
        Some(rate) => steadily(stage, gift, rate, &paid).await,
        None => at_once(stage, gift, &paid).await,
    }
    let after = balances(stage).await?;
    for ((member, before), (after, paid)) in stage.members.iter().zip(before).zip(after.into_iter().zip(&paid)) {
        let expected = before - paid.load(Ordering::Relaxed) as i64;
        if after != expected {
            stage.tally.verdict.note(Kind::Balance, 1, || {
                format!("{member:?} has {after} coins, and {expected} by the answers to its gifts")
            });
        }
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

/// The coins of the first people.
async fn balances(stage: &Stage) -> Result<Vec<i64>, Away> {
    let mut coins = Vec::new();
    for member in stage.members.iter().take(LOOKED_AT) {
        let (_, wallet) = rest::get(stage.server.address, "/v1/wallet", Some(member.access())).await?;
        let balances = wallet["balances"].as_array().map(Vec::as_slice).unwrap_or_default();
        let coin = balances.iter().find(|balance| balance["currency"] == "coin").map(|balance| &balance["amount"]);
        coins.push(coin.and_then(Value::as_i64).ok_or_else(|| Away(format!("no coins in {wallet}")))?);
    }
    Ok(coins)
}

/// Who gives to whom: in one room everybody to the first, in many each to their neighbour.
fn receiver(stage: &Stage, sender: usize) -> Option<UserId> {
    let rooms = stage.rooms.len();
    let room = &stage.rooms[sender % rooms];
    let place = sender / rooms;
    let to = if rooms == 1 { 0 } else { (place + 1) % room.len() };
    (to != place).then(|| i64::try_from(room[to].user).ok().and_then(UserId::new)).flatten()
}

fn gift_to(member: &Member, gift: GiftId, to: UserId) -> Command {
    Command::GiftSend(SendGift { room: member.room(), gift, count: 1, to: Recipients::Users(vec![to]) })
}

async fn steadily(stage: &Stage, gift: GiftId, rate: f64, paid: &[AtomicU64]) {
    let count = |(sender, is_paid): (usize, bool)| paid[sender].fetch_add(u64::from(is_paid), Ordering::Relaxed);
    let gifts = (rate * stage.plan.length().as_secs_f64()) as u64;
    let (begin, people) = (nanos(), stage.members.len());
    let mut answers = FuturesUnordered::new();
    for number in 0..gifts {
        let due = begin + (number as f64 * 1e9 / rate) as u64;
        tokio::time::sleep_until(moment(due).into()).await;
        let sender = number as usize % people;
        let Some(to) = receiver(stage, sender) else { continue };
        let member = &stage.members[sender];
        let answer = member.begin(due, Some(op()), &gift_to(member, gift, to)).await;
        answers.push(async move { (sender, matches!(answer.await, Ok(Ok(_)))) });
        while let Some(Some(answer)) = answers.next().now_or_never() {
            count(answer);
        }
    }
    while let Some(answer) = answers.next().await {
        count(answer);
    }
}

async fn at_once(stage: &Stage, gift: GiftId, paid: &[AtomicU64]) {
    let end = Instant::now() + stage.plan.length();
    let senders = stage.members.iter().enumerate().filter_map(|(at, member)| Some((at, member, receiver(stage, at)?)));
    let senders: Vec<(usize, &Arc<Member>, UserId)> = senders.take(SENDERS).collect();
    let give = senders.into_iter().map(|(at, member, to)| async move {
        let mut answers = FuturesUnordered::new();
        let command = gift_to(member, gift, to);
        loop {
            while answers.len() < OUTSTANDING && Instant::now() < end && member.is_connected() {
                answers.push(member.begin(nanos(), Some(op()), &command).await);
            }
            let Some(answer) = answers.next().await else { return };
            paid[at].fetch_add(u64::from(matches!(answer, Ok(Ok(_)))), Ordering::Relaxed);
        }
    });
    join_all(give.collect::<Vec<_>>()).await;
}
