//! What the platform's staff does to users, roles, sessions, rooms and jobs.
//!
//! Each act needs a permission, which its route names. An act that changes a user checks the permission once more
//! under a lock. Each act is in the audit log. The rules belong to the capabilities that are called from here, so this
//! slice has no tables of its own.

mod flow;
mod routes;
mod service;

pub use routes::routes;
pub use service::{LiveRoomList, Office, StaffBanList, StaffMuteList, StaffPeopleList};
