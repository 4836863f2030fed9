//! Parlor: a real-time room and messaging server for live-audio social apps.
//!
//! One way for data through the house: socket, protocol, session, command, room actor (decide,
//! evolve), event, delivery, sockets; and beside it the ledger, which commits before it is announced.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test may start tasks of its own; what it tests may not")
)]

pub mod admin;
pub mod app;
pub mod audit;
pub mod cluster;
pub mod command;
pub mod config;
pub mod courier;
pub mod db;
pub mod delivery;
pub mod dev;
pub mod economy;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod kit;
pub mod lifecycle;
pub mod load;
pub mod media;
pub mod presence;
pub mod room;
pub mod router;
pub mod start;
pub mod telemetry;
pub mod voice;
