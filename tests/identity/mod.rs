//! Accounts, sign-in and tokens over REST.

mod account;
mod api;
mod bad_input;
mod code;
mod keys;
mod logs;
mod people;
mod rooms;
