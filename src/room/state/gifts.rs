//! Gifts as the room sees them: who receives a gift, and which committed gifts have been announced.

use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Coins, ErrorBody, ErrorCode, Event};

use super::{Change, Decision, Outcome, RoomState};
use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;
use crate::room::port::{CommittedGifts, GiftOrder};
use crate::room::request::{Answer, Caller};

/// The most bytes of one event of gifts. Gifts that do not fit go into the next event.
const EVENT_BYTES: usize = 16 * 1024;

/// Up to which number the room's gifts are announced and committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct GiftNumbers {
    /// Every gift up to this number has been announced, or was committed before the room woke. The latter are history:
    /// whoever joins gets them from the table.
    pub announced: i64,
    /// Every gift up to this number is known to be committed.
    pub committed: i64,
    /// All coins that were spent in the room, up to and with the last announced gift.
    pub coins: Coins,
}

impl RoomState {
    /// Makes the order for the ledger, with the receivers or the refusal. A refusal goes to the ledger too.
    ///
    /// # Errors
    /// `operation_conflict`, if the room remembers the operation for something else.
    pub(super) fn decide_gift(
        &self,
        caller: &Caller,
        operation: &Operation,
        send: &SendGift,
        now: Timestamp,
    ) -> Result<Decision, ErrorBody> {
        // The room's memory has no gifts, so an operation that it knows was used for something else: a conflict.
        self.memory.recall(operation, now, &self.settings)?;
        let sender = self.known(&caller.user);
        let receivers = if self.presence.person(sender.id).is_some() {
            self.receivers(send, sender, now)
        } else {
            // A sender who is not in the room now may have paid before: only the ledger knows whether this operation
            // was paid.
            Err(self.outside(sender.id, now, ErrorCode::NotInRoom.into()))
        };
        Ok(Decision::only(Outcome::Order(GiftOrder {
            room: self.card.id,
            owner: self.card.owner.id,
            operation: *operation,
            sender: sender.clone(),
            gift: send.gift,
            count: send.count,
            receivers,
        })))
    }

    fn receivers(&self, send: &SendGift, sender: &Person, now: Timestamp) -> Result<Vec<Person>, ErrorBody> {
        let mut receivers: Vec<Person> = Vec::new();
        let mut add = |person: &Person| {
            if !receivers.iter().any(|known| known.id == person.id) {
                receivers.push(person.clone());
            }
        };
        match &send.to {
            Recipients::Users(users) => {
                for user in users {
                    if *user == sender.id {
                        return Err(ErrorCode::GiftToSelf.into());
                    }
                    let there = self.presence.person(*user);
                    let person = there.or_else(|| self.presence.gone(*user, now, &self.settings));
                    add(person.ok_or_else(|| self.unknown_user(now))?);
                }
            }
            Recipients::Seats(numbers) => {
                for no in numbers {
                    let Some(person) = &self.seats.seat(*no)?.user else { continue };
                    if person.id == sender.id {
                        return Err(ErrorCode::GiftToSelf.into());
                    }
                    add(person);
                }
            }
            Recipients::AllSeats => {
                let sitting = self.seats.all().iter().filter_map(|seat| seat.user.as_ref());
                sitting.filter(|person| person.id != sender.id).for_each(add);
            }
        }
        if receivers.is_empty() { Err(ErrorCode::NoReceivers.into()) } else { Ok(receivers) }
    }

    /// Decides which of these committed gifts are announced: all that are new, if they follow the last announced one
    /// without a gap. If there is a gap none is, and the table is read.
    pub fn decide_gifts(&self, batch: &CommittedGifts) -> Decision {
        let numbers = self.gifts;
        let Some(last) = batch.gifts.iter().map(|gift| gift.gift_no).max() else {
            return Decision::answer(Answer::Nothing);
        };
        let known = batch.gifts.iter().filter(|gift| gift.gift_no <= numbers.announced).count();
        let fresh = batch.gifts.get(known..).unwrap_or_default();
        let follows = fresh.iter().zip(numbers.announced + 1..).all(|(gift, no)| gift.gift_no == no);
        if !follows {
            let changes = vec![Change::GiftsKnown { gift_no: last }];
            return Decision { changes, ..Decision::only(Outcome::ReadGifts) };
        }
        let mut changes = Vec::new();
        let mut rest = fresh;
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(gifts_within(rest, EVENT_BYTES));
            let coins = Coins(batch.coins.0 - cost(behind));
            changes.push(Change::Event(Event::GiftsSent { gifts: part.to_vec(), coins }));
            rest = behind;
        }
        // If something was announced and more is known to be committed, the table is read on. If nothing was, the next
        // sweep reads it.
        let more = !fresh.is_empty() && numbers.committed > last;
        if more { Decision { changes, ..Decision::only(Outcome::ReadGifts) } } else { Decision::silent(changes) }
    }

    /// Decides what follows from gifts being committed up to this number: if they are not announced, the table is read.
    pub fn decide_committed(&self, gift_no: i64) -> Decision {
        if gift_no <= self.gifts.announced {
            return Decision::answer(Answer::Nothing);
        }
        Decision { changes: vec![Change::GiftsKnown { gift_no }], ..Decision::only(Outcome::ReadGifts) }
    }
}

fn cost(gifts: &[GiftLine]) -> i64 {
    gifts.iter().map(|gift| gift.total.0).sum()
}

/// How many of these gifts, from the first one on, fit into a frame of `limit` bytes. It is at least one, if there is
/// one.
pub fn gifts_within(gifts: &[GiftLine], limit: usize) -> usize {
    let mut bytes = 256; // the envelope
    for (at, gift) in gifts.iter().enumerate() {
        bytes += serde_json::to_string(gift).map_or(0, |text| text.len() + 1);
        if bytes > limit {
            return at.max(1);
        }
    }
    gifts.len()
}
