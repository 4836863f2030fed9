//! One private PostgreSQL: its cluster is made, it is started, restarted and stopped. It listens on a unix socket only,
//! without passwords.
//!
//! Everything here blocks and needs no async runtime. A thread of its own spawns the process and waits for it, because
//! the process ends with the thread that spawned it ([`super::parent`]).

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use super::binaries::Binaries;
use super::place::{PORT, Place};
use super::{leftover, parent};
use crate::kit::chance::Chance;
use crate::kit::supervise;
use crate::start::StartError;

/// How long a start may take. The recovery after a kill takes longest.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// The signals that stop PostgreSQL, and how long each is waited for: a fast shutdown, which writes a checkpoint; an
/// immediate one, which does not; a kill.
const STOP_STEPS: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(8)),
    (Signal::SIGQUIT, Duration::from_secs(4)),
    (Signal::SIGKILL, Duration::from_secs(4)),
];
/// The shortest and the longest pause before PostgreSQL is started again after it ended unasked. Each pause is twice
/// the one before, until a start has lasted.
const RESTART_AFTER: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(10)];
/// The beginning of the name of a cluster that is still being made.
const UNFINISHED: &str = "postgres.new-";
/// A log of more bytes than this is emptied at the start.
const LOG_BYTES: u64 = 8 << 20;

/// What may be lost in a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Nothing that was committed is lost, not even when the power fails.
    Full,
    /// Everything may be lost when the machine fails, and nothing when only a process is killed. This is for tests,
    /// which kill processes. (`synchronous_commit` stays on: without it a killed process loses commits.)
    Off,
}

/// How a cluster is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What may be lost in a crash.
    pub durability: Durability,
    /// Whether PostgreSQL is started again when it ends unasked.
    pub restart: bool,
    /// The most connections that it takes.
    pub connections: u32,
}

/// A running private PostgreSQL. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The process, from its spawn until it has been reaped.
    pid: Option<Pid>,
    /// PostgreSQL has taken connections. If it ends before that, the start has failed and is not tried again.
    ready: bool,
    stopping: bool,
    /// The thread has ended: no process is left, and no other will be started.
    done: bool,
    /// Why the last process could not be spawned, or how it ended.
    end: Option<String>,
}

impl Postgres {
    /// Makes the cluster if there is none, starts PostgreSQL and waits until it takes connections. The caller must hold
    /// the store's lock.
    ///
    /// # Errors
    /// A sentence that says why PostgreSQL does not start, with the end of its log.
    pub fn start(place: &Place, options: Options) -> Result<Self, StartError> {
        let cluster = place.cluster();
        let binaries = Binaries::find(major_of(&cluster))?;
        if !cluster.exists() {
            create(place, &binaries, options.durability)?;
        }
        leftover::clear(place)?;
        let log = open_log(place)?;
        let shared = Arc::new(Shared::default());
        let supervisor = Supervisor { place: place.clone(), binaries, options, log, shared: Arc::clone(&shared) };
        supervise::thread("postgres", move || supervisor.run())
            .map_err(|error| StartError::new("no thread can be started: end other programs").because(error))?;
        let postgres = Self { shared };
        postgres.wait_ready(place)?;
        Ok(postgres)
    }

    /// The number of the postmaster's process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.state().pid.map(|pid| pid.as_raw().unsigned_abs())
    }

    /// Kills the postmaster with SIGKILL and waits until it has been reaped. Tests use it to make a crash.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
        self.wait(Duration::from_secs(10), |state| state.pid.is_none());
    }

    /// Stops PostgreSQL: by a fast shutdown, then an immediate one, then a kill. Returns when no process is left, after
    /// 16 s at the latest. A second call does nothing.
    pub fn stop(&self) {
        self.state().stopping = true;
        self.shared.changed.notify_all();
        for (signal, patience) in STOP_STEPS {
            self.signal(signal);
            if self.wait(patience, |state| state.done) {
                return;
            }
        }
        tracing::error!("PostgreSQL did not end, although it was killed");
    }

    fn signal(&self, signal: Signal) {
        // The lock is held, so that the number still belongs to this process.
        if let Some(pid) = self.state().pid {
            let _ = kill(pid, signal);
        }
    }

    /// Waits until PostgreSQL takes connections. It writes its state into the eighth line of its pid file.
    fn wait_ready(&self, place: &Place) -> Result<(), StartError> {
        let pid_file = place.cluster().join("postmaster.pid");
        let since = Instant::now();
        loop {
            let (pid, done, end) = {
                let state = self.state();
                (state.pid, state.done, state.end.clone())
            };
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            let mut lines = text.lines();
            let named = lines.next().and_then(|line| line.trim().parse().ok()).map(Pid::from_raw);
            if pid.is_some() && named == pid && lines.nth(6).is_some_and(|line| line.trim() == "ready") {
                self.state().ready = true;
                return Ok(());
            }
            if done || end.is_some() || since.elapsed() > READY_WITHIN {
                let end = end.unwrap_or_else(|| "it is not ready after 90 s".to_owned());
                let sentence = format!("PostgreSQL does not start: see {}", place.log().display());
                return Err(StartError::new(sentence).because(format!("{end}; {}", last_words(&place.log()))));
            }
            self.wait(Duration::from_millis(10), |state| state.done);
        }
    }

    /// Waits until the state is `so`; `false` if that does not happen within this time.
    fn wait(&self, patience: Duration, so: impl Fn(&State) -> bool) -> bool {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.state(), patience, |state| !so(state))
            .unwrap_or_else(PoisonError::into_inner);
        so(&state)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// What the thread that runs PostgreSQL works with.
struct Supervisor {
    place: Place,
    binaries: Binaries,
    options: Options,
    log: File,
    shared: Arc<Shared>,
}

impl Supervisor {
    fn run(self) {
        let [mut pause, longest] = RESTART_AFTER;
        loop {
            let since = Instant::now();
            let Some(end) = self.run_once() else { break };
            pause = if since.elapsed() > longest { RESTART_AFTER[0] } else { longest.min(pause * 2) };
            let mut state = self.shared.lock();
            if state.stopping || !state.ready || !self.options.restart {
                state.end = Some(end);
                break;
            }
            tracing::warn!(reason = %end, "PostgreSQL has ended and is started again");
            let (state, _) = self
                .shared
                .changed
                .wait_timeout_while(state, pause, |state| !state.stopping)
                .unwrap_or_else(PoisonError::into_inner);
            if state.stopping {
                break;
            }
        }
        self.shared.change(|state| state.done = true);
    }

    /// Starts PostgreSQL once, and says how it ended; `None` if it was not started because a stop was asked for.
    fn run_once(&self) -> Option<String> {
        let mut state = self.shared.lock();
        if state.stopping {
            return None;
        }
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => return Some(error.to_string()),
        };
        state.pid = Some(pid_of(&child));
        drop(state);
        self.shared.changed.notify_all();
        // This waits without reaping. The process is reaped under the lock below, so that whoever holds the lock never
        // sees a number that may belong to another process.
        await_end(&child);
        let mut state = self.shared.lock();
        let status = child.wait();
        state.pid = None;
        drop(state);
        self.shared.changed.notify_all();
        Some(status.map_or_else(|error| error.to_string(), |status| status.to_string()))
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let mut command = self.place.command(&self.binaries.folder.join("postgres"));
        command.arg("-D").arg(self.place.cluster()).arg("-k").arg(&self.place.sockets);
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        command.stdout(self.log.try_clone()?).stderr(self.log.try_clone()?);
        parent::end_with_this_thread(&mut command);
        command.spawn()
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            "listen_addresses=".to_owned(),
            format!("port={PORT}"),
            "unix_socket_permissions=0700".to_owned(),
            format!("max_connections={}", self.options.connections),
            "shared_buffers=64MB".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            // Compiling a query takes longer than running any of ours.
            "jit=off".to_owned(),
            "logging_collector=off".to_owned(),
        ];
        if self.options.durability == Durability::Off {
            settings.extend(["fsync=off", "full_page_writes=off", "autovacuum=off"].map(str::to_owned));
        }
        settings
    }
}

/// Blocks until the process has ended, and does not reap it.
#[cfg(target_os = "linux")]
fn await_end(child: &Child) {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    while waitid(Id::Pid(pid_of(child)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(nix::errno::Errno::EINTR) {
    }
}

/// Without `waitid`: asks ten times a second.
#[cfg(not(target_os = "linux"))]
fn await_end(child: &Child) {
    let stat = || std::process::Command::new("ps").args(["-o", "stat=", "-p", &child.id().to_string()]).output();
    while stat().is_ok_and(|stat| !stat.stdout.is_empty() && stat.stdout[0] != b'Z') {
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process number is a positive i32"))
}

/// Makes a cluster under another name, and renames it when it is complete.
fn create(place: &Place, binaries: &Binaries, durability: Durability) -> Result<(), StartError> {
    let failed =
        |cause: String| StartError::new(format!("no database can be made in {}", place.data.display())).because(cause);
    #[expect(clippy::disallowed_methods, reason = "a store is opened by a command, before anything is composed")]
    let name = Chance::system().id();
    // Each one has a name of its own, because an interrupted initdb may still write to its folder or be removing it.
    let unfinished = place.data.join(format!("{UNFINISHED}{}", name.simple()));
    for entry in fs::read_dir(&place.data).map_err(|error| failed(error.to_string()))?.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // If this fails, the next start tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    place.make_private(&unfinished).map_err(|error| failed(error.to_string()))?;
    let mut command = place.command(&binaries.folder.join("initdb"));
    command.arg("-D").arg(&unfinished);
    command.args(["-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]);
    if durability == Durability::Off {
        command.arg("--no-sync");
    }
    // initdb must not go on when this program is interrupted.
    parent::end_with_this_thread(&mut command);
    let made = command.stdout(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if !made.status.success() {
        return Err(failed(String::from_utf8_lossy(&made.stderr).trim().to_owned()));
    }
    fs::rename(&unfinished, place.cluster()).map_err(|error| failed(error.to_string()))
}

fn major_of(cluster: &Path) -> Option<u32> {
    fs::read_to_string(cluster.join("PG_VERSION")).ok()?.trim().parse().ok()
}

fn open_log(place: &Place) -> Result<File, StartError> {
    let path: PathBuf = place.log();
    let failed =
        |error| StartError::new(format!("{} cannot be written: make it writable", path.display())).because(error);
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > LOG_BYTES {
        file.set_len(0).map_err(failed)?;
    }
    Ok(file)
}

/// The last three lines of the log, in one line.
fn last_words(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(1000)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        Ok(String::from_utf8_lossy(&end).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
