//! The books manipulated in every way that the generator knows: each is named by the audit, or stands in
//! a list with its reason.
//!
//! One world for all of them: each manipulation is made in a savepoint of one transaction of the
//! superuser, audited there, and rolled back.

mod columns;
mod decisions;
mod forge;
mod forgeries;
mod schema;
mod session;
