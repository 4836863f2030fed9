//! The server under test: one that is started here, with a private store of its own, or one at an address.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};

use crate::process::Cpu;

const READY_WITHIN: Duration = Duration::from_secs(90);
/// What a server says before it is ready has been read.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A server to be measured.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    own: Option<Own>,
    books: Option<Books>,
}

/// The database of a server that somebody else started.
#[derive(Debug)]
struct Books {
    program: PathBuf,
    database: String,
}

/// What became of an audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Audit {
    /// Nobody said where the books are.
    NotAsked,
    /// They are in order.
    Clean,
    /// They are not, in the audit's words.
    Flawed(String),
    /// They could not be read.
    Failed(String),
}

#[derive(Debug)]
struct Own {
    child: Child,
    metrics: Option<SocketAddr>,
    program: PathBuf,
    data: PathBuf,
}

impl Server {
    /// One at an address, that somebody else started: its CPU time and memory are not known.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, own: None, books: None }
    }

    /// The same, and its books are in this database: `program` audits them. A role that reads is enough
    /// (parlor_audit).
    pub fn with_books(mut self, program: &Path, database: &str) -> Self {
        self.books = Some(Books { program: program.to_owned(), database: database.to_owned() });
        self
    }

    /// Starts this program over a new store, with so many accounts whose tokens are written to the file
    /// of the answer. Only if `counts` it has metrics, which cost a little of its time.
    ///
    /// # Errors
    /// What keeps it from starting, in a sentence.
    pub fn start(program: &Path, accounts: usize, counts: bool) -> Result<(Self, PathBuf), String> {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let data = std::env::temp_dir().join(format!("parlor-load-{}-{number}", std::process::id()));
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let tokens = data.join("tokens.jsonl");
        let seeded = parlor(program, &data)
            .args(["seed", "--users", &accounts.to_string(), "--tokens"])
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
        let mut dev = parlor(program, &data);
        dev.args(["dev", "--port", "0", "--data"]).arg(&data).stdin(Stdio::null()).stdout(Stdio::piped());
        if counts {
            // Where they are it says in its log, and only there.
            dev.env("PARLOR__TELEMETRY__METRICS_ADDRESS", "127.0.0.1:0").env("PARLOR_LOG", "warn,parlor::command=info");
            dev.stderr(Stdio::piped());
        }
        let mut child = dev.spawn().map_err(|error| failed(format!("{}: {error}", program.display())))?;
        let metrics = child.stderr.take().map(|log| where_metrics_are(BufReader::new(log)));
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
                // They are listened at before the server is ready.
                let metrics = metrics.and_then(|address| address.recv_timeout(TOLD_WITHIN).ok());
                let own = Own { child, metrics, program: program.to_owned(), data };
                Ok((Self { address, own: Some(own), books: None }, tokens))
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

    /// Where it has metrics, if it is ours and was started with them.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.own.as_ref()?.metrics
    }

    /// CPU time so far; zero where it is not known.
    pub fn cpu(&self) -> Option<Cpu> {
        Cpu::of(self.pid()?)
    }

    /// The folder of its PostgreSQL's socket, if it is ours.
    pub fn postgres(&self) -> Option<PathBuf> {
        self.own.as_ref().map(|own| own.data.join("run"))
    }

    /// Whether the books are in order, by `parlor ledger audit`.
    pub fn audit(&self) -> Audit {
        let mut command = match (&self.own, &self.books) {
            (Some(own), _) => {
                let mut command = parlor(&own.program, &own.data);
                command.args(["ledger", "audit", "--data"]).arg(&own.data);
                command
            }
            (None, Some(Books { program, database })) => {
                let mut command = parlor(program, &std::env::temp_dir());
                command.args(["ledger", "audit"]).env("DATABASE_URL", database);
                command
            }
            (None, None) => return Audit::NotAsked,
        };
        match command.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => Audit::Clean,
            // 1 is the audit's own: it has read the books and found something.
            Ok(output) if output.status.code() == Some(1) => {
                Audit::Flawed(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            }
            Ok(output) => Audit::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Audit::Failed(error.to_string()),
        }
    }

    /// Makes sure that the database that was named for the books is this server's: it has the room that the
    /// server has just made. Books of another one would be in order whatever happens here.
    ///
    /// # Errors
    /// A sentence.
    pub async fn own_books(&self, room: u64) -> Result<(), String> {
        let Some(Books { database, .. }) = &self.books else { return Ok(()) };
        let cannot = |error: sqlx::Error| format!("--database cannot be read: {error}");
        let mut connection = PgConnection::connect(database).await.map_err(cannot)?;
        let there: bool = sqlx::query_scalar("select exists (select from rooms where id = $1)")
            .bind(i64::try_from(room).unwrap_or_default())
            .fetch_one(&mut connection)
            .await
            .map_err(cannot)?;
        // It was only read from.
        let _ = connection.close().await;
        if there { Ok(()) } else { Err(format!("--database is not the server's: room {room} is not in it")) }
    }
}

/// Reads a server's log to its end and passes its warnings on; one line of the rest says where metrics are.
fn where_metrics_are(log: impl BufRead + Send + 'static) -> mpsc::Receiver<SocketAddr> {
    let (sender, address) = mpsc::channel();
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            match metrics_address(&line) {
                // Whoever waited has given up.
                Some(address) => drop(sender.send(address)),
                None if line.contains("INFO") => {}
                None => eprintln!("{line}"),
            }
        }
    });
    address
}

/// The address in a line of a log of either form.
fn metrics_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("metrics.address")?;
    let address = rest.trim_start_matches(['"', ':', '=']);
    address.split(['"', ' ']).next()?.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_either_form_says_where_metrics_are() {
        for line in [
            r#"{"level":"INFO","message":"metrics are at /metrics","metrics.address":"127.0.0.1:38563","target":"x"}"#,
            "2026-11-25T04:05:25Z  INFO metrics are at /metrics metrics.address=127.0.0.1:38563",
        ] {
            assert_eq!(metrics_address(line), Some(SocketAddr::from(([127, 0, 0, 1], 38_563))), "{line}");
        }
        assert_eq!(metrics_address("2026-11-25T04:05:26Z  WARN the profile `load` is on"), None);
    }
}
