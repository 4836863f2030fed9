//! The ledger with a real PostgreSQL, as the role parlor_app.

mod audit;
mod books;
mod checkpoints;
mod coin_requests;
mod faults;
mod gifts;
mod manipulations;
mod poison;
pub mod proxy;
mod random;
mod reading;
mod refusals;
mod rest;
mod reversals;
mod rights;
mod settling;
mod tip;
mod transfers;
