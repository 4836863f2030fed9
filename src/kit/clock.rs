//! Time as a port. Code below an edge never reads the system's clock: it is given the time as an argument, or holds
//! a clock that was handed to it when the program was composed.
//!
//! There are three clocks, and each has its use:
//! - [`Clock`]: the wall clock, in Unix milliseconds, for what people and other machines see.
//! - [`BootClock`]: monotonic, and it counts the time that the machine sleeps. Leases are measured by it.
//! - `tokio::time::Instant`: monotonic, for waits and durations. A test can pause it. It need not count the
//!   machine's sleep.
//!
//! `clippy.toml` forbids the global clocks of `std` and `chrono` everywhere outside this module.

mod boot;
mod wall;

pub use boot::{BootClock, BootTime};
pub use wall::{Clock, Timestamp};
