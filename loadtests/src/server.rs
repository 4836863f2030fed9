//! The server under test: one that is started here, with a private store of its own, or one at an address.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::Cpu;

const READY_WITHIN: Duration = Duration::from_secs(90);
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A server to be measured.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    child: Child,
    program: PathBuf,
    data: PathBuf,
}

impl Server {
    /// One at an address, that somebody else started: its CPU time and memory are not known.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, own: None }
    }

    /// Starts this program over a new store, with `users` accounts whose tokens are written to the file
    /// of the answer. `port` 0 takes a free one.
    ///
    /// # Errors
    /// What keeps it from starting, in a sentence.
    pub fn start(program: &Path, users: usize) -> Result<(Self, PathBuf), String> {
        let data = std::env::temp_dir().join(format!("parlor-load-{}", std::process::id()));
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let tokens = data.join("tokens.jsonl");
        let seeded = parlor(program, &data)
            .args(["seed", "--users", &users.to_string(), "--tokens"])
            .arg(&tokens)
            .arg("--data")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output();
        let failed = |why: String| {
            // The reason for the failure is what counts.
            let _ = fs::remove_dir_all(&data);
            why
        };
        let seeded = seeded.map_err(|error| failed(format!("{}: {error}", program.display())))?;
        if !seeded.status.success() {
            return Err(failed(String::from_utf8_lossy(&seeded.stderr).trim().to_owned()));
        }
        let mut child = parlor(program, &data)
            .args(["dev", "--port", "0", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| failed(format!("{}: {error}", program.display())))?;
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, ready) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let address = line.split_once("is ready: http://").and_then(|(_, rest)| rest.split('/').next());
                if let Some(address) = address.and_then(|address| address.parse::<SocketAddr>().ok()) {
                    // Whoever waited has given up.
                    let _ = sender.send(address);
                }
            }
        });
        match ready.recv_timeout(READY_WITHIN) {
            Ok(address) => {
                let own = Own { child, program: program.to_owned(), data };
                Ok((Self { address, own: Some(own) }, tokens))
            }
            Err(_) => {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                Err(failed("the server did not start: see above".to_owned()))
            }
        }
    }

    /// The process, if it is ours.
    pub fn pid(&self) -> Option<u32> {
        self.own.as_ref().map(|own| own.child.id())
    }

    /// CPU time so far; zero where it is not known.
    pub fn cpu(&self) -> Option<Cpu> {
        Cpu::of(self.pid()?)
    }

    /// The folder of its PostgreSQL's socket, if it is ours.
    pub fn postgres(&self) -> Option<PathBuf> {
        self.own.as_ref().map(|own| own.data.join("run"))
    }

    /// Whether the books are in order; `None` where they cannot be asked.
    pub fn audit(&self) -> Option<Result<(), String>> {
        let own = self.own.as_ref()?;
        let audit = parlor(&own.program, &own.data).args(["ledger", "audit", "--data"]).arg(&own.data).output();
        Some(match audit {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
            }
            Err(error) => Err(error.to_string()),
        })
    }
}

/// The program with the limits for load.
fn parlor(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if ["DATABASE_", "PARLOR_DATA"].iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
            command.env_remove(&name);
        }
    }
    command.env("PARLOR_PROFILE", "load").env("PARLOR_LOG", "warn").current_dir(data);
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(own) = &mut self.own else { return };
        let pid = Pid::from_raw(i32::try_from(own.child.id()).expect("a pid"));
        // It may have ended by itself.
        let _ = kill(pid, Signal::SIGTERM);
        let since = Instant::now();
        while since.elapsed() < ENDS_WITHIN {
            if matches!(own.child.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = own.child.kill();
        let _ = own.child.wait();
        let _ = fs::remove_dir_all(&own.data);
    }
}
