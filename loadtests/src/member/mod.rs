//! One simulated user with one socket: joins a room, watches it, sends commands, loses the socket and comes back.

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

/// How often a member tries to join a busy room, and how long it waits between two tries.
const ARRIVALS: u32 = 50;
const BUSY: Duration = Duration::from_millis(100);
/// How long a reply may take before the socket counts as lost.
const ANSWER: Duration = Duration::from_secs(15);

/// The reply to a command: its data as text, or the refusal.
type Answer = Result<String, ErrorBody>;

struct Asked {
    intended: u64,
    is_gift: bool,
    reply: Option<oneshot::Sender<Answer>>,
}

/// One simulated user.
pub struct Member {
    /// Its number among the members, from 0.
    pub index: usize,
    /// The user's id.
    pub user: u64,
    server: SocketAddr,
    access: String,
    room_token: String,
    tally: Arc<Tally>,
    watcher: Mutex<Watcher>,
    socket: Mutex<Option<Arc<Socket>>>,
    asked: Mutex<HashMap<u64, Asked>>,
    paid: Mutex<Receipts>,
    /// Gifts that may have been paid for: their reply was lost, or leaves it open.
    open_gifts: AtomicU64,
    next_id: AtomicU64,
    /// The highest `seq` that a reply of the server named.
    pub promised: AtomicU64,
    /// Its next socket reads only a few kilobytes a second, as a phone at the edge of its network does.
    pub throttled: AtomicBool,
    /// How many of its sockets were closed with the slow-consumer code.
    pub slow_closes: AtomicU64,
    /// Its latencies are recorded apart from those of all others.
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
    /// A member that has its tokens and is not connected yet.
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

    /// What the member has seen of its room; locked while the guard lives.
    pub fn watcher(&self) -> MutexGuard<'_, Watcher> {
        lock(&self.watcher)
    }

    /// The room that the member is in.
    pub fn room(&self) -> RoomId {
        let number = i64::try_from(self.watcher().room).expect("a room's number");
        RoomId::new(number).expect("a room's number")
    }

    /// The access token for REST.
    pub fn access(&self) -> &str {
        &self.access
    }

    /// The receipts of the member's gifts, and how many further gifts may have been paid for without a receipt.
    pub fn paid(&self) -> (Receipts, u64) {
        let waiting = lock(&self.asked).values().filter(|asked| asked.is_gift).count() as u64;
        (lock(&self.paid).clone(), self.open_gifts.load(Ordering::Relaxed) + waiting)
    }

    /// Whether it reads slowly, and so may be behind the others.
    pub fn is_throttled(&self) -> bool {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Whether it has an open socket.
    pub fn is_connected(&self) -> bool {
        lock(&self.socket).is_some()
    }

    /// Opens a socket and joins the room in one round trip, with the position so far. If the answer is `busy` it tries
    /// again a little later, as an app does.
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

    /// Asks for a page of the gifts that the join's reply left out. Returns whether there are more.
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

    /// Sends a command without waiting for its reply, which is only counted. `intended` is when it should have been
    /// sent.
    pub async fn send(&self, intended: u64, op: Option<Op>, command: &Command) {
        self.say(intended, op, command, None).await;
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// `Away` when the socket is lost before the reply comes.
    pub async fn ask(&self, op: Option<Op>, command: &Command) -> Result<Answer, Away> {
        let (sender, answer) = oneshot::channel();
        self.say(nanos(), op, command, Some(sender)).await;
        let answer = tokio::time::timeout(ANSWER, answer).await.map_err(|_| Away("no answer".into()))?;
        answer.map_err(|_| Away("the socket was lost before the answer".into()))
    }

    /// Sends a command and returns the channel on which its reply will come.
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
        // A lost socket is noticed by its reader, which then counts the unanswered commands.
        let _ = socket.say(&envelope::command(id, op, command)).await;
    }

    /// Cuts the socket without a close frame, as a phone in a tunnel does. It takes effect at once, so that the member
    /// never has two sockets.
    pub fn vanish(&self) {
        if let Some(socket) = lock(&self.socket).take() {
            socket.cut();
        }
        self.forget();
    }

    /// Closes the socket with code 1000, which leaves the room.
    pub async fn leave(&self) {
        let socket = lock(&self.socket).take();
        if let Some(socket) = socket {
            // If the server is gone already, there is nothing to leave.
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
