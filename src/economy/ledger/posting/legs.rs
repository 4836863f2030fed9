//! Legs in the making, and the experience that a leg brings. Pure.

use std::collections::BTreeMap;

use parlor_protocol::Currency;

use super::row::Leg;

/// No amount and no experience passes this, so that every client reads them exactly.
pub const LIMIT: i64 = parlor_protocol::id::NUMBER_LIMIT - 1;

/// Sums per account: an account stands once in a row of the journal, and accounts ascend.
#[derive(Debug, Default)]
pub struct Legs(BTreeMap<i64, (Currency, i64)>);

impl Legs {
    /// Moves an amount; `None` beyond what a number can hold.
    pub fn transfer(&mut self, currency: Currency, from: i64, to: i64, amount: i64) -> Option<()> {
        for (account, change) in [(from, amount.checked_neg()?), (to, amount)] {
            let (_, sum) = self.0.entry(account).or_insert((currency, 0));
            *sum = sum.checked_add(change)?;
        }
        Some(())
    }

    /// The legs, none of them empty.
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

/// The two legs of coins that move from one account to another; `None` beyond what a number can hold.
pub fn move_coins(from: i64, to: i64, amount: i64) -> Option<Vec<Leg>> {
    let mut legs = Legs::default();
    legs.transfer(Currency::Coin, from, to, amount)?;
    Some(legs.merged())
}

/// The experience that a leg brings: coins spent times the posting's multiplier, diamonds received.
/// In 1/10,000, as the view `entries` has it.
pub(in crate::economy::ledger) fn xp(leg: &Leg, xp_bp: Option<i32>) -> Option<i64> {
    match xp_bp {
        Some(xp_bp) if leg.currency == Currency::Coin.number() && leg.amount < 0 => {
            leg.amount.checked_neg()?.checked_mul(xp_bp.into())
        }
        Some(_) if leg.currency == Currency::Diamond.number() && leg.amount > 0 => Some(leg.amount),
        _ => Some(0),
    }
}
