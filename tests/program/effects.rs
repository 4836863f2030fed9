//! Jobs that do something outside, over a death of the server between what they did and its mark: an SMS by a webhook,
//! which can tell a second one by its key, and objects that are removed from a store, where a second time changes
//! nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::mail::reaches;
use crate::support::postgres::Database;
use crate::support::world::{Plan, World};

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
        reaches(&self.count, requests).await;
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("nobody panicked").clone()
    }

    fn serve(&self) -> Plan {
        World::serve()
            .lease(1_000)
            .set("PARLOR__COURIER__SMS__WEBHOOK_URL", format!("http://{}/sms", self.address))
            .set("PARLOR__COURIER__SMS__WEBHOOK_SECRET", "a secret of the webhook")
            .set("PARLOR__MEDIA__S3__ENDPOINT", format!("http://{}", self.address))
            .set("PARLOR__MEDIA__S3__BUCKET", "files")
            .set("PARLOR__MEDIA__S3__ACCESS_KEY", "AKIAPARLORTEST")
            .set("PARLOR__MEDIA__S3__SECRET_KEY", "a secret key of the object store")
            .set("PARLOR__MEDIA__S3__PATH_STYLE", "true")
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_an_sms_and_its_mark_posts_it_again_under_the_same_key() {
    let outside = Outside::start().await;
    let mut world = outside.serve().await;
    let body = json!({"contact": "+14155550123", "purpose": "register"});
    assert_eq!(world.post("/v1/auth/codes", "", body).await.0, 202);
    outside.has(1).await;
    world.kill().await;
    assert_eq!(job(&world.database, "courier.sms").await, ("running".to_owned(), 1));

    assert_eq!(
        change(&world.database, "update jobs set due_at = clock_timestamp() where kind = 'courier.sms'").await,
        1
    );
    world.start_again().await;
    outside.has(2).await;
    // One for the dead one, which nobody hears, and one for the living one.
    outside.answers.add_permits(2);
    world.stop().await;
    assert_eq!(job(&world.database, "courier.sms").await, ("done".to_owned(), 2));
    let heard = outside.heard();
    assert!(heard[0].key.is_some() && heard[0].body.contains("+14155550123"), "{heard:?}");
    assert_eq!((heard.len(), &heard[0]), (2, &heard[1]), "whoever heeds the key sends one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_removing_an_object_and_its_mark_removes_it_again_and_then_the_row() {
    let outside = Outside::start().await;
    let mut world = outside.serve().await;
    let old =
        "with who as (insert into users (id, email, password_hash, name) values (100000001, 'a@example.com', '', 'A')
                            returning id)
               insert into uploads (id, user_id, purpose, content_type, bytes, state, object, created_at)
               select '01990000-0000-7000-8000-000000000001', id, 'avatar', 'image/png', 8, 'ready', 'avatar/old',
                      clock_timestamp() - interval '10 days'
                 from who";
    assert_eq!(change(&world.database, old).await, 1);
    let period = "update job_periods set due_at = clock_timestamp() where kind = 'media.clean_up'";
    assert_eq!(change(&world.database, period).await, 1);
    // The upload's first place is removed, and the file's own; of that the server never hears.
    outside.has(1).await;
    outside.answers.add_permits(1);
    outside.has(2).await;
    world.kill().await;
    assert_eq!(job(&world.database, "media.clean_up").await, ("running".to_owned(), 1));
    let rows = "update uploads set bytes = bytes";
    assert_eq!(change(&world.database, rows).await, 1, "what was not marked is still known");

    assert_eq!(
        change(&world.database, "update jobs set due_at = clock_timestamp() where kind = 'media.clean_up'").await,
        1
    );
    outside.answers.add_permits(10);
    world.start_again().await;
    outside.has(4).await;
    world.stop().await;
    assert_eq!(job(&world.database, "media.clean_up").await, ("done".to_owned(), 2));
    assert_eq!(change(&world.database, rows).await, 0, "the row goes with the mark of its objects");
    let heard = outside.heard();
    assert!(heard.iter().all(|heard| heard.method == "DELETE"), "{heard:?}");
    let of = |heard: &[Heard]| -> BTreeSet<String> {
        // What is signed has a time in it.
        heard.iter().map(|heard| heard.path.split('?').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!((heard.len(), of(&heard[..2]).len()), (4, 2));
    assert_eq!(of(&heard[..2]), of(&heard[2..]), "the same objects: gone once, and then found gone");
}
