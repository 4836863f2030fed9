//! What the tests share: a private PostgreSQL, a server under test, a client over a real socket.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod client;
pub mod log;
pub mod postgres;
mod postgres_tests;
pub mod program;
pub mod raw;
pub mod schema;
