//! Who pays and who receives: the legs of a gift, exact in minor units. Pure.
//!
//! A coin has 1 minor unit and a diamond 10,000, so a share of one basis point of a coin is one minor
//! unit of a diamond: shares are products of whole numbers and nothing is ever rounded.
//!
//! A waterfall has a version, which stands in the detail of each gift: one that pays otherwise is a new
//! function beside this one, and what was given before stays judged by the old one.

use parlor_protocol::Currency;

use super::detail::Detail;
use crate::economy::ledger::posting::{Leg, Legs, System};

/// The version that gifts are judged by now.
pub(super) const NEWEST: i64 = 1;

/// The receiver's diamonds, in basis points of the gift's coins.
const RECEIVER_BP: i64 = 10_000;
/// The room owner's on top, where the owner is not the receiver.
const OWNER_BP: i64 = 500;

/// The legs of a gift; `None` beyond what a number can hold, or where no waterfall has the version.
pub(super) fn legs(system: &System, sender: i64, detail: &Detail) -> Option<Vec<Leg>> {
    match detail.waterfall {
        1 => first(system, sender, detail),
        _ => None,
    }
}

/// The sender pays the whole into gift revenue; diamonds are issued to each receiver, to the room's
/// owner for every receiver but the owner, and to each receiver's agency at its rate.
fn first(system: &System, sender: i64, detail: &Detail) -> Option<Vec<Leg>> {
    let line = &detail.line;
    let each = line.price.checked_mul(line.count)?;
    let total = each.checked_mul(i64::try_from(line.receivers.len()).ok()?)?;
    let issuance = system.account("diamond_issuance");
    let mut legs = Legs::default();
    legs.transfer(Currency::Coin, sender, system.account("gift_revenue"), total)?;
    let mut issue = |account, bp: i64| legs.transfer(Currency::Diamond, issuance, account, each.checked_mul(bp)?);
    for receiver in &line.receivers {
        issue(*receiver, RECEIVER_BP)?;
        if *receiver != detail.owner {
            issue(detail.owner, OWNER_BP)?;
        }
    }
    for share in &detail.agencies {
        issue(share.account, share.rate_bp)?;
    }
    Some(legs.merged())
}
