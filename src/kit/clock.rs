//! Time as a port. Nothing below an edge reads a clock: it is told what time it is, or holds a clock that
//! whoever composed the program gave it.
//!
//! There are three clocks, and each has its use:
//! - [`Clock`]: the wall clock, in Unix milliseconds, for what people and other machines see.
//! - [`BootClock`]: monotonic, and the machine's sleep counts. A lease is reckoned by it.
//! - `tokio::time::Instant`: monotonic, for waits and durations. A test pauses it; the machine's sleep need
//!   not count there.
//!
//! `clippy.toml` forbids the global clocks of `std` and `chrono` everywhere else.

mod boot;
mod wall;

pub use boot::{BootClock, BootTime};
pub use wall::{Clock, Timestamp};
