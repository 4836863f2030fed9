//! The program: its commands, its settings, its refusals.

mod openapi;
mod published;
mod refusals;
mod rest;
mod stop;
mod store;
