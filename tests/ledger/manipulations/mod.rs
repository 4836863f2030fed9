//! The generator of manipulations changes the ledger in every way that it knows. The audit must report each change, or
//! the change must be in a list with its reason.
//!
//! All manipulations share one world: each is made in a savepoint of one transaction of the superuser, audited there,
//! and rolled back.

mod capabilities;
mod columns;
mod decisions;
pub mod forge;
mod forgeries;
mod schema;
mod session;
