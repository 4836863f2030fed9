//! Logs panics as lines of the log; without this, Rust would write text of its own between them. What follows from a
//! panic is logged by the code that catches it: [`crate::kit::supervise`], the directory of rooms, the edge of REST.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// Has the panics of this process logged from now on. It is called after the log was started.
pub(super) fn into_the_log() {
    std::panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let said = panic.payload_as_str().unwrap_or("without words");
    let backtrace = Backtrace::capture();
    // A backtrace is captured only if RUST_BACKTRACE asks for one.
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(panic.at = at, panic.said = said, panic.backtrace = backtrace, "a panic");
}
