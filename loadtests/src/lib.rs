//! Simulated users of a running Parlor server: they speak the wire over real sockets, keep the
//! picture that an app would keep, and write down whatever an app must never see.
//!
//! Depends on the protocol only. The integration tests and the load tester share these users.

pub mod rest;
pub mod screen;
pub mod user;
