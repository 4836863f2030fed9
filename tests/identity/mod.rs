//! Accounts, sign-in and tokens over REST.

mod account;
pub mod api;
mod bad_input;
mod code;
mod keys;
mod live;
mod logs;
mod names;
mod people;
mod refresh;
mod rooms;
mod transactions;
