//! One simulated user with one socket: comes in, watches, asks, is cut off and comes back.

mod hearing;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlor_protocol::command::{Connect, Join, ListGifts};
use parlor_protocol::reply::GiftPage;
use parlor_protocol::{Command, ErrorBody, ErrorCode, Op, RoomId, envelope};
use tokio::sync::oneshot;

use crate::latency::nanos;
use crate::rest::Away;
use crate::socket::Socket;
use crate::statement::Receipts;
use crate::tally::Tally;
use crate::watcher::Watcher;

/// How often somebody tries to come into a busy room, and how long they wait in between.
const ARRIVALS: u32 = 50;
const BUSY: Duration = Duration::from_millis(100);
/// How long an answer may take before the socket is taken for lost.
const ANSWER: Duration = Duration::from_secs(15);

/// Whom a command's answer goes to.
type Answer = Result<String, ErrorBody>;

struct Asked {
    intended: u64,
    is_gift: bool,
    reply: Option<oneshot::Sender<Answer>>,
}

/// One simulated user.
pub struct Member {
    /// Which of them.
    pub index: usize,
    /// The user's number.
    pub user: u64,
    server: SocketAddr,
    access: String,
    room_token: String,
    tally: Arc<Tally>,
    watcher: Mutex<Watcher>,
    socket: Mutex<Option<Arc<Socket>>>,
    asked: Mutex<HashMap<u64, Asked>>,
    paid: Mutex<Receipts>,
    /// Gifts whose answer was lost, or says that nobody knows.
    open_gifts: AtomicU64,
    next_id: AtomicU64,
    /// The last event that a reply of the server named.
    pub promised: AtomicU64,
    /// Its next socket reads a few kilobytes a second: a phone at the edge of its network.
    pub throttled: AtomicBool,
    /// Its sockets that were closed as slow consumers, as their close frames said.
    pub slow_closes: AtomicU64,
    /// What comes to its screen is counted apart from that of all others.
    pub apart: AtomicBool,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({})", self.user)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    /// Somebody who has tokens and is not connected.
    pub fn new(
        index: usize,
        server: SocketAddr,
        (user, access): (u64, String),
        (room, room_token): (u64, String),
        tally: Arc<Tally>,
    ) -> Arc<Self> {
        Arc::new(Self {
            index,
            user,
            server,
            access,
            room_token,
            tally,
            watcher: Mutex::new(Watcher::new(format!("user {user}"), room)),
            socket: Mutex::new(None),
            asked: Mutex::default(),
            paid: Mutex::default(),
            open_gifts: AtomicU64::new(0),
            next_id: AtomicU64::new(1),
            promised: AtomicU64::new(0),
            throttled: AtomicBool::new(false),
            slow_closes: AtomicU64::new(0),
            apart: AtomicBool::new(false),
        })
    }

    /// What they have seen.
    pub fn watcher(&self) -> MutexGuard<'_, Watcher> {
        lock(&self.watcher)
    }

    /// Which room.
    pub fn room(&self) -> RoomId {
        let number = i64::try_from(self.watcher().room).expect("a room's number");
        RoomId::new(number).expect("a room's number")
    }

    /// The access token.
    pub fn access(&self) -> &str {
        &self.access
    }

    /// The receipts of the gifts that were sent, and how many more may have been: nobody was told.
    pub fn paid(&self) -> (Receipts, u64) {
        let waiting = lock(&self.asked).values().filter(|asked| asked.is_gift).count() as u64;
        (lock(&self.paid).clone(), self.open_gifts.load(Ordering::Relaxed) + waiting)
    }

    /// Reads slowly, and so does not see what others have seen.
    pub fn is_throttled(&self) -> bool {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Has a socket.
    pub fn is_connected(&self) -> bool {
        lock(&self.socket).is_some()
    }

    /// Opens a socket and comes into the room in one round trip, with the position so far. From a room that
    /// has no time now it comes back a little later, as an app does.
    ///
    /// # Errors
    /// `Away`, or a refusal in words.
    pub async fn arrive(self: &Arc<Self>) -> Result<(), Away> {
        for _ in 1..ARRIVALS {
            match self.knock().await? {
                Ok(()) => return Ok(()),
                Err(busy) if busy.code == ErrorCode::Busy => {
                    self.tally.refused(busy.code.name());
                    self.vanish();
                    tokio::time::sleep(BUSY).await;
                }
                Err(error) => return Err(words(error)),
            }
        }
        self.knock().await?.map_err(words)
    }

    async fn knock(self: &Arc<Self>) -> Result<Result<(), ErrorBody>, Away> {
        let socket = Socket::open(self.server, "/v1/socket", self.index, self.is_throttled()).await?;
        let socket = Arc::new(socket);
        *lock(&self.socket) = Some(socket.clone());
        let room = self.room();
        let (line, position) = self.watcher().begin();
        let join = Join { room, token: self.room_token.clone(), position };
        let device = format!("load-{}", self.index);
        let connect = Connect { token: self.access.clone(), device, client: None, joins: vec![join] };
        let (sender, answer) = oneshot::channel();
        let id = self.ask_id(nanos(), false, Some(sender));
        let text = envelope::command(id, None, &Command::Connect(connect));
        socket.say(&text).await.map_err(|error| Away(error.to_string()))?;
        tokio::spawn(self.clone().listen(socket, id, line));
        let answer = tokio::time::timeout(ANSWER, answer).await.map_err(|_| Away("no answer to connect".into()))?;
        let answer = answer.map_err(|_| Away("the socket was lost before the answer to connect".into()))?;
        if let Err(error) = answer {
            return Ok(Err(error));
        }
        while self.more_gifts().await? {}
        Ok(Ok(()))
    }

    /// Asks for gifts that a join did not bring; whether there are more still.
    async fn more_gifts(&self) -> Result<bool, Away> {
        let after = {
            let mut watcher = self.watcher();
            if !std::mem::take(&mut watcher.more_gifts) {
                return Ok(false);
            }
            watcher.gift_no
        };
        let list = Command::GiftList(ListGifts { room: self.room(), after });
        let page = self.ask(None, &list).await?.map_err(words)?;
        let page: GiftPage = serde_json::from_str(&page).map_err(|error| Away(error.to_string()))?;
        let mut watcher = self.watcher();
        watcher.gifts(&page.gifts, &self.tally.verdict);
        watcher.more_gifts = page.more;
        Ok(page.more)
    }

    fn ask_id(&self, intended: u64, is_gift: bool, reply: Option<oneshot::Sender<Answer>>) -> u64 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        lock(&self.asked).insert(id, Asked { intended, is_gift, reply });
        id
    }

    /// Sends a command; its answer is counted and nobody waits for it. `intended` is when it should have
    /// been sent.
    pub async fn send(&self, intended: u64, op: Option<Op>, command: &Command) {
        self.say(intended, op, command, None).await;
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// `Away` when the socket is lost before.
    pub async fn ask(&self, op: Option<Op>, command: &Command) -> Result<Answer, Away> {
        let (sender, answer) = oneshot::channel();
        self.say(nanos(), op, command, Some(sender)).await;
        let answer = tokio::time::timeout(ANSWER, answer).await.map_err(|_| Away("no answer".into()))?;
        answer.map_err(|_| Away("the socket was lost before the answer".into()))
    }

    /// Sends a command and gives where its answer will come.
    pub async fn begin(&self, intended: u64, op: Option<Op>, command: &Command) -> oneshot::Receiver<Answer> {
        let (sender, answer) = oneshot::channel();
        self.say(intended, op, command, Some(sender)).await;
        answer
    }

    async fn say(&self, intended: u64, op: Option<Op>, command: &Command, reply: Option<oneshot::Sender<Answer>>) {
        self.tally.sent.fetch_add(1, Ordering::Relaxed);
        let socket = lock(&self.socket).clone();
        let Some(socket) = socket else {
            self.tally.refused("no_socket");
            return;
        };
        let id = self.ask_id(intended, matches!(command, Command::GiftSend(_)), reply);
        // A socket that is lost is found so by who reads from it, and its questions are counted there.
        let _ = socket.say(&envelope::command(id, op, command)).await;
    }

    /// Drops the socket without a word, as a phone in a tunnel does: at once, so that no socket that is cut stands
    /// beside the one that takes its place.
    pub fn vanish(&self) {
        if let Some(socket) = lock(&self.socket).take() {
            socket.cut();
        }
        self.forget();
    }

    /// Says that it leaves, and goes.
    pub async fn leave(&self) {
        let socket = lock(&self.socket).take();
        if let Some(socket) = socket {
            // The server may be gone already; then there is nothing to leave.
            let _ = socket.close(1_000).await;
        }
        self.forget();
    }

    fn forget(&self) {
        for (_, asked) in lock(&self.asked).drain() {
            self.open_gifts.fetch_add(u64::from(asked.is_gift), Ordering::Relaxed);
            self.tally.refused("socket_lost");
        }
    }
}

fn words(error: ErrorBody) -> Away {
    Away(error.to_string())
}
