//! Accounts, sign-in and tokens over REST.

mod account;
mod allowances;
pub mod api;
mod bad_input;
mod code;
mod keys;
mod live;
mod locked_out;
mod logs;
mod names;
mod people;
mod phone;
mod refresh;
mod rooms;
mod transactions;
