//! Accounts, sign-in and tokens over REST.

mod account;
mod api;
mod bad_input;
mod keys;
mod live;
mod logs;
mod refresh;
mod rooms;
