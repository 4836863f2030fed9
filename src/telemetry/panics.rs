//! A panic as a line of the log, where Rust would write text of its own between the lines. What follows from a panic is
//! said by whoever catches it: [`crate::kit::supervise`], a room's directory, the edge of REST.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// From now on panics of this process are logged. To be called once there is a log.
pub(super) fn into_the_log() {
    std::panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let said = panic.payload_as_str().unwrap_or("without words");
    let backtrace = Backtrace::capture();
    // Only where RUST_BACKTRACE asks for one.
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(panic.at = at, panic.said = said, panic.backtrace = backtrace, "a panic");
}
