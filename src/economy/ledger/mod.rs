//! The ledger: double-entry, append-only, with group commit.
//!
//! Each node has one queue and one writer with its own connection; all orders that wait are committed in one
//! transaction. `posting` defines what a kind of posting is, `judge` decides a batch in memory, `writer` does the I/O
//! around that, `wallet` reads, `audit` checks and `anchor` keeps the chains' heads outside the database. None of them
//! knows a kind by name. The ledger publishes nothing and writes to no socket: it answers orders and hands out what was
//! committed.

pub mod anchor;
pub mod audit;
mod chain;
mod forget;
mod handle;
mod journal;
pub(in crate::economy) mod judge;
pub(in crate::economy) mod operation;
mod order;
pub mod posting;
pub mod routes;
mod settings;
mod store;
pub mod wallet;
mod writer;

/// How long refusals are kept at least, so that a retry gets the same answer. The audit reports one that is missing
/// earlier. A job removes older ones, all of a batch together, by a function of the database, which contains the same
/// time.
pub const REFUSALS_KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3_600);

pub use forget::ForgetRefusals;
pub use handle::Ledger;
pub(in crate::economy) use journal::rows as journal_rows;
pub use order::{By, Committed, CommittedGifts, Order, TransferReceipt};
pub use posting::{Kind, Kinds};
pub use settings::Settings;
pub use wallet::{create_account, create_wallet, create_wallets};
