//! How a REST request reaches a room: with the same requests as from a socket, and counted against the same rates.

use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use parlor_protocol::reply::VoicePass;
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Command, ErrorCode, Op, RateClass, RoomId, Weight};
use tokio::time::Instant;
use uuid::Uuid;

use super::voice::Cause;
use super::{GatewayState, join};
use crate::delivery::ConnectionId;
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::operation::Operation;
use crate::room::{self, Act, Answer, Caller, Request, Role, RoomHandle, conduct};

/// An extractor: the signed-in user, with what is needed to ask rooms for them.
pub(super) struct Guest {
    gateway: GatewayState,
    pub(super) edge: Edge,
    pub(super) person: Person,
    /// The session of the request's token.
    session: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for Guest
where
    GatewayState: FromRef<S>,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let user = CurrentUser::from_request_parts(parts, state).await?;
        let edge = Edge::from_ref(state);
        let person = Identity::from_ref(state).person(&mut *edge.read().await?, user.id).await?;
        Ok(Self { gateway: GatewayState::from_ref(state), edge, person, session: user.session })
    }
}

impl Guest {
    /// Gives a room a command under this operation, within the user's rate.
    pub(super) async fn command(&self, room: RoomId, op: Op, mut command: Command) -> Result<Answer> {
        command.validate()?;
        if let Some(rate) = command.rate() {
            self.gateway.admit(self.person.id, rate, Instant::now())?;
        }
        // A command that costs money may be the retry of one that was paid, even if the user is no longer in the room.
        let wakes = command.weight() == Weight::Money;
        let operation = Operation::of_command(op, self.person.id, &command);
        let (user, session) = (self.person.clone(), self.session);
        let caller = Caller { user, connection: ConnectionId::NONE, session };
        self.ask(room, wakes, Request::Command { caller, operation, command }).await
    }

    /// Gives a room a command that names no operation and is told by a signal, within the user's rate.
    pub(super) async fn signal(&self, room: RoomId, mut command: Command) -> Result<Answer> {
        command.validate()?;
        if let Some(rate) = command.rate() {
            self.gateway.admit(self.person.id, rate, Instant::now())?;
        }
        let (user, session) = (self.person.clone(), self.session);
        let caller = Caller { user, connection: ConnectionId::NONE, session };
        self.ask(room, false, Request::Signal { caller, command }).await
    }

    /// Has a room decide something that is no command, within the user's rate of seat commands.
    pub(super) async fn decide(&self, room: RoomId, request: Request) -> Result<Answer> {
        self.gateway.admit(self.person.id, RateClass::Seat, Instant::now())?;
        self.ask(room, false, request).await
    }

    /// Asks a room for something that only those see who may look into it.
    pub(super) async fn look(&self, room: RoomId, request: Request) -> Result<Answer> {
        self.gateway.admit(self.person.id, RateClass::List, Instant::now())?;
        self.ask(room, false, request).await
    }

    /// Whether the room lets the user do something that is then done elsewhere.
    pub(super) async fn permitted(&self, room: RoomId, act: Act) -> Result<()> {
        self.look(room, Request::Permitted { user: self.person.id, act }).await.map(drop)
    }

    /// What the user connects to the voice vendor with, from a room that they are in.
    pub(super) async fn voice_pass(&self, room: RoomId) -> Result<VoicePass> {
        self.gateway.voice.check_on()?;
        self.gateway.admit(self.person.id, RateClass::List, Instant::now())?;
        let handle = self.handle(room, false).await?;
        Ok(self.gateway.voice_pass(&handle, &self.person, self.session, Cause::Asked).await?)
    }

    /// At most `limit` committed gifts of a room whose `gift_no` is above `after`.
    pub(super) async fn gifts_above(&self, room: RoomId, after: i64, limit: usize) -> Result<Vec<GiftLine>> {
        // The room is asked first, because it knows who may look.
        self.look(room, Request::Seats { user: self.person.id }).await?;
        let page = self.gateway.ports.gifts_above(room, after, limit);
        Ok(join::within(self.deadline(), page).await?.gifts)
    }

    /// Whether the user may change the room's settings from outside, as far as the store knows.
    pub(super) async fn may_change(&self, room: RoomId) -> Result<bool> {
        self.gateway.admit(self.person.id, RateClass::Seat, Instant::now())?;
        let owner = room::find(&mut *self.edge.read().await?, room).await?.owner.id;
        Ok(room::may(Role::outside(self.person.id, owner), Act::ChangeSettings))
    }

    async fn ask(&self, room: RoomId, wakes: bool, request: Request) -> Result<Answer> {
        let asked = self.handle(room, wakes).await?.send(request)?;
        Ok(join::answer(asked, self.deadline()).await?)
    }

    /// The room's handle. A room that sleeps has nobody in it; it is woken only for its owner, or if `wakes` says that
    /// the request concerns users outside the room. Waking counts like a join.
    async fn handle(&self, room: RoomId, wakes: bool) -> Result<RoomHandle> {
        if let Some(handle) = self.gateway.ports.awake(room) {
            return Ok(handle);
        }
        let owner = room::find(&mut *self.edge.read().await?, room).await?.owner.id;
        if !wakes && !room::may(Role::outside(self.person.id, owner), Act::Wake) {
            conduct::check_not_banned(&mut *self.edge.read().await?, room, self.person.id).await?;
            return Err(ErrorCode::NotInRoom.into());
        }
        self.gateway.admit(self.person.id, RateClass::Join, Instant::now())?;
        Ok(join::within(self.deadline(), self.gateway.ports.wake(room)).await?)
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(self.gateway.settings.answer_ms)
    }
}
