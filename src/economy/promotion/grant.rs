//! The grant of coins from the promotion account, as a kind of posting.

use std::collections::BTreeSet;

use parlor_protocol::{Coins, ErrorCode, UserId};

use super::{PROMOTION, in_range};
use crate::economy::ledger::TransferReceipt;
use crate::economy::ledger::posting::{
    Authority, Bytes, Denial, Flaws, Kind, Leg, Locks, Names, Posted, Reading, Short, Stored, System, Transfer, View,
    Viewer, Words, move_coins,
};

/// The order to grant coins from the promotion account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The user who gets the coins.
    pub to: UserId,
    /// How many coins; more than 0.
    pub amount: Coins,
}

/// The kind of posting that grants coins.
#[derive(Clone, Copy, Debug)]
pub struct Grants;

/// What a grant is made of: the coin account that gets the coins, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Detail {
    to: i64,
    amount: i64,
}

impl Kind for Grants {
    const NUMBER: i16 = 2;
    const NAME: &'static str = "grant";
    const AUTHORITIES: &'static [Authority] = &[Authority::System, Authority::Staff, Authority::Job];
    /// If the promotion account is empty, the operator has to fill it, and then the same operation may succeed.
    const SHORT: Short = Short::Passing;

    type Order = Grant;
    type Detail = Detail;
    type Receipt = TransferReceipt;
    type State = ();
    type Audit = ();

    fn users(grant: &Grant, users: &mut BTreeSet<UserId>) {
        users.insert(grant.to);
    }

    fn accounts(&self, grant: &Grant, names: &Names, (): &(), accounts: &mut Locks) {
        accounts.insert(names.system.account(PROMOTION));
        accounts.extend(names.wallet(grant.to).map(|wallet| wallet.coin));
    }

    fn judge(&self, grant: &Grant, view: &View<'_>, (): &()) -> Result<Detail, Denial> {
        let to = view.names.wallet(grant.to).ok_or(ErrorCode::UserNotFound)?;
        Ok(Detail { to: to.coin, amount: in_range(grant.amount)? })
    }

    fn legs(system: &System, _: i64, detail: &Detail) -> Option<Vec<Leg>> {
        move_coins(system.account(PROMOTION), detail.to, detail.amount)
    }

    fn stored(Detail { to, amount }: Detail) -> Stored {
        let bytes = Words::default().number(to).number(amount).into_bytes();
        Stored { detail: Some(Bytes { version: 1, bytes }), ..Stored::default() }
    }

    fn recalled(row: &Transfer) -> Option<Detail> {
        let bytes = row.stored.detail.as_ref().filter(|bytes| bytes.version == 1)?;
        let mut reading = Reading::of(&bytes.bytes);
        let detail = Detail { to: reading.number()?, amount: reading.number()? };
        reading.end()?;
        Some(detail)
    }

    fn receipt(posted: Posted<'_>) -> Option<TransferReceipt> {
        Some(TransferReceipt::of(posted))
    }

    fn entry(_: Posted<'_>, _: Viewer) -> Option<(&'static str, serde_json::Value)> {
        None
    }

    fn audit_row(row: &Transfer, system: &System, (): &mut (), flaws: &mut Flaws) {
        // Rows that are older than the details of grants gave coins to the user whose operation it was.
        let first = || (row.authority.is_none()).then(|| Detail { to: row.actor, amount: row.moved(row.actor) });
        match Self::recalled(row).or_else(first) {
            Some(detail) => flaws.compare(row, Self::legs(system, row.actor, &detail).as_deref()),
            None => flaws.posting(row, "has no detail of a grant"),
        }
    }
}
