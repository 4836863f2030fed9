//! What a server does when something dies under it, and what its users see when they are cut off.

mod acts;
mod cuts;
mod cutter;
mod kill;
mod server;
