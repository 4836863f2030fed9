//! `parlor seed --scale`: creates a world as large as a platform's, quickly and with real postings. Accounts have
//! wallets, sessions and the coins that new users are given; rooms have owners; every gift goes through the ledger's
//! queue and stands in its journal and chain. Nothing here writes into a table of money directly.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, GiftId, Op, RoomId, UserId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::ports::LedgerGifts;
use crate::identity::{Contact, Identity, NewAccount, operator};
use crate::kit::chance::Chance;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::operation::Operation;
use crate::room;
use crate::room::port::{GiftOrder, Gifts};

/// The account that every such world begins with.
const FIRST: &str = "first@world.parlor.example";
/// The number of accounts that are created between two reports of progress.
const PEOPLE_AT_ONCE: usize = 2_500;
/// The number of rooms that are created in one transaction.
const ROOMS_AT_ONCE: usize = 1_000;
/// The most gifts that wait for their answers: more than a batch of the ledger, and fewer than its queue takes.
const GIFTS_UNDER_WAY: usize = 1_500;
/// The gifts to choose from, by their ids in the catalogue. They are cheap, so that nobody's coins run out soon.
const GIFTS: [i64; 5] = [1, 1, 2, 3, 4];
/// How many of the gift are sent at once, to choose from.
const COUNTS: [i64; 4] = [1, 1, 1, 10];
/// The time between two reports of progress while gifts are sent.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The size of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    /// The number of accounts.
    pub users: usize,
    /// The number of rooms. In the sizes below, one in twenty to fifty accounts owns one.
    pub rooms: usize,
    /// The number of gifts, each of which is a posting of its own.
    pub gifts: usize,
}

impl Scale {
    /// As large as a community.
    pub const SMALL: Self = Self { users: 1_000, rooms: 50, gifts: 5_000 };
    /// As large as a country's app in its first year.
    pub const MEDIUM: Self = Self { users: 50_000, rooms: 1_000, gifts: 200_000 };
    /// As large as a platform.
    pub const LARGE: Self = Self { users: 1_000_000, rooms: 20_000, gifts: 2_000_000 };
}

/// The parts of the server that create a world.
pub(super) struct Makers<'a> {
    pub(super) edge: &'a Edge,
    pub(super) identity: &'a Identity,
    pub(super) gifts: LedgerGifts,
    /// Is told how far it is, in words for whoever waits.
    pub(super) told: &'a (dyn Fn(&str) + Sync),
}

/// A room and its owner.
struct Place {
    room: RoomId,
    owner: UserId,
}

/// Creates the world.
///
/// # Errors
/// If the database has users already, also those of a world that was not finished; what the store or the ledger refuses.
pub(super) async fn make(makers: &Makers<'_>, scale: Scale) -> Result<()> {
    first(makers).await?;
    let users = people(makers, scale.users).await?;
    let places = rooms(makers, &users, scale.rooms).await?;
    let paid = gifts(makers, &users, &places, scale.gifts).await?;
    let dry = scale.gifts - paid;
    let Scale { users, rooms, .. } = scale;
    (makers.told)(&format!(
        "{users} users, {rooms} rooms and {paid} gifts are there ({dry} senders had too few coins)"
    ));
    Ok(())
}

/// Registers the account that marks the database, with a password that nobody knows. A database with anybody in it is
/// refused: a world is thousands of strangers.
async fn first(makers: &Makers<'_>) -> Result<()> {
    if operator::has_users(&mut *makers.edge.reads().conn().await?).await? {
        return Err(Error::internal("it has users already, of a world or real ones: use a database that has none"));
    }
    let email = Contact::email(FIRST).map_err(|why| Error::internal(format!("the first account's address: {why}")))?;
    let account = NewAccount {
        phone: None,
        email: Some(email),
        password: operator::made_password(makers.edge.chance()),
        name: "First of the world".to_owned(),
        device: "seed".to_owned(),
        code: None,
    };
    makers.identity.register(makers.edge, None, account).await?;
    Ok(())
}

async fn people(makers: &Makers<'_>, wanted: usize) -> Result<Vec<UserId>> {
    let mut users = Vec::with_capacity(wanted);
    while users.len() < wanted {
        let some = PEOPLE_AT_ONCE.min(wanted - users.len());
        let made = makers.identity.register_many(makers.edge, some).await?;
        users.extend(made.into_iter().map(|(user, _)| user));
        (makers.told)(&format!("{} of {wanted} users", users.len()));
    }
    Ok(users)
}

async fn rooms(makers: &Makers<'_>, users: &[UserId], wanted: usize) -> Result<Vec<Place>> {
    let mut places: Vec<Place> = Vec::with_capacity(wanted);
    // The owners are spread evenly over all users. When some rooms were not created because their ids were taken, the
    // cycle begins anew, and the first owners get a second room.
    let mut owners = users.iter().copied().step_by((users.len() / wanted).max(1)).cycle();
    while places.len() < wanted {
        let owners: Vec<_> = owners.by_ref().take(ROOMS_AT_ONCE.min(wanted - places.len())).collect();
        let mut tx = makers.edge.begin().await?;
        let made = room::create_many(&mut tx, makers.edge.chance(), &owners).await?;
        tx.commit().await?;
        places.extend(made.into_iter().map(|(room, owner)| Place { room, owner }));
        (makers.told)(&format!("{} of {wanted} rooms", places.len()));
    }
    Ok(places)
}

/// Sends the gifts and returns how many were paid.
async fn gifts(makers: &Makers<'_>, users: &[UserId], places: &[Place], wanted: usize) -> Result<usize> {
    // The seed makes the choices the same in every world of this size.
    let chance = Chance::seeded(wanted as u64);
    let mut answers = FuturesUnordered::new();
    let (mut sent, mut paid, mut answered, mut told) = (0, 0, 0, Instant::now());
    while answered < wanted {
        while sent < wanted && answers.len() < GIFTS_UNDER_WAY {
            let (reply, answer) = oneshot::channel();
            makers.gifts.submit(order(&chance, users, places)?, reply);
            answers.push(answer);
            sent += 1;
        }
        let gone = || Error::internal("the ledger has ended");
        let answer = answers.next().await.ok_or_else(gone)?.map_err(|_| gone())?;
        paid += usize::from(is_paid(answer)?);
        answered += 1;
        if told.elapsed() >= TOLD_EVERY || answered == wanted {
            told = Instant::now();
            (makers.told)(&format!("{answered} of {wanted} gifts"));
        }
    }
    Ok(paid)
}

/// Whether a gift was paid. It is no error if the sender's coins have run out.
fn is_paid(answer: Result<GiftReceipt, ErrorBody>) -> Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code == ErrorCode::InsufficientFunds => Ok(false),
        Err(error) => Err(Error::internal(format!("a gift was refused: {error}"))),
    }
}

fn order(chance: &Chance, users: &[UserId], places: &[Place]) -> Result<GiftOrder> {
    // As on real platforms, few rooms get most of the gifts: the lower of two even choices favours the first rooms.
    let place = chance.in_range(0..places.len() as i64).min(chance.in_range(0..places.len() as i64));
    let place = &places[place as usize];
    let one = |of: &[i64]| of[chance.in_range(0..of.len() as i64) as usize];
    let somebody = || users[chance.in_range(0..users.len() as i64) as usize];
    let sender = somebody();
    let receiver = loop {
        let receiver = somebody();
        if receiver != sender {
            break receiver;
        }
    };
    let gift = one(&GIFTS);
    let named = |id: UserId| Person::named(id, format!("Load {id}"));
    Ok(GiftOrder {
        room: place.room,
        owner: place.owner,
        operation: Operation::of_words(Op(chance.id()), sender, "a gift of a seeded world"),
        sender: named(sender),
        gift: GiftId::new(gift).ok_or_else(|| Error::internal(format!("gift {gift} is not in the catalogue")))?,
        count: one(&COUNTS),
        receivers: Ok(vec![named(receiver)]),
    })
}
