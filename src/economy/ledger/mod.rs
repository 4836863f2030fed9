//! The ledger: double entry, append-only, committed in groups.
//!
//! One queue and one writer with its own connection a node; what waits is one transaction. `judge` is
//! pure and decides a batch in memory, `writer` does the I/O around it, `wallet` reads, `audit` checks.
//! The ledger knows no rooms but their numbers, publishes nothing and writes to no socket: it answers
//! orders and hands out what was committed.

pub mod audit;
#[doc(hidden)]
pub mod bench;
mod chain;
mod handle;
mod judge;
mod order;
pub mod routes;
mod settings;
pub mod wallet;
mod writer;

pub use handle::Ledger;
pub use order::{Committed, CommittedGifts, Gift, Grant, Order, TransferReceipt};
pub use settings::Settings;
pub use wallet::{create_account, create_room_totals, create_wallet, create_wallets, gifts_above};

use parlor_protocol::Coins;
use parlor_protocol::room::Banner;

/// Coins from which one gift operation gets a banner in its room.
const ROOM_BANNER: i64 = 999;
/// Coins from which one gift operation gets a banner in all rooms.
const ALL_ROOMS_BANNER: i64 = 9_999;

/// How widely a gift operation worth this much is announced.
fn banner(total: Coins) -> Option<Banner> {
    match total.0 {
        ALL_ROOMS_BANNER.. => Some(Banner::AllRooms),
        ROOM_BANNER.. => Some(Banner::Room),
        _ => None,
    }
}

/// What a transfer was for, as the journal numbers it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EntryKind)]
pub enum Kind {
    /// A gift in a room.
    Gift,
    /// Coins from the promotion account.
    Grant,
    /// Coins issued into the promotion account.
    Issuance,
    /// The undoing of another transfer.
    Reversal,
}

impl Kind {
    /// The number under which the journal stores it.
    pub const fn number(self) -> i16 {
        match self {
            Self::Gift => 1,
            Self::Grant => 2,
            Self::Issuance => 3,
            Self::Reversal => 4,
        }
    }

    /// The kind stored under this number.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Gift),
            2 => Some(Self::Grant),
            3 => Some(Self::Issuance),
            4 => Some(Self::Reversal),
            _ => None,
        }
    }
}
