//! The clients of the test, which replay events over a snapshot.

use std::collections::BTreeMap;

use parlor_protocol::room::{ChatLine, Snapshot};
use parlor_protocol::seating::Hand;

use super::super::*;

/// A client, which takes one snapshot and then follows the events only.
pub(super) struct Client {
    pub(super) who: i64,
    pub(super) picture: Snapshot,
    pub(super) people: BTreeMap<UserId, Person>,
    /// The raised hands, if the user was shown them.
    pub(super) hands: Option<Vec<Hand>>,
}

impl Client {
    /// Takes the last signal about reactions, if the line is shown.
    pub(super) fn see(&mut self, signal: &Signal) {
        let Signal::ChatReactions { lines } = signal else { return };
        for reacted in lines {
            let shown = self.picture.chat.iter_mut();
            let shown = shown.filter(|line| (line.epoch, line.seq) == (Some(reacted.epoch), Some(reacted.seq)));
            shown.filter(|line| !line.recalled).for_each(|line| line.reactions.clone_from(&reacted.counts));
        }
    }

    pub(super) fn hear(&mut self, event: &Event, at: i64, number: (i64, u64)) {
        match event {
            Event::ParticipantsChanged { joined, left, count } => {
                self.people.extend(joined.iter().map(|person| (person.id, person.clone())));
                left.iter().for_each(|user| drop(self.people.remove(user)));
                self.picture.count = *count;
            }
            Event::PersonChanged { person } => {
                self.people.entry(person.id).and_modify(|known| known.clone_from(person));
                let hands = self.hands.iter_mut().flatten().map(|hand| &mut hand.user);
                hands.filter(|known| known.id == person.id).for_each(|known| known.clone_from(person));
                let on_seats = self.picture.seats.iter_mut().filter_map(|seat| seat.user.as_mut());
                let offered = self.picture.offer.iter_mut().map(|offer| &mut offer.user);
                let known =
                    on_seats.chain(offered).chain([&mut self.picture.room.owner]).filter(|known| known.id == person.id);
                known.for_each(|known| known.clone_from(person));
            }
            Event::RoomChanged { room, .. } => self.picture.room = (**room).clone(),
            Event::SeatsChanged { seats, version, .. } => {
                seats.iter().for_each(|seat| self.picture.seats[usize::from(seat.no)] = seat.clone());
                self.picture.seat_version = *version;
            }
            Event::ChatPosted { from, op, text, mentions, reply_to, image, recalled } => {
                self.picture.chat.push(ChatLine {
                    at,
                    from: from.clone(),
                    op: *op,
                    text: text.clone(),
                    epoch: Some(number.0),
                    seq: Some(number.1),
                    mentions: mentions.clone(),
                    reply_to: *reply_to,
                    image: *image,
                    reactions: Vec::new(),
                    recalled: *recalled,
                });
                if self.picture.chat.len() > limit::CHAT_LINES {
                    self.picture.chat.remove(0);
                }
            }
            Event::ChatRecalled { epoch, seq, .. } => {
                let lines = self.picture.chat.iter_mut();
                let known = lines.filter(|line| (line.epoch, line.seq) == (Some(*epoch), Some(*seq)));
                known.for_each(ChatLine::empty);
            }
            Event::OwnershipChanged { owner, offer, .. } => {
                self.picture.room.owner.clone_from(owner);
                self.picture.offer.clone_from(offer);
            }
            Event::SeatModeChanged { mode, .. } => self.picture.seat_mode = Some(*mode),
            Event::LayoutChanged { seats, version, .. } => {
                self.picture.room.seats = u8::try_from(seats.len()).expect("few");
                self.picture.seats.clone_from(seats);
                self.picture.seat_version = *version;
            }
            Event::HandRaised { hand } => {
                if let Some(hands) = &mut self.hands {
                    hands.retain(|known| known.user.id != hand.user.id);
                    hands.push(hand.clone());
                }
            }
            Event::HandSettled { user, .. } => {
                self.hands.iter_mut().for_each(|hands| hands.retain(|known| known.user.id != *user));
            }
            Event::InvitationSent { .. } | Event::InvitationEnded { .. } => {}
            Event::AdminsChanged { admins, .. } => self.picture.admins.clone_from(admins),
            Event::ChatRulesChanged { rules, .. } => {
                self.picture.chat_rules = Some(*rules).filter(|rules| !rules.are_none())
            }
            Event::ParticipantKicked { .. }
            | Event::ParticipantBanned { .. }
            | Event::ParticipantUnbanned { .. }
            | Event::ChatMuted { .. }
            | Event::ChatUnmuted { .. } => {}
            Event::GiftsSent { coins, .. } => self.picture.coins = *coins,
        }
    }

    /// Checks that the client's picture is that of the room.
    pub(super) fn agrees(&self, state: &RoomState) {
        let now = state.snapshot(user(self.who));
        assert_eq!(self.picture.room, now.room);
        assert_eq!((&self.picture.admins, &self.picture.offer), (&now.admins, &now.offer));
        assert_eq!(self.picture.seats, now.seats);
        assert_eq!((self.picture.seat_version, self.picture.seat_mode), (now.seat_version, now.seat_mode));
        if let Some(hands) = &self.hands {
            assert_eq!(hands, state.hands.all());
        }
        // Reactions are told a moment later than snapshots show them.
        let plain = |lines: &[ChatLine]| -> Vec<ChatLine> {
            lines.iter().map(|line| ChatLine { reactions: Vec::new(), ..line.clone() }).collect()
        };
        assert_eq!(plain(&self.picture.chat), plain(&now.chat));
        if !state.signals.has_reactions_to_tell() {
            assert_eq!(self.picture.chat, now.chat);
        }
        assert_eq!(self.picture.chat_rules, now.chat_rules);
        assert_eq!(self.picture.coins, now.coins);
        assert_eq!(self.picture.count, now.count);
        // While people are only counted, the client's list stays as it was.
        if !state.presence.is_counting() {
            assert_eq!(self.people.values().cloned().collect::<Vec<_>>(), now.people);
        }
    }
}
