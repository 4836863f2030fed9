//! Identifiers on the wire. Ids of users and rooms are numbers that people read aloud.

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
    /// A user: a random number of nine digits and more, which people read aloud.
    UserId
}
number_id! {
    /// A room: a random number of nine digits and more, which people read aloud.
    RoomId
}
number_id! {
    /// A gift of the catalogue, as `GET /v1/gifts` lists it.
    GiftId
}

/// A client's name for one change: a UUID made once per tap and kept over retries and reconnects.
///
/// Version 7 keeps the journal's index in order of time; every other version works as well.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Op(pub Uuid);

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
