//! Identifiers on the wire. The ids of users and rooms are numbers, so that people can read them aloud.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use uuid::Uuid;

/// Every number on the wire stays below this (2^53), so that JavaScript reads it exactly.
pub const NUMBER_LIMIT: i64 = 1 << 53;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(
            #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = NUMBER_LIMIT - 1)))] i64,
        );

        impl $name {
            /// The id of this number; `None` unless it is above 0 and below 2^53.
            pub const fn new(number: i64) -> Option<Self> {
                if number > 0 && number < NUMBER_LIMIT { Some(Self(number)) } else { None }
            }

            /// The number, as it is stored and sent.
            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = i64::deserialize(deserializer)?;
                Self::new(number).ok_or_else(|| de::Error::custom("an id is a number above 0 and below 2^53"))
            }
        }
    };
}

number_id! {
    /// A user's id: a random number of at least nine digits, which people can read aloud.
    UserId
}
number_id! {
    /// A room's id: a random number of at least nine digits, which people can read aloud.
    RoomId
}
number_id! {
    /// The id of a gift in the catalogue, as `GET /v1/gifts` lists it.
    GiftId
}

/// The id of an operation: a UUID that a client makes once for each tap and keeps over retries and reconnects.
///
/// Version 7 is best, because it keeps the journal's index in order of time; every other version works as well.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Op(pub Uuid);

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
