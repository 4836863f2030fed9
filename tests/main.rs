//! The integration tests, in one binary: they use real PostgreSQL, real sockets and the real program.

#![allow(
    clippy::disallowed_methods,
    reason = "a test is a program of its own: it takes the system's clock and chance, and may start tasks"
)]

mod support;

mod abuse;
mod agreement;
mod clocks;
mod contributing;
mod courier;
mod faults;
mod house;
mod identity;
mod jobs;
mod ledger;
mod load;
mod matrix;
mod media;
mod program;
mod room;
mod staff;
mod text;
mod upgrade;
mod voice;
mod wire;
