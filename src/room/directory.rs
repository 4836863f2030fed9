//! Which rooms are awake on this node: wakes each once, sweeps for gifts, lets the idle sleep.

use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::actor::{Ended, Parts, RoomActor};
use super::audience::Audience;
use super::facts::{Facts, PgFacts};
use super::handle::{Mail, RoomHandle};
use super::port::Gifts;
use super::request::Returned;
use super::resting::Resting;
use super::settings::Settings;
use super::state::RoomState;
use super::{service, store};
use crate::cluster::Node;
use crate::delivery::Delivery;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::supervise::{self, Crew, Supervisor};
use crate::telemetry::metric;

/// People brought back who wait to be heard of; beyond it the waking room waits.
const RETURNS: usize = 1_024;

/// The rooms that are awake on this node.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    edge: Edge,
    node: Node,
    gifts: Arc<dyn Gifts>,
    facts: Arc<dyn Facts>,
    delivery: Delivery,
    settings: Settings,
    /// Hears of everybody whom a checkpoint brings back: they may be in another room by now.
    returned: mpsc::Sender<Returned>,
    /// Ends every actor, in order.
    stop: CancellationToken,
    crew: Crew,
    /// Rooms that have panicked lately.
    resting: Resting,
    slots: Mutex<HashMap<RoomId, Slot>>,
}

/// What a wake comes to, for everybody who waits for it.
type Woken = Result<RoomHandle, Box<ErrorBody>>;

/// A room that is not asleep. It leaves the map when its `gone` is cancelled, and not before, so that
/// two actors of one room never live at once.
enum Slot {
    Waking(watch::Receiver<Option<Woken>>),
    Awake { handle: RoomHandle, gone: CancellationToken },
    Closing { gone: CancellationToken },
}

/// What a caller waits for.
enum Wait {
    Woken(watch::Receiver<Option<Woken>>),
    Gone(CancellationToken),
}

/// What is asked of a room that starts anew is to be asked again.
fn resting(left: Duration) -> ErrorBody {
    let body = ErrorBody::new(ErrorCode::RoomPaused).message("the room starts anew");
    match u64::try_from(left.as_millis()) {
        Ok(0) | Err(_) => body,
        Ok(left) => body.retry_after_ms(left),
    }
}

/// Takes the room out of the map when its task ends, however it ends.
struct Leaving {
    directory: Directory,
    room: RoomId,
    gone: CancellationToken,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.directory.slots().remove(&self.room);
        self.gone.cancel();
    }
}

impl Directory {
    /// A directory of rooms that are all asleep. Actors end when the supervisor stops or by [`Directory::stop`];
    /// either is to come after the sockets and the ledger have been drained. The receiver hears of
    /// everybody whom a waking room brings back.
    pub fn new(
        edge: Edge,
        node: Node,
        gifts: Arc<dyn Gifts>,
        delivery: Delivery,
        settings: Settings,
        supervisor: &Supervisor,
    ) -> (Self, mpsc::Receiver<Returned>) {
        let (returned, returns) = mpsc::channel(RETURNS);
        let facts = PgFacts::new(edge.clone(), Duration::from_millis(settings.write_timeout_ms), supervisor);
        let (stop, crew) = (supervisor.stop().child_token(), supervisor.crew().clone());
        let (facts, resting, slots) = (Arc::new(facts), Resting::default(), Mutex::default());
        let inner = Inner { edge, node, gifts, facts, delivery, settings, returned, stop, crew, resting, slots };
        let directory = Self(Arc::new(inner));
        supervisor.engine("sweep for gifts", &directory.0.stop, directory.clone().sweep());
        (directory, returns)
    }

    /// The room, awake: claimed, loaded and serving. Many who ask at once wake it once.
    ///
    /// # Errors
    /// `room_not_found`; `room_paused` while another server acts for it, this one stops, or it rests because it
    /// has panicked again and again; those of the store.
    pub async fn wake(&self, room: RoomId) -> Result<RoomHandle> {
        loop {
            let wait = {
                let mut slots = self.slots();
                match slots.get(&room) {
                    Some(Slot::Awake { handle, .. }) => return Ok(handle.clone()),
                    Some(Slot::Waking(woken)) => Wait::Woken(woken.clone()),
                    Some(Slot::Closing { gone }) => Wait::Gone(gone.clone()),
                    None if self.0.stop.is_cancelled() || !self.0.node.serves() => {
                        return Err(ErrorCode::RoomPaused.into());
                    }
                    None => {
                        if let Some(left) = self.0.resting.left(room, Instant::now()) {
                            return Err(resting(left).into());
                        }
                        let (sender, woken) = watch::channel(None);
                        slots.insert(room, Slot::Waking(woken.clone()));
                        self.0.crew.work("room", self.clone().live(room, sender));
                        Wait::Woken(woken)
                    }
                }
            };
            match wait {
                Wait::Gone(gone) => gone.cancelled().await,
                Wait::Woken(mut woken) => {
                    if let Ok(woken) = woken.wait_for(Option::is_some).await
                        && let Some(woken) = &*woken
                    {
                        return woken.clone().map_err(|body| Error { body, source: None });
                    }
                }
            }
        }
    }

    /// Runs this to its end, whatever becomes of who asked for it.
    pub fn track<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.crew.work("request", task)
    }

    /// The room, if it is awake.
    pub fn awake(&self, room: RoomId) -> Option<RoomHandle> {
        match self.slots().get(&room) {
            Some(Slot::Awake { handle, .. }) => Some(handle.clone()),
            _ => None,
        }
    }

    /// The rooms that are awake on this node, by id.
    pub fn all_awake(&self) -> Vec<RoomId> {
        let slots = self.slots();
        let awake = slots.iter().filter(|(_, slot)| matches!(slot, Slot::Awake { .. }));
        let mut rooms: Vec<_> = awake.map(|(room, _)| *room).collect();
        rooms.sort_unstable();
        rooms
    }

    /// How many requests wait for each room that is awake.
    pub fn mailboxes(&self) -> Vec<usize> {
        let depth = |slot: &Slot| match slot {
            Slot::Awake { handle, .. } => Some(handle.depth()),
            _ => None,
        };
        self.slots().values().filter_map(depth).collect()
    }

    /// Stops every room: each answers what waits, writes its last checkpoint and is given back.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        loop {
            let wait = match self.slots().values().next() {
                None => return,
                Some(Slot::Waking(woken)) => Wait::Woken(woken.clone()),
                Some(Slot::Awake { gone, .. } | Slot::Closing { gone }) => Wait::Gone(gone.clone()),
            };
            match wait {
                Wait::Gone(gone) => gone.cancelled().await,
                Wait::Woken(mut woken) => {
                    let _ = woken.wait_for(Option::is_some).await;
                    // The slot changes behind the word; let it.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<RoomId, Slot>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One life of a room, from its claim to its last checkpoint.
    async fn live(self, room: RoomId, woken: watch::Sender<Option<Woken>>) {
        let leaving = Leaving { directory: self.clone(), room, gone: CancellationToken::new() };
        let (handle, mailbox, announced) = RoomHandle::pair(room, self.0.settings.mailbox);
        // Boxed, and let go of: a room's task lives long and has room for what its life needs.
        let born = Box::pin(AssertUnwindSafe(self.born(room, announced)).catch_unwind()).await;
        let (actor, awaited) = match born.unwrap_or_else(|panic| Err(self.panicked(room, &*panic).into())) {
            Ok(born) => born,
            Err(error) => {
                metric::ROOM_WAKES.add_of("failed", 1);
                if error.source.is_some() {
                    tracing::error!(room.id = room.number(), %error, "a room could not be woken");
                }
                drop(leaving);
                woken.send_replace(Some(Err(error.body)));
                return;
            }
        };
        metric::ROOM_WAKES.add_of("woken", 1);
        self.slots().insert(room, Slot::Awake { handle: handle.clone(), gone: leaving.gone.clone() });
        woken.send_replace(Some(Ok(handle)));
        drop(woken);
        for user in awaited {
            // Who listens is gone only when the server stops.
            let _ = self.0.returned.send(Returned { user, room }).await;
        }
        self.serve(actor, mailbox, &leaving).await;
    }

    /// The room's actor from its checkpoint, and whom that brings back.
    async fn born(&self, room: RoomId, announced: Arc<AtomicI64>) -> Result<(Box<RoomActor>, Vec<UserId>)> {
        let state = self.load(room).await?;
        tracing::debug!(room.id = room.number(), epoch = state.epoch(), "a room wakes");
        let (inner, awaited) = (&self.0, state.awaited().collect());
        let actor = RoomActor::new(Parts {
            state,
            settings: inner.settings.clone(),
            audience: Audience::Topic(inner.delivery.topic(room)),
            gifts: inner.gifts.clone(),
            facts: inner.facts.clone(),
            announced,
            lease: inner.node.lease(),
            now: inner.edge.now(),
        });
        Ok((Box::new(actor), awaited))
    }

    async fn load(&self, room: RoomId) -> Result<RoomState> {
        let mut tx = self.0.edge.begin().await?;
        let woken = service::wake(&mut tx, self.0.node.identity(), room).await?;
        tx.commit().await?;
        Ok(RoomState::wake(woken, self.0.settings.clone(), self.0.edge.now()))
    }

    async fn serve(&self, mut actor: Box<RoomActor>, mut mailbox: mpsc::Receiver<Mail>, leaving: &Leaving) {
        let room = leaving.room;
        let lost = self.0.node.lost();
        loop {
            let ended = tokio::select! {
                biased;
                () = lost.cancelled() => Ok(Ended::Fenced),
                ended = AssertUnwindSafe(actor.run(&mut mailbox, &self.0.stop)).catch_unwind() => ended,
            };
            match ended {
                Ok(Ended::Idle) if !self.close(leaving, &mailbox, actor.is_long_idle()) => actor.stay(),
                Ok(Ended::Idle | Ended::Stopped) => {
                    let finished = Box::pin(AssertUnwindSafe(actor.finish(&mut mailbox)).catch_unwind()).await;
                    if let Err(panic) = finished {
                        self.panicked(room, &*panic);
                    }
                    return;
                }
                Ok(Ended::Fenced) => {
                    tracing::warn!(room.id = room.number(), "the room has another owner: this one stops");
                    return actor.resync().await;
                }
                Err(panic) => {
                    // Who asks for the room from now on waits for the next actor.
                    self.slots().insert(room, Slot::Closing { gone: leaving.gone.clone() });
                    self.panicked(room, &*panic);
                    // The state is not to be trusted any more, not even with a list of who is in it. Whom it does not
                    // name hears of the next epoch by the next actor's digest.
                    let told = Box::pin(AssertUnwindSafe(actor.resync()).catch_unwind()).await;
                    if let Err(panic) = told {
                        let panic = supervise::words_of(&*panic);
                        tracing::warn!(room.id = room.number(), panic, "not everybody was told to join it anew");
                    }
                    return;
                }
            }
        }
    }

    /// A room has panicked: it starts anew from its checkpoint, at once or after a rest. What its people are told.
    fn panicked(&self, room: RoomId, panic: &(dyn Any + Send)) -> ErrorBody {
        metric::ROOM_PANICS.add(1);
        let rest = self.0.resting.begin(room, Instant::now());
        let (rest_ms, panic) = (u64::try_from(rest.as_millis()).unwrap_or(u64::MAX), supervise::words_of(panic));
        tracing::error!(room.id = room.number(), rest_ms, panic, "a room has panicked: it starts anew");
        resting(rest)
    }

    /// Lets an idle room sleep, unless somebody is about to speak to it: under the lock nobody can get
    /// a handle, so if there is no other one and no mail, there will be none.
    fn close(&self, leaving: &Leaving, mailbox: &mpsc::Receiver<Mail>, force: bool) -> bool {
        let mut slots = self.slots();
        let Some(Slot::Awake { handle, .. }) = slots.get(&leaving.room) else { return true };
        if !(force || handle.is_last() && mailbox.is_empty()) {
            return false;
        }
        slots.insert(leaving.room, Slot::Closing { gone: leaving.gone.clone() });
        true
    }

    /// Looks for gifts that are committed and not announced: the ledger's hints may be lost.
    async fn sweep(self) {
        let mut ticks = interval(Duration::from_millis(self.0.settings.sweep_ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = self.0.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // A store that has fallen silent must not hold up the stop.
            let Some(swept) = self.0.stop.run_until_cancelled(self.sweep_once()).await else { return };
            match swept {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "the sweep for gifts failed");
                }
                Err(_) => {}
            }
        }
    }

    async fn sweep_once(&self) -> Result<()> {
        let rooms: Vec<i64> = self.slots().keys().map(|room| room.number()).collect();
        if rooms.is_empty() {
            return Ok(());
        }
        let mut conn = self.0.edge.read().await?;
        for (room, committed) in store::gift_numbers(&mut conn, &rooms).await? {
            if let Some(handle) = self.awake(room).filter(|handle| committed > handle.announced()) {
                handle.committed(committed);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_awake_room_costs_little_in_its_task_and_its_actor() {
        fn bytes<F>(_: fn(Directory, RoomId, watch::Sender<Option<Woken>>) -> F) -> usize {
            size_of::<F>()
        }
        let (task, actor) = (bytes(Directory::live), size_of::<RoomActor>());
        println!("task {task}, actor {actor}");
        assert!(task <= 2_304 && actor <= 2_048, "task {task}, actor {actor}");
    }
}
