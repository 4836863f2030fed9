//! The ledger: double entry, append-only, committed in groups.
//!
//! One queue and one writer with its own connection a node; what waits is one transaction. `posting` says
//! what a kind of posting is, `judge` is pure and decides a batch in memory, `writer` does the I/O around
//! it, `wallet` reads, `audit` checks; none of them knows a kind by name. The ledger publishes nothing and
//! writes to no socket: it answers orders and hands out what was committed.

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

/// How long a refusal is kept for a retry at least: one that is gone before is named by the audit. A job
/// removes those that are older, a batch's all together, by a function of the database that has the same time.
pub const REFUSALS_KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3_600);

pub use forget::ForgetRefusals;
pub use handle::Ledger;
pub(in crate::economy) use journal::rows as journal_rows;
pub use order::{By, Committed, CommittedGifts, Order, TransferReceipt};
pub use posting::{Kind, Kinds};
pub use settings::Settings;
pub use wallet::{create_account, create_wallet, create_wallets};
