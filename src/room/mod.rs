//! One room, one actor: a pure state machine inside, I/O around it.

pub mod port;
mod record;
mod routes;

pub use routes::routes;
