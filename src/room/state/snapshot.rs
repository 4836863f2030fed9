//! The room whole: for a client, for a checkpoint, and from one.

use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::PeoplePage;
use parlor_protocol::room::{OwnPlace, Person, Position, RoomCard, Snapshot};
use parlor_protocol::{Coins, UserId};
use serde::{Deserialize, Serialize};

use super::gifts::GiftNumbers;
use super::memory::{Memory, PackedMemory};
use super::presence::Presence;
use super::seats::Seats;
use super::{Removal, RoomState};
use crate::kit::clock::Timestamp;
use crate::room::request::{SeatMap, Sight};
use crate::room::settings::{Settings, ms};

/// Gifts that a waking room finds are announced up to this age; older ones are history.
const HISTORY_MS: i64 = 60_000;
/// More changes of the seat map than fit between two checkpoints.
const UNSEEN_VERSIONS: u64 = 10_000;

/// What a checkpoint keeps beside the position.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Who sits where.
    pub seats: Vec<(u8, Person)>,
    /// The seat map's version.
    pub seat_version: u64,
    /// Coins spent in the room, as far as announced.
    pub coins: i64,
    /// First answers; kept beside the others.
    #[serde(skip)]
    pub memory: PackedMemory,
}

/// What a waking room reads from the store, behind its claim.
#[derive(Clone, PartialEq, Debug)]
pub struct Woken {
    /// The room itself.
    pub card: RoomCard,
    /// How many people may be in it.
    pub capacity: Option<usize>,
    /// The claim's epoch.
    pub epoch: i64,
    /// Locked seats.
    pub locks: Vec<u8>,
    /// Who is kept out, and until when.
    pub kicks: Vec<(UserId, Timestamp)>,
    /// The last hard fact: all up to it are in what was read.
    pub last_fact: i64,
    /// Gifts up to this number have been announced, as far as was checkpointed.
    pub announced: i64,
    /// Gifts up to this number are committed.
    pub committed: i64,
    /// Coins spent in the room with the last committed gift.
    pub coins: Coins,
    /// The last checkpoint of the epoch before, if there was one.
    pub checkpoint: Option<Checkpoint>,
}

impl RoomState {
    /// The room as it wakes at `now`: the checkpoint, with the hard facts laid over it. Who sat stays,
    /// absent, through the grace period.
    pub fn wake(woken: Woken, settings: Settings, now: Timestamp) -> Self {
        // Who only listened is in no checkpoint: until all had the time to come back, nobody is unknown.
        let settled_at = woken.checkpoint.as_ref().map_or(now, |_| now.plus_ms(ms(settings.grace_ms)));
        let checkpoint = woken.checkpoint.unwrap_or_default();
        let kicks: std::collections::BTreeMap<_, _> =
            woken.kicks.into_iter().filter(|(_, until)| *until > now).collect();
        // A version that was seen stands for one map for ever: leave out those that a room could have
        // reached behind its last checkpoint.
        let seat_version = checkpoint.seat_version + UNSEEN_VERSIONS;
        let mut seats = Seats::new(woken.card.seats, &woken.locks, seat_version);
        let mut people = Vec::new();
        for (no, person) in checkpoint.seats {
            let free = seats.seat(no).ok().filter(|seat| !seat.locked && seat.user.is_none()).cloned();
            if let Some(mut seat) = free
                && seats.of(person.id).is_none()
                && !kicks.contains_key(&person.id)
            {
                seat.user = Some(person.clone());
                seats.assign(&[seat], seat_version);
                people.push(person);
            }
        }
        let announced = woken.announced.min(woken.committed);
        let coins = if announced == woken.committed { woken.coins } else { Coins(checkpoint.coins) };
        let history_before = Timestamp(now.0 - HISTORY_MS);
        Self {
            presence: Presence::absent(&people, now, now.plus_ms(ms(settings.grace_ms))),
            memory: Memory::restore(&checkpoint.memory, &settings),
            gifts: GiftNumbers { announced, committed: woken.committed, coins, history_before },
            card: woken.card,
            capacity: woken.capacity.unwrap_or(settings.capacity),
            epoch: woken.epoch,
            seq: 0,
            seats,
            chat: super::chat::Chat::default(),
            kicks,
            last_fact: woken.last_fact,
            settled_at,
            revision: 0,
            settings,
        }
    }

    /// What is to be kept for the next epoch.
    pub fn checkpoint(&self) -> Checkpoint {
        let sitting = self.seats.all().iter().filter_map(|seat| Some((seat.no, seat.user.clone()?)));
        Checkpoint {
            seats: sitting.collect(),
            seat_version: self.seats.version(),
            coins: self.gifts.coins.0,
            memory: self.memory.pack(),
        }
    }

    /// What the room is to this user.
    pub fn own_place(&self, user: UserId) -> OwnPlace {
        OwnPlace { role: self.role(user).shown(), seat: self.seats.of(user).map(|seat| seat.no) }
    }

    /// The room as this user sees it, at the last event.
    pub fn snapshot(&self, user: UserId) -> Snapshot {
        Snapshot {
            room: self.card.clone(),
            own: self.own_place(user),
            seats: self.seats.all().to_vec(),
            seat_version: self.seats.version(),
            count: self.presence.told_count(),
            people: self.presence.page(None).0,
            chat: self.chat.lines().cloned().collect(),
            coins: self.gifts.coins,
        }
    }

    /// Where a client stands that joins now, having brought this: with all that it missed as events,
    /// or with a snapshot.
    ///
    /// With a snapshot it stands at the last committed gift, and those above its own are read from the
    /// table: what is committed and not announced yet may turn out to be history, which is never announced.
    pub fn position(&self, brought: Option<&Position>, recovered: bool) -> Position {
        let numbers = self.gifts;
        // An own number above the announced one is kept: the cursor is stored lazily, so a new owner
        // may announce again what the client has shown. Above the committed one there is nothing.
        let gift_no = match brought.and_then(|position| position.gift_no) {
            Some(shown) if recovered => shown.min(numbers.committed).max(numbers.announced),
            _ => numbers.committed,
        };
        Position { epoch: self.epoch, seq: self.seq, gift_no: Some(gift_no) }
    }

    pub(super) fn people_page(&self, after: Option<UserId>) -> PeoplePage {
        let (people, more) = self.presence.page(after);
        PeoplePage { people, count: self.presence.told_count(), more }
    }

    pub(super) fn seat_map(&self) -> SeatMap {
        SeatMap { seats: self.seats.all().to_vec(), version: self.seats.version() }
    }

    pub(super) fn sight(&self) -> Sight {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let seated = self.seats.all().iter().filter(|seat| seat.user.is_some()).count();
        Sight { card: self.card.clone(), people: count(self.presence.len()), seated: count(seated) }
    }

    /// Everybody is told to join again.
    pub fn resync(&self) -> Vec<Removal> {
        let users = self.presence.participants().map(|participant| participant.person.id);
        users.filter_map(|user| self.removal(user, RemovalCause::Resync, None, "")).collect()
    }
}
