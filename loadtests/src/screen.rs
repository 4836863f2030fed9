//! One user's picture of a room by the rules of `docs/protocol.md`, and a record of every breach of these rules. It
//! does no I/O: it takes frames and keeps the picture.

use std::collections::{BTreeMap, HashSet};

use parlor_protocol::envelope::EventFrame;
use parlor_protocol::event::Event;
use parlor_protocol::reply::{GiftPage, Joined};
use parlor_protocol::room::{GiftLine, Person, Position, Seat};
use parlor_protocol::seating::SeatMode;
use parlor_protocol::{Coins, Op, RoomId, UserId};

/// One user's picture of one room, over all their connections.
#[derive(Debug)]
pub struct Screen {
    /// The room that it shows.
    pub room: RoomId,
    /// The position that the next join sends.
    pub position: Option<Position>,
    /// Every gift that was shown, in the order of showing, as (gift_no, receipt).
    pub gifts: Vec<(i64, i64)>,
    /// Every chat line with its operation, each operation once.
    pub chat: Vec<(Op, String)>,
    /// The seat map.
    pub seats: BTreeMap<u8, Seat>,
    /// The seat map's version.
    pub seat_version: u64,
    /// The room's owner.
    pub owner: Option<UserId>,
    /// How users get a seat.
    pub seat_mode: SeatMode,
    /// The room's admins.
    pub admins: Vec<UserId>,
    /// The people in the room who were named.
    pub people: BTreeMap<UserId, Person>,
    /// How many people are in the room.
    pub count: u32,
    /// Coins spent in the room.
    pub coins: Coins,
    /// How many joins were answered with the missed events.
    pub recovered: u32,
    /// How many joins were answered with a snapshot.
    pub snapshots: u32,
    /// What a client must never see, a sentence each.
    pub breaches: Vec<String>,
    chat_ops: HashSet<Op>,
}

impl Screen {
    /// A screen that has seen nothing yet.
    pub fn new(room: RoomId) -> Self {
        Self {
            room,
            position: None,
            gifts: Vec::new(),
            chat: Vec::new(),
            seats: BTreeMap::new(),
            seat_version: 0,
            owner: None,
            seat_mode: SeatMode::Free,
            admins: Vec::new(),
            people: BTreeMap::new(),
            count: 0,
            coins: Coins(0),
            recovered: 0,
            snapshots: 0,
            breaches: Vec::new(),
            chat_ops: HashSet::new(),
        }
    }

    /// Takes the reply to a join. Returns whether the rest of the gifts must be requested with `gift.list`.
    pub fn joined(&mut self, joined: &Joined) -> bool {
        let first = self.position.is_none();
        if joined.recovered {
            self.recovered += 1;
            for event in &joined.events {
                match serde_json::from_str(event.get()) {
                    Ok(event) => self.event(&event),
                    Err(error) => self.breaches.push(format!("an event that cannot be read: {error}: {event}")),
                }
            }
            let position = self.position.unwrap_or_default();
            if (position.epoch, position.seq) != (joined.position.epoch, joined.position.seq) {
                self.breaches.push(format!("recovered up to {position:?}, said to be at {:?}", joined.position));
            }
        } else {
            self.snapshots += 1;
            let Some(snapshot) = &joined.snapshot else {
                self.breaches.push("neither recovered nor a snapshot".into());
                return false;
            };
            if self.position.is_some_and(|position| position.epoch > joined.position.epoch) {
                self.breaches.push(format!("the epoch fell from {:?} to {:?}", self.position, joined.position));
            }
            self.seats = snapshot.seats.iter().map(|seat| (seat.no, seat.clone())).collect();
            self.seat_version = snapshot.seat_version;
            self.owner = Some(snapshot.room.owner.id);
            self.seat_mode = snapshot.seat_mode.unwrap_or_default();
            self.admins.clone_from(&snapshot.admins);
            self.people = snapshot.people.iter().map(|person| (person.id, person.clone())).collect();
            self.count = snapshot.count;
            self.coins = snapshot.coins;
            for line in &snapshot.chat {
                self.chat_line(line.op, &line.text);
            }
            let own = self.position.and_then(|position| position.gift_no);
            self.position =
                Some(Position { gift_no: if first { joined.position.gift_no } else { own }, ..joined.position });
        }
        self.show(&joined.gifts);
        joined.more_gifts
    }

    /// Takes the reply to `gift.list`. Returns whether there are more gifts.
    pub fn page(&mut self, page: &GiftPage) -> bool {
        self.show(&page.gifts);
        page.more
    }

    /// The highest gift that was shown.
    pub fn gift_no(&self) -> i64 {
        self.position.and_then(|position| position.gift_no).unwrap_or(0)
    }

    /// Takes an event, from the socket or from the reply to a join.
    pub fn event(&mut self, frame: &EventFrame) {
        let Some(position) = &mut self.position else {
            self.breaches.push(format!("an event before the join's reply: {frame:?}"));
            return;
        };
        if frame.room != self.room || frame.epoch != position.epoch || frame.seq != position.seq + 1 {
            self.breaches.push(format!("at {position:?} came {frame:?}"));
        }
        position.seq = frame.seq;
        match &frame.event {
            Event::GiftsSent { gifts, coins } => {
                self.coins = *coins;
                self.show(gifts);
            }
            Event::ChatPosted { op, text, .. } => self.chat_line(*op, text),
            Event::PersonChanged { person } => {
                for user in self.seats.values_mut().filter_map(|seat| seat.user.as_mut()) {
                    if user.id == person.id {
                        user.clone_from(person);
                    }
                }
            }
            Event::SeatsChanged { seats, version, .. } => {
                if *version <= self.seat_version {
                    self.breaches.push(format!("the seat map went from {} to {version}", self.seat_version));
                }
                self.seat_version = *version;
                for seat in seats {
                    self.seats.insert(seat.no, seat.clone());
                }
            }
            Event::ParticipantsChanged { joined, left, count } => {
                self.people.extend(joined.iter().map(|person| (person.id, person.clone())));
                left.iter().for_each(|user| drop(self.people.remove(user)));
                self.count = *count;
            }
            Event::AdminsChanged { admins, .. } => self.admins.clone_from(admins),
            Event::LayoutChanged { seats, version, .. } => {
                self.seats = seats.iter().map(|seat| (seat.no, seat.clone())).collect();
                self.seat_version = *version;
            }
            Event::OwnershipChanged { owner, .. } => self.owner = Some(owner.id),
            Event::SeatModeChanged { mode, .. } => self.seat_mode = *mode,
            Event::HandRaised { .. }
            | Event::HandSettled { .. }
            | Event::InvitationSent { .. }
            | Event::InvitationEnded { .. }
            | Event::ParticipantKicked { .. }
            | Event::ParticipantBanned { .. }
            | Event::ParticipantUnbanned { .. }
            | Event::ChatRecalled { .. }
            | Event::ChatMuted { .. }
            | Event::ChatUnmuted { .. }
            | Event::RoomChanged { .. }
            | Event::ChatRulesChanged { .. } => {}
        }
    }

    /// The present state of the room without its history: two screens that show the same are equal in it.
    pub fn state(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let seats: Vec<_> = self.seats.values().cloned().collect();
        let people: Vec<_> = self.people.values().cloned().collect();
        let map = (seats, self.seat_version, self.seat_mode);
        let roles = (self.owner, self.admins.clone());
        (self.position, map, roles, people, self.count, self.coins, self.gifts.clone())
    }

    fn show(&mut self, gifts: &[GiftLine]) {
        for gift in gifts {
            let own = self.gift_no();
            if gift.gift_no <= own {
                continue;
            }
            if gift.gift_no != own + 1 {
                self.breaches.push(format!("gift {} came above {own}", gift.gift_no));
            }
            self.gifts.push((gift.gift_no, gift.receipt));
            if let Some(position) = &mut self.position {
                position.gift_no = Some(gift.gift_no);
            }
        }
    }

    fn chat_line(&mut self, op: Op, text: &str) {
        if self.chat_ops.insert(op) {
            self.chat.push((op, text.to_owned()));
        }
    }
}
