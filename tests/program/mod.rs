//! The program: its commands, its settings, its refusals.

mod refusals;
mod rest;
mod store;
