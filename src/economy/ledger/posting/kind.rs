//! The trait that each kind of posting implements, and what its methods exchange with the ledger.

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

/// Why an order is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denial {
    /// The refusal is stored, and is the answer of this operation for at least
    /// [`REFUSALS_KEPT`](crate::economy::ledger::REFUSALS_KEPT).
    Final(ErrorBody),
    /// The refusal is not stored, so the same operation may be asked again.
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

/// What happens if an account does not have the amount that its leg takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Short {
    /// The refusal is stored, with balance and shortfall, because the account is the actor's own.
    Final,
    /// The refusal is not stored: somebody else has to fill the account, and then the same operation may succeed.
    Passing,
}

/// A row of the journal, with what is needed to show it.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The row.
    pub row: &'a Transfer,
    /// The users of the row's accounts.
    pub people: &'a People,
    /// Whether the operation was done before, and this is its first answer again.
    pub replayed: bool,
}

/// The account, and its owner, in whose statement a row is shown.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// The account's owner.
    pub user: UserId,
    /// The account's id.
    pub account: i64,
}

/// One flaw that an audit found in a kind's rows. `detail` continues a sentence that begins with the subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::economy::ledger) enum Flaw {
    /// A row of the journal is not what its kind makes of its detail.
    Posting { transfer: i64, detail: String },
    /// A row of the kind's own tables and the journal do not agree.
    Record { subject: String, detail: String },
}

/// The flaws that an audit found in a kind's rows.
#[derive(Debug, Default)]
pub struct Flaws(pub(in crate::economy::ledger) Vec<Flaw>);

impl Flaws {
    /// Whether no flaw was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reports that a row is not what its kind makes of its detail.
    pub fn posting(&mut self, row: &Transfer, detail: impl Into<String>) {
        self.posting_of(row.id, detail);
    }

    /// Reports the same for a row that was met before, by its id.
    pub fn posting_of(&mut self, transfer: i64, detail: impl Into<String>) {
        self.0.push(Flaw::Posting { transfer, detail: detail.into() });
    }

    /// Reports that a record of the kind's own and the journal do not agree.
    pub fn record(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Flaw::Record { subject: subject.into(), detail: detail.into() });
    }

    /// Compares a row's legs with those that its kind makes of its detail (`made`), and reports every leg that differs,
    /// is missing or is too many.
    pub fn compare(&mut self, row: &Transfer, made: Option<&[Leg]>) {
        let Some(made) = made else {
            return self.posting(row, "has a detail from which no legs can be made");
        };
        let bare = |leg: &Leg| (leg.account, leg.currency, leg.amount);
        for leg in made.iter().filter(|leg| !row.legs.iter().any(|other| bare(other) == bare(leg))) {
            let has = row.moved(leg.account);
            self.posting(row, format!("moves {has} of account {}, but its detail says {}", leg.account, leg.amount));
        }
        for leg in row.legs.iter().filter(|leg| !made.iter().any(|other| other.account == leg.account)) {
            self.posting(
                row,
                format!("moves {} of account {}, which its detail does not name", leg.amount, leg.account),
            );
        }
    }
}

/// A kind of posting. Its pure functions take no `self`, except [`Kind::judge`], which may depend on settings.
pub trait Kind: fmt::Debug + Send + Sync + 'static {
    /// The number under which the journal stores the kind. It never changes.
    const NUMBER: i16;
    /// The kind's name in statements. It never changes.
    const NAME: &'static str;
    /// Who may order a posting of this kind. Any other order is refused, and the audit reports a row with another
    /// authority.
    const AUTHORITIES: &'static [Authority];
    /// What happens if an account does not have the amount that its leg takes.
    const SHORT: Short = Short::Final;

    /// What is asked for.
    type Order: fmt::Debug + Send + Sync + 'static;
    /// Everything that the legs are made of, as it was judged.
    type Detail: Send;
    /// The answer to an order that succeeded.
    type Receipt: Send + 'static;
    /// The kind's own rows that one batch reads and changes.
    type State: Default + Send + Sync + 'static;
    /// What an audit remembers of this kind while it walks the journal. A checkpoint stores it as JSON, and the next
    /// audit goes on with it. Fields that are read again for each part of the journal are skipped by serde.
    type Audit: Default + Serialize + DeserializeOwned + Send + 'static;

    /// Adds the users whose wallets the order needs. The actor's wallet is always read.
    fn users(order: &Self::Order, users: &mut BTreeSet<UserId>);

    /// Reads, before any lock is taken, what decides which accounts are locked, and what never changes. It may add
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

    /// Adds the accounts whose balances the order may change. The actor's account is always locked.
    fn accounts(&self, order: &Self::Order, names: &Names, state: &Self::State, accounts: &mut Locks);

    /// Locks and reads the kind's own rows, in the order of their keys. The balances have been locked before.
    fn lock(
        &self,
        _connection: &mut PgConnection,
        _orders: &[&Self::Order],
        _names: &Names,
        _state: &mut Self::State,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }

    /// Judges one order in its turn, on the state that the orders before it leave. The ledger checks afterwards whether
    /// the accounts have the amounts.
    ///
    /// # Errors
    /// Why the order is refused, and whether the refusal is stored as the operation's answer.
    fn judge(&self, order: &Self::Order, view: &View<'_>, state: &Self::State) -> Result<Self::Detail, Denial>;

    /// The legs of a posting, made of the detail alone. Both the judgement and the audit use this function. `None` if
    /// an amount overflows.
    fn legs(system: &System, actor: i64, detail: &Self::Detail) -> Option<Vec<Leg>>;

    /// The detail in the form in which the journal stores it. The audit expects of each row what this makes of its
    /// [recalled](Kind::recalled) detail; only the detail's own bytes may be of an older form.
    fn stored(detail: Self::Detail) -> Stored;

    /// The detail of a stored row; `None` if it does not have a form of this kind.
    fn recalled(row: &Transfer) -> Option<Self::Detail>;

    /// Updates the kind's own rows in memory, after the order has become this row of the journal.
    fn posted(&self, _order: &Self::Order, _row: &Transfer, _state: &mut Self::State) {}

    /// Writes the kind's own rows, in the transaction of the money and with one statement for the batch. A statement
    /// that must change n rows checks n; an error undoes the batch.
    fn write(
        &self,
        _connection: &mut PgConnection,
        _posted: &[(&Self::Order, &Transfer)],
        _state: &Self::State,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }

    /// Adds hints about the committed rows for other parts of the program. Hints may be lost.
    fn committed(&self, _posted: &[(&Self::Order, &Transfer)], _hints: &mut Committed) {}

    /// The answer to an order, made of its row, which is new or was stored before. `None` if the row is incomplete.
    fn receipt(posted: Posted<'_>) -> Option<Self::Receipt>;

    /// Counts an answer in the kind's metrics, by its outcome.
    fn answered(_outcome: &'static str) {}

    /// What the statement of an account says about the row: the name of a field and its value.
    fn entry(posted: Posted<'_>, viewer: Viewer) -> Option<(&'static str, serde_json::Value)>;

    /// Reads what these rows are judged by, such as the versions that held at the time. It is called before each of
    /// them is given to [`Kind::audit_row`]. There are at most some thousands of rows, all of this kind. The connection
    /// is in the snapshot in which they were read, because servers may post during an audit.
    fn audit_read(
        _connection: &mut PgConnection,
        _rows: &[&Transfer],
        _audit: &mut Self::Audit,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }

    /// Judges a stored row again. The rows come in an order in which they could have been committed: the rows of one
    /// account, or of anything else that a batch locks, come in the order in which they were committed.
    fn audit_row(row: &Transfer, system: &System, _audit: &mut Self::Audit, flaws: &mut Flaws) {
        match Self::recalled(row) {
            Some(detail) => flaws.compare(row, Self::legs(system, row.actor, &detail).as_deref()),
            None => flaws.posting(row, format!("has no detail of a {}", Self::NAME)),
        }
    }

    /// Compares the kind's own tables with what the journal came to, in a snapshot up to whose end the journal has been
    /// walked. More rows may follow, so `audit` may only forget what was reported.
    fn audit_close(
        _connection: &mut PgConnection,
        _audit: &mut Self::Audit,
        _flaws: &mut Flaws,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        ready(Ok(()))
    }
}
