//! The server under test: one that this program starts with a private store, or one at a given address.

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
/// How long the log may take, after the server is ready, to show the address of its metrics.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A server to be measured.
#[derive(Debug)]
pub struct Server {
    /// The address at which it listens.
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

/// The result of an audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Audit {
    /// The server's database is not known.
    NotAsked,
    /// The audit found nothing.
    Clean,
    /// The audit's findings.
    Flawed(String),
    /// The reason why the audit could not run.
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
    /// A server at this address that somebody else started; its CPU time and memory are not known.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, own: None, books: None }
    }

    /// Names the database of this server, which `program` then audits. A role that may only read is enough
    /// (parlor_audit).
    pub fn with_books(mut self, program: &Path, database: &str) -> Self {
        self.books = Some(Books { program: program.to_owned(), database: database.to_owned() });
        self
    }

    /// Starts `program` with a new store and this many accounts. Returns the server and the file with the accounts'
    /// tokens. With `counts` the server has metrics, which cost a little of its time.
    ///
    /// # Errors
    /// A sentence that says why it did not start.
    pub fn start(program: &Path, accounts: usize, counts: bool) -> Result<(Self, PathBuf), String> {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let data = std::env::temp_dir().join(format!("parlor-load-{}-{number}", std::process::id()));
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let tokens = data.join("tokens.jsonl");
        let seeded = parlor(program, &data)
            .args(["seed", "--dev", "--users", &accounts.to_string(), "--tokens"])
            .arg(&tokens)
            .arg("--data")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output();
        let failed = |why: String| {
            // A folder that cannot be removed must not hide the reason of the failure.
            let _ = fs::remove_dir_all(&data);
            why
        };
        let seeded = seeded.map_err(|error| failed(format!("{}: {error}", program.display())))?;
        if !seeded.status.success() {
            let mut why = String::from_utf8_lossy(&seeded.stderr).trim().to_owned();
            if why.contains("unexpected argument '--users'") {
                why.push_str("\nthis program was built for people: `./parlor load` builds one with --features bench");
            }
            return Err(failed(why));
        }
        let mut dev = parlor(program, &data);
        dev.args(["dev", "--port", "0", "--data"]).arg(&data).stdin(Stdio::null()).stdout(Stdio::piped());
        if counts {
            // The server tells the address of its metrics in its log only.
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
                    // The receiver is gone if the start has timed out.
                    let _ = sender.send(address);
                }
            }
        });
        match ready.recv_timeout(READY_WITHIN) {
            Ok(address) => {
                // The server listens for metrics before it is ready.
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

    /// The id of the server's process, if this program started it.
    pub fn pid(&self) -> Option<u32> {
        self.own.as_ref().map(|own| own.child.id())
    }

    /// The address of its metrics, if this program started it with metrics.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.own.as_ref()?.metrics
    }

    /// CPU time so far; `None` if it is not known.
    pub fn cpu(&self) -> Option<Cpu> {
        Cpu::of(self.pid()?)
    }

    /// The folder of its PostgreSQL's socket, if this program started it.
    pub fn postgres(&self) -> Option<PathBuf> {
        self.own.as_ref().map(|own| own.data.join("run"))
    }

    /// Runs `parlor ledger audit` on the server's database.
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
            // Exit code 1: the audit has read the ledger and found something.
            Ok(output) if output.status.code() == Some(1) => {
                Audit::Flawed(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            }
            Ok(output) => Audit::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Audit::Failed(error.to_string()),
        }
    }

    /// Makes sure that the named database is the one of this server: it must have the room that the server has just
    /// made. The audit of another database would be clean whatever happens here.
    ///
    /// # Errors
    /// A sentence for the user of the load tester.
    pub async fn own_books(&self, room: u64) -> Result<(), String> {
        let Some(Books { database, .. }) = &self.books else { return Ok(()) };
        let cannot = |error: sqlx::Error| format!("--database cannot be read: {error}");
        let mut connection = PgConnection::connect(database).await.map_err(cannot)?;
        let there: bool = sqlx::query_scalar("select exists (select from rooms where id = $1)")
            .bind(i64::try_from(room).unwrap_or_default())
            .fetch_one(&mut connection)
            .await
            .map_err(cannot)?;
        // Nothing was written, so an error while closing does no harm.
        let _ = connection.close().await;
        if there { Ok(()) } else { Err(format!("--database is not the server's: room {room} is not in it")) }
    }
}

/// Reads a server's log to its end and prints its warnings. The address of the metrics comes from one of the other
/// lines.
fn where_metrics_are(log: impl BufRead + Send + 'static) -> mpsc::Receiver<SocketAddr> {
    let (sender, address) = mpsc::channel();
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            match metrics_address(&line) {
                // The receiver is gone if the start has failed.
                Some(address) => drop(sender.send(address)),
                None if line.contains("INFO") => {}
                None => eprintln!("{line}"),
            }
        }
    });
    address
}

/// The address of the metrics in a log line, pretty or JSON.
fn metrics_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("metrics.address")?;
    let address = rest.trim_start_matches(['"', ':', '=']);
    address.split(['"', ' ']).next()?.parse().ok()
}

/// A command of the program with the settings for a load test.
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
    fn the_address_of_the_metrics_is_read_from_both_forms_of_log() {
        for line in [
            r#"{"level":"INFO","message":"metrics are at /metrics","metrics.address":"127.0.0.1:38563","target":"x"}"#,
            "2026-11-25T04:05:25Z  INFO metrics are at /metrics metrics.address=127.0.0.1:38563",
        ] {
            assert_eq!(metrics_address(line), Some(SocketAddr::from(([127, 0, 0, 1], 38_563))), "{line}");
        }
        assert_eq!(metrics_address("2026-11-25T04:05:26Z  WARN the profile `load` is on"), None);
    }
}
