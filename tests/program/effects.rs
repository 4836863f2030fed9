//! Jobs that do something outside, over a death of the server between what they did and its mark: an SMS by a webhook,
//! which can tell a second one by its key, and objects that are removed from a store, where a second time changes
//! nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use nix::sys::signal::Signal;
use parlor_loadtests::rest;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::block_in_place;

use crate::support::client::op;
use crate::support::postgres::Database;
use crate::support::program::{Program, parlor};

/// A request as the other side has it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Heard {
    method: String,
    path: String,
    key: Option<String>,
    body: String,
}

/// The other side, by HTTP: it has a request before it says so, and says so when it has a permit.
struct Outside {
    address: SocketAddr,
    heard: Mutex<Vec<Heard>>,
    count: watch::Sender<usize>,
    answers: Semaphore,
}

impl Outside {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (heard, count, answers) = (Mutex::default(), watch::Sender::new(0), Semaphore::new(0));
        let outside = Arc::new(Self { address, heard, count, answers });
        let serving = outside.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let serving = serving.clone();
                // A client that was killed is no fault.
                tokio::spawn(async move { drop(serving.talk(socket).await) });
            }
        });
        outside
    }

    async fn talk(&self, socket: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = socket.into_split();
        let mut read = BufReader::new(read);
        loop {
            let mut line = String::new();
            if read.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let mut words = line.split(' ').map(str::to_owned);
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let (mut key, mut length) = (None, 0);
            loop {
                let mut header = String::new();
                read.read_line(&mut header).await?;
                match header.trim().to_ascii_lowercase().split_once(": ") {
                    Some(("idempotency-key", value)) => key = Some(value.to_owned()),
                    Some(("content-length", value)) => length = value.parse().expect("a length"),
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            read.read_exact(&mut body).await?;
            let body = String::from_utf8(body).expect("UTF-8");
            self.heard.lock().expect("nobody panicked").push(Heard { method, path, key, body });
            self.count.send_modify(|count| *count += 1);
            self.answers.acquire().await.expect("it is never closed").forget();
            write.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
        }
    }

    /// Waits until it has heard so much.
    async fn has(&self, requests: usize) {
        let mut count = self.count.subscribe();
        let enough = count.wait_for(|count| *count >= requests);
        tokio::time::timeout(Duration::from_secs(30), enough).await.expect("in time").expect("it lives");
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("nobody panicked").clone()
    }

    fn serve(&self, database: &Database) -> Program {
        let mut command = parlor(&["serve"]);
        command
            .env("DATABASE_URL", database.app_url())
            .env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0")
            .env("PARLOR__CLUSTER__LEASE_MS", "1000")
            .env("PARLOR__CLUSTER__RENEW_MS", "250")
            .env("PARLOR__COURIER__SMS__WEBHOOK_URL", format!("http://{}/sms", self.address))
            .env("PARLOR__COURIER__SMS__WEBHOOK_SECRET", "a secret of the webhook")
            .env("PARLOR__MEDIA__S3__ENDPOINT", format!("http://{}", self.address))
            .env("PARLOR__MEDIA__S3__BUCKET", "files")
            .env("PARLOR__MEDIA__S3__ACCESS_KEY", "AKIAPARLORTEST")
            .env("PARLOR__MEDIA__S3__SECRET_KEY", "a secret key of the object store")
            .env("PARLOR__MEDIA__S3__PATH_STYLE", "true");
        block_in_place(|| Program::start(&mut command))
    }
}

async fn change(database: &Database, statement: &'static str) -> u64 {
    sqlx::query(statement).execute(&database.superuser).await.expect("changed").rows_affected()
}

/// State and attempts of the newest job of this kind.
async fn job(database: &Database, kind: &str) -> (String, i32) {
    let row = sqlx::query_as("select state, attempts from jobs where kind = $1 order by id desc limit 1");
    row.bind(kind).fetch_one(&database.superuser).await.expect("one row")
}

fn ends_softly(program: &mut Program) {
    block_in_place(|| {
        program.signal(Signal::SIGTERM);
        assert!(program.ended(Duration::from_secs(20)).success(), "{}", program.said());
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_an_sms_and_its_mark_posts_it_again_under_the_same_key() {
    let (database, outside) = (Database::fresh().await, Outside::start().await);
    let mut program = outside.serve(&database);
    let body = json!({"contact": "+14155550123", "purpose": "register"});
    let asked = rest::call_as(Some(op()), program.address, Method::POST, "/v1/auth/codes", None, Some(&body)).await;
    assert_eq!(asked.expect("it answers").0, 202);
    outside.has(1).await;
    block_in_place(|| program.kill());
    assert_eq!(job(&database, "courier.sms").await, ("running".to_owned(), 1));

    assert_eq!(change(&database, "update jobs set due_at = clock_timestamp() where kind = 'courier.sms'").await, 1);
    let mut program = outside.serve(&database);
    outside.has(2).await;
    // One for the dead one, which nobody hears, and one for the living one.
    outside.answers.add_permits(2);
    ends_softly(&mut program);
    assert_eq!(job(&database, "courier.sms").await, ("done".to_owned(), 2));
    let heard = outside.heard();
    assert!(heard[0].key.is_some() && heard[0].body.contains("+14155550123"), "{heard:?}");
    assert_eq!((heard.len(), &heard[0]), (2, &heard[1]), "whoever heeds the key sends one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_removing_an_object_and_its_mark_removes_it_again_and_then_the_row() {
    let (database, outside) = (Database::fresh().await, Outside::start().await);
    let mut program = outside.serve(&database);
    let old =
        "with who as (insert into users (id, email, password_hash, name) values (100000001, 'a@example.com', '', 'A')
                            returning id)
               insert into uploads (id, user_id, purpose, content_type, bytes, state, object, created_at)
               select '01990000-0000-7000-8000-000000000001', id, 'avatar', 'image/png', 8, 'ready', 'avatar/old',
                      clock_timestamp() - interval '10 days'
                 from who";
    assert_eq!(change(&database, old).await, 1);
    let period = "update job_periods set due_at = clock_timestamp() where kind = 'media.clean_up'";
    assert_eq!(change(&database, period).await, 1);
    // The upload's first place is removed, and the file's own; of that the server never hears.
    outside.has(1).await;
    outside.answers.add_permits(1);
    outside.has(2).await;
    block_in_place(|| program.kill());
    assert_eq!(job(&database, "media.clean_up").await, ("running".to_owned(), 1));
    let rows = async || change(&database, "update uploads set bytes = bytes").await;
    assert_eq!(rows().await, 1, "what was not marked is still known");

    assert_eq!(change(&database, "update jobs set due_at = clock_timestamp() where kind = 'media.clean_up'").await, 1);
    outside.answers.add_permits(10);
    let mut program = outside.serve(&database);
    outside.has(4).await;
    ends_softly(&mut program);
    assert_eq!(job(&database, "media.clean_up").await, ("done".to_owned(), 2));
    assert_eq!(rows().await, 0, "the row goes with the mark of its objects");
    let heard = outside.heard();
    assert!(heard.iter().all(|heard| heard.method == "DELETE"), "{heard:?}");
    let of = |heard: &[Heard]| -> BTreeSet<String> {
        // What is signed has a time in it.
        heard.iter().map(|heard| heard.path.split('?').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!((heard.len(), of(&heard[..2]).len()), (4, 2));
    assert_eq!(of(&heard[..2]), of(&heard[2..]), "the same objects: gone once, and then found gone");
}
