//! Reads CPU time, memory, open files and threads of a local process, and raises this process's limit of open files.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::clock_getcpuclockid;
use nix::unistd::{Pid, SysconfVar, sysconf};

/// CPU time of a process. The total is the scheduler's count, in nanoseconds. The kernel counts the split between the
/// process's own code and the kernel only in ticks of a hundredth of a second, so that split is used as a share only.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cpu {
    total: Duration,
    /// Ticks in its own code.
    user: f64,
    /// Ticks in the kernel.
    system: f64,
}

impl Cpu {
    /// What this process has used so far, over all its threads, ended ones included; `None` if the process has ended.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        let (user, system) = (ticks(11)?, ticks(12)?);
        let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).and_then(|clock| clock.now());
        let total = clock.map(Duration::from).unwrap_or_else(|_| {
            let tick = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
            Duration::from_secs_f64((user + system) / tick)
        });
        Some(Self { total, user, system })
    }

    /// The time in the process's own code and in the kernel together.
    pub fn total(self) -> Duration {
        self.total
    }

    /// The part in the process's own code, by the share of the ticks.
    pub fn user(self) -> Duration {
        let ticks = self.user + self.system;
        if ticks > 0.0 { self.total.mul_f64(self.user / ticks) } else { Duration::ZERO }
    }

    /// What has been used since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total.saturating_sub(earlier.total),
            user: (self.user - earlier.user).max(0.0),
            system: (self.system - earlier.system).max(0.0),
        }
    }
}

/// Bytes of resident memory of a process; `None` if it has ended.
pub fn rss_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1_024)
}

/// The number of files that a process has open, and of its threads.
pub fn files_and_threads(pid: u32) -> Option<(u64, u64)> {
    let count = |what: &str| Some(fs::read_dir(format!("/proc/{pid}/{what}")).ok()?.count() as u64);
    Some((count("fd")?, count("task")?))
}

/// Makes sure that this process can open this many files, and raises the soft limit if need be; processes that it
/// starts inherit the limit. `who` names in the error what would open the files.
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
        "{wanted} files would be open in {who}, and the limit is {hard}: take fewer --users, or raise the limit (`ulimit -n \
         {wanted}` as root, or LimitNOFILE of the service)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_finer_than_a_tick_and_includes_ended_threads() {
        let pid = std::process::id();
        let before = Cpu::of(pid).expect("this process");
        let work = || (0..300_000_u64).fold(0, |sum: u64, number| std::hint::black_box(sum ^ number));
        std::thread::spawn(work).join().expect("it counts");
        let used = Cpu::of(pid).expect("this process").since(before);
        assert!(used.total() > Duration::ZERO, "{used:?}");
        assert!(!used.total().subsec_nanos().is_multiple_of(1_000_000), "{used:?} comes in hundredths");
    }

    #[test]
    fn own_code_gets_its_share_of_the_ticks() {
        let cpu = Cpu { total: Duration::from_millis(95), user: 2.0, system: 8.0 };
        assert_eq!(cpu.user(), Duration::from_millis(19));
        assert_eq!(Cpu { user: 0.0, system: 0.0, ..cpu }.user(), Duration::ZERO);
        let earlier = Cpu { total: Duration::from_millis(5), user: 2.0, system: 0.0 };
        assert_eq!(cpu.since(earlier), Cpu { total: Duration::from_millis(90), user: 0.0, system: 8.0 });
    }
}
