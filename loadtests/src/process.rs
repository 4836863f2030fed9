//! What the kernel says of a local process: CPU time and memory, and how many files this one may open.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{SysconfVar, sysconf};

/// CPU time of a process.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cpu {
    /// In its own code.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl Cpu {
    /// Of this process so far, all its threads, to a hundredth of a second; `None` where it has ended.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let tick = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
        let seconds = |at: usize| Some(fields.get(at)?.parse::<f64>().ok()? / tick);
        Some(Self { user: Duration::from_secs_f64(seconds(11)?), system: Duration::from_secs_f64(seconds(12)?) })
    }

    /// Both parts.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What has been used since.
    pub fn since(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

/// Bytes of memory that a process holds.
pub fn rss_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1_024)
}

/// Makes sure that this many files can be open in this process, raising the soft limit, which processes that
/// it starts begin with. `who` is how the sentence names those that need as many.
///
/// # Errors
/// A sentence that says how to raise the hard limit.
pub fn allow_files(wanted: u64, who: &str) -> Result<(), String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    if soft >= wanted {
        return Ok(());
    }
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    if raised.is_ok() && hard >= wanted {
        return Ok(());
    }
    Err(format!(
        "{wanted} files would be open in {who}, and the limit is {hard}: take fewer --users, or raise it (`ulimit -n {wanted}` as \
         root, or LimitNOFILE of the service)"
    ))
}
