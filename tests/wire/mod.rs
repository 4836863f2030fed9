//! Bad input at every frame and endpoint, and what a socket promises whatever is behind it.

mod device;
mod frames;
mod memory;
mod overload;
mod rooms;
mod server;
mod session;
mod spans;
