//! Simulated users of a running Parlor server: they use the protocol over real sockets, keep the picture of a room that
//! an app would keep, and record everything that an app must never see.
//!
//! Depends on the protocol only. The integration tests and the load tester share these users.

#![allow(
    clippy::disallowed_methods,
    reason = "a load test measures the real time, and may start tasks, which end with it"
)]

pub mod books;
pub mod compare;
pub mod drift;
pub mod history;
pub mod latency;
pub mod member;
pub mod meter;
pub mod plot;
pub mod process;
pub mod proof;
pub mod reference;
pub mod report;
pub mod rest;
pub mod run;
pub mod scenario;
pub mod screen;
pub mod server;
pub mod socket;
pub mod stage;
pub mod statement;
pub mod tally;
pub mod transactions;
pub mod user;
pub mod verdict;
pub mod wal;
pub mod watcher;
pub mod world;
