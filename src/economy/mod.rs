//! Coins and diamonds: the ledger, and what is paid with it.

pub mod agency;
pub mod gift;
pub mod ledger;
pub mod promotion;

use self::ledger::Kinds;

/// Every kind of posting that this program knows, one line each.
pub fn kinds() -> Kinds {
    Kinds::default().with(gift::Gifts).with(promotion::Grants).with(promotion::Issuances)
}
