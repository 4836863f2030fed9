//! The documents, the server and the store agree: what one allows the others take, and what one refuses is a refusal of
//! all.

mod constraints;
mod rest;
mod socket;
pub mod uploads;
mod variation;
