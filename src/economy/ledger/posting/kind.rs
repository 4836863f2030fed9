//! The trait of a kind of posting.

use std::collections::BTreeSet;
use std::fmt;
use std::future::{Future, ready};

use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;

use super::names::{Locks, Names, People, System, View};
use super::row::{Authority, Leg, Stored, Transfer};
use crate::economy::ledger::order::Committed;

/// Why an order is not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denial {
    /// The answer of this operation for ever: it is stored.
    Final(ErrorBody),
    /// Not stored: the same may be asked again.
    Passing(ErrorBody),
}

impl From<ErrorCode> for Denial {
    fn from(code: ErrorCode) -> Self {
        Self::Final(code.into())
    }
}

impl From<ErrorBody> for Denial {
    fn from(error: ErrorBody) -> Self {
        Self::Final(error)
    }
}

/// What it means that an account does not cover its leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Short {
    /// The operation is refused for good, with balance and shortfall: the account is the asker's own.
    Final,
    /// Somebody else has to fill the account; the same operation may be asked again then.
    Passing,
}

/// A row of the journal with what it is shown by.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The row.
    pub row: &'a Transfer,
    /// Users by the accounts of the row.
    pub people: &'a People,
    /// The answer is the first one of its operation, given again.
    pub replayed: bool,
}

/// Whose statement a row is shown in.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// The account's owner.
    pub user: UserId,
    /// The account.
    pub account: i64,
}

/// One thing that an audit found, in a kind's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::economy::ledger) enum Flaw {
    /// A row's legs are not what its kind makes of its detail.
    Posting { transfer: i64, detail: String },
    /// A row of the kind's own tables and the journal do not agree.
    Record { subject: String, detail: String },
}

/// What an audit found, in a kind's words.
#[derive(Debug, Default)]
pub struct Flaws(pub(in crate::economy::ledger) Vec<Flaw>);

impl Flaws {
    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A row is not what its kind makes of its detail.
    pub fn posting(&mut self, row: &Transfer, detail: impl Into<String>) {
        self.posting_of(row.id, detail);
    }

    /// The same of a row that was met before, by its id.
    pub fn posting_of(&mut self, transfer: i64, detail: impl Into<String>) {
        self.0.push(Flaw::Posting { transfer, detail: detail.into() });
    }

    /// A record of the kind's own and the journal do not agree.
    pub fn record(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Flaw::Record { subject: subject.into(), detail: detail.into() });
    }

    /// Compares a row's legs with those that its kind makes of its detail: each account, currency and
    /// amount, none missing and none more.
    pub fn compare(&mut self, row: &Transfer, made: Option<&[Leg]>) {
        let Some(made) = made else {
            return self.posting(row, "its detail makes no legs");
        };
        let bare = |leg: &Leg| (leg.account, leg.currency, leg.amount);
        for leg in made.iter().filter(|leg| !row.legs.iter().any(|other| bare(other) == bare(leg))) {
            let has = row.moved(leg.account);
            self.posting(row, format!("moves {has} of account {}, its detail says {}", leg.account, leg.amount));
        }
        for leg in row.legs.iter().filter(|leg| !made.iter().any(|other| other.account == leg.account)) {
            self.posting(row, format!("moves {} of account {}, which has no part in it", leg.amount, leg.account));
        }
    }
}

/// A kind of posting. What is pure has no `self` but in [`Kind::judge`], which may know settings.
pub trait Kind: fmt::Debug + Send + Sync + 'static {
    /// The number under which the journal stores it; for good.
    const NUMBER: i16;
    /// Its name in statements; for good.
    const NAME: &'static str;
    /// On whose word it may be posted. An order on another's word is refused, and the audit names a row.
    const AUTHORITIES: &'static [Authority];
    /// What it means that an account does not cover its leg.
    const SHORT: Short = Short::Final;

    /// What is asked for.
    type Order: fmt::Debug + Send + Sync + 'static;
    /// The whole of what was judged: everything that the legs are made of.
    type Detail: Send;
    /// The answer of an order that succeeded.
    type Receipt: Send + 'static;
    /// The rows of its own that one batch reads and changes.
    type State: Default + Send + Sync + 'static;
    /// What an audit keeps of this kind while it walks the journal. An audit's checkpoint has it as JSON, and the
    /// next audit goes on with it: what is read for each part of the journal is skipped by serde.
    type Audit: Default + Serialize + DeserializeOwned + Send + 'static;

    /// Adds the users whose wallets the order needs; the actor's is always there.
    fn users(order: &Self::Order, users: &mut BTreeSet<UserId>);

    /// Reads, before any lock, what decides which accounts are touched and what never changes. It may add
    /// wallets of users whom the orders do not name.
    fn read(
        &self,
        _connection: &mut PgConnection,
        _orders: &[&Self::Order],
        _names: &mut Names,
        _state: &mut Self::State,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }

    /// Adds the accounts that the order may move; the actor's coin account is always locked.
    fn accounts(&self, order: &Self::Order, names: &Names, state: &Self::State, accounts: &mut Locks);

    /// Locks and reads the kind's own rows, in the order of their keys. The balances are locked before.
    fn lock(
        &self,
        _connection: &mut PgConnection,
        _orders: &[&Self::Order],
        _names: &Names,
        _state: &mut Self::State,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }

    /// Judges one order in its turn: as if alone, behind those before it. Whether the accounts cover it
    /// is the ledger's to say.
    ///
    /// # Errors
    /// Why it is not done, and whether that is the operation's answer for ever.
    fn judge(&self, order: &Self::Order, view: &View<'_>, state: &Self::State) -> Result<Self::Detail, Denial>;

    /// The legs, made of the detail alone. Judging and the audit use this one function. `None` beyond
    /// what a number can hold.
    fn legs(system: &System, actor: i64, detail: &Self::Detail) -> Option<Vec<Leg>>;

    /// The detail as it stands on the row.
    fn stored(detail: Self::Detail) -> Stored;

    /// The detail of a row; `None` where it is not one of this kind's forms.
    fn recalled(row: &Transfer) -> Option<Self::Detail>;

    /// The order has become this row: brings the kind's own rows in memory to where it leaves them.
    fn posted(&self, _order: &Self::Order, _row: &Transfer, _state: &mut Self::State) {}

    /// Writes the kind's own rows, set-based, in the transaction of the money. What must change n rows
    /// checks n: an error undoes the batch.
    fn write(
        &self,
        _connection: &mut PgConnection,
        _posted: &[(&Self::Order, &Transfer)],
        _state: &Self::State,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }

    /// Adds what the committed rows tell others, as hints that may be lost.
    fn committed(&self, _posted: &[(&Self::Order, &Transfer)], _hints: &mut Committed) {}

    /// The answer, of a new row or of one that was stored before. `None` where the row is not whole.
    fn receipt(posted: Posted<'_>) -> Option<Self::Receipt>;

    /// Counts an answer, by its outcome.
    fn answered(_outcome: &'static str) {}

    /// What the statement of an account says of the row: a name for it and its value.
    fn entry(posted: Posted<'_>, viewer: Viewer) -> Option<(&'static str, serde_json::Value)>;

    /// Reads what these rows are judged by, such as the versions of what held then, before each of them is given to
    /// [`Kind::audit_row`]. The rows are some thousands of this kind, and the connection sees the snapshot that
    /// they were read in: server and audit may both be at work.
    fn audit_read(
        _connection: &mut PgConnection,
        _rows: &[&Transfer],
        _audit: &mut Self::Audit,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }

    /// Judges a stored row again. Rows come in an order in which they could have been committed: along an
    /// account, and along whatever else a batch locks, as they were.
    fn audit_row(row: &Transfer, system: &System, _audit: &mut Self::Audit, flaws: &mut Flaws) {
        match Self::recalled(row) {
            Some(detail) => flaws.compare(row, Self::legs(system, row.actor, &detail).as_deref()),
            None => flaws.posting(row, format!("has no detail of a {}", Self::NAME)),
        }
    }

    /// Compares the kind's own tables with what the walk came to, in a snapshot up to whose end the journal has been
    /// walked. Rows may follow: what is kept is where they go on.
    fn audit_close(
        _connection: &mut PgConnection,
        _audit: &mut Self::Audit,
        _flaws: &mut Flaws,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }
}
