//! The one match over all commands of a client. Each command is sent to where it is decided, in the order of arrival,
//! and its reply is sent when it is known.

use std::time::Duration;

use parlor_protocol::reply::{Empty, GiftPage, HandList};
use parlor_protocol::room::Person;
use parlor_protocol::{Command, ErrorBody, ErrorCode, Op, RateClass, RoomId, UserId, Weight, limit};
use tokio::time::Instant;

use super::GatewayState;
use super::connect;
use super::join::{self, CameIn};
use super::session::{Change, Session, Step, reply};
use super::voice::Cause;
use crate::delivery::Frame;
use crate::kit::operation::Operation;
use crate::room::{Act, Answer, Caller, NotAsked, Reply, Request, RoomHandle};
use crate::telemetry::metric;

/// `rate_limited`, with the time to wait.
fn rate_limited(wait: Duration) -> ErrorBody {
    metric::RATE_LIMITED.add(1);
    let ms = u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(ms.max(1))
}

impl GatewayState {
    /// Counts one command of this class for the user.
    ///
    /// # Errors
    /// `rate_limited`, with the time to wait.
    pub(super) fn admit(&self, user: UserId, class: RateClass, now: Instant) -> Result<(), ErrorBody> {
        // Users who connect or join are not slowed down: the door bounds their cost.
        let slower = if class.comes_in() { 1 } else { self.delivery.load().slower() };
        self.users.admit(user, class, self.settings.rate(class).slower(slower), now).map_err(rate_limited)
    }
}

impl Session {
    /// Sends a valid command to where it is decided.
    pub(super) fn dispatch(
        &mut self,
        id: u64,
        op: Option<Op>,
        command: Command,
        now: Instant,
    ) -> Result<Step, ErrorBody> {
        let rate = command.rate();
        // A socket that is not connected has no user yet. Its `connect` is counted when the user is known.
        if let (Some(rate), Some(me)) = (rate, &self.me) {
            self.gateway.admit(me.person.id, rate, now)?;
        }
        match command {
            Command::Connect(_) if self.me.is_some() => Err(ErrorCode::AlreadyConnected.into()),
            Command::Connect(mut connect) => {
                if connect.token.is_empty() {
                    connect.token = self.bearer.as_deref().unwrap_or_default().to_owned();
                }
                let near = connect.joins.first().map(|join| join.room);
                if let Some(beside) = near.and_then(|room| self.connection.beside(room, &self.stream, &self.closed)) {
                    // The socket gets a new id. This line connects the log lines with the old id to those with the new.
                    tracing::debug!(connection.beside = beside.id().0, "a socket moves to its room's shard");
                    self.connection = beside;
                }
                let (gateway, connection) = (self.gateway.clone(), self.connection.clone());
                let undecided = self.undecided.is_some();
                Ok(Step::Block(Box::pin(connect::connect(gateway, connection, id, connect, rate, undecided))))
            }
            Command::SessionRefresh(asked) => {
                let me = self.me.as_ref().expect("only connect is dispatched before the socket is connected");
                let (gateway, connection) = (self.gateway.clone(), self.connection.clone());
                let refresh = connect::refresh(gateway, connection, id, me.person.id, me.session, asked);
                Ok(Step::Block(Box::pin(refresh)))
            }
            Command::Ping(_) => Ok(Step::Reply(reply(id, Ok(&Empty {})))),
            Command::RoomJoin(asked) => {
                let (gateway, connection) = (self.gateway.clone(), self.connection.clone());
                let Caller { user, session, .. } = self.caller();
                Ok(Step::Block(Box::pin(async move {
                    match join::come_in(&gateway, &connection, &user, session, asked).await {
                        Ok(CameIn { place, former, joined }) => {
                            let (room, epoch, seq) = joined.place();
                            connection.joined(room, epoch, seq, joined.frame(id)).await;
                            (id, Change::CameIn(place, former))
                        }
                        Err(error) => {
                            connection.send(reply::<()>(id, Err(&error))).await;
                            (id, Change::Nothing)
                        }
                    }
                })))
            }
            Command::RoomLeave(in_room) => {
                let (gateway, connection) = (self.gateway.clone(), self.connection.clone());
                let (user, room) = (self.person().id, in_room.room);
                Ok(Step::Block(Box::pin(async move {
                    let left = join::leave(&gateway, &connection, user, room).await;
                    let change = if left.is_ok() { Change::Left(room) } else { Change::Nothing };
                    connection.send(answer_frame(id, left)).await;
                    (id, change)
                })))
            }
            Command::GiftList(list) => {
                // The room is asked whether the user is in it: the socket may not know yet that it was removed.
                let present =
                    self.handle(list.room)?.send(Request::Present { user: self.person().id, act: Act::Look })?;
                let page = self.gateway.ports.gifts_above(list.room, list.after, limit::GIFT_PAGE + 1);
                let deadline = self.deadline();
                Ok(Step::Wait(Box::pin(async move {
                    let page = async {
                        join::answer(present, deadline).await?;
                        let mut gifts = join::within(deadline, page).await?.gifts;
                        let more = join::cut_to_page(&mut gifts);
                        Ok(GiftPage { gifts, more })
                    };
                    (id, reply(id, page.await.as_ref()))
                })))
            }
            Command::PeopleList(list) => {
                let request = Request::People { user: self.person().id, after: list.after, search: list.search };
                self.ask_room(id, &self.handle(list.room)?, request)
            }
            Command::VoiceToken(in_room) => {
                self.gateway.voice.check_on().map_err(|off| *off.body)?;
                let handle = self.handle(in_room.room)?;
                let session = self.me.as_ref().map(|me| me.session).unwrap_or_default();
                let (gateway, person) = (self.gateway.clone(), self.person().clone());
                Ok(Step::Wait(Box::pin(async move {
                    let pass = gateway.voice_pass(&handle, &person, session, Cause::Asked).await;
                    (id, reply(id, pass.as_ref()))
                })))
            }
            Command::HandList(list) => {
                let request = Request::Hands { user: self.person().id };
                self.ask_room(id, &self.handle(list.room)?, request)
            }
            Command::ChatReact(_) | Command::ChatTyping(_) | Command::MicSpeaking(_) => {
                let room = command.room().ok_or(ErrorCode::Internal)?;
                let request = Request::Signal { caller: self.caller(), command };
                self.ask_room(id, &self.handle(room)?, request)
            }
            // All other commands are decided by a room. They are sent by their weight; none is known here by name.
            command => {
                let (Some(op), Some(room)) = (op, command.room()) else {
                    tracing::error!(
                        kind = command.kind(),
                        "a command has no operation or names no room, so it cannot be sent to one"
                    );
                    return Err(ErrorCode::Internal.into());
                };
                let is_money = command.weight() == Weight::Money;
                let operation = Operation::of_command(op, self.person().id, &command);
                let request = Request::Command { caller: self.caller(), operation, command };
                if is_money {
                    self.pay(id, room, request, now)
                } else {
                    match self.handle(room) {
                        Ok(handle) => self.ask_room(id, &handle, request),
                        Err(refusal) => self.refuse_outside(id, room, refusal),
                    }
                }
            }
        }
    }

    fn person(&self) -> &Person {
        let me = self.me.as_ref().expect("only connect is dispatched before the socket is connected");
        &me.person
    }

    fn caller(&self) -> Caller {
        let session = self.me.as_ref().map(|me| me.session).unwrap_or_default();
        Caller { user: self.person().clone(), connection: self.connection.id(), session }
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(self.gateway.settings.answer_ms)
    }

    /// The handle of a room that the socket has joined. Whether it is still in the room is the room's to decide. A room
    /// that sleeps has nobody in it.
    fn handle(&self, room: RoomId) -> Result<RoomHandle, ErrorBody> {
        let mut places = self.me.iter().flat_map(|me| &me.places);
        places
            .any(|place| place.room == room)
            .then(|| self.gateway.ports.awake(room))
            .flatten()
            .ok_or_else(|| ErrorBody::new(ErrorCode::NotInRoom).message("join the room first"))
    }

    /// Refuses a command for a room that the socket has not joined. If the room is awake it says whether the user is banned, which
    /// tells more than that they are not in it.
    fn refuse_outside(&self, id: u64, room: RoomId, refusal: ErrorBody) -> Result<Step, ErrorBody> {
        let Some(handle) = self.gateway.ports.awake(room) else { return Err(refusal) };
        let Ok(asked) = handle.send(Request::Permitted { user: self.person().id, act: Act::Hear }) else {
            return Err(refusal);
        };
        let deadline = self.deadline();
        Ok(Step::Wait(Box::pin(async move {
            let error = match join::answer(asked, deadline).await {
                Err(banned) if banned.code == ErrorCode::Banned => banned,
                _ => refusal,
            };
            (id, reply::<()>(id, Err(&error)))
        })))
    }

    /// Asks a room that the socket has joined. The room decides in the order in which it is asked.
    fn ask_room(&mut self, id: u64, handle: &RoomHandle, request: Request) -> Result<Step, ErrorBody> {
        self.put(id, handle, Box::new(request)).map_err(|NotAsked { code, .. }| code)?;
        Ok(Step::Nothing)
    }

    /// Gives a request to a room, whose actor answers the socket directly.
    fn put(&mut self, id: u64, handle: &RoomHandle, request: Box<Request>) -> Result<(), NotAsked> {
        let within = self.deadline();
        handle.ask(request, || {
            let question = self.gateway.patience.ask(id, self.connection.clone(), within);
            self.asked.push(question.clone());
            Reply::asker(question)
        })
    }

    /// Gives a command that costs money to its room, even if the socket is not in the room: it may be the retry of one
    /// that was paid, and only the room, through the ledger, knows the first answer. Waking a room for that counts like
    /// a join.
    fn pay(&mut self, id: u64, room: RoomId, request: Request, now: Instant) -> Result<Step, ErrorBody> {
        let mut request = Box::new(request);
        if let Ok(handle) = self.handle(room) {
            match self.put(id, &handle, request) {
                Ok(()) => return Ok(Step::Nothing),
                Err(NotAsked { code: ErrorCode::Busy, .. }) => return Err(ErrorCode::Busy.into()),
                // The room has gone to sleep since the handle was taken.
                Err(not) => request = not.request,
            }
        }
        self.gateway.admit(self.person().id, RateClass::Join, now)?;
        let (wake, deadline) = (self.gateway.ports.wake(room), self.deadline());
        Ok(Step::Wait(Box::pin(async move {
            let answer = async {
                let asked = join::within(deadline, wake).await?.send(*request)?;
                join::answer(asked, deadline).await
            };
            (id, answer_frame(id, answer.await))
        })))
    }
}

/// The reply frame for an answer of a room.
pub(super) fn answer_frame(id: u64, answer: Result<Answer, ErrorBody>) -> Frame {
    match &answer {
        Ok(Answer::Done(done)) => reply(id, Ok(done)),
        Ok(Answer::Gift(receipt)) => reply(id, Ok(receipt)),
        Ok(Answer::People(page)) => reply(id, Ok(page)),
        Ok(Answer::Hands(hands)) => reply(id, Ok(&HandList { hands: hands.clone() })),
        Ok(Answer::Nothing) => reply(id, Ok(&Empty {})),
        Ok(
            Answer::Joined(_)
            | Answer::Seats(_)
            | Answer::Place(_)
            | Answer::Sight(_)
            | Answer::Scene(_)
            | Answer::Roster(_),
        ) => reply::<()>(id, Err(&ErrorCode::Internal.into())),
        Err(error) => reply::<()>(id, Err(error)),
    }
}
