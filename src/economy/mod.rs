//! Coins and diamonds: the ledger, and the capabilities that move money with it.

pub mod agency;
pub mod coin_request;
pub mod gift;
pub mod ledger;
pub mod level;
pub mod promotion;
pub mod reversal;
pub mod transfer;

use self::ledger::Kinds;

/// Every kind of posting that this program knows. A new kind is registered by one line here.
pub fn kinds_of(transfer: &transfer::Settings) -> Kinds {
    Kinds::default()
        .with(gift::Gifts)
        .with(promotion::Grants)
        .with(promotion::Issuances)
        .with(transfer::Transfers::new(transfer))
        .with(coin_request::Approvals)
        .with(reversal::Reversals)
}

/// As [`kinds_of`], with the default limits: for code that only reads postings, and for tests.
pub fn kinds() -> Kinds {
    kinds_of(&transfer::Settings::default())
}
