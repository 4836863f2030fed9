//! Clocks that are set back and forward, of the server and of the database, and times in which nothing runs: no promise
//! depends on two clocks that differ. `docs/clocks.md` lists every place that compares two times.

mod database;
mod once;
mod outages;
mod pause;
mod server;
mod servers_clock;
mod starts;
