//! What every slice builds on: time, chance, errors, operations, lists, limits, transactions, tasks.
//!
//! No axum and no slice: whatever stands here is of use to all of them and knows none.

pub mod chance;
pub mod clock;
pub mod edge;
pub mod error;
pub mod fields;
pub mod jobs;
pub mod limit;
pub mod list;
pub mod operation;
pub mod page;
pub mod rate;
pub mod settings;
pub mod supervise;
pub mod tx;
