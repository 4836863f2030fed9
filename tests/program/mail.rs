//! E-mail while the server is killed or sleeps: it is sent at least once, with one id, and is not readable in the meantime.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use nix::sys::signal::Signal;
use parlor::courier::{Courier, Senders, Settings, Tls};
use parlor::kit::jobs::{self, Attempt, Jobs, Kinds};
use parlor_loadtests::rest;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::block_in_place;

use crate::support::client::op;
use crate::support::postgres::Database;
use crate::support::world::{Plan, World};

/// A mail server that receives a message, and confirms it only with a permit of the test.
pub struct MailServer {
    pub port: u16,
    messages: Mutex<Vec<String>>,
    count: watch::Sender<usize>,
    pub answers: Semaphore,
    /// While this is so, whoever connects is never answered.
    pub is_silent: AtomicBool,
    asked: watch::Sender<usize>,
}

impl MailServer {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = Arc::new(Self {
            port,
            messages: Mutex::default(),
            count: watch::Sender::new(0),
            answers: Semaphore::new(0),
            is_silent: AtomicBool::new(false),
            asked: watch::Sender::new(0),
        });
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let serving = serving.clone();
                // A killed client is no error of the mail server.
                tokio::spawn(async move { drop(serving.talk(socket).await) });
            }
        });
        server
    }

    async fn talk(&self, socket: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = socket.into_split();
        let (mut lines, mut message) = (BufReader::new(read).lines(), None::<String>);
        self.asked.send_modify(|asked| *asked += 1);
        if self.is_silent.load(Ordering::Relaxed) {
            // Until the other side goes away.
            return lines.next_line().await.map(drop);
        }
        write.write_all(b"220 mail.test ESMTP\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let answer = match (&mut message, line.split(' ').next().unwrap_or_default()) {
                (Some(_), ".") => {
                    self.messages.lock().expect("nobody panicked").extend(message.take());
                    self.count.send_modify(|count| *count += 1);
                    self.answers.acquire().await.expect("it is never closed").forget();
                    "250 queued"
                }
                (Some(message), _) => {
                    message.push_str(&line);
                    message.push('\n');
                    continue;
                }
                (None, "EHLO") => "250-mail.test\r\n250 8BITMIME",
                (None, "DATA") => {
                    message = Some(String::new());
                    "354 go on"
                }
                (None, "QUIT") => "221 bye",
                _ => "250 ok",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }

    /// Waits until it has so many messages.
    pub async fn has(&self, messages: usize) {
        reaches(&self.count, messages).await;
    }

    /// Waits until so many connections were made to it.
    pub async fn was_asked(&self, connections: usize) {
        reaches(&self.asked, connections).await;
    }

    /// The ids of its messages.
    pub fn ids(&self) -> Vec<String> {
        let messages = self.messages.lock().expect("nobody panicked");
        let id =
            |message: &String| message.lines().find_map(|line| line.strip_prefix("Message-ID: ")).map(str::to_owned);
        messages.iter().map(|message| id(message).expect("an id")).collect()
    }

    /// A courier that sends through it.
    pub fn courier(&self, mut settings: Settings) -> Courier {
        settings.mail.host = Some("127.0.0.1".to_owned());
        settings.mail.port = Some(self.port);
        settings.mail.tls = Tls::Off;
        settings.mail.from = Some("no-reply@example.com".to_owned());
        Courier::new(Senders::new(&settings, false).expect("they can work"), &settings)
    }

    fn serve(&self, lease_ms: u32) -> Plan {
        World::serve()
            .lease(lease_ms)
            .set("PARLOR__COURIER__MAIL__HOST", "127.0.0.1")
            .set("PARLOR__COURIER__MAIL__PORT", self.port)
            .set("PARLOR__COURIER__MAIL__TLS", "off")
            .set("PARLOR__COURIER__MAIL__FROM", "no-reply@example.com")
    }
}

/// Waits until the count is this high.
pub async fn reaches(count: &watch::Sender<usize>, least: usize) {
    let mut count = count.subscribe();
    let enough = count.wait_for(|count| *count >= least);
    tokio::time::timeout(Duration::from_secs(30), enough).await.expect("in time").expect("it lives");
}

/// Requests a code for this address.
async fn ask(address: SocketAddr, contact: &str) {
    let body = json!({"contact": contact, "purpose": "register"});
    let asked = rest::call_as(Some(op()), address, Method::POST, "/v1/auth/codes", None, Some(&body)).await;
    assert_eq!(asked.expect("it answers").0, 202);
}

/// As if the time of whoever has the job were over.
async fn lease_over(database: &Database) {
    let over = "update jobs set due_at = clock_timestamp() where kind = 'courier.mail' and state = 'running'";
    assert_eq!(sqlx::query(over).execute(&database.superuser).await.expect("changed").rows_affected(), 1);
}

/// The state, attempts and payload of the one e-mail.
async fn letter(database: &Database) -> (String, i32, String) {
    let row = sqlx::query_as("select state, attempts, payload::text from jobs where kind = 'courier.mail'");
    row.fetch_one(&database.superuser).await.expect("one row")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_an_e_mail_and_its_mark_sends_it_again_under_the_same_id() {
    let mail = MailServer::start().await;
    let mut world = mail.serve(1_000).await;
    ask(world.address, "layla@example.com").await;
    mail.has(1).await;
    // The mail server has the message, but the killed server never learns that.
    world.kill().await;
    let (state, attempts, payload) = letter(&world.database).await;
    assert_eq!((state.as_str(), attempts), ("running", 1));
    assert!(payload.contains("sealed") && !payload.contains("layla"), "{payload}");

    lease_over(&world.database).await;
    world.start_again().await;
    mail.has(2).await;
    // One for the dead one, which nobody hears, and one for the living one.
    mail.answers.add_permits(2);
    world.stop().await;
    let ids = mail.ids();
    assert_eq!(ids.len(), 2, "at least once");
    assert_eq!(ids[0], ids[1], "whoever looks at the id sees one");
    assert_eq!(letter(&world.database).await, ("done".to_owned(), 2, "{}".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_sleeps_through_its_lease_marks_nothing_when_it_wakes() {
    let mail = MailServer::start().await;
    let world = mail.serve(10_000).await;
    ask(world.address, "layla@example.com").await;
    mail.has(1).await;
    world.program.signal(Signal::SIGSTOP);
    lease_over(&world.database).await;

    let courier = mail.courier(Settings::default());
    let kinds = Kinds::new().with(courier.mail_job());
    let other = Jobs::open(world.database.app.clone(), &jobs::Settings::default(), kinds, ()).await.expect("it opens");
    let done = tokio::spawn(async move { other.run_due().await.expect("the store answers") });
    mail.has(2).await;
    mail.answers.add_permits(2);
    assert_eq!(done.await.expect("it ends"), [Attempt::Done]);
    let before = letter(&world.database).await;
    assert_eq!(before, ("done".to_owned(), 2, "{}".to_owned()));

    world.program.signal(Signal::SIGCONT);
    let said = "a job's outcome was not marked: another worker has it";
    block_in_place(|| world.program.says(|line| line.contains(said)));
    assert_eq!(letter(&world.database).await, before, "it is as the other one left it");
    let ids = mail.ids();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
}
