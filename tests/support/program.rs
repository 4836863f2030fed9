//! The real program as a child process, with none of this process's settings.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::postgres::Database;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server. Dropping it kills it.
pub struct Program {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
    said: Arc<Mutex<String>>,
}

/// `parlor` with these arguments, in an environment without settings.
pub fn parlor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if ["PARLOR", "DATABASE_", "PG", "RUST_LOG"].iter().any(|beginning| shown.starts_with(beginning)) {
            command.env_remove(&name);
        }
    }
    command.args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    command.output().expect("the program can be started")
}

/// What it said on standard error.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Program {
    /// `parlor dev` with a store of its own, on a free port.
    pub fn dev(data: &Path) -> Self {
        Self::start(parlor(&["dev", "--port", "0", "--data"]).arg(data))
    }

    /// `parlor dev` on this database and a free port: demo data, no PostgreSQL of its own.
    pub fn dev_on(database: &Database) -> Self {
        let (app, owner) = (database.app_url(), database.owner_url());
        Self::start(parlor(&["dev", "--port", "0"]).env("DATABASE_URL", app).env("DATABASE_OWNER_URL", owner))
    }

    /// `parlor serve` on this database and a free port.
    pub fn serve_on(database: &Database) -> Self {
        let command = &mut parlor(&["serve"]);
        Self::start(command.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0"))
    }

    /// Starts it and waits until it says where it serves.
    pub fn start(command: &mut Command) -> Self {
        let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().expect("it is piped"), &said);
        listen(child.stderr.take().expect("it is piped"), &said);
        let since = Instant::now();
        let address = loop {
            let text = said.lock().expect("nobody panics with it").clone();
            if let Some(address) = text.lines().find_map(address_in) {
                break address;
            }
            let end = child.try_wait().expect("it can be asked");
            if end.is_some() || since.elapsed() > READY_WITHIN {
                let _ = child.kill();
                panic!("the server does not start ({end:?}):\n{text}");
            }
            thread::sleep(Duration::from_millis(10));
        };
        Self { child, address, said }
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        self.said.lock().expect("nobody panics with it").clone()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL and reaps it.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), signal).expect("it lives");
    }

    /// How it ended; panics if it does not within that time.
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(since.elapsed() < within, "it does not end:\n{}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The status and body of a GET.
    pub fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask("GET", path, &[]);
        (status, body)
    }

    /// The status, the head and the body of the answer to a request without a body.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        let host = self.address;
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("it speaks HTTP");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it speaks HTTP");
        (status, head.to_owned(), body.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Spawns it so that it ends with this process, however that ends: the thread that spawns is one that
/// lives as long.
fn spawn(command: &mut Command) -> Child {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, received) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in received {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    parlor::dev::end_with_this_thread(command);
    let command = std::mem::replace(command, Command::new("true"));
    let (reply, spawned) = mpsc::channel();
    spawner.send((command, reply)).expect("the thread lives as long as the process");
    spawned.recv().expect("it answers each order").expect("the program can be started")
}

fn listen(stream: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut said = said.lock().expect("nobody panics with it");
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// `… http://127.0.0.1:4000/ …`, or the JSON line of `serve` with `"address":"127.0.0.1:4000"`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("is ready: http://").or_else(|| line.split_once("\"address\":\""))?;
    rest.split(['/', '"']).next()?.parse().ok()
}
