//! What the tests share: a private PostgreSQL, a server under test, a client over a real socket.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod client;
pub mod log;
pub mod plan;
pub mod postgres;
mod postgres_tests;
pub mod program;
pub mod raw;
pub mod schema;
pub mod time;
pub mod world;

use parlor::kit::chance::Chance;
use parlor::kit::clock::{Clock, Timestamp};
use parlor::kit::edge::Edge;
use sqlx::PgPool;

/// The time now.
pub fn now() -> Timestamp {
    Clock::system().now()
}

/// An edge over this pool, with the machine's clock and chance.
pub fn edge(pool: &PgPool) -> Edge {
    Edge::new(pool.clone(), Clock::system(), Chance::system())
}
