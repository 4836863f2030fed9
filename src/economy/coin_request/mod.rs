//! Coin requests: a user asks a reseller for coins. The reseller approves the request and pays out of their own coins,
//! or rejects it; a request is settled once.
//!
//! Making and rejecting a request only changes this slice's records. Approving moves coins, so it is a posting, and the
//! record changes in the posting's transaction.

mod job;
mod posting;
pub mod routes;
mod service;
mod settings;
mod store;

pub use job::Expire;
pub use posting::{Approval, Approvals, ApprovedRequest, EntryRequest};
pub use service::{approve, expire, find, list, make, reject};
pub use settings::Settings;

use parlor_protocol::{Coins, UserId};

/// The state of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CoinRequestState)]
pub enum State {
    /// It has not been settled.
    Pending,
    /// The reseller has approved it, and the coins have moved.
    Approved,
    /// The reseller has rejected it.
    Rejected,
    /// It was not settled in time.
    Expired,
}

impl State {
    /// The state's name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Rejected, Self::Expired].into_iter().find(|state| state.name() == name)
    }
}

/// A coin request, as its user and its reseller see it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct CoinRequest {
    /// The request's id.
    pub id: i64,
    /// The user who asks for coins.
    pub user: UserId,
    /// The reseller who is asked.
    pub reseller: UserId,
    /// How many coins are asked for.
    pub amount: Coins,
    /// The request's state.
    pub state: State,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// The time from which it cannot be settled any more, in Unix milliseconds.
    pub expires_at: i64,
    /// When it was settled, in Unix milliseconds. Absent while it is pending, and for a while after it has expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<i64>,
    /// The transfer in the ledger that moved the coins; only of an approved request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<i64>,
    /// Why it was rejected, in the reseller's words. Absent if the reseller gave no reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The answer to making or rejecting a request.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = CoinRequestAnswer)]
pub struct Answer {
    /// The request as it is now, also if the operation was repeated.
    #[serde(flatten)]
    pub request: CoinRequest,
    /// Whether the operation was done before; then nothing was done again.
    pub replayed: bool,
}
