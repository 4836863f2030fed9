//! What every slice builds on: time, randomness, errors, operations, lists, limits, settings, transactions, jobs and
//! tasks.
//!
//! Nothing in here names axum or a slice.

pub mod budget;
pub mod chance;
pub mod clock;
pub mod edge;
pub mod error;
pub mod fields;
pub mod hex;
pub mod jobs;
pub mod limit;
pub mod list;
pub mod operation;
pub mod page;
pub mod rate;
pub mod settings;
pub mod supervise;
pub mod tx;
pub mod usage;
