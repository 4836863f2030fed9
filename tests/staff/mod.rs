//! Roles, permissions, suspension, and what staff does, over REST and sockets of the real program.

mod audit;
mod jobs;
mod lists;
mod operator;
mod roles;
mod rooms;
mod suspension;

// Where it was before every folder's tests could take it.
#[allow(unused_imports, reason = "tests that are on their way name it so")]
pub use crate::support::world;
