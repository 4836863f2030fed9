//! The figures of the process, from the kernel. Those that come from `/proc` stay at 0 on systems without it (macOS).

use std::fs;
use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

use super::metric;

/// Reads the figures and sets their metrics.
pub(super) fn sample() {
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let time = |value: nix::sys::time::TimeVal| {
            Duration::new(u64::try_from(value.tv_sec()).unwrap_or(0), 0)
                + Duration::from_micros(u64::try_from(value.tv_usec()).unwrap_or(0))
        };
        metric::PROCESS_CPU.set(time(usage.user_time()) + time(usage.system_time()));
    }
    if let Some(bytes) = resident_bytes() {
        metric::PROCESS_MEMORY.set(bytes as f64);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // The descriptor that reads this folder is not counted.
        metric::PROCESS_FILES.set(files.count().saturating_sub(1) as f64);
    }
    if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        metric::PROCESS_FILES_MAX.set(soft as f64);
    }
}

/// The resident memory of the process in bytes; `None` if the system has no `/proc`.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_resident_memory_is_read() {
        assert!(super::resident_bytes().is_some_and(|bytes| bytes > 1_000_000));
    }
}
