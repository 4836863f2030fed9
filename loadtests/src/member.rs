//! One simulated user with one socket: comes in, watches, asks, is cut off and comes back.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlor_protocol::command::{Connect, Join, ListGifts};
use parlor_protocol::reply::{Connected, GiftPage, JoinResult};
use parlor_protocol::{Command, ErrorBody, ErrorCode, Op, RoomId, envelope};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::latency::{Latency, nanos};
use crate::rest::Away;
use crate::socket::{Incoming, Socket};
use crate::statement::Paid;
use crate::verdict::{Kind, Verdict};
use crate::watcher::{Event, Heard, Watcher};

/// How often somebody tries to come into a busy room, and how long they wait in between.
const ARRIVALS: u32 = 50;
const BUSY: Duration = Duration::from_millis(100);
/// How long an answer may take before the socket is taken for lost.
const ANSWER: Duration = Duration::from_secs(15);

/// Events of which a thread remembers what they say.
const REMEMBERED: usize = 64;

thread_local! {
    /// The last events that came to somebody on this thread, newest first: a room's members all get the same bytes,
    /// and what those say is read once. Each member is held to it by itself.
    static LAST: RefCell<VecDeque<(String, Rc<Event>)>> = const { RefCell::new(VecDeque::new()) };
}

/// What all members of a run add to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Events that came to sockets.
    pub deliveries: AtomicU64,
    /// Bytes of those.
    pub bytes: AtomicU64,
    /// Commands that were sent.
    pub sent: AtomicU64,
    /// Commands that were refused, or whose socket was lost before the answer.
    pub errors: AtomicU64,
    /// Commands that were answered.
    pub answered: AtomicU64,
    /// Sockets that the server closed as slow consumers.
    pub slow_closes: AtomicU64,
    /// From the intended sending of a chat line to each screen.
    pub delivery: Latency,
    /// From the intended sending of a command to its reply.
    pub reply: Latency,
    /// What went wrong.
    pub verdict: Verdict,
    errors_by_code: Mutex<HashMap<String, u64>>,
}

impl Tally {
    fn refused(&self, code: &str) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        *lock(&self.errors_by_code).entry(code.to_owned()).or_default() += 1;
    }

    /// Refusals by their code.
    pub fn refusals(&self) -> Vec<(String, u64)> {
        let mut codes: Vec<_> = lock(&self.errors_by_code).clone().into_iter().collect();
        codes.sort();
        codes
    }
}

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
    paid: Mutex<Vec<Paid>>,
    /// Gifts whose answer was lost, or says that nobody knows.
    open_gifts: AtomicU64,
    next_id: AtomicU64,
    /// The last event that a reply of the server named.
    pub promised: AtomicU64,
    /// Reads nothing: a phone whose screen is off.
    pub asleep: AtomicBool,
    /// Its next socket gets little room in the kernel.
    pub narrow: AtomicBool,
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
            asleep: AtomicBool::new(false),
            narrow: AtomicBool::new(false),
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

    /// The receipts of all gifts that were sent, and how many more may have been: nobody was told.
    pub fn paid(&self) -> (Vec<Paid>, u64) {
        let waiting = lock(&self.asked).values().filter(|asked| asked.is_gift).count() as u64;
        (lock(&self.paid).clone(), self.open_gifts.load(Ordering::Relaxed) + waiting)
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
        let socket =
            Arc::new(Socket::open(self.server, "/v1/socket", self.index, self.narrow.load(Ordering::Relaxed)).await?);
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

    /// Drops the socket without a word, as a phone in a tunnel does.
    pub fn vanish(&self) {
        *lock(&self.socket) = None;
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

    async fn listen(self: Arc<Self>, socket: Arc<Socket>, connect: u64, line: u64) {
        let mut partial = Vec::new();
        let mut closed = None;
        loop {
            while self.asleep.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let is_current = lock(&self.socket).as_ref().is_some_and(|current| Arc::ptr_eq(current, &socket));
            if !is_current {
                return;
            }
            let mut pings = 0;
            let read = {
                // A socket that is given up is let go of at its next frame; one without frames when it ends.
                let reading = socket.read(&mut partial, |incoming| match incoming {
                    Incoming::Text(text) => pings += u32::from(self.hear(text, connect, line)),
                    Incoming::Close(code) => closed = Some(code),
                });
                match tokio::time::timeout(Duration::from_secs(1), reading).await {
                    Ok(read) => read,
                    Err(_) => continue,
                }
            };
            for _ in 0..pings {
                // A lost socket shows at the next read.
                let _ = socket.say(r#"{"type":"pong"}"#).await;
            }
            if closed.is_some() || !matches!(read, Ok(1..)) {
                break;
            }
        }
        if closed.flatten() == Some(parlor_protocol::CloseCode::SlowConsumer.number()) {
            self.tally.slow_closes.fetch_add(1, Ordering::Relaxed);
        }
        let mut current = lock(&self.socket);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &socket)) {
            *current = None;
            drop(current);
            self.forget();
        }
    }

    /// Takes one text; whether it is a ping.
    fn hear(&self, text: &str, connect: u64, line: u64) -> bool {
        let known =
            LAST.with_borrow(|last| last.iter().find(|(known, _)| known == text).map(|(_, event)| event.clone()));
        if let Some(event) = known {
            self.see(&event, text, line);
            return false;
        }
        let heard = match serde_json::from_str::<Heard<'_>>(text) {
            Ok(heard) => heard,
            Err(error) => {
                self.tally.verdict.note(Kind::Protocol, 1, || format!("{error}: {text}"));
                return false;
            }
        };
        if let Some(id) = heard.id {
            if !self.watcher().hears(line) {
                return false;
            }
            self.answered(id, &heard, id == connect);
        } else if let Some(event) = Event::of(&heard) {
            let event = Rc::new(event);
            self.see(&event, text, line);
            LAST.with_borrow_mut(|last| {
                last.truncate(REMEMBERED - 1);
                last.push_front((text.to_owned(), event));
            });
        }
        heard.kind == Some("ping") && heard.room.is_none()
    }

    fn see(&self, event: &Event, text: &str, line: u64) {
        let mut watcher = self.watcher();
        if !watcher.hears(line) {
            return;
        }
        self.tally.deliveries.fetch_add(1, Ordering::Relaxed);
        self.tally.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        if let Some(intended) = event.intended {
            self.tally.delivery.since(intended);
        }
        watcher.event(event, text, &self.tally.verdict);
    }

    fn answered(&self, id: u64, heard: &Heard<'_>, is_connect: bool) {
        let Some(Asked { intended, is_gift, reply }) = lock(&self.asked).remove(&id) else {
            self.tally.verdict.note(Kind::Protocol, 1, || format!("a second reply to {id}"));
            return;
        };
        let answer = match heard.error {
            None => Ok(heard.data.map_or("null", RawValue::get)),
            Some(error) => {
                Err(serde_json::from_str::<ErrorBody>(error.get()).unwrap_or_else(|_| ErrorCode::Internal.into()))
            }
        };
        match &answer {
            Ok(data) if is_connect => {
                if let Err(error) = self.came_in(data) {
                    if let Some(reply) = reply {
                        let _ = reply.send(Err(error));
                    }
                    return;
                }
            }
            Ok(data) => {
                self.tally.answered.fetch_add(1, Ordering::Relaxed);
                self.tally.reply.since(intended);
                // A gift's answer names no event.
                if !is_gift && let Ok(done) = serde_json::from_str::<Named>(data) {
                    self.promised.fetch_max(done.seq, Ordering::Relaxed);
                }
            }
            Err(error) => self.tally.refused(error.code.name()),
        }
        if is_gift {
            self.gift_answered(&answer);
        }
        if let Some(reply) = reply {
            // Who has stopped waiting does not want to know.
            let _ = reply.send(answer.map(str::to_owned));
        }
    }

    fn gift_answered(&self, answer: &Result<&str, ErrorBody>) {
        match answer {
            Ok(data) => match serde_json::from_str(data) {
                Ok(paid) => lock(&self.paid).push(paid),
                Err(error) => self.tally.verdict.note(Kind::Protocol, 1, || format!("no receipt: {error}: {data}")),
            },
            Err(error) if matches!(error.code, ErrorCode::StoreUnavailable | ErrorCode::Internal) => {
                self.open_gifts.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
    }

    fn came_in(&self, data: &str) -> Result<(), ErrorBody> {
        let unreadable = |error: serde_json::Error| {
            ErrorBody::new(ErrorCode::Internal).message(format!("an unreadable answer: {error}"))
        };
        let connected: Connected = serde_json::from_str(data).map_err(unreadable)?;
        match connected.joins.into_iter().next() {
            Some(JoinResult::Data(joined)) => {
                let mut watcher = self.watcher();
                watcher.more_gifts = watcher.join(&joined, &self.tally.verdict);
                Ok(())
            }
            Some(JoinResult::Error(error)) => Err(*error),
            None => Err(ErrorCode::Internal.into()),
        }
    }
}

#[derive(Deserialize)]
struct Named {
    seq: u64,
}

fn words(error: ErrorBody) -> Away {
    Away(error.to_string())
}
