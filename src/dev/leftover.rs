//! Clears away what a killed server left behind: a PostgreSQL that still runs or is stopping, and the `postmaster.pid`
//! of one that has ended or is a zombie.
//!
//! Only the holder of the store's lock may call this, because then nobody else may run a PostgreSQL here.

use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use super::place::{PORT, Place};
use crate::start::StartError;

/// The signals that end a PostgreSQL, each with the seconds after which it is sent: a fast shutdown, an immediate one,
/// a kill.
const STEPS: [(u64, Signal); 3] = [(0, Signal::SIGINT), (8, Signal::SIGQUIT), (12, Signal::SIGKILL)];
const GIVE_UP: Duration = Duration::from_secs(15);

/// Ends the processes of the cluster, waits until none is left, and removes the files that would keep a new PostgreSQL
/// from starting.
pub(super) fn clear(place: &Place) -> Result<(), StartError> {
    let cluster = place.cluster();
    let pid_file = cluster.join("postmaster.pid");
    let socket_lock = place.sockets.join(format!(".s.PGSQL.{PORT}.lock"));
    if !pid_file.exists() && !socket_lock.exists() {
        return Ok(());
    }
    let since = Instant::now();
    let mut steps = STEPS.iter().peekable();
    loop {
        let left = processes(&cluster, named_in(&pid_file));
        if left.is_empty() {
            break;
        }
        if since.elapsed() > GIVE_UP {
            return Err(StartError::new(format!(
                "a PostgreSQL of an earlier run does not end (process {}): end it, then start again",
                left[0]
            )));
        }
        if let Some((_, signal)) = steps.next_if(|(at, _)| since.elapsed() >= Duration::from_secs(*at)) {
            for pid in &left {
                // A signal fails if the process has ended meanwhile. The next round of the loop looks again.
                let _ = kill(*pid, *signal);
            }
        }
        sleep(Duration::from_millis(20));
    }
    for file in [&pid_file, &socket_lock] {
        forget(file)?;
    }
    Ok(())
}

/// Removes a lock file if a process has its number: it is a zombie or a stranger, for the cluster's own processes have
/// ended, and PostgreSQL would refuse to start because of it. PostgreSQL itself deals with a file whose process does
/// not exist, and then also looks for shared memory that is still in use.
fn forget(file: &Path) -> Result<(), StartError> {
    if named_in(file).is_none_or(|pid| kill(pid, None).is_err()) {
        return Ok(());
    }
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StartError::new(format!("{} is stale: remove it", file.display())).because(error))
        }
        _ => Ok(()),
    }
}

/// The living processes of the cluster. If the postmaster lives, only it is given, because it ends the others.
#[cfg(target_os = "linux")]
fn processes(cluster: &Path, postmaster: Option<Pid>) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let found: Vec<Pid> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .filter(|pid| works_in(*pid, cluster, postmaster))
        .collect();
    match postmaster {
        Some(postmaster) if found.contains(&postmaster) => vec![postmaster],
        _ => found,
    }
}

/// Whether a process belongs to the cluster: each process of PostgreSQL has the cluster's folder as its working
/// directory. Where that may not be read (root without `CAP_SYS_PTRACE`, as in a container), the postmaster and its
/// children count.
#[cfg(target_os = "linux")]
fn works_in(pid: Pid, cluster: &Path, postmaster: Option<Pid>) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The line is `pid (name) state parent …`. The name may contain blanks and brackets.
    let Some((name, rest)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else { return false };
    let mut rest = rest.split_whitespace();
    let (state, parent) = (rest.next().unwrap_or("Z"), rest.next().and_then(|pid| pid.parse().ok()).map(Pid::from_raw));
    if state == "Z" || !name.starts_with("postgres") {
        return false;
    }
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(folder) => folder == cluster,
        Err(error) => {
            error.kind() == io::ErrorKind::PermissionDenied
                && postmaster.is_some_and(|postmaster| postmaster == pid || parent == Some(postmaster))
        }
    }
}

/// Without /proc: only the process that `postmaster.pid` names, if it is a postgres.
#[cfg(not(target_os = "linux"))]
fn processes(_: &Path, postmaster: Option<Pid>) -> Vec<Pid> {
    let Some(pid) = postmaster else { return Vec::new() };
    let listed = std::process::Command::new("ps").args(["-o", "stat=,command=", "-p", &pid.to_string()]).output();
    let alive = listed.is_ok_and(|listed| {
        let line = String::from_utf8_lossy(&listed.stdout).into_owned();
        line.contains("postgres") && !line.trim_start().starts_with('Z')
    });
    if alive { vec![pid] } else { Vec::new() }
}

/// The process whose number is on the file's first line.
pub(super) fn named_in(file: &Path) -> Option<Pid> {
    fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok().map(Pid::from_raw)
}
