//! The real program as a child process, with none of this process's settings.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::postgres::Database;

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server. Dropping it kills it.
pub struct Program {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
    watched: Arc<Watched>,
}

/// What is known of the process, and the event of something new.
#[derive(Default)]
struct Watched {
    known: Mutex<Known>,
    changed: Condvar,
}

#[derive(Default)]
struct Known {
    said: String,
    /// Its outputs that are at their end.
    told: usize,
    ended: bool,
}

/// What a program speaks on: standard output and standard error.
const OUTPUTS: usize = 2;

impl Watched {
    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().expect("nobody panics with it"));
        self.changed.notify_all();
    }

    /// Waits until this gives something, or the time is over.
    fn wait<T>(&self, within: Duration, mut find: impl FnMut(&Known) -> Option<T>) -> Option<T> {
        let mut found = None;
        let known = self.known.lock().expect("nobody panics with it");
        drop(self.changed.wait_timeout_while(known, within, |known| {
            found = find(known);
            found.is_none()
        }));
        found
    }
}

/// Names another build of the program; `./parlor prove abuse` measures a release build.
const PROGRAM: &str = "PROVE_PROGRAM";

/// `parlor` with these arguments, in an environment without settings, and with the stack that its threads have elsewhere:
/// `.cargo/config.toml` gives more to those of the tests.
pub fn parlor(arguments: &[&str]) -> Command {
    let built = env!("CARGO_BIN_EXE_parlor").to_owned();
    let mut command = Command::new(std::env::var(PROGRAM).unwrap_or(built));
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if ["PARLOR", "DATABASE_", "PG", "RUST_"].iter().any(|beginning| shown.starts_with(beginning)) {
            command.env_remove(&name);
        }
    }
    command.args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

/// The same command with this soft and this hard limit of open files. Its output is not taken over.
pub fn with_files(soft: u32, hard: u32, command: &Command) -> Command {
    let mut limited = Command::new("sh");
    let limits = format!("ulimit -Sn {soft}; ulimit -Hn {hard}; exec \"$0\" \"$@\"");
    limited.arg("-c").arg(limits).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.current_dir(command.get_current_dir().unwrap_or(Path::new("."))).stdin(Stdio::null());
    limited
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
        let watched = Arc::<Watched>::default();
        listen(child.stdout.take().expect("it is piped"), &watched);
        listen(child.stderr.take().expect("it is piped"), &watched);
        watch_end(process(&child), &watched);
        let served = watched.wait(READY_WITHIN, |known| match known.said.lines().find_map(address_in) {
            Some(address) => Some(Ok(address)),
            None => (known.ended && known.told == OUTPUTS).then_some(Err(())),
        });
        let Some(Ok(address)) = served else {
            let _ = child.kill();
            let end = child.wait().expect("it is our child");
            panic!("the server does not start ({end}):\n{}", watched.known.lock().expect("nobody panics with it").said);
        };
        Self { child, address, watched }
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        self.watched.known.lock().expect("nobody panics with it").said.clone()
    }

    /// Waits until what it has said is like this; panics if that does not come.
    pub fn says(&self, like: impl Fn(&str) -> bool) {
        let heard = self.watched.wait(READY_WITHIN, |known| like(&known.said).then_some(()));
        assert!(heard.is_some(), "it only said:\n{}", self.said());
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
        kill(process(&self.child), signal).expect("it lives");
    }

    /// How it ended, when its last word has been read; panics if it does not end within that time.
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let ended = self.watched.wait(within, |known| (known.ended && known.told == OUTPUTS).then_some(()));
        assert!(ended.is_some(), "it does not end:\n{}", self.said());
        self.child.wait().expect("it is our child")
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

fn process(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a pid"))
}

/// Tells when the process has ended, and leaves it to its [`Child`] to be reaped.
fn watch_end(process: Pid, watched: &Arc<Watched>) {
    let watched = Arc::clone(watched);
    thread::spawn(move || {
        // An error means that it has been reaped already.
        let _ = waitid(Id::Pid(process), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
        watched.change(|known| known.ended = true);
    });
}

fn listen(stream: impl Read + Send + 'static, watched: &Arc<Watched>) {
    let watched = Arc::clone(watched);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            watched.change(|known| {
                known.said.push_str(&line);
                known.said.push('\n');
            });
        }
        watched.change(|known| known.told += 1);
    });
}

/// `… http://127.0.0.1:4000/ …`, or the JSON line of `serve` with `"address":"127.0.0.1:4000"`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("is ready: http://").or_else(|| line.split_once("\"address\":\""))?;
    rest.split(['/', '"']).next()?.parse().ok()
}
