//! Profiles: what users say about themselves, their public signature, and how other users find them.

use parlor_protocol::UserId;
use serde::Serialize;
use utoipa::ToSchema;

mod origin;
pub(super) mod routes;
pub(super) mod service;
mod signature;
pub(super) mod store;

pub(super) use signature::parse as signature;

/// The part of a profile that everybody may see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PublicProfile {
    /// The user's id.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The public id in words that can be said aloud, as `amber-fox-42`.
    pub signature: String,
    /// The country, as ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// A few words of the user about themselves, at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// The language, as a tag of BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// The whole profile, which only the user sees.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Profile {
    /// The part that everybody may see.
    #[serde(flatten)]
    pub public: PublicProfile,
    /// The birthday, as `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthday: Option<String>,
    /// The phone number to sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Whether the phone number was proven by a code.
    pub phone_verified: bool,
    /// The e-mail address to sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the e-mail address was proven by a code.
    pub email_verified: bool,
    /// When the account was made, in Unix milliseconds.
    pub created_at: i64,
}

/// A change of a profile: `None` leaves a field as it is, and `Some(None)` removes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// The display name, which cannot be removed.
    pub name: Option<String>,
    /// The country, as ISO 3166-1 alpha-2.
    pub country: Option<Option<String>>,
    /// The birthday; it has been checked that the user is old enough.
    pub birthday: Option<Option<chrono::NaiveDate>>,
    /// A few words of the user about themselves.
    pub bio: Option<Option<String>>,
    /// The language, as a tag of BCP 47.
    pub language: Option<Option<String>>,
}
