//! How many files the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one, and returns the limit that holds then. `None` if there is none,
/// or if it cannot be found out.
pub fn open_files() -> Option<usize> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    // It may fail where the hard limit is above what the kernel really gives (macOS); then the soft one holds.
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    usize::try_from(if raised { hard } else { soft }).ok().filter(|files| *files < usize::MAX / 4)
}
