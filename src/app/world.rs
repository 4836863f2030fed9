//! `parlor seed --scale`: a world as large as a platform's, made quickly and of real things. Accounts have wallets,
//! sessions and the coins that newcomers are given; rooms have owners; every gift went through the ledger's queue and
//! stands in its journal and chain. Nothing is put into a table of money here.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, GiftId, Op, RoomId, UserId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::ports::LedgerGifts;
use crate::identity::{Contact, Identity, NewAccount};
use crate::kit::chance::Chance;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::operation::Operation;
use crate::room;
use crate::room::port::{GiftOrder, Gifts};

/// The account that every such world begins with: a second world on the same database meets it.
const FIRST: &str = "first@world.parlor.example";
/// Accounts that are made before it is told how far it is.
const PEOPLE_AT_ONCE: usize = 2_500;
/// Rooms of one transaction.
const ROOMS_AT_ONCE: usize = 1_000;
/// Gifts that wait for their answers: more than a batch of the ledger, and less than its queue.
const GIFTS_UNDER_WAY: usize = 1_500;
/// What is given: cheap enough that nobody's coins run out soon.
const GIFTS: [i64; 5] = [1, 1, 2, 3, 4];
/// How many of it.
const COUNTS: [i64; 4] = [1, 1, 1, 10];
/// How often it is told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// How large a world is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    /// Accounts.
    pub users: usize,
    /// Rooms; one in fifty of the accounts owns one, in the proportions below.
    pub rooms: usize,
    /// Gifts, each a posting of its own.
    pub gifts: usize,
}

impl Scale {
    /// A community.
    pub const SMALL: Self = Self { users: 1_000, rooms: 50, gifts: 5_000 };
    /// A country's app in its first year.
    pub const MEDIUM: Self = Self { users: 50_000, rooms: 1_000, gifts: 200_000 };
    /// A platform.
    pub const LARGE: Self = Self { users: 1_000_000, rooms: 20_000, gifts: 2_000_000 };
}

/// What a world is made with.
pub(super) struct Makers<'a> {
    pub(super) edge: &'a Edge,
    pub(super) identity: &'a Identity,
    pub(super) gifts: LedgerGifts,
    /// Hears how far it is.
    pub(super) told: &'a (dyn Fn(&str) + Sync),
}

/// A room and who owns it.
struct Place {
    room: RoomId,
    owner: UserId,
}

/// Makes the world, or refuses where there is one, whole or begun.
///
/// # Errors
/// What the store or the ledger refuses; that the database has a world.
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

/// Registers the account that marks the database, with a password that nobody knows.
async fn first(makers: &Makers<'_>) -> Result<()> {
    let email = Contact::email(FIRST).map_err(|why| Error::internal(format!("the first account's address: {why}")))?;
    let account = NewAccount {
        phone: None,
        email: Some(email),
        password: crate::identity::operator::made_password(makers.edge.chance()),
        name: "First of the world".to_owned(),
        device: "seed".to_owned(),
        code: None,
    };
    match makers.identity.register(makers.edge, IpAddr::V4(Ipv4Addr::LOCALHOST), account).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == ErrorCode::AccountExists => Err(Error::internal(
            "it has a world already, or a part of one: a world is made once, in a database that has none",
        )),
        Err(error) => Err(error),
    }
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
    // Spread over all that there are. Who owns the first rooms owns a second one where some ids were taken.
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

/// Sends the gifts; gives how many were paid.
async fn gifts(makers: &Makers<'_>, users: &[UserId], places: &[Place], wanted: usize) -> Result<usize> {
    // The same choices in every world of this size.
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

/// Whether it was paid; that somebody's coins have run out is as it may be.
fn is_paid(answer: Result<GiftReceipt, ErrorBody>) -> Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code == ErrorCode::InsufficientFunds => Ok(false),
        Err(error) => Err(Error::internal(format!("a gift was refused: {error}"))),
    }
}

fn order(chance: &Chance, users: &[UserId], places: &[Place]) -> Result<GiftOrder> {
    // A few rooms have most of the gifts, as everywhere: the lower of two even choices leans to the first ones.
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
    let named = |id: UserId| Person { id, name: format!("Load {id}") };
    Ok(GiftOrder {
        room: place.room,
        owner: place.owner,
        operation: Operation::of_system(Op(chance.id()), sender, "a gift of a seeded world"),
        sender: named(sender),
        gift: GiftId::new(gift).ok_or_else(|| Error::internal(format!("gift {gift} is not in the catalogue")))?,
        count: one(&COUNTS),
        receivers: Ok(vec![named(receiver)]),
    })
}
