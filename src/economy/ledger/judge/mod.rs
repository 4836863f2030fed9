//! The judgement of a batch: each request is judged in its turn, as if it were alone, in memory only.
//!
//! There is no SQL, no clock and no waiting here. Everything that a request may change has been read under locks, and
//! the result is stored in the same transaction or not at all.

mod books;

use std::collections::HashMap;

use parlor_protocol::{ErrorBody, ErrorCode, Op};

pub(in crate::economy) use books::{Answered, Books, Parts};

use super::order::{By, Request};
use super::posting::{Denial, Draft, LIMIT, Leg, Short, Stored, Transfer, View, xp};

/// The decision about one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::economy) enum Verdict {
    /// It became the transfer at this place of the ruling.
    Applied(usize),
    /// It is refused, and the refusal is stored.
    Refused(ErrorBody),
    /// It is refused, and nothing is stored: the same operation may be asked again.
    Rejected(ErrorBody),
    /// It is the same operation as the request at this place of the batch, and has the same answer.
    Repeated(usize),
    /// It was answered before; this is the stored answer.
    Known(Result<Box<Transfer>, ErrorBody>),
}

/// A refusal that is to be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::economy) struct Refusal {
    /// The place of the refused request in the batch.
    pub request: usize,
    /// The account that the operation is scoped to.
    pub actor: i64,
}

/// The decision about a batch.
#[derive(Debug, Default)]
pub(in crate::economy) struct Ruling {
    /// One verdict for each request.
    pub verdicts: Vec<Verdict>,
    /// The new rows of the journal; their ids rise without gaps.
    pub transfers: Vec<Transfer>,
    /// The new refusals.
    pub refusals: Vec<Refusal>,
}

impl Ruling {
    /// Leaves the refusals unstored that a user has had too many of: `admit` counts each refusal of a user's own
    /// operation, and gives the answer instead of it if it is one too many. Such an operation may be asked again, and is
    /// then judged anew.
    pub(in crate::economy) fn limit_refusals(
        &mut self,
        request: impl Fn(usize) -> By,
        mut admit: impl FnMut(i64) -> Result<(), ErrorBody>,
    ) {
        let Self { verdicts, refusals, .. } = self;
        refusals.retain(|refusal| {
            if request(refusal.request) != By::User {
                return true;
            }
            let admitted = admit(refusal.actor);
            if let Err(error) = &admitted {
                verdicts[refusal.request] = Verdict::Rejected(error.clone());
            }
            admitted.is_ok()
        });
    }
}

/// Judges `requests` in their order, and updates `books` and `parts` accordingly. Transfers get ids from `first_id` on,
/// and the time `at_us` (Unix microseconds).
pub(in crate::economy) fn judge<'a>(
    books: &mut Books,
    parts: &mut Parts<'_>,
    requests: impl Iterator<Item = &'a Request>,
    first_id: i64,
    at_us: i64,
) -> Ruling {
    let mut ruling = Ruling::default();
    let mut seen: HashMap<(Op, i64), (usize, &Request)> = HashMap::new();
    for (index, request) in requests.enumerate() {
        let Some(actor) = books.names.actor(request.actor) else {
            // A stored answer is scoped to an account, and a user without a wallet has none.
            ruling.verdicts.push(Verdict::Rejected(ErrorCode::UserNotFound.into()));
            continue;
        };
        let key = (request.op, actor);
        let verdict = if let Some(known) = books.answered.get(&key) {
            recall(known, request)
        } else if let Some((first, earlier)) = seen.get(&key) {
            let same = earlier.body_hash == request.body_hash && earlier.kind == request.kind;
            if same { Verdict::Repeated(*first) } else { conflict() }
        } else {
            let id = first_id + ruling.transfers.len() as i64;
            let verdict = match assess(books, parts, request, actor, at_us) {
                Ok((legs, stored)) => {
                    let transfer = post(books, parts, request, (legs, stored), actor, id, at_us);
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

/// The stored answer of this operation, or a conflict if the operation was used for something else.
fn recall(known: &Answered, request: &Request) -> Verdict {
    let same_kind = known.answer.as_ref().map_or(true, |row| row.kind == request.kind);
    if known.body_hash != request.body_hash || !same_kind {
        return conflict();
    }
    Verdict::Known(match known.answer.clone() {
        Ok(row) => Ok(row),
        Err(error) => Err(ErrorBody { replayed: true, ..error }),
    })
}

/// The refusal of an operation that was used for something else. It is not stored, because the operation has its
/// answer.
fn conflict() -> Verdict {
    Verdict::Rejected(ErrorCode::OperationConflict.into())
}

fn fault(message: &str) -> Denial {
    Denial::Passing(ErrorBody::new(ErrorCode::Internal).message(message))
}

/// Judges a posting: its kind and its authority, and whether every account covers its leg and stays within the range.
fn assess(
    books: &Books,
    parts: &mut Parts<'_>,
    request: &Request,
    actor: i64,
    at_us: i64,
) -> Result<(Vec<Leg>, Stored), Denial> {
    let part = parts.kind(request.kind).ok_or_else(|| fault("this program does not know this kind of posting"))?;
    let authority = request.by.authority();
    if !part.kind.authorities().contains(&authority) {
        let error = ErrorBody::new(ErrorCode::Forbidden).message("a posting of this kind needs another authority");
        return Err(Denial::Passing(error));
    }
    if let By::Staff(user) = request.by
        && books.names.wallet(user).is_none()
    {
        return Err(Denial::Passing(ErrorCode::UserNotFound.into()));
    }
    let Books { names, accounts, .. } = books;
    let view = View { names, accounts, op: request.op, actor: request.actor, account: actor, authority, at_us };
    let Draft { legs, stored } = part.kind.judge(&*request.order, &view, &part.state)?;
    let legs = legs.ok_or(ErrorCode::AmountOutOfRange)?;
    // The row keeps the actor's balance for the answer, so the actor's account must be among the locked ones.
    if !accounts.contains_key(&actor) {
        return Err(fault("an account has no balance row"));
    }
    for leg in &legs {
        let Some(account) = accounts.get(&leg.account) else {
            return Err(fault("an account has no balance row"));
        };
        let amount = account.amount.checked_add(leg.amount).filter(|amount| (-LIMIT..=LIMIT).contains(amount));
        let xp = xp(leg, &stored).and_then(|xp| account.xp.checked_add(xp)).filter(|xp| (0..=LIMIT).contains(xp));
        let (Some(amount), Some(_)) = (amount, xp) else { return Err(ErrorCode::AmountOutOfRange.into()) };
        if amount < 0 && !account.may_overdraw {
            let error = ErrorBody::insufficient_funds(account.amount, -amount);
            return Err(match part.kind.short() {
                Short::Final => Denial::Final(error),
                Short::Passing => Denial::Passing(error.message("the paying account does not have the coins")),
            });
        }
    }
    Ok((legs, stored))
}

/// Applies a posting that has been checked to the books and to the kind's own rows, and makes the journal's row.
fn post(
    books: &mut Books,
    parts: &mut Parts<'_>,
    request: &Request,
    (mut legs, stored): (Vec<Leg>, Stored),
    actor: i64,
    id: i64,
    at_us: i64,
) -> Transfer {
    for leg in &mut legs {
        let account = books.accounts.get_mut(&leg.account).expect("every leg's account was checked before");
        account.amount += leg.amount;
        account.xp += xp(leg, &stored).expect("the experience was checked before");
        leg.previous = std::mem::replace(&mut account.last_transfer, id);
        account.changed = true;
    }
    let staff = match request.by {
        By::Staff(user) => books.names.wallet(user).map(|wallet| wallet.coin),
        By::User | By::Job | By::System => None,
    };
    let transfer = Transfer {
        id,
        kind: request.kind,
        op: request.op,
        actor,
        body_hash: request.body_hash,
        at_us,
        authority: Some(request.by.authority().number()),
        staff,
        legs,
        actor_balance: books.accounts.get(&actor).map_or(0, |account| account.amount),
        stored,
    };
    let part = parts.kind(request.kind).expect("the kind was checked before");
    part.kind.posted(&*request.order, &transfer, &mut part.state);
    transfer
}
