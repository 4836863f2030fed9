//! What the platform's staff does: with users, their roles and sign-ins, and in rooms.
//!
//! Each act has its permission, which the route names and, where it changes somebody, the act asks for
//! once more under the lock; and each is in the audit log. The rules are those of the capabilities, which
//! all meet here: this slice has no tables of its own.

mod flow;
mod routes;
mod service;

pub use routes::routes;
pub use service::{LiveRoomList, Office};
