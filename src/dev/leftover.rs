//! What a server that was killed left behind: a PostgreSQL that still runs or is just stopping, a
//! `postmaster.pid` of one that is gone, or of a zombie that nobody reaps.
//!
//! To be called only by who holds the store's lock: then nobody else has a right to a PostgreSQL here.

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

/// Asked first, then told, then killed, at so many seconds.
const STEPS: [(u64, Signal); 3] = [(0, Signal::SIGINT), (8, Signal::SIGQUIT), (12, Signal::SIGKILL)];
const GIVE_UP: Duration = Duration::from_secs(15);

/// Waits until no process of the cluster is left, helping it along, and removes the files that
/// would keep a new one from starting.
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
                // Gone meanwhile, if this fails: looked at again below.
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

/// PostgreSQL itself sees through a file that names no process (and looks for shared memory that is
/// still in use); it is stopped by a zombie, and by a stranger with the same number.
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

/// The living processes of the cluster; the postmaster alone if it lives, for it ends the others.
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

/// Each of PostgreSQL's processes makes the cluster's folder its own. Where that may not be read (root
/// without `CAP_SYS_PTRACE`, as in a container), the postmaster's number and its children tell.
#[cfg(target_os = "linux")]
fn works_in(pid: Pid, cluster: &Path, postmaster: Option<Pid>) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // `pid (name) state parent …`, and the name may hold anything.
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

/// Without /proc: the process that `postmaster.pid` names, if it is a postgres.
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

/// The process on the file's first line.
pub(super) fn named_in(file: &Path) -> Option<Pid> {
    fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok().map(Pid::from_raw)
}
