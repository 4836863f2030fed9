//! Gifts as the room sees them: who is meant, and which committed ones have been announced.

use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Coins, ErrorBody, ErrorCode, Event};

use super::{Change, Decision, Outcome, RoomState};
use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;
use crate::room::port::{CommittedGifts, GiftOrder};
use crate::room::request::{Answer, Caller};

/// Bytes of one event of gifts; beyond it the rest goes into the next one.
const EVENT_BYTES: usize = 16 * 1024;

/// Where the room stands in the numbers of its gifts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct GiftNumbers {
    /// All up to this one have been announced.
    pub announced: i64,
    /// All up to this one are known to be committed.
    pub committed: i64,
    /// Coins spent in the room with the last announced one.
    pub coins: Coins,
    /// Gifts older than this are history: what a waking room finds too late to show.
    pub history_before: Timestamp,
}

impl RoomState {
    /// The order for the ledger: who receives, or why not. Either verdict goes there.
    pub(super) fn decide_gift(
        &self,
        caller: &Caller,
        operation: &Operation,
        send: &SendGift,
        now: Timestamp,
    ) -> Result<Decision, ErrorBody> {
        // The same operation for something else that this room remembers is a conflict, not a gift.
        self.memory.recall(operation, now, &self.settings)?;
        let sender = caller.user.id;
        let receivers = if self.presence.person(sender).is_some() {
            self.receivers(send, &caller.user, now)
        } else {
            // Who is not here (any more, or again) may have paid before: only the ledger knows what the
            // operation became.
            Err(ErrorCode::NotInRoom.into())
        };
        Ok(Decision::only(Outcome::Order(GiftOrder {
            room: self.card.id,
            owner: self.card.owner.id,
            operation: *operation,
            sender: caller.user.clone(),
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

    /// What is announced of these committed gifts: all of them where they go on from the last one,
    /// nothing where one is missing between (then the table is read).
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
        let history = fresh.iter().take_while(|gift| gift.at < numbers.history_before.0).count();
        let (history, shown) = fresh.split_at(history);
        let mut changes = Vec::new();
        if let Some(passed) = history.last() {
            let coins = Coins(batch.coins.0 - cost(shown));
            changes.push(Change::GiftsPassed { gift_no: passed.gift_no, coins });
        }
        let mut rest = shown;
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(gifts_within(rest, EVENT_BYTES));
            let coins = Coins(batch.coins.0 - cost(behind));
            changes.push(Change::Event(Event::GiftsSent { gifts: part.to_vec(), coins }));
            rest = behind;
        }
        // Progress was made and there is more: read on. Without progress the sweep looks again.
        let more = !fresh.is_empty() && numbers.committed > last;
        if more { Decision { changes, ..Decision::only(Outcome::ReadGifts) } } else { Decision::silent(changes) }
    }

    /// The ledger has committed gifts up to this number.
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

/// How many of these gifts fit into so many bytes of a frame, from the first one on: at least one.
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
