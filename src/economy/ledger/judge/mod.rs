//! Decides a batch: each request as if alone and in its turn, purely in memory.
//!
//! No SQL, no clock, no waiting. What is judged has been read under the locks of every account and
//! room that it may change; what comes out is stored in the same transaction or not at all.

mod books;
mod waterfall;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use parlor_protocol::{ErrorBody, ErrorCode, Op, Retry};

pub(super) use books::{Account, Answered, Books, LIMIT, Names, Price, RoomTotal, System, Wallet};
pub(super) use waterfall::xp;

use super::chain::{GiftPart, Leg, Transfer};
use super::order::{Actor, Gift, Grant, Intent, Request};
use super::{Kind, order::Receipt};

/// What becomes of one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It became this transfer of the ruling.
    Applied(usize),
    /// Refused; the refusal is stored.
    Refused(ErrorBody),
    /// Refused and not stored: the same may be asked again.
    Rejected(ErrorBody),
    /// The same operation as an earlier request of this batch, which has the answer.
    Repeated(usize),
    /// The stored first answer, marked as given again.
    Known(Result<Receipt, ErrorBody>),
}

/// A refusal to store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    /// Which request was refused.
    pub request: usize,
    /// The coin account of whoever asked.
    pub actor: i64,
}

/// What becomes of a batch.
#[derive(Debug, Default)]
pub(super) struct Ruling {
    /// One for each request.
    pub verdicts: Vec<Verdict>,
    /// New rows of the journal, ids rising without holes.
    pub transfers: Vec<Transfer>,
    /// New rows of the refusals.
    pub refusals: Vec<Refusal>,
}

/// Judges `requests` in their order and brings `books` to where they leave them. Transfers are numbered
/// from `first_id` and dated `at_us` (Unix microseconds).
pub(super) fn judge<'a>(
    books: &mut Books,
    requests: impl Iterator<Item = &'a Request>,
    first_id: i64,
    at_us: i64,
) -> Ruling {
    let mut ruling = Ruling::default();
    let mut seen: HashMap<(Op, i64), (usize, &Request)> = HashMap::new();
    for (index, request) in requests.enumerate() {
        let Some(actor) = books.names.actor(request.actor) else {
            // Without a wallet there is nothing to scope a stored answer to.
            ruling.verdicts.push(Verdict::Rejected(ErrorCode::UserNotFound.into()));
            continue;
        };
        let key = (request.op, actor);
        let verdict = if let Some(known) = books.answered.get(&key) {
            recall(known, request)
        } else if let Some((first, earlier)) = seen.get(&key) {
            if earlier.body_hash == request.body_hash { Verdict::Repeated(*first) } else { conflict() }
        } else {
            let id = first_id + ruling.transfers.len() as i64;
            let verdict = match assess(books, request, actor) {
                Ok(draft) => {
                    let transfer = post(books, draft, request, actor, id, at_us);
                    ruling.transfers.push(transfer);
                    Verdict::Applied(ruling.transfers.len() - 1)
                }
                Err(Denial::Final(error)) => {
                    ruling.refusals.push(Refusal { request: index, actor });
                    Verdict::Refused(error)
                }
                Err(Denial::Passing(error)) => Verdict::Rejected(error),
            };
            if !matches!(verdict, Verdict::Rejected(_)) {
                seen.insert(key, (index, request));
            }
            verdict
        };
        ruling.verdicts.push(verdict);
    }
    ruling
}

/// The stored answer of this operation, or a conflict where something else was asked.
fn recall(known: &Answered, request: &Request) -> Verdict {
    let same_kind = match &known.answer {
        Ok(Receipt::Gift(_)) => matches!(request.intent, Intent::Gift(_)),
        Ok(Receipt::Transfer(_)) => !matches!(request.intent, Intent::Gift(_)),
        Err(_) => true,
    };
    if known.body_hash != request.body_hash || !same_kind {
        return conflict();
    }
    Verdict::Known(match known.answer.clone() {
        Ok(receipt) => Ok(receipt.replayed()),
        Err(error) => Err(ErrorBody { replayed: true, ..error }),
    })
}

/// Not stored: the operation has its answer already.
fn conflict() -> Verdict {
    Verdict::Rejected(ErrorCode::OperationConflict.into())
}

/// Why a request is not done.
enum Denial {
    /// The answer of this operation for ever.
    Final(ErrorBody),
    /// The same may be asked again.
    Passing(ErrorBody),
}

impl From<ErrorCode> for Denial {
    fn from(code: ErrorCode) -> Self {
        Self::Final(code.into())
    }
}

/// A transfer that may be posted: every account and the room hold it.
struct Draft {
    kind: Kind,
    legs: Vec<Leg>,
    gift: Option<GiftPart>,
}

fn assess(books: &Books, request: &Request, actor: i64) -> Result<Draft, Denial> {
    let draft = match &request.intent {
        Intent::Gift(gift) => assess_gift(books, request, gift)?,
        Intent::Grant(grant) => assess_grant(books, grant)?,
        Intent::Issuance(amount) => {
            let system = &books.names.system;
            coins_moved(Kind::Issuance, system.coin_issuance, system.promotion, amount.0)?
        }
    };
    let xp_bp = draft.gift.as_ref().map(|gift| gift.xp_bp);
    // The actor's row was locked, so the first answer can hold the balance.
    if !books.accounts.contains_key(&actor) {
        return Err(Denial::Passing(ErrorBody::new(ErrorCode::Internal).message("an account has no balance row")));
    }
    for leg in &draft.legs {
        let Some(account) = books.accounts.get(&leg.account) else {
            return Err(Denial::Passing(ErrorBody::new(ErrorCode::Internal).message("an account has no balance row")));
        };
        let amount = account.amount.checked_add(leg.amount).filter(|amount| (-LIMIT..=LIMIT).contains(amount));
        let xp = xp(leg, xp_bp).and_then(|xp| account.xp.checked_add(xp)).filter(|xp| *xp <= LIMIT);
        let (Some(amount), Some(_)) = (amount, xp) else { return Err(ErrorCode::AmountOutOfRange.into()) };
        if amount < 0 && !account.may_overdraw {
            let error = ErrorBody::insufficient_funds(account.amount, -amount);
            // A promotion account that ran dry is the operator's to fill, not the operation's last word.
            return Err(match draft.kind {
                Kind::Gift => Denial::Final(error),
                _ => Denial::Passing(error.message("the paying account does not cover it")),
            });
        }
    }
    Ok(draft)
}

fn assess_gift(books: &Books, request: &Request, gift: &Gift) -> Result<Draft, Denial> {
    let receivers = match &gift.receivers {
        Ok(receivers) => receivers,
        Err(error) if error.retry == Retry::Never => return Err(Denial::Final(error.clone())),
        Err(error) => return Err(Denial::Passing(error.clone())),
    };
    if gift.count < 1 || request.actor != Actor::User(gift.sender.id) {
        return Err(Denial::Passing(ErrorBody::new(ErrorCode::BadRequest).message("no such gift can be sent")));
    }
    if receivers.is_empty() {
        return Err(ErrorCode::NoReceivers.into());
    }
    if receivers.iter().any(|receiver| receiver.id == gift.sender.id) {
        return Err(ErrorCode::GiftToSelf.into());
    }
    let price = books.names.prices.get(&gift.gift).filter(|price| price.enabled).ok_or(ErrorCode::GiftNotFound)?;
    if price.vip_level > 0 {
        // Nobody has a VIP level before there is VIP to buy.
        return Err(Denial::Final(ErrorBody::new(ErrorCode::Forbidden).message("this gift asks for a VIP level")));
    }
    let wallet = |user| books.names.wallets.get(&user).copied().ok_or(ErrorCode::UserNotFound);
    let sender = wallet(gift.sender.id)?;
    let owner = wallet(gift.owner)?;
    let mut wallets: Vec<Wallet> = Vec::with_capacity(receivers.len());
    for receiver in receivers {
        let found = wallet(receiver.id)?;
        if wallets.iter().any(|other| other.diamond == found.diamond) {
            return Err(Denial::Passing(ErrorBody::new(ErrorCode::BadRequest).message("a receiver is named twice")));
        }
        wallets.push(found);
    }
    let room = books.rooms.get(&gift.room).ok_or(ErrorCode::RoomNotFound)?;
    let each = price.coins.checked_mul(gift.count).ok_or(ErrorCode::AmountOutOfRange)?;
    let legs =
        waterfall::gift(&books.names.system, &sender, &owner, &wallets, each).ok_or(ErrorCode::AmountOutOfRange)?;
    let mut part = GiftPart {
        room: gift.room.number(),
        gift_no: room.gift_no + 1,
        gift: gift.gift.number(),
        count: gift.count,
        price: price.coins,
        receivers: wallets.iter().map(|wallet| wallet.diamond).collect(),
        xp_bp: price.xp_bp,
        room_coins: 0,
    };
    part.room_coins =
        room.coins.checked_add(part.total()).filter(|coins| *coins <= LIMIT).ok_or(ErrorCode::AmountOutOfRange)?;
    Ok(Draft { kind: Kind::Gift, legs, gift: Some(part) })
}

fn assess_grant(books: &Books, grant: &Grant) -> Result<Draft, Denial> {
    let to = books.names.wallets.get(&grant.to).ok_or(ErrorCode::UserNotFound)?;
    coins_moved(Kind::Grant, books.names.system.promotion, to.coin, grant.amount.0)
}

fn coins_moved(kind: Kind, from: i64, to: i64, amount: i64) -> Result<Draft, Denial> {
    if !(1..=LIMIT).contains(&amount) {
        let error = ErrorBody::new(ErrorCode::BadRequest).field("amount", "more than 0, below 2^53");
        return Err(Denial::Passing(error));
    }
    let legs = waterfall::move_coins(from, to, amount).ok_or(ErrorCode::AmountOutOfRange)?;
    Ok(Draft { kind, legs, gift: None })
}

/// Changes the books; everything has been checked.
fn post(books: &mut Books, draft: Draft, request: &Request, actor: i64, id: i64, at_us: i64) -> Transfer {
    let Draft { kind, mut legs, gift } = draft;
    let xp_bp = gift.as_ref().map(|gift| gift.xp_bp);
    for leg in &mut legs {
        let account = books.accounts.get_mut(&leg.account).expect("assessed: every account of a leg is there");
        account.amount += leg.amount;
        account.xp += xp(leg, xp_bp).expect("assessed: within the range");
        leg.previous = std::mem::replace(&mut account.last_transfer, id);
        account.changed = true;
    }
    if let (Some(part), Intent::Gift(order)) = (&gift, &request.intent) {
        let total = RoomTotal { gift_no: part.gift_no, coins: part.room_coins, changed: true };
        books.rooms.insert(order.room, total);
    }
    Transfer {
        id,
        kind: kind.number(),
        op: request.op,
        actor,
        body_hash: request.body_hash,
        at_us,
        legs,
        actor_balance: books.accounts.get(&actor).map_or(0, |account| account.amount),
        gift,
        reverses: None,
    }
}
