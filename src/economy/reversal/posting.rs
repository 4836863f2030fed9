//! The reversal of a transfer as a kind of posting.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;

use super::store;
use crate::audit::{self, Act};
use crate::economy::ledger::journal_rows;
use crate::economy::ledger::posting::{
    Actor, Authority, Bytes, Denial, Flaws, Kind, Leg, Locks, Names, Posted, Reading, Stored, System, Transfer, View,
    Viewer, Words,
};

/// A transfer that staff takes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reversal {
    /// The id of the transfer.
    pub transfer: i64,
    /// The member of the staff who takes it back. The operation is scoped to their account.
    pub by: audit::Actor,
    /// The reason that is written into the audit log.
    pub reason: String,
}

/// The answer of a reversal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ReversedTransfer {
    /// The transfer in the ledger that took the other one back.
    pub receipt: i64,
    /// Unix milliseconds of the commit.
    pub at: i64,
    /// The transfer that was taken back.
    pub reverses: i64,
    /// The answer is the first one of this operation, given again.
    pub replayed: bool,
}

/// The kind of posting of reversals.
#[derive(Clone, Copy, Debug)]
pub struct Reversals;

/// The transfers that a batch takes back.
#[derive(Debug, Default)]
pub struct State {
    rows: HashMap<i64, Transfer>,
    /// The ids of those that have been taken back already.
    reversed: HashSet<i64>,
}

/// What an audit remembers of reversals.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Audit {
    /// Each transfer that was taken back so far, with the id of its reversal.
    seen: BTreeMap<i64, i64>,
    /// The rows that the reversals of the present part of the journal take back.
    #[serde(skip)]
    rows: HashMap<i64, Transfer>,
}

/// The transfer that is taken back, and what taking it back moves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detail {
    reversed: i64,
    /// The legs of the transfer, mirrored.
    legs: Vec<Leg>,
    /// The transfer's own multiplier: it brought experience by it, and loses it by it.
    xp_bp: Option<i32>,
}

/// The legs that take these back; `None` if an amount overflows.
fn mirrored(legs: &[Leg]) -> Option<Vec<Leg>> {
    legs.iter().map(|leg| Some(Leg { amount: leg.amount.checked_neg()?, previous: 0, ..*leg })).collect()
}

impl Kind for Reversals {
    const NUMBER: i16 = 4;
    const NAME: &'static str = "reversal";
    const AUTHORITIES: &'static [Authority] = &[Authority::Staff];

    type Order = Reversal;
    type Detail = Detail;
    type Receipt = ReversedTransfer;
    type State = State;
    type Audit = Audit;

    fn users(_: &Reversal, _: &mut BTreeSet<UserId>) {}

    async fn read(
        &self,
        connection: &mut PgConnection,
        orders: &[&Reversal],
        names: &mut Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        let rows = journal_rows(connection, &ids(orders)).await?;
        let accounts: BTreeSet<i64> = rows.iter().flat_map(|row| &row.legs).map(|leg| leg.account).collect();
        // Whoever is concerned hears of the new balance.
        names.wallets.extend(store::wallets_of(connection, &accounts.into_iter().collect::<Vec<_>>()).await?);
        state.rows = rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(())
    }

    fn accounts(&self, order: &Reversal, _: &Names, state: &State, accounts: &mut Locks) {
        let legs = state.rows.get(&order.transfer).into_iter().flat_map(|row| &row.legs);
        accounts.extend(legs.map(|leg| leg.account));
    }

    /// Every reversal of a transfer locks the transfer's balances first, so no other one can be committed between this
    /// look and the commit.
    async fn lock(
        &self,
        connection: &mut PgConnection,
        orders: &[&Reversal],
        _: &Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        state.reversed = store::reversed(connection, &ids(orders)).await?;
        Ok(())
    }

    fn judge(&self, order: &Reversal, view: &View<'_>, state: &State) -> Result<Detail, Denial> {
        let staff = order.by.user.filter(|user| view.actor == Actor::User(*user));
        let own = staff.and_then(|user| view.names.wallet(user));
        let own = own.ok_or_else(|| Denial::Passing(ErrorCode::Forbidden.into()))?;
        let row = state.rows.get(&order.transfer).ok_or(ErrorCode::TransferNotFound)?;
        if row.legs.iter().any(|leg| [own.coin, own.diamond].contains(&leg.account)) {
            let error = ErrorBody::new(ErrorCode::Forbidden).message("it moved an account of your own");
            return Err(Denial::Passing(error));
        }
        if row.kind == Self::NUMBER {
            return Err(ErrorCode::TransferNotReversible.into());
        }
        if state.reversed.contains(&row.id) {
            return Err(ErrorCode::TransferReversed.into());
        }
        let legs = mirrored(&row.legs).ok_or(ErrorCode::AmountOutOfRange)?;
        if let Some(shortfall) = legs.iter().find_map(|leg| shortfall(leg, view)) {
            // The account may get the amount again, so the refusal is not stored and the operation may be sent again.
            let error = ErrorBody { shortfall: Some(shortfall), ..ErrorBody::new(ErrorCode::FundsSpent) };
            return Err(Denial::Passing(error));
        }
        Ok(Detail { reversed: row.id, legs, xp_bp: row.stored.xp_bp })
    }

    fn legs(_: &System, _: i64, detail: &Detail) -> Option<Vec<Leg>> {
        Some(detail.legs.clone())
    }

    fn stored(Detail { reversed, legs, xp_bp }: Detail) -> Stored {
        let mut words = Words::default().number(reversed).number(legs.len() as i64);
        for leg in &legs {
            words = words.number(leg.account).number(leg.currency.into()).number(leg.amount);
        }
        let detail = Some(Bytes { version: 1, bytes: words.into_bytes() });
        Stored { line: None, xp_bp, detail, reverses: Some(reversed) }
    }

    fn recalled(row: &Transfer) -> Option<Detail> {
        let Stored { line: None, xp_bp, detail: Some(bytes), reverses: Some(reverses) } = &row.stored else {
            return None;
        };
        let mut reading = Reading::of(&bytes.bytes);
        let reversed = reading.number().filter(|reversed| reversed == reverses && bytes.version == 1)?;
        let mut legs = Vec::new();
        for _ in 0..reading.number()? {
            let (account, currency) = (reading.number()?, i16::try_from(reading.number()?).ok()?);
            legs.push(Leg { account, currency, amount: reading.number()?, previous: 0 });
        }
        reading.end()?;
        Some(Detail { reversed, legs, xp_bp: *xp_bp })
    }

    fn posted(&self, order: &Reversal, _: &Transfer, state: &mut State) {
        state.reversed.insert(order.transfer);
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        posted: &[(&Reversal, &Transfer)],
        _: &State,
    ) -> sqlx::Result<()> {
        let lines: Vec<_> = posted
            .iter()
            .map(|(order, row)| {
                let detail = json!({"transfer": order.transfer, "reversal": row.id});
                (&order.by, Act::on("transfer.reversed").detail(detail).reason(&order.reason))
            })
            .collect();
        audit::record_with(connection, &lines).await
    }

    fn receipt(posted: Posted<'_>) -> Option<ReversedTransfer> {
        let Posted { row, replayed, .. } = posted;
        Some(ReversedTransfer { receipt: row.id, at: row.at(), reverses: row.stored.reverses?, replayed })
    }

    fn entry(posted: Posted<'_>, _: Viewer) -> Option<(&'static str, serde_json::Value)> {
        let entry = EntryReversal { transfer: posted.row.stored.reverses? };
        Some((Self::NAME, serde_json::to_value(entry).ok()?))
    }

    async fn audit_read(connection: &mut PgConnection, rows: &[&Transfer], audit: &mut Audit) -> sqlx::Result<()> {
        let ids: BTreeSet<i64> = rows.iter().filter_map(|row| row.stored.reverses).collect();
        let rows = journal_rows(connection, &ids.into_iter().collect::<Vec<_>>()).await?;
        audit.rows = rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(())
    }

    fn audit_row(row: &Transfer, system: &System, audit: &mut Audit, flaws: &mut Flaws) {
        let Some(detail) = Self::recalled(row) else {
            return flaws.posting(row, "has no detail of a reversal");
        };
        flaws.compare(row, Self::legs(system, row.actor, &detail).as_deref());
        let reversed = detail.reversed;
        if let Some(flaw) = flaw(row.id, &detail, audit.rows.get(&reversed)) {
            flaws.posting(row, format!("takes transfer {reversed} back, {flaw}"));
        }
        if let Some(first) = audit.seen.insert(reversed, row.id) {
            flaws.posting(row, format!("takes transfer {reversed} back, as transfer {first} did before"));
        }
    }
}

/// Compares a reversal with the row that it names. Returns what does not fit.
fn flaw(id: i64, detail: &Detail, row: Option<&Transfer>) -> Option<&'static str> {
    match row {
        None => Some("which does not exist"),
        Some(row) if row.id >= id => Some("which did not come before"),
        Some(row) if row.kind == Reversals::NUMBER => Some("which is a reversal itself"),
        Some(row) if mirrored(&row.legs).as_ref() != Some(&detail.legs) => Some("but does not mirror its legs"),
        Some(row) if row.stored.xp_bp != detail.xp_bp => Some("but not the experience that it brought"),
        Some(_) => None,
    }
}

/// How much an account lacks to give back its leg; `None` if it has enough.
fn shortfall(leg: &Leg, view: &View<'_>) -> Option<i64> {
    let account = view.accounts.get(&leg.account).filter(|account| !account.may_overdraw)?;
    let after = account.amount.saturating_add(leg.amount);
    (after < 0).then(|| after.saturating_neg())
}

fn ids(orders: &[&Reversal]) -> Vec<i64> {
    orders.iter().map(|order| order.transfer).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The reversal behind an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct EntryReversal {
    /// The transfer that was taken back; it stands in the same account's history.
    pub transfer: i64,
}
