//! The register of the rooms that are awake on this node. It wakes each room once, sweeps for gifts that were not
//! announced, and lets idle rooms go to sleep.

use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::actor::{Ended, Parts, RoomActor};
use super::audience::Audience;
use super::board::Board;
use super::facts::{Facts, PgFacts};
use super::handle::{Mail, RoomHandle};
use super::port::Gifts;
use super::ranking::{self, Ranking};
use super::recents::Recents;
use super::request::Returned;
use super::resting::Resting;
use super::settings::Settings;
use super::state::RoomState;
use super::timeline::{self, Recorder, Timeline};
use super::words::{self, Watched};
use super::{service, store};
use crate::cluster::Node;
use crate::delivery::Delivery;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::supervise::{self, Crew, Supervisor};
use crate::telemetry::metric;
use crate::voice::Voice;

/// The most [`Returned`] that wait to be received. When there are more, waking rooms wait.
const RETURNS: usize = 1_024;

/// The rooms that are awake on this node. Cheap to clone; all clones are the same register.
#[derive(Clone)]
pub struct Directory(pub(super) Arc<Inner>);

pub(super) struct Inner {
    edge: Edge,
    node: Node,
    gifts: Arc<dyn Gifts>,
    facts: Arc<dyn Facts>,
    delivery: Delivery,
    pub(super) settings: Arc<Settings>,
    /// Receives every user whom a checkpoint brings back, because they may be in another room by now.
    returned: mpsc::Sender<Returned>,
    /// Cancelled when every actor is to end in order.
    pub(super) stop: CancellationToken,
    pub(super) crew: Crew,
    /// Rooms that have panicked lately.
    resting: Resting,
    ranking: Ranking,
    recents: Recents,
    words: Watched,
    /// Where rooms hand over what is recorded of them; absent: they are not recorded.
    timeline: Option<Timeline>,
    pub(super) voice: Voice,
    slots: Mutex<HashMap<RoomId, Slot>>,
}

/// The outcome of a wake, for everybody who waits for it.
type Woken = Result<RoomHandle, Box<ErrorBody>>;

/// A room that is not asleep. Its slot leaves the map only when its task has ended, just before `gone` is cancelled, so
/// that two actors of one room never live at the same time.
enum Slot {
    Waking(watch::Receiver<Option<Woken>>),
    Awake { handle: RoomHandle, gone: CancellationToken },
    Closing { gone: CancellationToken },
}

/// What a caller of [`Directory::wake`] waits for.
enum Wait {
    Woken(watch::Receiver<Option<Woken>>),
    Gone(CancellationToken),
}

/// The answer to requests while a room restarts after a panic: `room_paused`, with the time to wait if it rests.
fn resting(left: Duration) -> ErrorBody {
    let body = ErrorBody::new(ErrorCode::RoomPaused).message("the room restarts after a fault");
    match u64::try_from(left.as_millis()) {
        Ok(0) | Err(_) => body,
        Ok(left) => body.retry_after_ms(left),
    }
}

/// Removes the room from the map when its task ends, however it ends.
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
    /// A directory in which all rooms are asleep. Actors end when the supervisor stops or by [`Directory::stop`];
    /// before either, the sockets and the ledger must have been drained. The receiver gets every user whom a waking
    /// room's checkpoint brings back.
    pub fn new(
        edge: Edge,
        node: Node,
        gifts: Arc<dyn Gifts>,
        delivery: Delivery,
        settings: Settings,
        voice: Voice,
        supervisor: &Supervisor,
    ) -> (Self, mpsc::Receiver<Returned>) {
        let (returned, returns) = mpsc::channel(RETURNS);
        let facts = PgFacts::new(
            edge.clone(),
            Duration::from_millis(settings.write_timeout_ms),
            settings.rooms_user,
            voice.clone(),
            supervisor,
        );
        let (stop, crew) = (supervisor.stop().child_token(), supervisor.crew().clone());
        let (facts, resting, slots) = (Arc::new(facts), Resting::default(), Mutex::default());
        let settings = Arc::new(settings);
        let every = Duration::from_millis(settings.words_ms);
        let words = words::start(edge.clone(), every, supervisor, &stop);
        let timeline = Timeline::start(edge.clone(), &settings, node.identity().incarnation, supervisor);
        let (ranking, recents) = (Ranking::default(), Recents::start(edge.clone(), &stop, supervisor));
        let inner = Inner {
            edge,
            node,
            gifts,
            facts,
            delivery,
            settings,
            returned,
            stop,
            crew,
            resting,
            ranking,
            recents,
            words,
            timeline,
            voice,
            slots,
        };
        let directory = Self(Arc::new(inner));
        supervisor.engine("ranking of rooms", &directory.0.stop, directory.clone().rank());
        supervisor.engine("sweep for gifts", &directory.0.stop, directory.clone().sweep());
        directory.start_sampler(supervisor);
        if directory.0.voice.is_on() {
            supervisor.engine("watch of voices", &directory.0.stop, directory.clone().watch_voices());
        }
        (directory, returns)
    }

    /// Starts the task that compares rooms with their timelines.
    fn start_sampler(&self, supervisor: &Supervisor) {
        let (inner, every) = (&self.0, Duration::from_millis(self.0.settings.timeline_sample_ms));
        if inner.timeline.is_some() && !every.is_zero() {
            let run = timeline::run_sampler(self.clone(), inner.edge.clone(), every, inner.stop.clone());
            supervisor.engine("sampler of timelines", &inner.stop, run);
        }
    }

    /// The room's handle. If the room is asleep it is woken first: claimed, loaded and served. Many callers at the same
    /// time wake it once.
    ///
    /// # Errors
    /// `room_not_found`; `room_paused` while another server acts for the room, this server stops, or the room rests
    /// because it has panicked repeatedly; a fault or an outage of the store.
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

    /// Runs this task to its end, even if the request that started it is dropped.
    pub fn track<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.crew.work("request", task)
    }

    /// The room's handle, if it is awake.
    pub fn awake(&self, room: RoomId) -> Option<RoomHandle> {
        match self.slots().get(&room) {
            Some(Slot::Awake { handle, .. }) => Some(handle.clone()),
            _ => None,
        }
    }

    /// The rooms that are awake on this node, in the order of their ids.
    pub fn all_awake(&self) -> Vec<RoomId> {
        let slots = self.slots();
        let awake = slots.iter().filter(|(_, slot)| matches!(slot, Slot::Awake { .. }));
        let mut rooms: Vec<_> = awake.map(|(room, _)| *room).collect();
        rooms.sort_unstable();
        rooms
    }

    /// The orders of the hot rooms of this node.
    pub(super) fn ranking(&self) -> &Ranking {
        &self.0.ranking
    }

    /// Where it is noted which rooms users were let into.
    pub(super) fn recents(&self) -> &Recents {
        &self.0.recents
    }

    /// Makes the order of the hot rooms anew, periodically. No room is asked: each shows what counts on its board.
    async fn rank(self) {
        let mut ticks = interval(ranking::EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.0.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let shown: Vec<_> = {
                let slots = self.slots();
                let awake = slots.values().filter_map(|slot| match slot {
                    Slot::Awake { handle, .. } => Some(handle.shown()),
                    _ => None,
                });
                awake.collect()
            };
            let number = self.0.edge.now().0.saturating_mul(1_000);
            self.0.ranking.renew(&shown, number, Instant::now());
        }
    }

    /// The number of requests that wait in the mailbox of each room that is awake.
    pub fn mailboxes(&self) -> Vec<usize> {
        let depth = |slot: &Slot| match slot {
            Slot::Awake { handle, .. } => Some(handle.depth()),
            _ => None,
        };
        self.slots().values().filter_map(depth).collect()
    }

    /// Stops every room and waits for it. Each answers the requests that wait, writes its last checkpoint, and is given
    /// back.
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
                    // The slot changes shortly after the outcome is sent: yield, so that it can.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<RoomId, Slot>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task of a room that is awake, from its claim to its last checkpoint.
    async fn live(self, room: RoomId, woken: watch::Sender<Option<Woken>>) {
        let leaving = Leaving { directory: self.clone(), room, gone: CancellationToken::new() };
        let (handle, mailbox, board) = RoomHandle::pair(room, self.0.settings.mailbox);
        // It is boxed and then freed, because a room's task lives long and should be no larger than its serving needs.
        let born = Box::pin(AssertUnwindSafe(self.born(room, board)).catch_unwind()).await;
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
        self.recall_voices(room);
        woken.send_replace(Some(Ok(handle)));
        drop(woken);
        for user in awaited {
            // The receiver is gone only when the server stops.
            let _ = self.0.returned.send(Returned { user, room }).await;
        }
        self.serve(actor, mailbox, &leaving).await;
    }

    /// Builds the room's actor from its checkpoint. Returns also the users whom that brings back.
    async fn born(&self, room: RoomId, board: Arc<Board>) -> Result<(Box<RoomActor>, Vec<UserId>)> {
        let mut words = self.0.words.clone();
        // No room publishes a line before the lists were read.
        let filter = words::first(&mut words).await.ok_or(ErrorCode::RoomPaused)?;
        let mut state = self.load(room).await?;
        state.use_words(filter);
        tracing::debug!(room.id = room.number(), epoch = state.epoch(), "a room wakes");
        let (inner, awaited, now) = (&self.0, state.awaited().collect(), self.0.edge.now());
        let timeline = inner.timeline.as_ref().map_or(Recorder::none(), |timeline| timeline.recorder(&state, now));
        let actor = RoomActor::new(Parts {
            state,
            settings: inner.settings.clone(),
            audience: Audience::Topic(inner.delivery.topic(room)),
            gifts: inner.gifts.clone(),
            facts: inner.facts.clone(),
            board,
            words,
            timeline,
            voice: inner.voice.clone(),
            lease: inner.node.lease(),
            now,
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
                    tracing::warn!(room.id = room.number(), "the room has another owner: its actor here stops");
                    return actor.resync().await;
                }
                Err(panic) => {
                    // Whoever asks for the room from now on waits until this task has ended, and then wakes it anew.
                    self.slots().insert(room, Slot::Closing { gone: leaving.gone.clone() });
                    self.panicked(room, &*panic);
                    // After a panic the state may be wrong, even its list of who is in the room. Users who are missing
                    // in it learn of the new epoch by the next actor's digest.
                    let told = Box::pin(AssertUnwindSafe(actor.resync()).catch_unwind()).await;
                    if let Err(panic) = told {
                        let panic = supervise::words_of(&*panic);
                        tracing::warn!(
                            room.id = room.number(),
                            panic,
                            "telling a room's users to join again panicked too"
                        );
                    }
                    return;
                }
            }
        }
    }

    /// Logs and counts the panic of a room, and lets it rest if it is not the first. Returns what its users are told.
    /// When it wakes again it starts from its checkpoint.
    fn panicked(&self, room: RoomId, panic: &(dyn Any + Send)) -> ErrorBody {
        metric::ROOM_PANICS.add(1);
        let rest = self.0.resting.begin(room, Instant::now());
        let (rest_ms, panic) = (u64::try_from(rest.as_millis()).unwrap_or(u64::MAX), supervise::words_of(panic));
        tracing::error!(
            room.id = room.number(),
            rest_ms,
            panic,
            "a room has panicked: it starts again from its checkpoint"
        );
        resting(rest)
    }

    /// Lets an idle room go to sleep, unless somebody may be about to ask it something. While the map is locked nobody
    /// can get a handle; so if there is no other handle and no mail, none can come. With `force`, handles and mail do
    /// not matter.
    fn close(&self, leaving: &Leaving, mailbox: &mpsc::Receiver<Mail>, force: bool) -> bool {
        let mut slots = self.slots();
        let Some(Slot::Awake { handle, .. }) = slots.get(&leaving.room) else { return true };
        if !(force || handle.is_last() && mailbox.is_empty()) {
            return false;
        }
        slots.insert(leaving.room, Slot::Closing { gone: leaving.gone.clone() });
        true
    }

    /// Searches periodically for gifts that are committed and not announced, because the ledger's hints may be lost.
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
            // A store that does not answer must not hold up the stop.
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
    fn the_task_and_the_actor_of_a_room_stay_small() {
        fn bytes<F>(_: fn(Directory, RoomId, watch::Sender<Option<Woken>>) -> F) -> usize {
            size_of::<F>()
        }
        let (task, actor) = (bytes(Directory::live), size_of::<RoomActor>());
        println!("task {task}, actor {actor}");
        assert!(task <= 2_304 && actor <= 2_048, "task {task}, actor {actor}");
    }
}
