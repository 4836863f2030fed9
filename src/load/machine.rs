//! What the machine has for this process, and how it is given back what is not used.

use std::fs;
use std::path::{Path, PathBuf};

/// How much of the machine, or of the container, the process takes for its own if nobody says: the rest is for the
/// kernel's buffers of its sockets, which a container is charged for, and for what else runs there.
const SHARE_PERCENT: u64 = 80;

/// What the process may use of memory: as it is set, else its share of what the container may use or the machine has.
/// `None` where neither can be found out (macOS).
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

/// The bounds of the control groups that the process is in, of either version: its own and those around it. Within a
/// container the named folder may not be there, and the root is the container's own.
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
    // Without a bound it says `max`, in the first version a number beyond every machine.
    files.into_iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

/// Gives back to the system what the allocator keeps of freed memory. What is kept counts as resident, so that a node
/// that has once been full would stay it: glibc gives back by itself only what lies at the end of a heap. Measured with
/// 4,400 sockets that came and went: of 10 MB that they took 9 stayed for a minute and more, and with this none.
#[allow(unsafe_code)]
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes a number and no pointer, and takes the allocator's own locks.
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_bound_of_groups_of_either_version_counts() {
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
        assert_eq!(least("0::/pod/one\n"), Some(3_000), "that of the group around it is less");
        assert_eq!(least("4:memory:/inner\n8:pids:/\n0::/\n"), Some(2_000));
        assert_eq!(least("4:cpu,memory:/of/the/host\n"), Some(9_223_372_036_854_771_712));
        assert_eq!(least("0::/\n8:pids:/pod\n"), None);
        assert_eq!(least("what is this"), None);
        fs::remove_dir_all(root).expect("it is there");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_setting_it_is_a_share_of_the_machine() {
        let machine = total(&fs::read_to_string("/proc/meminfo").expect("Linux")).expect("it says");
        let bytes = memory_bytes(None).expect("Linux");
        assert!(bytes > 0 && bytes <= machine / 100 * SHARE_PERCENT, "{bytes} of {machine}");
        assert_eq!(memory_bytes(Some(5)), Some(5));
    }
}
