//! The private PostgreSQL of `parlor dev`: starts, stops, kills, shared use and refusals.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parlor::dev::Place;

use crate::support::program::{Program, complaint, parlor, run};
use crate::support::time::{moment_blocking, until_blocking};

/// A folder for one test's store, empty, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-{name}"));
        let this = Self(folder);
        this.remove();
        this
    }

    fn remove(&self) {
        if self.0.exists() {
            // Where the account of PostgreSQL cannot enter, the data lies elsewhere.
            let place = Place::of(&self.0).expect("the place of a store that was there");
            for folder in [&place.sockets, &place.data, &self.0] {
                let _ = fs::remove_dir_all(folder);
            }
        }
    }

    /// The postmaster's process, read off its file.
    fn postmaster(&self) -> Pid {
        self.postmaster_if_any().expect("PostgreSQL runs")
    }

    /// The same; `None` while PostgreSQL is started again and has no file, or only the beginning of one.
    fn postmaster_if_any(&self) -> Option<Pid> {
        let place = Place::of(&self.0).expect("the store is there");
        let file = fs::read_to_string(place.cluster().join("postmaster.pid")).ok()?;
        Some(Pid::from_raw(file.lines().next()?.trim().parse().ok()?))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Gone, or a zombie that nobody here can reap.
fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(pid, None).is_err() || stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

fn wait_until_gone(pid: Pid, within: Duration) {
    until_blocking(&format!("PostgreSQL {pid} ends with its server"), within, || is_gone(pid).then_some(()));
}

#[test]
fn a_store_lives_from_a_cold_start_through_kills_to_a_clean_stop() {
    let folder = Folder::new("life");
    let mut server = Program::dev(&folder.0);
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(server.get("/readyz").0, 200);
    assert!(server.said().contains(&format!("http://{}/", server.address)), "{}", server.said());

    // A second one is refused in one sentence and disturbs nothing.
    let second = run(parlor(&["dev", "--port", "0", "--data"]).arg(&folder.0));
    assert_eq!(second.status.code(), Some(2));
    let sentence = complaint(&second);
    assert!(sentence.contains("is in use (parlor dev, process ") && sentence.contains("--data"), "{sentence}");
    assert_eq!(server.get("/readyz").0, 200);

    // A command works in the store while it is served.
    let migrate = run(parlor(&["migrate", "--data"]).arg(&folder.0));
    assert_eq!(String::from_utf8_lossy(&migrate.stdout), "the database is up to date\n", "{}", complaint(&migrate));

    // PostgreSQL killed: ready again by itself.
    let postmaster = folder.postmaster();
    kill(postmaster, Signal::SIGKILL).expect("it runs");
    let is_another = || folder.postmaster_if_any().is_some_and(|now| now != postmaster);
    let back = || (server.get("/readyz").0 == 200 && is_another()).then_some(());
    until_blocking("PostgreSQL comes back", Duration::from_secs(20), back);

    // The server killed: PostgreSQL goes with it, and the next start is at once.
    let postmaster = folder.postmaster();
    server.kill();
    let mut server = Program::dev(&folder.0);
    assert!(is_gone(postmaster), "the new server's PostgreSQL is a new one");

    // Both killed at once.
    let postmaster = folder.postmaster();
    kill(postmaster, Signal::SIGKILL).expect("it runs");
    server.kill();
    wait_until_gone(postmaster, Duration::from_secs(5));
    let mut server = Program::dev(&folder.0);
    assert_eq!(server.get("/readyz").0, 200);

    let postmaster = folder.postmaster();
    server.signal(Signal::SIGTERM);
    let status = server.ended(Duration::from_secs(8));
    assert!(status.success(), "{status}: {}", server.said());
    assert!(is_gone(postmaster), "the server outlives its PostgreSQL");

    // A command alone starts it, and stops it again.
    let migrate = run(parlor(&["migrate", "--data"]).arg(&folder.0));
    assert_eq!(String::from_utf8_lossy(&migrate.stdout), "the database is up to date\n", "{}", complaint(&migrate));
    let place = Place::of(&folder.0).expect("the store is there");
    assert!(!place.cluster().join("postmaster.pid").exists(), "it was stopped");
}

#[test]
fn a_signal_during_a_cold_start_leaves_nothing_behind_that_hinders_the_next() {
    for delay_ms in [50..100, 400..500, 800..900, 1_200..1_400] {
        let folder = Folder::new(&format!("hasty-{}", delay_ms.start));
        let mut hasty = parlor(&["dev", "--port", "0", "--data"]);
        let mut child = hasty
            .arg(&folder.0)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program can be started");
        moment_blocking(delay_ms);
        kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), Signal::SIGTERM).expect("it lives");
        child.wait().expect("it is our child");
        let server = Program::dev(&folder.0);
        assert_eq!(server.get("/readyz").0, 200);
    }
}

#[test]
fn a_long_path_and_one_with_spaces_hold_a_store() {
    let folder = Folder::new(&format!("long and spaced {}", "x".repeat(90)));
    let mut server = Program::dev(&folder.0);
    assert_eq!(server.get("/readyz").0, 200);
    server.signal(Signal::SIGINT);
    assert!(server.ended(Duration::from_secs(8)).success());
}

/// Run as root, PostgreSQL runs as somebody who cannot enter a folder of root's.
#[test]
fn a_folder_that_postgresql_cannot_enter_is_answered_with_another_place() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let folder = Folder::new("closed");
    fs::create_dir_all(&folder.0).expect("the folder can be made");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let mut server = Program::dev(&folder.0);
    assert_eq!(server.get("/readyz").0, 200);
    let place = Place::of(&folder.0).expect("the store is there");
    assert!(place.data.starts_with("/var/lib/parlor/"), "{}", place.data.display());
    let said = server.said();
    assert!(said.contains("cannot enter") && said.contains(&place.data.display().to_string()), "{said}");
    server.signal(Signal::SIGTERM);
    assert!(server.ended(Duration::from_secs(8)).success());
}

#[test]
fn a_postgresql_that_does_not_start_is_told_at_once_with_its_last_words() {
    let folder = Folder::new("broken");
    drop(Program::dev(&folder.0));
    let place = Place::of(&folder.0).expect("the store is there");
    fs::write(place.cluster().join("postgresql.conf"), "no_such_setting = 1\n").expect("root or its owner may");
    let since = Instant::now();
    let output = run(parlor(&["dev", "--port", "0", "--data"]).arg(&folder.0));
    let sentence = complaint(&output);
    assert!(sentence.contains("postgres.log") && sentence.contains("no_such_setting"), "{sentence}");
    assert!(since.elapsed() < Duration::from_secs(20), "told at once");
}
