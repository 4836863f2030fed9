//! Rooms. Each room that is awake is one actor: a pure state machine with the I/O around it.
//!
//! `state` decides and does no I/O; `actor` does the I/O and decides nothing. A room is reached only by its `handle`.
//! The `directory` wakes rooms and lets them go to sleep.

mod actor;
pub mod admins;
mod audience;
mod board;
mod change;
mod checkpoints;
mod clock;
pub mod conduct;
pub mod days;
mod directory;
mod door;
mod facts;
mod forget;
mod handle;
mod images;
mod lists;
pub mod port;
mod ranking;
mod recents;
mod record;
mod request;
mod resting;
mod ring;
mod routes;
pub mod service;
mod settings;
mod state;
mod store;
pub mod timeline;
pub mod visits;
mod voices;
pub mod words;

pub use board::{Board, Crowd, Crowds};
pub use directory::Directory;
pub use door::PasswordHash;
pub use facts::{CheckpointRow, Fact, Facts, HardWrite, PgFacts, WriteError, Written};
pub use forget::ForgetFacts;
pub use handle::{Asker, Mail, NotAsked, Reply, RoomHandle};
pub use record::{create_many, find, owned_by, pin};
pub use request::{
    Answer, Caller, JoinAnswer, Present, PrivacyChange, Request, Returned, SceneNow, SeatMap, Sight, SnapshotText,
    StaffAct, VoicePlace,
};
pub use routes::routes;
pub use settings::{RoomAllowance, Settings};
pub use state::{
    Act, Checkpoint, KeptHands, KeptImage, KeptInvitation, KeptOffer, PackedMemory, Role, RoomState, Scene,
    Whereabouts, Woken, gifts_within, may,
};
