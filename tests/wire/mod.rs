//! The gateway with pretended accounts and rooms: malformed input, and what a socket promises.

mod bounds;
mod device;
mod flood;
mod frames;
mod memory;
mod overload;
mod rooms;
mod server;
mod session;
mod spans;
