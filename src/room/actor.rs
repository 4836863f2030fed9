//! The actor: does what the state has decided. Owns the state, the ring and everything in flight; waits
//! for no disk and no other node, only for its mailbox, its deadlines and the answers to what it sent.

mod checkpoints;
mod pause;
mod repair;
#[cfg(test)]
mod tests;
mod writes;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::room::{OwnPlace, Position};
use parlor_protocol::{ErrorBody, ErrorCode, Event, Signal, UserId, limit};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::checkpoints::Checkpoints;
use self::pause::{Ending, Pause};
use self::writes::Writes;
use super::audience::Audience;
use super::clock::RoomClock;
use super::facts::Facts;
use super::handle::{Mail, Reply};
use super::port::{CommittedGifts, GiftOrder, Gifts, PortFuture};
use super::request::{Answer, JoinAnswer, Request, SnapshotText};
use super::ring::Ring;
use super::settings::{Settings, ms};
use super::state::{Change, Decision, Outcome, RoomState};
use crate::cluster::Lease;
use crate::kit::clock::Timestamp;
use crate::telemetry::metric;

/// Requests taken from the mailbox before deadlines and answers are looked at again.
const BATCH: usize = 64;
/// How long a stopping room waits for each thing that is in flight.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Why an actor's loop has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Nobody has been there for a while.
    Idle,
    /// The server stops.
    Stopped,
    /// The room has another owner.
    Fenced,
}

/// What an actor is made of.
pub(super) struct Parts {
    pub state: RoomState,
    pub settings: Settings,
    pub audience: Audience,
    pub gifts: Arc<dyn Gifts>,
    pub facts: Arc<dyn Facts>,
    pub announced: Arc<AtomicI64>,
    pub lease: Lease,
    /// The wall clock as the room wakes.
    pub now: Timestamp,
}

type Receipt = PortFuture<(Reply, Result<Answer, ErrorBody>)>;

/// One room that is awake.
pub(super) struct RoomActor {
    state: RoomState,
    settings: Settings,
    ring: Ring,
    clock: RoomClock,
    audience: Audience,
    gifts: Arc<dyn Gifts>,
    facts: Arc<dyn Facts>,
    announced: Arc<AtomicI64>,
    writes: Writes,
    checkpoints: Checkpoints,
    pause: Pause,
    /// When the listening shards are told next where the room stands.
    digest_at: Timestamp,
    /// The table of gifts is being read.
    reading: Option<PortFuture<Result<CommittedGifts, ErrorBody>>>,
    /// Gifts that the ledger has not answered yet. As many as its queue takes; its `busy` bounds them.
    receipts: FuturesUnordered<Receipt>,
    /// Answers that stand behind what a shard's full queue has not taken yet.
    late: Vec<(Reply, Result<Answer, ErrorBody>)>,
    awake_until: Timestamp,
    fenced: bool,
    /// The last snapshot that somebody was sent.
    view: Option<View>,
}

/// A snapshot, and of what.
struct View {
    revision: u64,
    own: OwnPlace,
    text: SnapshotText,
}

/// Waits for what is in flight, for ever where nothing is, and takes it out when it is there.
async fn landed<T>(flight: &mut Option<PortFuture<T>>) -> T {
    let Some(future) = flight else { return pending().await };
    let value = future.await;
    *flight = None;
    value
}

impl RoomActor {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { state, settings, audience, gifts, facts, announced, lease, now } = parts;
        announced.store(state.announced(), Ordering::Relaxed);
        let mut actor = Self {
            ring: Ring::new(&settings),
            clock: RoomClock::starting(now),
            checkpoints: Checkpoints::new(&settings),
            writes: Writes::new(&settings),
            pause: Pause::new(lease),
            digest_at: now.plus_ms(ms(settings.digest_ms)),
            reading: None,
            receipts: FuturesUnordered::new(),
            late: Vec::new(),
            awake_until: now,
            fenced: false,
            view: None,
            state,
            settings,
            audience,
            gifts,
            facts,
            announced,
        };
        if actor.state.committed() > actor.state.announced() {
            actor.read_gifts();
        }
        actor
    }

    /// Serves until the room is idle, stopped or fenced. May be called again after `Idle`.
    pub(super) async fn run(&mut self, mailbox: &mut mpsc::Receiver<Mail>, stop: &CancellationToken) -> Ended {
        let mut batch = Vec::new();
        // Each lives through all turns: to be woken by it once costs as much as what most turns do.
        let mut stopped = pin!(stop.cancelled());
        let mut timer = pin!(sleep_until(self.wakeup()));
        let mut behind = pin!(self.audience.behind());
        loop {
            let paused = self.is_paused();
            if !paused {
                self.pass_time();
                self.tell_digest();
                self.start_checkpoint();
            }
            if self.audience.is_behind() {
                // Boxed, as it is rare: every room's task would have room for it.
                Box::pin(self.catch_up()).await;
            }
            if self.fenced {
                return Ended::Fenced;
            }
            if !paused && self.is_idle() {
                return Ended::Idle;
            }
            // A later end of the wait is found when the timer fires for nothing.
            let wakeup = self.wakeup();
            if wakeup < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(wakeup);
            }
            tokio::select! {
                biased;
                () = &mut stopped => return Ended::Stopped,
                written = landed(&mut self.writes.flight) => self.written(written),
                kept = landed(&mut self.checkpoints.flight) => self.checkpointed(kept),
                end = self.pause.ending() => match end {
                    Ending::Lease => self.confirm(),
                    Ending::Confirmation(kept) => self.confirmed(kept),
                },
                (shard, place) = &mut behind => {
                    behind.set(self.audience.behind());
                    self.repair(shard, place);
                }
                page = landed(&mut self.reading) => self.gifts_read(page),
                // Empty it is not asked: that would fetch memory of its own.
                Some((reply, receipt)) = self.receipts.next(), if !self.receipts.is_empty() => answer(Some(reply), receipt),
                taken = mailbox.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return Ended::Stopped;
                    }
                    for mail in batch.drain(..) {
                        self.open(mail);
                        if self.audience.is_behind() {
                            Box::pin(self.catch_up()).await;
                        }
                    }
                }
                () = &mut timer => {}
            }
        }
    }

    fn open(&mut self, mail: Mail) {
        if self.is_paused() {
            return self.put_off(mail);
        }
        match mail {
            Mail::Request(request, reply) if RoomState::is_hard(&request) => self.queue_write(*request, reply),
            Mail::Request(request, reply) => {
                let now = self.clock.now();
                match self.state.decide(&request, now) {
                    Ok(decision) => self.carry_out(decision, now, reply),
                    Err(error) => self.answer(reply, Err(error)),
                }
            }
            Mail::Committed(gift_no) => {
                let decision = self.state.decide_committed(gift_no);
                self.carry_out(decision, self.clock.now(), None);
            }
        }
    }

    fn carry_out(&mut self, decision: Decision, now: Timestamp, reply: Option<Reply>) {
        let outcome = self.apply(decision, now);
        match outcome {
            Outcome::Answer(answer) => self.answer(reply, answer),
            Outcome::Joined { user, position } => {
                // Whom the room may be told of at once is told before the answer is made.
                self.pass_time();
                let joined = Box::new(self.joined(user, position));
                self.answer(reply, Ok(Answer::Joined(joined)));
            }
            Outcome::Order(order) => self.order(order, reply),
            Outcome::ReadGifts => {
                self.read_gifts();
                self.answer(reply, Ok(Answer::Nothing));
            }
            Outcome::Write(write) => {
                tracing::error!(room.id = write.room.number(), "a hard command came past the queue of writes");
                self.answer(reply, Err(ErrorCode::Internal.into()));
            }
        }
    }

    /// Answers behind what was said before: an answer names an event that its socket has then been given.
    fn answer(&mut self, reply: Option<Reply>, answer: Result<Answer, ErrorBody>) {
        match reply {
            Some(reply) if self.audience.is_behind() => self.late.push((reply, answer)),
            Some(reply) => reply.send(answer),
            None => {}
        }
    }

    /// Waits until the shards have taken what was said.
    async fn catch_up(&mut self) {
        self.audience.caught_up().await;
        for (reply, answer) in self.late.drain(..) {
            reply.send(answer);
        }
    }

    /// Takes the decision's steps and tells of each; then puts out who is put out.
    fn apply(&mut self, decision: Decision, now: Timestamp) -> Outcome {
        for change in decision.changes {
            self.state.evolve(&change, now);
            match change {
                Change::Event(event) => self.tell(event, now),
                Change::Counted(count) => {
                    self.audience.signal(self.state.card().id, Signal::ParticipantsCount { count });
                }
                Change::Remembered(..) => self.checkpoints.said(now),
                Change::Departed { .. } | Change::FactApplied { .. } | Change::GiftsPassed { .. } => {
                    self.checkpoints.dirty = true;
                }
                Change::Attached(_) | Change::Detached(..) | Change::GraceRenewed | Change::GiftsKnown { .. } => {}
            }
        }
        self.announced.store(self.state.announced(), Ordering::Relaxed);
        for removal in decision.removals {
            self.audience.remove(removal);
        }
        decision.outcome
    }

    fn tell(&mut self, event: Event, now: Timestamp) {
        let first_gift = match &event {
            Event::GiftsSent { gifts, .. } => gifts.first().map(|gift| gift.gift_no),
            _ => None,
        };
        match event {
            Event::ChatPosted { .. } => self.checkpoints.said(now),
            _ => self.checkpoints.dirty = true,
        }
        let (room, epoch, seq) = (self.state.card().id, self.state.epoch(), self.state.seq());
        let frame = self.audience.publish(EventFrame { room, epoch, seq, at: now.0, event });
        self.ring.push(seq, now, frame, first_gift);
    }

    /// What is due by now.
    fn pass_time(&mut self) {
        loop {
            let now = self.clock.now();
            if self.state.next_deadline().is_none_or(|at| at > now) {
                return;
            }
            let decision = self.state.decide_time(now);
            debug_assert!(!decision.changes.is_empty(), "a deadline that has passed changes something");
            self.apply(decision, now);
        }
    }

    fn joined(&mut self, user: UserId, brought: Option<Position>) -> JoinAnswer {
        let (seq, announced) = (self.state.seq(), self.state.announced());
        let same_epoch = brought.filter(|position| position.epoch == self.state.epoch());
        let missed = same_epoch.and_then(|position| self.ring.since(position.seq, seq, position.gift_no, announced));
        let snapshot = missed.is_none().then(|| self.view(user));
        let position = self.state.position(brought.as_ref(), missed.is_some());
        let (missed, first_gift) = missed.map_or((None, None), |missed| (Some(missed.frames), missed.first_gift));
        JoinAnswer { position, missed, first_gift, snapshot }
    }

    /// The room as this user sees it, written once for all who see the same.
    fn view(&mut self, user: UserId) -> SnapshotText {
        let (revision, own) = (self.state.revision(), self.state.own_place(user));
        if let Some(view) = self.view.as_ref().filter(|view| view.revision == revision && view.own == own) {
            return view.text.clone();
        }
        let text = SnapshotText::of(&self.state.snapshot(user));
        self.view = Some(View { revision, own, text: text.clone() });
        text
    }

    fn order(&mut self, order: GiftOrder, reply: Option<Reply>) {
        let (sender, receipt) = oneshot::channel();
        self.gifts.submit(order, sender);
        let Some(reply) = reply else { return };
        self.receipts.push(Box::pin(async move {
            let receipt = receipt.await.unwrap_or_else(|_| Err(ErrorCode::StoreUnavailable.into()));
            (reply, receipt.map(Answer::Gift))
        }));
    }

    /// Reads the table behind the last announced gift, unless that is being done.
    fn read_gifts(&mut self) {
        if self.reading.is_none() {
            let (room, after) = (self.state.card().id, self.state.announced());
            self.reading = Some(self.gifts.above(room, after, limit::GIFT_PAGE));
        }
    }

    fn gifts_read(&mut self, page: Result<CommittedGifts, ErrorBody>) {
        if self.is_paused() {
            return self.read_gifts_later();
        }
        let before = self.state.announced();
        let decision = match page {
            Ok(gifts) => self.state.decide_gifts(&gifts),
            Err(error) => {
                tracing::warn!(room.id = self.state.card().id.number(), %error, "gifts were not read; the sweep will");
                return;
            }
        };
        let outcome = self.apply(decision, self.clock.now());
        // A table that brings nothing forward is asked again by the sweep, not at once.
        if outcome == Outcome::ReadGifts && self.state.announced() > before {
            self.read_gifts();
        }
    }

    /// When the room may sleep; `None`: somebody is there, or an answer is awaited.
    fn idle_at(&self) -> Option<Timestamp> {
        let quiet = self.writes.are_done() && self.reading.is_none() && self.receipts.is_empty();
        let empty_since = self.state.empty_since().filter(|_| quiet)?;
        Some(empty_since.plus_ms(ms(self.settings.idle_ms)).max(self.awake_until))
    }

    fn is_idle(&self) -> bool {
        self.idle_at().is_some_and(|at| at <= self.clock.now())
    }

    /// Nobody has been there for twice the time: a handle that is still held keeps it awake no longer.
    pub(super) fn is_long_idle(&self) -> bool {
        let long = ms(self.settings.idle_ms).saturating_mul(2);
        self.state.empty_since().is_some_and(|since| self.clock.now().ms_since(since) >= long)
    }

    /// Somebody may be about to come in: stay a little.
    pub(super) fn stay(&mut self) {
        self.awake_until = self.clock.now().plus_ms(1_000);
    }

    fn wakeup(&self) -> Instant {
        let deadlines = if self.pause.paused {
            [None; 4]
        } else {
            [self.state.next_deadline(), self.checkpoint_at(), self.idle_at(), self.digest_due_at()]
        };
        let hour = self.clock.now().plus_ms(3_600_000);
        self.clock.instant(deadlines.into_iter().flatten().min().unwrap_or(hour))
    }

    /// Ends in order: what waits is told to come back, what is in flight is waited for, the last
    /// checkpoint is written and the room given back.
    pub(super) async fn finish(&mut self, mailbox: &mut mpsc::Receiver<Mail>) {
        mailbox.close();
        while let Ok(mail) = mailbox.try_recv() {
            match mail {
                Mail::Committed(_) => self.open(mail),
                Mail::Request(request, reply) => match *request {
                    Request::GiftsCommitted(_) => self.open(Mail::Request(request, reply)),
                    _ => answer(reply, Err(ErrorCode::RoomPaused.into())),
                },
            }
        }
        self.catch_up().await;
        self.writes.refuse_waiting();
        if self.writes.flight.is_some()
            && let Ok(written) = timeout(LAST_WAIT, landed(&mut self.writes.flight)).await
        {
            self.written(written);
            self.catch_up().await;
        }
        let receipts = async {
            while let Some((reply, receipt)) = self.receipts.next().await {
                answer(Some(reply), receipt);
            }
        };
        let _ = timeout(LAST_WAIT, receipts).await;
        self.last_checkpoint().await;
    }

    /// Tells everybody to join again: this actor can no longer speak for the room.
    pub(super) async fn resync(&mut self) {
        for removal in self.state.resync() {
            metric::RESYNCS.add(1);
            self.audience.remove(removal);
        }
        self.audience.caught_up().await;
    }
}

fn answer(reply: Option<Reply>, answer: Result<Answer, ErrorBody>) {
    if let Some(reply) = reply {
        reply.send(answer);
    }
}
