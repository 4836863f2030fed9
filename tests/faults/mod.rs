//! Kills of the server and of its PostgreSQL, and what users see after they were cut off.

mod acts;
mod cuts;
mod cutter;
mod kill;
mod server;
