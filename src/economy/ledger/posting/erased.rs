//! Kinds of postings with their types erased, as writer, wallet and audit use them. There is one dynamic call for an
//! order or for a batch, never one for a leg.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parlor_protocol::UserId;
use serde::Deserialize as _;
use sqlx::PgConnection;

use super::kind::{Denial, Flaws, Kind, Posted, Short, Viewer};
use super::names::{Locks, Names, System, View};
use super::row::{Authority, Leg, Stored, Transfer};
use crate::economy::ledger::order::Committed;

/// An order of any kind.
pub(in crate::economy) type AnyOrder = dyn Any + Send + Sync;
/// The state of any kind for one batch.
pub(in crate::economy::ledger) type AnyState = Box<dyn Any + Send + Sync>;
/// What an audit remembers of any kind.
pub(in crate::economy::ledger) type AnyAudit = Box<dyn Any + Send>;

/// A posting that its kind has approved, before the ledger checks the accounts.
#[derive(Debug)]
pub(in crate::economy::ledger) struct Draft {
    /// The legs; `None` if an amount overflows.
    pub legs: Option<Vec<Leg>>,
    pub stored: Stored,
}

type Rows<'a, 'b> = &'a [(&'b AnyOrder, &'b Transfer)];

/// [`Kind`] with its types erased. The methods are documented there.
pub(in crate::economy::ledger) trait AnyKind: fmt::Debug + Send + Sync {
    fn number(&self) -> i16;
    fn name(&self) -> &'static str;
    fn authorities(&self) -> &'static [Authority];
    fn short(&self) -> Short;
    fn state(&self) -> AnyState;
    fn users(&self, order: &AnyOrder, users: &mut BTreeSet<UserId>);
    fn read<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        orders: &'a [&'a AnyOrder],
        names: &'a mut Names,
        state: &'a mut AnyState,
    ) -> BoxFuture<'a, sqlx::Result<()>>;
    fn accounts(&self, order: &AnyOrder, names: &Names, state: &AnyState, accounts: &mut Locks);
    fn lock<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        orders: &'a [&'a AnyOrder],
        names: &'a Names,
        state: &'a mut AnyState,
    ) -> BoxFuture<'a, sqlx::Result<()>>;
    fn judge(&self, order: &AnyOrder, view: &View<'_>, state: &AnyState) -> Result<Draft, Denial>;
    fn posted(&self, order: &AnyOrder, row: &Transfer, state: &mut AnyState);
    fn write<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        posted: Rows<'a, 'a>,
        state: &'a AnyState,
    ) -> BoxFuture<'a, sqlx::Result<()>>;
    fn committed(&self, posted: Rows<'_, '_>, hints: &mut Committed);
    fn entry(&self, posted: Posted<'_>, viewer: Viewer) -> Option<(&'static str, serde_json::Value)>;
    /// What an audit remembers at its beginning: what a checkpoint has stored, or nothing yet.
    ///
    /// # Errors
    /// What was stored does not have the form of this program.
    fn audit(&self, kept: Option<&serde_json::Value>) -> serde_json::Result<AnyAudit>;
    /// What a checkpoint stores.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    fn audit_kept(&self, audit: &AnyAudit) -> serde_json::Result<serde_json::Value>;
    fn audit_read<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        rows: &'a [&'a Transfer],
        audit: &'a mut AnyAudit,
    ) -> BoxFuture<'a, sqlx::Result<()>>;
    fn audit_row(&self, row: &Transfer, system: &System, audit: &mut AnyAudit, flaws: &mut Flaws);
    fn audit_close<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        audit: &'a mut AnyAudit,
        flaws: &'a mut Flaws,
    ) -> BoxFuture<'a, sqlx::Result<()>>;
}

/// A kind in the registry.
#[derive(Debug)]
pub(super) struct Registered<K>(pub(super) K);

fn order<K: Kind>(order: &AnyOrder) -> &K::Order {
    order.downcast_ref().expect("an order is only given to the kind that has its number")
}

fn orders<'a, K: Kind>(of: &[&'a AnyOrder]) -> Vec<&'a K::Order> {
    of.iter().map(|one| order::<K>(*one)).collect()
}

fn rows<'a, K: Kind>(of: Rows<'_, 'a>) -> Vec<(&'a K::Order, &'a Transfer)> {
    of.iter().map(|(one, row)| (order::<K>(*one), *row)).collect()
}

const STATE: &str = "a kind is only given the state that it made";

impl<K: Kind> AnyKind for Registered<K> {
    fn number(&self) -> i16 {
        K::NUMBER
    }

    fn name(&self) -> &'static str {
        K::NAME
    }

    fn authorities(&self) -> &'static [Authority] {
        K::AUTHORITIES
    }

    fn short(&self) -> Short {
        K::SHORT
    }

    fn state(&self) -> AnyState {
        Box::new(K::State::default())
    }

    fn users(&self, of: &AnyOrder, users: &mut BTreeSet<UserId>) {
        K::users(order::<K>(of), users);
    }

    fn read<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        of: &'a [&'a AnyOrder],
        names: &'a mut Names,
        state: &'a mut AnyState,
    ) -> BoxFuture<'a, sqlx::Result<()>> {
        let orders = orders::<K>(of);
        let state = state.downcast_mut().expect(STATE);
        async move { self.0.read(connection, &orders, names, state).await }.boxed()
    }

    fn accounts(&self, of: &AnyOrder, names: &Names, state: &AnyState, accounts: &mut Locks) {
        self.0.accounts(order::<K>(of), names, state.downcast_ref().expect(STATE), accounts);
    }

    fn lock<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        of: &'a [&'a AnyOrder],
        names: &'a Names,
        state: &'a mut AnyState,
    ) -> BoxFuture<'a, sqlx::Result<()>> {
        let orders = orders::<K>(of);
        let state = state.downcast_mut().expect(STATE);
        async move { self.0.lock(connection, &orders, names, state).await }.boxed()
    }

    fn judge(&self, of: &AnyOrder, view: &View<'_>, state: &AnyState) -> Result<Draft, Denial> {
        let detail = self.0.judge(order::<K>(of), view, state.downcast_ref().expect(STATE))?;
        let legs = K::legs(&view.names.system, view.account, &detail);
        Ok(Draft { legs, stored: K::stored(detail) })
    }

    fn posted(&self, of: &AnyOrder, row: &Transfer, state: &mut AnyState) {
        self.0.posted(order::<K>(of), row, state.downcast_mut().expect(STATE));
    }

    fn write<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        posted: Rows<'a, 'a>,
        state: &'a AnyState,
    ) -> BoxFuture<'a, sqlx::Result<()>> {
        let posted = rows::<K>(posted);
        let state = state.downcast_ref().expect(STATE);
        async move { self.0.write(connection, &posted, state).await }.boxed()
    }

    fn committed(&self, posted: Rows<'_, '_>, hints: &mut Committed) {
        self.0.committed(&rows::<K>(posted), hints);
    }

    fn entry(&self, posted: Posted<'_>, viewer: Viewer) -> Option<(&'static str, serde_json::Value)> {
        K::entry(posted, viewer)
    }

    fn audit(&self, kept: Option<&serde_json::Value>) -> serde_json::Result<AnyAudit> {
        Ok(Box::new(match kept {
            Some(kept) => K::Audit::deserialize(kept)?,
            None => K::Audit::default(),
        }))
    }

    fn audit_kept(&self, audit: &AnyAudit) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(audit.downcast_ref::<K::Audit>().expect(STATE))
    }

    fn audit_read<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        rows: &'a [&'a Transfer],
        audit: &'a mut AnyAudit,
    ) -> BoxFuture<'a, sqlx::Result<()>> {
        K::audit_read(connection, rows, audit.downcast_mut().expect(STATE)).boxed()
    }

    fn audit_row(&self, row: &Transfer, system: &System, audit: &mut AnyAudit, flaws: &mut Flaws) {
        let made = K::recalled(row).map(|detail| Stored { detail: row.stored.detail.clone(), ..K::stored(detail) });
        if row.stored.detail.is_some() && made.is_some_and(|made| made != row.stored) {
            flaws.posting(row, "stores something beside its detail that the detail does not make");
        }
        K::audit_row(row, system, audit.downcast_mut().expect(STATE), flaws);
    }

    fn audit_close<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        audit: &'a mut AnyAudit,
        flaws: &'a mut Flaws,
    ) -> BoxFuture<'a, sqlx::Result<()>> {
        K::audit_close(connection, audit.downcast_mut().expect(STATE), flaws).boxed()
    }
}
