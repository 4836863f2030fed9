//! The issuance of coins into the promotion account, as a kind of posting.

use std::collections::BTreeSet;

use parlor_protocol::{Coins, UserId};

use super::{PROMOTION, in_range};
use crate::economy::ledger::TransferReceipt;
use crate::economy::ledger::posting::{
    Authority, Bytes, Denial, Flaws, Kind, Leg, Locks, Names, Posted, Reading, Short, Stored, System, Transfer, View,
    Viewer, Words, move_coins,
};

/// The name of the account from which coins are issued. Its balance is negative: minus all coins issued.
const ISSUANCE: &str = "coin_issuance";

/// The order to issue coins into the promotion account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Issuance {
    /// How many coins; more than 0.
    pub amount: Coins,
}

/// The kind of posting that issues coins.
#[derive(Clone, Copy, Debug)]
pub struct Issuances;

impl Kind for Issuances {
    const NUMBER: i16 = 3;
    const NAME: &'static str = "issuance";
    const AUTHORITIES: &'static [Authority] = &[Authority::System];
    const SHORT: Short = Short::Passing;

    type Order = Issuance;
    /// How many coins are issued.
    type Detail = i64;
    type Receipt = TransferReceipt;
    type State = ();
    type Audit = ();

    fn users(_: &Issuance, _: &mut BTreeSet<UserId>) {}

    fn accounts(&self, _: &Issuance, names: &Names, (): &(), accounts: &mut Locks) {
        accounts.extend([ISSUANCE, PROMOTION].map(|name| names.system.account(name)));
    }

    fn judge(&self, issuance: &Issuance, _: &View<'_>, (): &()) -> Result<i64, Denial> {
        in_range(issuance.amount)
    }

    fn legs(system: &System, _: i64, amount: &i64) -> Option<Vec<Leg>> {
        move_coins(system.account(ISSUANCE), system.account(PROMOTION), *amount)
    }

    fn stored(amount: i64) -> Stored {
        let bytes = Words::default().number(amount).into_bytes();
        Stored { detail: Some(Bytes { version: 1, bytes }), ..Stored::default() }
    }

    fn recalled(row: &Transfer) -> Option<i64> {
        let bytes = row.stored.detail.as_ref().filter(|bytes| bytes.version == 1)?;
        let mut reading = Reading::of(&bytes.bytes);
        let amount = reading.number()?;
        reading.end()?;
        Some(amount)
    }

    fn receipt(posted: Posted<'_>) -> Option<TransferReceipt> {
        Some(TransferReceipt::of(posted))
    }

    fn entry(_: Posted<'_>, _: Viewer) -> Option<(&'static str, serde_json::Value)> {
        None
    }

    fn audit_row(row: &Transfer, system: &System, (): &mut (), flaws: &mut Flaws) {
        let promotion = system.account(PROMOTION);
        // Rows that are older than the details of issuances have only their legs.
        let first = || (row.authority.is_none()).then(|| row.moved(promotion));
        match Self::recalled(row).or_else(first) {
            Some(amount) => flaws.compare(row, Self::legs(system, row.actor, &amount).as_deref()),
            None => flaws.posting(row, "has no detail of an issuance"),
        }
        if row.actor != promotion {
            flaws.posting(row, "is an issuance that is not scoped to the promotion account");
        }
    }
}
