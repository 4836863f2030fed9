//! What is told about a committed batch: the answers to its orders, and the balances that changed. There is no I/O
//! here.

use parlor_protocol::reply::Balance;
use parlor_protocol::{Currency, ErrorBody, ErrorCode, UserId};

use crate::economy::ledger::judge::{Books, Ruling, Verdict};
use crate::economy::ledger::order::{Committed, Reply};
use crate::economy::ledger::posting::{Account, People, Posted};

/// A batch that has been committed.
pub(super) struct Settled {
    ruling: Ruling,
    people: People,
    pub committed: Committed,
}

impl Settled {
    pub fn of(ruling: Ruling, people: People, committed: Committed) -> Self {
        Self { ruling, people, committed }
    }

    /// Answers the order at this place of the batch.
    pub fn answer(&self, place: usize, reply: Reply) {
        let posted = |row, replayed| Ok(Posted { row, people: &self.people, replayed });
        let applied = |index: usize, replayed| posted(&self.ruling.transfers[index], replayed);
        match &self.ruling.verdicts[place] {
            Verdict::Applied(index) => reply(applied(*index, false)),
            Verdict::Refused(error) | Verdict::Rejected(error) => reply(Err(error.clone())),
            Verdict::Known(Ok(row)) => reply(posted(row, true)),
            Verdict::Known(Err(error)) => reply(Err(error.clone())),
            Verdict::Repeated(first) => reply(match &self.ruling.verdicts[*first] {
                Verdict::Applied(index) => applied(*index, true),
                Verdict::Refused(error) => Err(ErrorBody { replayed: true, ..error.clone() }),
                // A refusal that was one too many to be stored.
                Verdict::Rejected(error) => Err(error.clone()),
                // Within a batch, only an applied or refused request can be repeated.
                _ => Err(ErrorCode::Internal.into()),
            }),
        }
    }
}

/// The users' balances that the batch has changed.
pub(super) fn balances(books: &Books) -> Vec<(UserId, Balance)> {
    let mut balances = Vec::new();
    for (user, wallet) in &books.names.wallets {
        for (currency, account) in [(Currency::Coin, wallet.coin), (Currency::Diamond, wallet.diamond)] {
            if let Some(Account { amount, xp, last_transfer, changed: true, .. }) = books.accounts.get(&account) {
                let exponent = currency.exponent();
                balances
                    .push((*user, Balance { currency, amount: *amount, xp: *xp, version: *last_transfer, exponent }));
            }
        }
    }
    balances
}
