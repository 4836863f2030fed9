//! Gifts: the catalogue, and the agencies that share in what their members receive.
//!
//! What a gift does to the accounts is the ledger's; here is what can be given.

mod catalogue;
pub mod routes;
mod store;

use parlor_protocol::{Coins, Currency, GiftId, UserId};
use sqlx::PgConnection;

use super::ledger;
use crate::kit::error::{Error, Result};

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
pub async fn seed(connection: &mut PgConnection) -> Result<u64> {
    Ok(store::insert_missing(connection, catalogue::DEFAULT).await?)
}

/// Makes the demo agency of this owner, unless there is one, and these people its members, unless they
/// have an agency. Belongs into a transaction: two at once would make two agencies. Returns its id.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn seed_demo_agency(connection: &mut PgConnection, owner: UserId, members: &[UserId]) -> Result<i64> {
    let agency = match store::agency_of(connection, owner.number()).await? {
        Some(agency) => agency,
        None => {
            let account = ledger::create_account(connection, Currency::Diamond).await?;
            store::insert_agency(connection, "Demo Agency", owner.number(), account).await?
        }
    };
    let members: Vec<i64> = members.iter().map(|member| member.number()).collect();
    store::insert_members(connection, agency, &members).await?;
    Ok(agency)
}
