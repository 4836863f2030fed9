//! Who pays and who receives: the legs of a transfer, exact in minor units. Pure.
//!
//! A coin has 1 minor unit and a diamond 10,000, so a share of one basis point of a coin is one minor
//! unit of a diamond: shares are products of whole numbers and nothing is ever rounded.

use std::collections::BTreeMap;

use parlor_protocol::Currency;

use super::books::{System, Wallet};
use crate::economy::ledger::chain::Leg;

/// The receiver's diamonds, in basis points of the gift's coins.
const RECEIVER_BP: i64 = 10_000;
/// The room owner's on top, where the owner is not the receiver.
const OWNER_BP: i64 = 500;

/// The legs of a gift of `each` coins to every receiver; `None` beyond what a number can hold.
///
/// The sender pays the whole into gift revenue; diamonds are issued to each receiver, to the room's
/// owner for every receiver but the owner, and to each receiver's agency at its stored rate.
pub(super) fn gift(
    system: &System,
    sender: &Wallet,
    owner: &Wallet,
    receivers: &[Wallet],
    each: i64,
) -> Option<Vec<Leg>> {
    let total = each.checked_mul(i64::try_from(receivers.len()).ok()?)?;
    let mut legs = Legs::default();
    legs.transfer(Currency::Coin, sender.coin, system.gift_revenue, total)?;
    for receiver in receivers {
        let mut issue = |account, bp: i64| {
            legs.transfer(Currency::Diamond, system.diamond_issuance, account, each.checked_mul(bp)?)
        };
        issue(receiver.diamond, RECEIVER_BP)?;
        if receiver.diamond != owner.diamond {
            issue(owner.diamond, OWNER_BP)?;
        }
        if let Some((agency, rate_bp)) = receiver.agency {
            issue(agency, rate_bp.into())?;
        }
    }
    Some(legs.merged())
}

/// The two legs of coins that move from one account to another.
pub(super) fn move_coins(from: i64, to: i64, amount: i64) -> Option<Vec<Leg>> {
    let mut legs = Legs::default();
    legs.transfer(Currency::Coin, from, to, amount)?;
    Some(legs.merged())
}

/// Sums per account: an account stands once in a row of the journal, and accounts ascend.
#[derive(Default)]
struct Legs(BTreeMap<i64, (Currency, i64)>);

impl Legs {
    fn transfer(&mut self, currency: Currency, from: i64, to: i64, amount: i64) -> Option<()> {
        for (account, change) in [(from, amount.checked_neg()?), (to, amount)] {
            let (_, sum) = self.0.entry(account).or_insert((currency, 0));
            *sum = sum.checked_add(change)?;
        }
        Some(())
    }

    fn merged(self) -> Vec<Leg> {
        let leg = |(account, (currency, amount)): (i64, (Currency, i64))| Leg {
            account,
            currency: currency.number(),
            amount,
            previous: 0,
        };
        self.0.into_iter().filter(|(_, (_, amount))| *amount != 0).map(leg).collect()
    }
}

/// The experience that a gift's leg brings: coins spent times the gift's multiplier, diamonds received.
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
