//! The program as a process: its commands, its settings and its refusals.

mod anchors;
mod bounds;
mod conduct;
mod door;
mod effects;
mod failures;
mod hashing;
mod lines;
pub mod mail;
mod metrics;
mod migrations;
mod openapi;
mod overload;
mod published;
mod record;
mod refusals;
mod rest;
mod room_lists;
mod rooms;
mod scale;
mod script;
mod seating;
mod starts;
mod stop;
mod store;
mod words;
