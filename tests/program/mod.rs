//! The program: its commands, its settings, its refusals.

mod openapi;
mod refusals;
mod rest;
mod store;
