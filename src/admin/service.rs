//! The acts: each a transaction, or a room's hard command with its line in the log.

use std::time::Duration;

use futures_util::future::join_all;
use parlor_protocol::command::Kick;
use parlor_protocol::reply::{Balance, Done};
use parlor_protocol::{ErrorBody, ErrorCode, Op, RoomId, UserId};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::audit::{self, Act, Actor, AuditEntry};
use crate::economy::ledger::wallet;
use crate::identity::dossier::{self, Dossier, Listed, Search};
use crate::identity::role::{self, Role};
use crate::identity::suspension::{self, Suspension};
use crate::kit::error::{Error, Result};
use crate::kit::jobs;
use crate::kit::operation::Operation;
use crate::kit::page::Page;
use crate::kit::tx::Tx;
use crate::room::{Answer, Directory, Request, Sight, StaffAct};

/// How long a room is waited for.
const ROOM_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Where staff's acts come in. Cheap to clone; a part of the state of routes.
#[derive(Clone)]
pub struct Office {
    pool: PgPool,
    rooms: Directory,
}

impl Office {
    /// An office over this database and these rooms.
    pub const fn new(pool: PgPool, rooms: Directory) -> Self {
        Self { pool, rooms }
    }

    /// A page of accounts, newest first.
    pub async fn users(&self, search: &Search, after: Option<dossier::After>, limit: u32) -> Result<Page<Listed>> {
        dossier::list(&mut *self.pool.acquire().await?, search, after, limit).await
    }

    /// All that is known of somebody, balances included.
    pub async fn user(&self, actor: &Actor, user: UserId) -> Result<(Dossier, Vec<Balance>)> {
        let mut tx = self.pool.begin().await?;
        let dossier = dossier::open(&mut tx, actor, user).await?;
        let balances = wallet::balances(&mut tx, user).await?;
        tx.commit().await?;
        Ok((dossier, balances))
    }

    /// Suspends somebody, until this Unix millisecond or for good.
    pub async fn suspend(&self, actor: &Actor, user: UserId, until: Option<i64>, reason: &str) -> Result<Suspension> {
        let mut tx = self.pool.begin().await?;
        let suspension = suspension::suspend(&mut tx, actor, user, until, reason).await?;
        tx.commit().await?;
        Ok(suspension)
    }

    /// Lifts a suspension.
    pub async fn lift(&self, actor: &Actor, user: UserId) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        suspension::lift(&mut tx, actor, user).await?;
        Ok(tx.commit().await?)
    }

    /// Signs somebody out: on one device or everywhere.
    pub async fn sign_out(&self, actor: &Actor, user: UserId, session: Option<Uuid>) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        dossier::sign_out(&mut tx, actor, user, session).await?;
        Ok(tx.commit().await?)
    }

    /// Every role and what it brings.
    pub async fn roles(&self) -> Result<Vec<Role>> {
        role::roles(&mut *self.pool.acquire().await?).await
    }

    /// Gives somebody a role.
    pub async fn grant(&self, actor: &Actor, user: UserId, role: &str) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        role::grant(&mut tx, actor, user, role).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a role from somebody.
    pub async fn take(&self, actor: &Actor, user: UserId, role: &str) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        role::take(&mut tx, actor, user, role).await?;
        Ok(tx.commit().await?)
    }

    /// A page of the rooms that are live on this node, by id. One that goes to sleep meanwhile, or is too
    /// busy to be looked at, is left out.
    pub async fn live_rooms(&self, after: Option<i64>, limit: u32) -> Page<Sight> {
        let live = self.rooms.all_awake();
        let mut rooms: Vec<RoomId> = live.into_iter().filter(|room| Some(room.number()) > after).collect();
        rooms.truncate(limit as usize + 1);
        let page = Page::of(rooms, limit, |room| room.number());
        let looks = join_all(page.items.iter().map(|room| self.look(*room))).await;
        Page { items: looks.into_iter().flatten().collect(), next: page.next }
    }

    async fn look(&self, room: RoomId) -> Option<Sight> {
        let handle = self.rooms.awake(room)?;
        match tokio::time::timeout(ROOM_ANSWERS_WITHIN, handle.call(Request::Look)).await {
            Ok(Ok(Answer::Sight(sight))) => Some(sight),
            _ => None,
        }
    }

    /// Puts everybody out of a room.
    pub async fn close_room(&self, actor: &Actor, room: RoomId, reason: &str) -> Result<Done> {
        let act = Act::on_room("room.closed", room).reason(reason);
        self.in_room(actor, room, StaffAct::Close { reason: reason.to_owned() }, act).await
    }

    /// Puts somebody out of a room, and keeps them out for a while.
    pub async fn kick(&self, actor: &Actor, room: RoomId, user: UserId, reason: &str) -> Result<Done> {
        role::act_on(&mut *self.pool.acquire().await?, actor, user).await?;
        let act = Act::on_room("room.kicked", room).user(user).reason(reason);
        self.in_room(actor, room, StaffAct::Kick(Kick { room, user, reason: reason.to_owned() }), act).await
    }

    /// The room writes the act first, with who did it, among its facts: the log's line comes behind, so
    /// that it tells of nothing that was not done.
    async fn in_room(&self, actor: &Actor, room: RoomId, act: StaffAct, line: Act) -> Result<Done> {
        let by = actor.user.ok_or_else(|| Error::internal("nobody acts in a room from the command line"))?;
        let operation = Operation::of_system(Op(Uuid::now_v7()), by, "an act of staff");
        let (rooms, pool, actor) = (self.rooms.clone(), self.pool.clone(), actor.clone());
        // To its end, even where who asked has hung up or waited long enough: no act is without its line.
        let done = self.rooms.track(async move {
            let handle = rooms.wake(room).await?;
            let Answer::Done(done) = handle.call(Request::Staff { operation, act }).await? else {
                return Err(ErrorBody::new(ErrorCode::Internal).into());
            };
            audit::record(&mut *pool.acquire().await?, &actor, &line).await?;
            Ok(done)
        });
        let done = tokio::time::timeout(ROOM_ANSWERS_WITHIN, done).await;
        done.map_err(|_| Error::new(ErrorCode::Timeout))?.map_err(Error::internal)?
    }

    /// A page of jobs, newest first.
    pub async fn jobs(
        &self,
        state: Option<jobs::State>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<jobs::Listed>> {
        jobs::page(&mut *self.pool.acquire().await?, state, before, limit).await
    }

    /// Has a failed job tried again.
    pub async fn retry_job(&self, actor: &Actor, job: i64) -> Result<()> {
        let mut tx = Tx::begin(&self.pool).await?;
        let kind = jobs::retry(&mut tx, job).await?;
        let act = Act::on("job.retried").detail(json!({"job": job, "kind": kind}));
        audit::record(&mut tx, actor, &act).await?;
        tx.commit().await
    }

    /// A page of what staff did, newest first.
    pub async fn acts(&self, filter: audit::Filter, before: Option<i64>, limit: u32) -> Result<Page<AuditEntry>> {
        audit::page(&mut *self.pool.acquire().await?, filter, before, limit).await
    }
}
