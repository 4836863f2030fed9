//! What people say of themselves, their public signature, and how others find them.

use parlor_protocol::UserId;
use serde::Serialize;
use utoipa::ToSchema;

mod fold;
mod origin;
pub(super) mod routes;
pub(super) mod service;
mod signature;
pub(super) mod store;

pub(super) use signature::parse as signature;

/// What everybody may see of somebody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PublicProfile {
    /// Who.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The public id, said aloud.
    pub signature: String,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// A few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// What only the user themselves sees, with the rest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Profile {
    /// What everybody sees.
    #[serde(flatten)]
    pub public: PublicProfile,
    /// `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthday: Option<String>,
    /// To sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// It was proven by a code.
    pub phone_verified: bool,
    /// To sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// It was proven by a code.
    pub email_verified: bool,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// What changes of a profile: absent stays, `Some(None)` is taken away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// The display name, which there always is.
    pub name: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Option<String>>,
    /// Of somebody old enough.
    pub birthday: Option<Option<chrono::NaiveDate>>,
    /// A few words.
    pub bio: Option<Option<String>>,
    /// BCP 47.
    pub language: Option<Option<String>>,
}
