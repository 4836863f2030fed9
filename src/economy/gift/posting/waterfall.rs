//! The waterfall: the legs of a gift, that is, who pays and who receives how much. There is no I/O here.
//!
//! A coin has 1 minor unit and a diamond has 10,000, so one basis point of a coin is one minor unit of a diamond.
//! Shares are products of whole numbers, and nothing is ever rounded.
//!
//! A waterfall has a version, which the detail of each gift names. If gifts are to pay otherwise, a new function is
//! added beside the old one, and earlier gifts are still judged by the old one.

use parlor_protocol::Currency;

use super::detail::Detail;
use crate::economy::ledger::posting::{Leg, Legs, System};

/// The version of the waterfall for new gifts.
pub(super) const NEWEST: i64 = 1;

/// The receiver's share in basis points of the gift's coins.
const RECEIVER_BP: i64 = 10_000;
/// The room owner's additional share, for every receiver who is not the owner.
const OWNER_BP: i64 = 500;

/// The legs of a gift; `None` if an amount overflows or no waterfall has this version.
pub(super) fn legs(system: &System, sender: i64, detail: &Detail) -> Option<Vec<Leg>> {
    match detail.waterfall {
        1 => first(system, sender, detail),
        _ => None,
    }
}

/// The first waterfall. The sender pays all coins into gift revenue. Diamonds are issued to each receiver, to the
/// room's owner for every receiver except the owner, and to each receiver's agency at its rate.
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
