//! The one integration binary: real PostgreSQL, real sockets, the real program.

mod support;

mod courier;
mod faults;
mod house;
mod identity;
mod ledger;
mod load;
mod matrix;
mod media;
mod program;
mod room;
mod staff;
mod upgrade;
mod wire;
