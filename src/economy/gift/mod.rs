//! Gifts: the catalogue of what can be given, and the gift as a kind of posting.

#[cfg(feature = "bench")]
pub mod bench;
mod catalogue;
mod lines;
mod posting;
pub mod routes;
mod store;

pub use lines::gifts_above;
pub use posting::{Gift, Gifts};

use parlor_protocol::{Coins, GiftId};
use sqlx::PgConnection;

use self::lines::banner;
use crate::kit::error::{Error, Result};
use crate::kit::tx::Tx;

/// A gift as clients list it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct GiftCard {
    /// Which.
    pub id: GiftId,
    /// Its name in English.
    pub name_en: String,
    /// Its name in Arabic.
    pub name_ar: String,
    /// `hot`, `normal`, `vip` or `event`.
    pub category: String,
    /// `common`, `rare`, `epic` or `legendary`.
    pub rarity: String,
    /// What one of it costs.
    pub price: Coins,
    /// The VIP level that it asks for; 0 for everybody.
    pub vip_level: i16,
}

/// What can be given now, cheapest first.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Catalogue {
    /// Rises with every change of any gift.
    pub version: i64,
    /// The gifts that are on.
    pub gifts: Vec<GiftCard>,
}

/// The whole catalogue: a few dozen rows, so no pages.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn catalogue(connection: &mut PgConnection) -> Result<Catalogue> {
    let rows = store::gifts(connection).await?;
    // Rows are switched off and never deleted, so the sum only rises.
    let version = rows.iter().map(|row| i64::from(row.version)).sum();
    let card = |row: store::GiftRow| {
        let id = GiftId::new(row.id).ok_or_else(|| Error::internal(format!("gift id {} in the catalogue", row.id)))?;
        let store::GiftRow { name_en, name_ar, category, rarity, price, vip_level, .. } = row;
        Ok(GiftCard { id, name_en, name_ar, category, rarity, price: Coins(price), vip_level })
    };
    let gifts = rows.into_iter().filter(|row| row.enabled).map(card).collect::<Result<_>>()?;
    Ok(Catalogue { version, gifts })
}

/// Puts the default gifts into the catalogue; those that exist stay as an operator has made them.
/// Returns how many are new.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn seed(tx: &mut Tx) -> Result<u64> {
    Ok(store::insert_missing(tx, catalogue::DEFAULT).await?)
}
