//! Coin requests: a user asks a reseller for coins, who approves out of their own float or rejects, once.
//!
//! Making and rejecting are records of this slice alone. Approving moves coins: it is a posting, and the
//! record changes in its transaction.

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

/// Where a request stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CoinRequestState)]
pub enum State {
    /// Nobody has settled it.
    Pending,
    /// Its coins have moved.
    Approved,
    /// The reseller said no.
    Rejected,
    /// Nobody settled it in time.
    Expired,
}

impl State {
    /// As the table has it.
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

/// A request, as asker and reseller see it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct CoinRequest {
    /// Which.
    pub id: i64,
    /// Who asked.
    pub user: UserId,
    /// Who was asked.
    pub reseller: UserId,
    /// For how many coins.
    pub amount: Coins,
    /// Where it stands.
    pub state: State,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds from which it can't be approved any more.
    pub expires_at: i64,
    /// Unix milliseconds; absent while it is pending, or ran out and was not marked yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<i64>,
    /// The transfer that moved the coins; absent unless it is approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<i64>,
    /// Why it was rejected, in the reseller's words. Absent: no words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The answer of the operation that made or rejected a request.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = CoinRequestAnswer)]
pub struct Answer {
    /// The request as it stands now, also where the operation is repeated.
    #[serde(flatten)]
    pub request: CoinRequest,
    /// The operation was done before, and nothing was done again.
    pub replayed: bool,
}
