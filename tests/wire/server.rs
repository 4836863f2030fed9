//! A gateway with a pretended account system and pretended rooms, which do what the test tells them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use parlor::cluster::Lease;
use parlor::delivery::{self, Delivery, Frame, Topic};
use parlor::gateway::{self, Announced, GatewayState, Named, Ports, SignedIn, Surroundings, listen};
use parlor::kit::chance::Chance;
use parlor::kit::clock::Timestamp;
use parlor::kit::supervise::{Crew, Supervisor};
use parlor::load::{Level, Sources};
use parlor::presence::Rooms;
use parlor::room::port::{CommittedGifts, PortFuture};
use parlor::room::{Answer, JoinAnswer, Mail, Reply, Request, RoomHandle, SeatMap, SnapshotText};
use parlor_protocol::envelope::{self, EventFrame};
use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::{Done, PeoplePage};
use parlor_protocol::room::{GiftLine, Member, OwnPlace, Person, Position, RoomCard, RoomRole, Snapshot};
use parlor_protocol::{Coins, Command, ErrorBody, ErrorCode, Event, GiftId, RoomId, UserFrame, UserId};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use crate::support::now;
use crate::support::time::until;

/// The epoch of every pretended room.
pub const EPOCH: i64 = 1_790_000_000_000;

/// The bytes of the answer at `/large`, far more than the system's buffers hold.
pub const LARGE: usize = 16 * 1024 * 1024;

/// A room of the tests.
pub fn room(number: i64) -> RoomId {
    RoomId::new(104_000_000 + number).expect("in range")
}

/// The person whose token is `user:{number}`, of the session `@{number}` behind it, for the milliseconds
/// `/{number}` behind that.
pub fn person(number: i64) -> Person {
    Person::named(UserId::new(901_000_000 + number).expect("in range"), format!("User {number}"))
}

/// A gift of this number, for one coin.
pub fn gift(gift_no: i64) -> GiftLine {
    GiftLine {
        gift_no,
        receipt: 1_000 + gift_no,
        at: EPOCH,
        from: person(1),
        to: vec![person(2)],
        gift: GiftId::new(1).expect("in range"),
        count: 1,
        total: Coins(1),
        banner: None,
    }
}

/// What a pretended room has heard and said.
#[derive(Default)]
pub struct Pretended {
    /// Every request in order.
    pub heard: Vec<Request>,
    /// Told with every request.
    pub hears: Arc<Notify>,
    /// Replies to gifts that the room keeps back.
    pub held: Vec<Reply>,
    /// Who is in.
    pub people: Vec<Person>,
    /// What was published.
    pub events: Vec<EventFrame>,
    /// Gifts in the table.
    pub table: Vec<GiftLine>,
    /// The highest gift that was announced.
    pub announced: i64,
}

type Shared = Arc<Mutex<HashMap<RoomId, (RoomHandle, Arc<Mutex<Pretended>>)>>>;

/// A server under test.
pub struct Server {
    pub address: SocketAddr,
    pub gateway: GatewayState,
    delivery: Delivery,
    rooms: Shared,
    memory: Arc<AtomicU64>,
    supervisor: Supervisor,
    crew: Crew,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(gateway::Settings::default(), delivery::Settings::default()).await
    }

    pub async fn start_with(settings: gateway::Settings, delivery_settings: delivery::Settings) -> Self {
        assert_eq!([settings.problems(), delivery_settings.problems()].concat(), Vec::<String>::new());
        let supervisor = Supervisor::default();
        let crew = supervisor.crew().clone();
        let delivery = Delivery::start(&delivery_settings, Lease::endless(), &supervisor);
        let rooms = Shared::default();
        let chance = Chance::seeded(1);
        let ports = PretendedPorts { chance, rooms: rooms.clone(), delivery: delivery.clone(), crew: crew.clone() };
        let announced = Announced { outbox_bytes: delivery_settings.outbox_bytes, grace_ms: 30_000 };
        let gateway = GatewayState::new(
            settings,
            announced,
            delivery.clone(),
            ports,
            Surroundings::default(),
            &supervisor,
            crew.clone(),
        );
        let router = Router::new()
            .route("/v1/socket", get(gateway::refused))
            .route("/healthz", get(async || "well"))
            .route("/large", get(async || vec![b'.'; LARGE]))
            .with_state(gateway.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let stop = supervisor.stop();
        supervisor.engine("listener", stop, listen::listen(listener, router, gateway.clone(), stop.clone()));
        let memory = Arc::<AtomicU64>::default();
        let sources = PretendedMachine { memory: memory.clone(), delivery: delivery.clone() };
        delivery.load().start_watch(sources, &supervisor);
        Self { address, gateway, delivery, rooms, memory, supervisor, crew }
    }

    /// What the room has heard and said; a room that was never woken has neither.
    pub fn room(&self, room: RoomId) -> Arc<Mutex<Pretended>> {
        wake(&self.rooms, &self.delivery, &self.crew, room).1
    }

    /// What the room has heard.
    pub fn heard(&self, room: RoomId) -> Vec<Request> {
        lock(&self.room(room)).heard.clone()
    }

    /// Waits until the room has heard something like this.
    pub async fn hears(&self, room: RoomId, like: impl Fn(&Request) -> bool) {
        let hears = lock(&self.room(room)).hears.clone();
        let wait = async {
            loop {
                let mut more = std::pin::pin!(hears.notified());
                // What comes from here on wakes it.
                more.as_mut().enable();
                if self.heard(room).iter().any(&like) {
                    break;
                }
                more.await;
            }
        };
        let result = tokio::time::timeout(Duration::from_secs(10), wait).await;
        assert!(result.is_ok(), "the room heard only {:?}", self.heard(room));
    }

    /// The room says something of its own accord.
    pub async fn publish(&self, room: RoomId, event: Event) {
        let pretended = self.room(room);
        publish(&mut self.delivery.topic(room), &pretended, room, event).await;
    }

    /// The process uses this part of the memory that it may have.
    pub fn memory(&self, part: f64) {
        self.memory.store((part * 1e6) as u64, Ordering::Relaxed);
    }

    /// Waits until the node's load is this.
    pub async fn stands(&self, level: Level) {
        let there = async || (self.delivery.load().level() == level).then_some(());
        until(&format!("the load becomes {level:?}"), Duration::from_secs(20), there).await;
    }

    /// Ends everything, and waits for it: a task that stays fails the test.
    pub async fn stop(self) {
        lock(&self.rooms).clear();
        let Self { gateway, supervisor, .. } = self;
        drop(gateway);
        tokio::time::timeout(Duration::from_secs(10), supervisor.finish()).await.expect("every task ends");
    }
}

/// Locks what only these tests share.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds this")
}

struct PretendedMachine {
    memory: Arc<AtomicU64>,
    delivery: Delivery,
}

impl Sources for PretendedMachine {
    fn memory_bytes(&self) -> Option<u64> {
        Some(1_000_000)
    }

    fn resident_bytes(&self) -> Option<u64> {
        Some(self.memory.load(Ordering::Relaxed))
    }

    fn fullest_queue(&self) -> f64 {
        self.delivery.fullest()
    }
}

struct PretendedPorts {
    chance: Chance,
    rooms: Shared,
    delivery: Delivery,
    crew: Crew,
}

impl Rooms for PretendedPorts {
    fn awake(&self, room: RoomId) -> Option<RoomHandle> {
        lock(&self.rooms).get(&room).map(|(handle, _)| handle.clone())
    }
}

impl Ports for PretendedPorts {
    fn now(&self) -> Timestamp {
        now()
    }

    fn chance(&self) -> &Chance {
        &self.chance
    }

    fn named(&self, token: &str) -> PortFuture<Result<Named, ErrorBody>> {
        let token = token.to_owned();
        Box::pin(async move {
            let (token, ms) = token.split_once('/').map_or((token.as_str(), "3600000"), |(token, ms)| (token, ms));
            let (token, session) = token.split_once('@').unwrap_or((token, "0"));
            match token.strip_prefix("user:").and_then(|number| number.parse().ok()) {
                Some(number) => Ok(Named {
                    session: uuid::Uuid::from_u128(session.parse().expect("a number")),
                    user: person(number).id,
                    expires_at: now().plus_ms(ms.parse().expect("milliseconds")),
                }),
                None if token == "slow" => std::future::pending().await,
                None => Err(ErrorCode::Unauthenticated.into()),
            }
        })
    }

    fn sign_in(&self, Named { user, session, expires_at }: Named) -> PortFuture<Result<SignedIn, ErrorBody>> {
        let user = person(user.number() - 901_000_000);
        Box::pin(async move { Ok(SignedIn { session, user, balances: Vec::new(), expires_at }) })
    }

    fn verify_room_token(&self, token: String, _: RoomId, _: UserId) -> PortFuture<Result<(), ErrorBody>> {
        assert_ne!(token, "panic", "a fault on purpose: the test needs a socket whose task panics");
        Box::pin(async move { if token == "room" { Ok(()) } else { Err(ErrorCode::RoomTokenInvalid.into()) } })
    }

    fn wake(&self, room: RoomId) -> PortFuture<Result<RoomHandle, ErrorBody>> {
        let handle = wake(&self.rooms, &self.delivery, &self.crew, room).0;
        Box::pin(async move { Ok(handle) })
    }

    fn gifts_above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
        let pretended = wake(&self.rooms, &self.delivery, &self.crew, room).1;
        let table = lock(&pretended).table.clone();
        let gifts = table.into_iter().filter(|gift| gift.gift_no > after).take(limit).collect();
        Box::pin(async move { Ok(CommittedGifts { gifts, coins: Coins(0) }) })
    }
}

fn wake(rooms: &Shared, delivery: &Delivery, crew: &Crew, room: RoomId) -> (RoomHandle, Arc<Mutex<Pretended>>) {
    lock(rooms)
        .entry(room)
        .or_insert_with(|| {
            let (handle, mail, _) = RoomHandle::pair(room, 1_024);
            let pretended = Arc::<Mutex<Pretended>>::default();
            crew.work("pretended room", act(mail, pretended.clone(), delivery.topic(room), room));
            (handle, pretended)
        })
        .clone()
}

async fn act(mut mail: mpsc::Receiver<Mail>, pretended: Arc<Mutex<Pretended>>, mut topic: Topic, room: RoomId) {
    while let Some(mail) = mail.recv().await {
        let Mail::Request(request, Some(reply)) = mail else { continue };
        let request = *request;
        {
            let mut pretended = lock(&pretended);
            pretended.heard.push(request.clone());
            pretended.hears.notify_waiters();
        }
        let answer = match request {
            Request::Join { caller, position } => {
                let mut pretended = lock(&pretended);
                pretended.people.retain(|person| person.id != caller.user.id);
                pretended.people.push(caller.user);
                Ok(Answer::Joined(Box::new(join(&pretended, room, position))))
            }
            Request::Leave { user } => {
                lock(&pretended).people.retain(|person| person.id != user);
                Ok(Answer::Nothing)
            }
            Request::Dropped { .. }
            | Request::Changed { .. }
            | Request::Elsewhere { .. }
            | Request::GiftsCommitted(_)
            | Request::Staff { .. }
            | Request::Place { .. }
            | Request::Voices { .. }
            | Request::Signal { .. }
            | Request::Look
            | Request::Scene
            | Request::Roster { .. } => Ok(Answer::Nothing),
            Request::Present { user, .. } if lock(&pretended).people.iter().any(|person| person.id == user) => {
                Ok(Answer::Nothing)
            }
            Request::Present { .. } => Err(ErrorCode::NotInRoom.into()),
            Request::Seats { .. } => Ok(Answer::Seats(SeatMap { seats: Vec::new(), version: 0 })),
            Request::Hands { .. } => Ok(Answer::Hands(Vec::new())),
            Request::People { .. } => {
                let people = lock(&pretended).people.clone();
                let people: Vec<_> = people.into_iter().map(|person| Member { person, role: None }).collect();
                let count = people.len() as u32;
                Ok(Answer::People(PeoplePage { people, count, more: false }))
            }
            Request::Command { command: Command::GiftSend(_), .. } => {
                lock(&pretended).held.push(reply);
                continue;
            }
            Request::Command { caller, operation, command: Command::ChatSend(chat) } => {
                let event = Event::ChatPosted {
                    from: caller.user,
                    op: operation.op,
                    text: chat.text,
                    mentions: chat.mentions,
                    reply_to: None,
                    image: None,
                    recalled: false,
                };
                let seq = publish(&mut topic, &pretended, room, event).await;
                Ok(Answer::Done(Done { epoch: EPOCH, seq, replayed: false }))
            }
            Request::Command { command: Command::RoomKick(kick), .. } => {
                let connections: Vec<_> = lock(&pretended)
                    .heard
                    .iter()
                    .filter_map(|request| match request {
                        Request::Join { caller, .. } if caller.user.id == kick.user => Some(caller.connection),
                        _ => None,
                    })
                    .collect();
                let removed = UserFrame::RoomRemoved {
                    room,
                    cause: RemovalCause::Kicked,
                    until: Some(EPOCH),
                    reason: kick.reason,
                };
                lock(&pretended).people.retain(|person| person.id != kick.user);
                topic.remove(&connections, &Frame::text(&envelope::user(kick.user, &removed)));
                topic.caught_up().await;
                Ok(Answer::Done(Done::default()))
            }
            Request::Permitted { .. } => Ok(Answer::Nothing),
            Request::Command { .. } | Request::Privacy { .. } => Err(ErrorCode::SeatTaken.into()),
        };
        reply.send(answer);
    }
}

fn join(pretended: &Pretended, room: RoomId, position: Option<Position>) -> JoinAnswer {
    let seq = pretended.events.len() as u64;
    let known = position.filter(|position| position.epoch == EPOCH);
    let missed = known.map(|position| {
        let events = pretended.events.iter().filter(|event| event.seq > position.seq);
        events.map(|event| Frame::text(&event.encode())).collect()
    });
    let snapshot = missed.is_none().then(|| {
        SnapshotText::of(&Snapshot {
            room: RoomCard::named(room, "A room".into(), person(1), 8),
            own: OwnPlace {
                role: RoomRole::Listener,
                seat: None,
                chat_muted: false,
                chat_muted_until: None,
                hand: None,
                invitation: None,
            },
            admins: Vec::new(),
            seats: Vec::new(),
            seat_version: 0,
            seat_mode: None,
            offer: None,
            hands: Vec::new(),
            count: pretended.people.len() as u32,
            people: pretended.people.clone(),
            chat: Vec::new(),
            chat_rules: None,
            coins: Coins(0),
        })
    });
    let first_gift = known.and_then(|position| {
        let mut missed = pretended.events.iter().filter(|event| event.seq > position.seq);
        missed.find_map(|event| match &event.event {
            Event::GiftsSent { gifts, .. } => gifts.first().map(|gift| gift.gift_no),
            _ => None,
        })
    });
    let position = Position { epoch: EPOCH, seq, gift_no: Some(pretended.announced) };
    JoinAnswer { position, missed, first_gift, snapshot, replaced: Vec::new() }
}

async fn publish(topic: &mut Topic, pretended: &Mutex<Pretended>, room: RoomId, event: Event) -> u64 {
    let event = {
        let mut pretended = lock(pretended);
        let seq = pretended.events.len() as u64 + 1;
        if let Event::GiftsSent { gifts, .. } = &event {
            pretended.announced = gifts.last().map_or(pretended.announced, |gift| gift.gift_no);
        }
        let event = EventFrame { room, epoch: EPOCH, seq, at: EPOCH, event };
        pretended.events.push(event.clone());
        event
    };
    topic.publish(EPOCH, event.seq, &Frame::text(&event.encode()));
    topic.caught_up().await;
    event.seq
}
