//! The ledger against a real PostgreSQL, as parlor_app.

mod audit;
mod faults;
mod gifts;
pub mod proxy;
mod random;
mod reading;
mod rights;
mod world;
