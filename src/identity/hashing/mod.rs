//! Where and when passwords are hashed: a hash takes a core for some 20 ms and 19 MiB of memory for that time.
//!
//! So only a few are computed at the same time, as many as the settings allow of cores and of memory. The others wait,
//! and those who wait take turns by who asks. The memory of a hash is not taken from the allocator but from the system.
//! It goes from one hash to the next while somebody waits, and back to the system when nobody does, so that a crowd of
//! newcomers leaves nothing behind.

mod memory;
mod turns;

pub(super) use memory::Memory;
pub(super) use turns::{Asker, Turns};
