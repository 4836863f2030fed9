//! Coins and diamonds: the ledger, and what is paid with it.

pub mod agency;
pub mod coin_request;
pub mod gift;
pub mod ledger;
pub mod level;
pub mod promotion;
pub mod transfer;

use self::ledger::Kinds;

/// Every kind of posting that this program knows, one line each.
pub fn kinds_of(transfer: &transfer::Settings) -> Kinds {
    Kinds::default()
        .with(gift::Gifts)
        .with(promotion::Grants)
        .with(promotion::Issuances)
        .with(transfer::Transfers::new(transfer))
        .with(coin_request::Approvals)
}

/// The same with the bounds that hold unless an operator sets others: for who reads, and for tests.
pub fn kinds() -> Kinds {
    kinds_of(&transfer::Settings::default())
}
