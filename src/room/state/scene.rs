//! The sequenced part of a room's state: what its events decide, and nothing else. It is what the timeline keeps as a
//! keyframe, and from which the events behind it make the room of a later moment again.

use std::sync::Arc;

use parlor_protocol::room::{ChatLine, ChatRules, OwnershipOffer, Person, RoomCard, Seat};
use parlor_protocol::seating::{Hand, Invitation, SeatMode};
use parlor_protocol::{Coins, Event, UserId};
use serde::{Deserialize, Serialize};

use super::gifts::GiftNumbers;
use super::hands::Hands;
use super::invitations::Invitations;
use super::presence::{Participant, Presence};
use super::quiet::Quiet;
use super::seats::Seats;
use super::terms::Terms;
use super::{Change, RoomState};
use crate::kit::clock::Timestamp;
use crate::room::request::{Present, SceneNow};
use crate::room::settings::Settings;
use crate::room::words::NoWords;

/// A room as its events tell it. It is stored as JSON, and a later program must still read it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scene {
    /// The room's record.
    pub room: RoomCard,
    /// The room's admins, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<UserId>,
    /// All seats, by number.
    pub seats: Vec<Seat>,
    /// The seat map's version.
    pub seat_version: u64,
    /// How users get a seat.
    #[serde(default)]
    pub seat_mode: SeatMode,
    /// The raised hands, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hands: Vec<Hand>,
    /// The open invitations, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invitations: Vec<Invitation>,
    /// The open offer of the room's ownership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OwnershipOffer>,
    /// The users who were kicked, and until when, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kicked: Vec<(UserId, i64)>,
    /// The users who were banned, and until when; absent: until the ban is lifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub banned: Vec<(UserId, Option<i64>)>,
    /// The users who were muted in the chat, and until when; absent: until that is lifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub muted: Vec<(UserId, Option<i64>)>,
    /// The rules of the chat.
    #[serde(default)]
    pub chat_rules: ChatRules,
    /// The people whom the events named who are in the room. A large room only counts its people, so these are then those of
    /// the time before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Person>,
    /// The last lines of chat, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chat: Vec<ChatLine>,
    /// All coins that were ever spent in the room.
    pub coins: Coins,
    /// The number of the last announced gift.
    pub gift_no: i64,
}

impl RoomState {
    /// What the events up to now have decided.
    pub fn scene(&self) -> Scene {
        let until = |until: Option<Timestamp>| until.map(|until| until.0);
        Scene {
            room: (*self.card).clone(),
            admins: self.admins.iter().copied().collect(),
            seats: self.seats.all().to_vec(),
            seat_version: self.seats.version(),
            seat_mode: self.seat_mode,
            hands: self.hands.all().to_vec(),
            invitations: self.invitations.all().to_vec(),
            offer: self.offer.as_deref().cloned(),
            kicked: self.kicks.iter().map(|(user, until)| (*user, until.0)).collect(),
            banned: self.bans.iter().map(|(user, at)| (user, until(at))).collect(),
            muted: self.quiet.mutes.iter().map(|(user, at)| (user, until(at))).collect(),
            chat_rules: self.quiet.rules,
            people: self.presence.told().cloned().collect(),
            // Reactions are no events.
            chat: self.chat.lines().map(|line| ChatLine { reactions: Vec::new(), ..line.clone() }).collect(),
            coins: self.gifts.coins,
            gift_no: self.gifts.announced,
        }
    }

    /// The room of this scene, after the event of this number. It serves for nothing but to replay the events behind it.
    pub fn of_scene(scene: Scene, settings: Arc<Settings>, epoch: i64, seq: u64) -> Self {
        let (mut seats, mut hands, mut invitations) =
            (Seats::new(0, &[], &[], scene.seat_version), Hands::default(), Invitations::default());
        seats.lay_out(&scene.seats, scene.seat_version);
        scene.hands.iter().for_each(|hand| hands.raise(hand));
        scene.invitations.iter().for_each(|invitation| invitations.send(invitation));
        let mut chat = super::chat::Chat::default();
        scene.chat.into_iter().for_each(|line| chat.push(line));
        let mut quiet = Quiet::woken(scene.chat_rules, &[], &[], Timestamp(0));
        quiet.mutes = Terms::of(scene.muted);
        Self {
            held: std::collections::BTreeMap::new(),
            presence: Presence::shown(&scene.people),
            memory: super::memory::Memory::default(),
            gifts: GiftNumbers { announced: scene.gift_no, committed: scene.gift_no, coins: scene.coins },
            admins: scene.admins.into_iter().collect(),
            capacity: settings.capacity,
            card: Box::new(scene.room),
            epoch,
            seq,
            seats,
            seat_mode: scene.seat_mode,
            hands,
            invitations,
            offer: scene.offer.map(Box::new),
            chat,
            images: super::images::Images::default(),
            signals: super::signals::Signals::default(),
            kicks: scene.kicked.into_iter().map(|(user, until)| (user, Timestamp(until))).collect(),
            bans: Terms::of(scene.banned),
            words: Arc::new(NoWords),
            quiet,
            last_fact: 0,
            settled_at: Timestamp(0),
            revision: 0,
            settings,
        }
    }

    /// Makes the change of the event of this number again. Events before it may be lost.
    pub fn replay(&mut self, seq: u64, event: Event, at: Timestamp) {
        self.seq = seq.saturating_sub(1);
        self.evolve(&Change::Event(event), at);
    }

    pub(super) fn scene_now(&self) -> SceneNow {
        let only_counts = self.presence.is_counting();
        SceneNow { epoch: self.epoch, seq: self.seq, scene: self.scene(), only_counts }
    }

    /// So many of those who are in the room, by id, above this one.
    pub(super) fn roster(&self, after: Option<UserId>, limit: usize) -> Vec<Present> {
        let above = self.presence.participants().skip_while(|there| Some(there.person.id) <= after);
        let present = |there: &Participant| Present {
            user: there.person.clone(),
            seat: self.seats.of(there.person.id).map(|seat| seat.no),
            away: there.connections.is_empty(),
        };
        above.take(limit).map(present).collect()
    }

    /// Whether this user is in the room, with a socket or awaited.
    pub fn has(&self, user: UserId) -> bool {
        self.presence.person(user).is_some()
    }

    /// Everybody who is in the room, with a socket or awaited, by id.
    pub fn everybody(&self) -> impl Iterator<Item = &Person> {
        self.presence.participants().map(|participant| &participant.person)
    }
}
