//! Money in whole minor units, as payment interfaces count it: a coin is 1 minor unit, a diamond is 10,000.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::id::NUMBER_LIMIT;

/// An amount of coins, which are bought and spent. One minor unit is one coin.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "utoipa", schema(minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64))]
#[serde(transparent)]
pub struct Coins(
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    #[serde(deserialize_with = "exact")]
    pub i64,
);

/// Reads a number that is between -2^53 and 2^53, as every number on the wire is.
fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let is_exact = number.unsigned_abs() < NUMBER_LIMIT.unsigned_abs();
    if is_exact { Ok(number) } else { Err(de::Error::custom("an amount is a number between -2^53 and 2^53")) }
}

/// An amount of diamonds, which are earned. 10,000 minor units are one diamond, so that a share in basis points of a
/// whole number of coins is exact and nothing is ever rounded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Diamonds(pub i64);

/// The two currencies of the economy.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Currency {
    /// Coins, which are bought and spent; one minor unit is one coin.
    Coin,
    /// Diamonds, which are earned; 10,000 minor units are one diamond.
    Diamond,
}

impl Currency {
    /// Both currencies, in the order in which they are stored and listed.
    pub const ALL: [Self; 2] = [Self::Coin, Self::Diamond];

    /// The power of ten that gives the minor units of one whole unit: 0 for coins, 4 for diamonds.
    pub const fn exponent(self) -> u32 {
        match self {
            Self::Coin => 0,
            Self::Diamond => 4,
        }
    }

    /// The number under which the database stores it.
    pub const fn number(self) -> i16 {
        match self {
            Self::Coin => 1,
            Self::Diamond => 2,
        }
    }

    /// The currency stored under this number.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Coin),
            2 => Some(Self::Diamond),
            _ => None,
        }
    }
}
