//! How much memory the process may use, and how unused memory is given back to the system.

use std::fs;
use std::path::{Path, PathBuf};

/// The part of the memory of the machine or container that the process may use if that is not set, in percent. The rest
/// is for the kernel's buffers of its sockets, which count for the container too, and for other processes.
const SHARE_PERCENT: u64 = 80;

/// The bytes of memory that the process may use: as set, or else its share of the memory of the container or machine.
/// `None` if that cannot be found out (macOS).
pub fn memory_bytes(set: Option<u64>) -> Option<u64> {
    set.or_else(|| {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
        let least = limits(&groups, Path::new("/sys/fs/cgroup")).chain(machine).min()?;
        Some(least / 100 * SHARE_PERCENT)
    })
}

/// `MemTotal` of `/proc/meminfo`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

/// The memory bounds of the control groups (cgroups v1 and v2) that the process is in: its own group and those around
/// it. Within a container the group's folder may be missing; then the root is the container's own group.
fn limits(groups: &str, root: &Path) -> impl Iterator<Item = u64> {
    let of = |line: &str| -> Option<Vec<PathBuf>> {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        let ancestors = Path::new(path.trim_start_matches('/')).ancestors();
        Some(ancestors.map(|group| root.join(group).join(file)).collect())
    };
    let files: Vec<PathBuf> = groups.lines().filter_map(of).flatten().collect();
    // A group without a bound has the text `max`, or in version 1 a number above the memory of any machine.
    files.into_iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

/// The bytes from which a block is large: a decoded picture, a body, a buffer that has grown far. Blocks of sockets and
/// rooms are smaller, so no frame waits for the system.
const LARGE_BYTES: i32 = 1 << 20;

/// Has large blocks of memory come from the system and go back when they are freed, from now on. glibc does so only up to
/// the first of them; from then on it takes blocks of that size from the heaps of its threads, whose ends it keeps.
/// Measured with eight pictures of 18 MB, decoded one after the other: 110 MB stayed resident, and as much again with
/// the next eight; with this call none did, and no more than 20 MB were ever taken.
#[allow(unsafe_code)]
pub fn give_large_blocks_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes two numbers and no pointer, and is thread-safe (mallopt(3)).
    unsafe {
        nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
}

/// Gives the freed memory that the allocator keeps back to the system. Kept memory counts as resident, so without this
/// a node that was full once would stay full: glibc gives back by itself only what lies at the end of a heap. Measured
/// with 4,400 sockets that came and went: of the 10 MB that they took, 9 MB stayed resident for more than a minute;
/// with this call none did.
#[allow(unsafe_code)]
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes a number and no pointer, and is thread-safe (malloc_trim(3)).
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_bound_of_all_control_groups_counts() {
        let root = std::env::temp_dir().join(format!("parlor-groups-{}", std::process::id()));
        let files = [
            ("memory.max", "max\n"),
            ("pod/memory.max", "3000\n"),
            ("pod/one/memory.max", "4000\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/inner/memory.limit_in_bytes", "2000\n"),
        ];
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("below the root")).expect("a temporary folder");
            fs::write(path, text).expect("a temporary file");
        }
        let least = |groups: &str| limits(groups, &root).min();
        assert_eq!(least("0::/pod/one\n"), Some(3_000), "the bound of the group around it is less");
        assert_eq!(least("4:memory:/inner\n8:pids:/\n0::/\n"), Some(2_000));
        assert_eq!(least("4:cpu,memory:/of/the/host\n"), Some(9_223_372_036_854_771_712));
        assert_eq!(least("0::/\n8:pids:/pod\n"), None);
        assert_eq!(least("what is this"), None);
        fs::remove_dir_all(root).expect("it is there");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_setting_it_is_a_share_of_the_machines_memory() {
        let machine = total(&fs::read_to_string("/proc/meminfo").expect("Linux")).expect("it says");
        let bytes = memory_bytes(None).expect("Linux");
        assert!(bytes > 0 && bytes <= machine / 100 * SHARE_PERCENT, "{bytes} of {machine}");
        assert_eq!(memory_bytes(Some(5)), Some(5));
    }
}
