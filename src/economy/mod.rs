//! Coins and diamonds: the ledger, and what is paid with it.

pub mod agency;
pub mod gift;
pub mod ledger;
