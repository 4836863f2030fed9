//! Agencies: an agency gets a share of the gifts that its members receive.
//!
//! The share is a leg of the gift's posting, which the ledger writes. This slice only knows agencies and their members.

mod store;

use parlor_protocol::{Currency, UserId};

use super::ledger;
use crate::kit::error::Result;
use crate::kit::tx::Tx;

/// Makes a demo agency for this owner, unless the owner has one, and makes these users its members, unless they are in
/// an agency already. Returns the agency's id. Nothing locks here: two calls at the same time would make two agencies.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn seed_demo(tx: &mut Tx, owner: UserId, members: &[UserId]) -> Result<i64> {
    let agency = match store::agency_of(tx, owner.number()).await? {
        Some(agency) => agency,
        None => {
            let account = ledger::create_account(tx, Currency::Diamond).await?;
            store::insert_agency(tx, "Demo Agency", owner.number(), account).await?
        }
    };
    let members: Vec<i64> = members.iter().map(|member| member.number()).collect();
    store::insert_members(tx, agency, &members).await?;
    Ok(agency)
}
