//! Agencies, which share in what their members receive.
//!
//! The share itself is a leg of the gift's posting, and the ledger's; here is who belongs to whom.

mod store;

use parlor_protocol::{Currency, UserId};

use super::ledger;
use crate::kit::error::Result;
use crate::kit::tx::Tx;

/// Makes the demo agency of this owner, unless the owner has one, and makes these people its members, unless
/// they are in one. Two calls at once would make two agencies. Returns the agency's id.
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
