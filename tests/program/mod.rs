//! The program: its commands, its settings, its refusals.

mod anchors;
mod effects;
mod failures;
pub mod mail;
mod metrics;
mod migrations;
mod openapi;
mod overload;
mod published;
mod refusals;
mod rest;
mod rooms;
mod scale;
mod script;
mod starts;
mod stop;
mod store;
