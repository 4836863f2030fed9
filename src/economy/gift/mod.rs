//! Gifts: the catalogue, a room's gifts, and the gift as a kind of posting.

#[cfg(feature = "bench")]
pub mod bench;
mod catalogue;
mod lines;
mod posting;
pub mod routes;
mod store;

pub use lines::{gifts_above, spent_in};
pub use posting::{Gift, Gifts};

use parlor_protocol::{Coins, GiftId};
use sqlx::PgConnection;

use self::lines::banner;
use crate::kit::error::{Error, Result};
use crate::kit::tx::Tx;

/// A gift of the catalogue.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct GiftCard {
    /// The gift's id.
    pub id: GiftId,
    /// The name in English.
    pub name_en: String,
    /// The name in Arabic.
    pub name_ar: String,
    /// `hot`, `normal`, `vip` or `event`.
    pub category: String,
    /// `common`, `rare`, `epic` or `legendary`.
    pub rarity: String,
    /// The price of one, in coins.
    pub price: Coins,
    /// The VIP level that the sender needs; 0 if everybody may send it.
    pub vip_level: i16,
}

/// The gifts that can be sent now.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Catalogue {
    /// The catalogue's version; it rises with every change of any gift.
    pub version: i64,
    /// The gifts, cheapest first.
    pub gifts: Vec<GiftCard>,
}

/// The whole catalogue. It has a few dozen gifts, so there are no pages.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn catalogue(connection: &mut PgConnection) -> Result<Catalogue> {
    let rows = store::gifts(connection).await?;
    // Gifts are switched off and never deleted, so the sum of their versions only rises.
    let version = rows.iter().map(|row| i64::from(row.version)).sum();
    let card = |row: store::GiftRow| {
        let id = GiftId::new(row.id).ok_or_else(|| Error::internal(format!("gift id {} in the catalogue", row.id)))?;
        let store::GiftRow { name_en, name_ar, category, rarity, price, vip_level, .. } = row;
        Ok(GiftCard { id, name_en, name_ar, category, rarity, price: Coins(price), vip_level })
    };
    let gifts = rows.into_iter().filter(|row| row.enabled).map(card).collect::<Result<_>>()?;
    Ok(Catalogue { version, gifts })
}

/// Inserts the default gifts that the catalogue does not have. Gifts that exist are not changed. Returns how many were
/// inserted.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn seed(tx: &mut Tx) -> Result<u64> {
    Ok(store::insert_missing(tx, catalogue::DEFAULT).await?)
}
