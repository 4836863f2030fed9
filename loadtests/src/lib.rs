//! Simulated users of a running Parlor server: they speak the wire over real sockets, keep the
//! picture that an app would keep, and write down whatever an app must never see.
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
