//! The whole room: as a snapshot for a client, as a checkpoint, and restored from a checkpoint.

use std::sync::Arc;

use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::PeoplePage;
use parlor_protocol::room::{ChatRules, Member, OwnPlace, Person, Position, RoomCard, RoomRole, Seat, Snapshot};
use parlor_protocol::seating::SeatMode;
use parlor_protocol::{Coins, UserId, limit};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::gifts::GiftNumbers;
use super::hands::{Hands, KeptHands};
use super::images::{Images, KeptImage};
use super::invitations::{Invitations, KeptInvitation};
use super::memory::{Memory, PackedMemory};
use super::ownership::KeptOffer;
use super::presence::Presence;
use super::quiet::Quiet;
use super::rights::{self, Act};
use super::seats::Seats;
use super::terms::Terms;
use super::{Removal, RoomState};
use crate::kit::clock::Timestamp;
use crate::room::request::{SeatMap, Sight};
use crate::room::settings::{Settings, ms};
use crate::room::words::NoWords;

/// More changes of the seat map than a room can make between two checkpoints.
const UNSEEN_VERSIONS: u64 = 10_000;

/// What a checkpoint keeps beside its position. It is stored as JSON, except the memory.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The taken seats: number and user.
    pub seats: Vec<(u8, Person)>,
    /// The seat map's version.
    pub seat_version: u64,
    /// The numbers of the seats whose users have muted themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_muted: Vec<u8>,
    /// The sessions that have their users' seats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<(UserId, Uuid)>,
    /// The hands.
    #[serde(default, skip_serializing_if = "KeptHands::is_empty")]
    pub hands: KeptHands,
    /// The open offer of the room's ownership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<KeptOffer>,
    /// The open invitations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invitations: Vec<KeptInvitation>,
    /// Who wrote so lately that slow mode makes them wait, oldest first, with the milliseconds since their last line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoken: Vec<(UserId, i64)>,
    /// The numbers of the taken seats that were locked when this was made: whoever sits there stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_locked: Vec<u8>,
    /// The images of the last lines that have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<KeptImage>,
    /// All coins that were spent in the room, up to and with the last announced gift. A waking room reads them from the
    /// ledger's totals; they are kept for older programs.
    pub coins: i64,
    /// The first answers of operations, which have a column of their own.
    #[serde(skip)]
    pub memory: PackedMemory,
}

/// What a waking room reads from the store after its claim.
#[derive(Clone, PartialEq, Debug)]
pub struct Woken {
    /// The room's id, name, owner and number of seats.
    pub card: RoomCard,
    /// The room's own capacity, if it has one.
    pub capacity: Option<usize>,
    /// The epoch of the claim.
    pub epoch: i64,
    /// The numbers of the locked seats.
    pub locks: Vec<u8>,
    /// The numbers of the muted seats.
    pub seat_mutes: Vec<u8>,
    /// How users get a seat.
    pub seat_mode: SeatMode,
    /// The users who may not join, and for how many milliseconds from now on.
    pub kicks: Vec<(UserId, i64)>,
    /// The room's admins.
    pub admins: Vec<UserId>,
    /// The users who are banned, and for how many milliseconds from now on; absent: until the ban is lifted.
    pub bans: Vec<(UserId, Option<i64>)>,
    /// The users who are muted in the chat, and for how many milliseconds from now on; absent: until that is lifted.
    pub mutes: Vec<(UserId, Option<i64>)>,
    /// The rules of the chat.
    pub chat_rules: ChatRules,
    /// The id of the last hard fact. All facts up to it are included in what was read.
    pub last_fact: i64,
    /// The number of the last committed gift.
    pub committed: i64,
    /// All coins that were spent in the room, up to and with the last committed gift.
    pub coins: Coins,
    /// The last checkpoint of an earlier epoch, if there is one.
    pub checkpoint: Option<Checkpoint>,
}

impl RoomState {
    /// The state of a room that wakes at `now`: the checkpoint, corrected by the hard facts. Users who had a seat keep
    /// it through the grace period, absent.
    pub fn wake(woken: Woken, settings: impl Into<Arc<Settings>>, now: Timestamp) -> Self {
        let settings = settings.into();
        // Users without a seat are in no checkpoint. Until they have had time to come back, nobody counts as unknown.
        let settled_at = woken.checkpoint.as_ref().map_or(now, |_| now.plus_ms(ms(settings.grace_ms)));
        let checkpoint = woken.checkpoint.unwrap_or_default();
        // None lasts longer than the longest, even if the database's clock was set back since.
        let longest = ms(settings.kick_ms.max(limit::KICK_MAX_MS));
        let bans = Terms::woken(&woken.bans, now);
        let kicks: std::collections::BTreeMap<_, _> =
            woken.kicks.into_iter().map(|(user, left_ms)| (user, now.plus_ms(left_ms.min(longest)))).collect();
        // A version that a client has seen must never stand for another map. So the versions are skipped that the room
        // may have reached after its last checkpoint.
        let seat_version = checkpoint.seat_version + UNSEEN_VERSIONS;
        let mut seats = Seats::new(woken.card.seats, &woken.locks, &woken.seat_mutes, seat_version);
        let mut people = Vec::new();
        // Whoever was there when the room was closed was put out, though a checkpoint may not say so yet. So were those who were
        // kicked or banned.
        let is_closed = woken.card.closed.is_some();
        let may_join = |user: UserId| !is_closed && !kicks.contains_key(&user) && bans.term(user, now).is_none();
        for (no, person) in checkpoint.seats {
            let open = |seat: &&Seat| !seat.locked || checkpoint.on_locked.contains(&no);
            let free = seats.seat(no).ok().filter(open).filter(|seat| seat.user.is_none()).cloned();
            if let Some(mut seat) = free
                && seats.of(person.id).is_none()
                && may_join(person.id)
            {
                seat.user = Some(person.clone());
                seat.self_muted = checkpoint.self_muted.contains(&no);
                seats.assign(&[seat], seat_version);
                people.push(person);
            }
        }
        let held = checkpoint.held.into_iter().filter(|(user, _)| seats.of(*user).is_some()).collect();
        let (hand_ms, invitation_ms) = (ms(settings.hand_ms), ms(settings.invitation_ms));
        let waits = |user: UserId| seats.of(user).is_none() && may_join(user);
        let hands = Hands::restore(checkpoint.hands, now, hand_ms, waits);
        let invitations = Invitations::restore(checkpoint.invitations, now, invitation_ms, waits);
        let owner = woken.card.owner.id;
        let offer = checkpoint.offer.and_then(|offer| offer.restore(owner, now, ms(settings.offer_ms)));
        let offer = offer.filter(|offer| may_join(offer.user.id));
        // Whoever waits for a seat or has an offer is awaited, like those who have a seat.
        let waiting = hands.all().iter().map(|hand| &hand.user).chain(offer.iter().map(|offer| &offer.user));
        for person in waiting.chain(invitations.all().iter().map(|invitation| &invitation.user)) {
            if !people.iter().any(|known: &Person| known.id == person.id) {
                people.push(person.clone());
            }
        }
        // What was committed before the room woke is history, and no clock says how old it is: everybody joins this epoch
        // anew, and the answer to a join brings every gift above the client's number, from the table.
        let (announced, committed, coins) = (woken.committed, woken.committed, woken.coins);
        Self {
            presence: Presence::absent(&people, now, now.plus_ms(ms(settings.grace_ms))),
            memory: Memory::restore(&checkpoint.memory, now, &settings),
            gifts: GiftNumbers { announced, committed, coins },
            admins: super::admins::admins_of(woken.admins, woken.card.owner.id, |user| bans.term(user, now).is_some()),
            card: Box::new(RoomCard {
                capacity: woken.capacity.map(|capacity| u32::try_from(capacity).unwrap_or(u32::MAX)),
                ..woken.card
            }),
            capacity: woken.capacity.unwrap_or(settings.capacity),
            epoch: woken.epoch,
            seq: 0,
            seats,
            held,
            seat_mode: woken.seat_mode,
            hands,
            invitations,
            offer: offer.map(Box::new),
            chat: super::chat::Chat::default(),
            images: Images::restore(&checkpoint.images, now),
            signals: super::signals::Signals::default(),
            kicks,
            bans,
            words: std::sync::Arc::new(NoWords),
            quiet: Quiet::woken(woken.chat_rules, &woken.mutes, &checkpoint.spoken, now),
            last_fact: woken.last_fact,
            settled_at,
            revision: 0,
            settings,
        }
    }

    /// The checkpoint of the state as it is now.
    pub fn checkpoint(&self, now: Timestamp) -> Checkpoint {
        let sitting = self.seats.all().iter().filter_map(|seat| Some((seat.no, seat.user.clone()?)));
        Checkpoint {
            seats: sitting.collect(),
            seat_version: self.seats.version(),
            self_muted: self.seats.all().iter().filter(|seat| seat.self_muted).map(|seat| seat.no).collect(),
            on_locked: self.seats.all().iter().filter(|s| s.locked && s.user.is_some()).map(|s| s.no).collect(),
            spoken: self.quiet.kept(now),
            held: self.held.iter().map(|(user, session)| (*user, *session)).collect(),
            hands: self.hands.kept(now),
            invitations: self.invitations.kept(now),
            offer: self.offer.as_ref().map(|offer| KeptOffer::of(offer, self.card.owner.id, now)),
            images: self.images.kept(now),
            coins: self.gifts.coins.0,
            memory: self.memory.pack(now),
        }
    }

    /// The user's own role, seat, hand and invitation.
    pub fn own_place(&self, user: UserId) -> OwnPlace {
        let mute = self.quiet.mutes.put_for(user);
        OwnPlace {
            role: self.role(user).shown(),
            seat: self.seats.of(user).map(|seat| seat.no),
            chat_muted: mute.is_some(),
            chat_muted_until: mute.flatten().map(|until| until.0),
            hand: self.hands.of(user).cloned(),
            invitation: self.invitations.of(user).cloned(),
        }
    }

    /// The room as this user sees it, as of the last event.
    pub fn snapshot(&self, user: UserId) -> Snapshot {
        Snapshot {
            room: (*self.card).clone(),
            own: self.own_place(user),
            admins: self.admins.iter().copied().collect(),
            seats: self.seats.all().to_vec(),
            seat_version: self.seats.version(),
            offer: self.offer.as_deref().cloned(),
            seat_mode: Some(self.seat_mode),
            hands: if rights::may(self.role(user), Act::SettleHands) { self.hands.all().to_vec() } else { Vec::new() },
            count: self.presence.told_count(),
            people: self.presence.page(None).0,
            chat: self.chat.lines().cloned().collect(),
            chat_rules: Some(self.quiet.rules).filter(|rules| !rules.are_none()),
            coins: self.gifts.coins,
        }
    }

    /// The position of a client that joins now and brought this one. `recovered` says whether it gets every missed
    /// event, or else a snapshot.
    ///
    /// With a snapshot its `gift_no` is that of the last committed gift, and the gifts above the one that it brought
    /// are read from the table.
    pub fn position(&self, brought: Option<&Position>, recovered: bool) -> Position {
        let numbers = self.gifts;
        // If the client's number is above the last announced one, it keeps it: gifts that are committed and not announced
        // yet were read to it from the table. Its number is never above the last committed one.
        let gift_no = match brought.and_then(|position| position.gift_no) {
            Some(shown) if recovered => shown.min(numbers.committed).max(numbers.announced),
            _ => numbers.committed,
        };
        Position { epoch: self.epoch, seq: self.seq, gift_no: Some(gift_no) }
    }

    pub(super) fn people_page(&self, after: Option<UserId>, search: &str) -> PeoplePage {
        let (people, more) =
            if search.is_empty() { self.presence.page(after) } else { self.presence.found(after, search) };
        let with_role = |person: Person| {
            let role = Some(self.role(person.id).shown()).filter(|role| *role != RoomRole::Listener);
            Member { person, role }
        };
        PeoplePage { people: people.into_iter().map(with_role).collect(), count: self.presence.told_count(), more }
    }

    pub(super) fn seat_map(&self) -> SeatMap {
        SeatMap { seats: self.seats.all().to_vec(), version: self.seats.version() }
    }

    /// The number of people in the room at this moment.
    pub fn people(&self) -> u32 {
        count(self.presence.len())
    }

    /// The seats, and a number that rises with each change of what they show.
    pub fn seats(&self) -> (&[Seat], u64) {
        (self.seats.all(), self.seats.looks())
    }

    pub(super) fn sight(&self) -> Sight {
        let seated = self.seats.all().iter().filter(|seat| seat.user.is_some()).count();
        Sight { card: (*self.card).clone(), people: self.people(), seated: count(seated) }
    }

    /// The removals by which everybody is told to join again.
    pub fn resync(&self) -> Vec<Removal> {
        let users = self.presence.participants().map(|participant| participant.person.id);
        users.filter_map(|user| self.removal(user, RemovalCause::Resync, None, "")).collect()
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
