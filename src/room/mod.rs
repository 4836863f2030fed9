//! One room, one actor: a pure state machine inside, I/O around it.

mod handle; // STUB until branch `room` is merged.
pub mod port;
mod record;
mod request; // As branch `room` has it.
mod routes;

pub use handle::{Mail, RoomHandle};
pub use request::{Answer, Caller, JoinAnswer, Request};
pub use routes::routes;
