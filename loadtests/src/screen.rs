//! What one person sees of a room: the rules of `docs/protocol.md`, and a record of every breach.
//! Pure: frames in, a picture out.

use std::collections::{BTreeMap, HashSet};

use parlor_protocol::envelope::EventFrame;
use parlor_protocol::event::Event;
use parlor_protocol::reply::{GiftPage, Joined};
use parlor_protocol::room::{GiftLine, Person, Position, Seat};
use parlor_protocol::{Coins, Op, RoomId, UserId};

/// One person's picture of one room, over all their connections.
#[derive(Debug)]
pub struct Screen {
    /// Which room.
    pub room: RoomId,
    /// What is sent with the next join.
    pub position: Option<Position>,
    /// Every gift that was shown, in the order of showing, as (gift_no, receipt).
    pub gifts: Vec<(i64, i64)>,
    /// Every chat line, by operation once.
    pub chat: Vec<(Op, String)>,
    /// The seat map.
    pub seats: BTreeMap<u8, Seat>,
    /// Its version.
    pub seat_version: u64,
    /// Who is there, as far as people are named.
    pub people: BTreeMap<UserId, Person>,
    /// How many are there.
    pub count: u32,
    /// Coins spent in the room.
    pub coins: Coins,
    /// How often a join was answered with the missed events.
    pub recovered: u32,
    /// How often with a snapshot.
    pub snapshots: u32,
    /// Whatever a client must never see.
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
            people: BTreeMap::new(),
            count: 0,
            coins: Coins(0),
            recovered: 0,
            snapshots: 0,
            breaches: Vec::new(),
            chat_ops: HashSet::new(),
        }
    }

    /// The reply to a join; true when the rest of the gifts has to be asked for with `gift.list`.
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

    /// The answer to `gift.list`; true when there are more.
    pub fn page(&mut self, page: &GiftPage) -> bool {
        self.show(&page.gifts);
        page.more
    }

    /// The highest gift that was shown.
    pub fn gift_no(&self) -> i64 {
        self.position.and_then(|position| position.gift_no).unwrap_or(0)
    }

    /// An event on the live socket, or a missed one.
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
            Event::ParticipantKicked { .. } => {}
        }
    }

    /// The room as it is now, without how it came to be so: what two screens that show the same agree in.
    pub fn state(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let seats: Vec<_> = self.seats.values().cloned().collect();
        let people: Vec<_> = self.people.values().cloned().collect();
        (self.position, seats, self.seat_version, people, self.count, self.coins, self.gifts.clone())
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
