//! Computing the legs of a posting, and the experience that a leg gives. There is no I/O here.

use std::collections::BTreeMap;

use parlor_protocol::Currency;

use super::row::{Leg, Stored};

/// The highest amount and the highest experience: 2^53 - 1, so that clients in JavaScript read every number exactly.
pub const LIMIT: i64 = parlor_protocol::id::NUMBER_LIMIT - 1;

/// Legs that are being computed, summed up by account, because a row of the journal names an account once and lists the
/// accounts in ascending order.
#[derive(Debug, Default)]
pub struct Legs(BTreeMap<i64, (Currency, i64)>);

impl Legs {
    /// Moves an amount from one account to another; `None` if a sum overflows.
    pub fn transfer(&mut self, currency: Currency, from: i64, to: i64, amount: i64) -> Option<()> {
        for (account, change) in [(from, amount.checked_neg()?), (to, amount)] {
            let (_, sum) = self.0.entry(account).or_insert((currency, 0));
            *sum = sum.checked_add(change)?;
        }
        Some(())
    }

    /// The legs by account. Accounts whose sum is 0 have none.
    pub fn merged(self) -> Vec<Leg> {
        let leg = |(account, (currency, amount)): (i64, (Currency, i64))| Leg {
            account,
            currency: currency.number(),
            amount,
            previous: 0,
        };
        self.0.into_iter().filter(|(_, (_, amount))| *amount != 0).map(leg).collect()
    }
}

/// The two legs of coins that move from one account to another; `None` if an amount overflows.
pub fn move_coins(from: i64, to: i64, amount: i64) -> Option<Vec<Leg>> {
    let mut legs = Legs::default();
    legs.transfer(Currency::Coin, from, to, amount)?;
    Some(legs.merged())
}

/// The experience that a leg gives, in 1/10,000 point: coins spent times the posting's multiplier, or diamonds
/// received. What takes a transfer back takes the experience back that the mirrored leg gave. The view `entries`
/// computes the same. `None` if it overflows.
pub(in crate::economy::ledger) fn xp(leg: &Leg, stored: &Stored) -> Option<i64> {
    let Some(xp_bp) = stored.xp_bp else { return Some(0) };
    let takes_back = stored.reverses.is_some();
    let amount = if takes_back { leg.amount.checked_neg()? } else { leg.amount };
    let brought = if leg.currency == Currency::Coin.number() && amount < 0 {
        amount.checked_neg()?.checked_mul(xp_bp.into())?
    } else if leg.currency == Currency::Diamond.number() && amount > 0 {
        amount
    } else {
        0
    };
    if takes_back { brought.checked_neg() } else { Some(brought) }
}
