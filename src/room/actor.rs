//! The actor of one room: it carries out what the state has decided. It owns the state, the ring and everything in
//! flight. It never blocks on the store or another node: it waits for its mailbox, its deadlines, and the answers to
//! what it has sent, all at once.

mod checkpoints;
mod pause;
mod recall;
mod repair;
#[cfg(test)]
mod tests;
mod voices;
mod writes;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

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
use self::voices::Voices;
use self::writes::Writes;
use super::audience::Audience;
use super::board::Board;
use super::clock::RoomClock;
use super::facts::Facts;
use super::handle::{Mail, Reply};
use super::port::{CommittedGifts, GiftOrder, Gifts, PortFuture};
use super::request::{Answer, JoinAnswer, Request, SnapshotText};
use super::ring::Ring;
use super::settings::{Settings, ms};
use super::state::{Change, Decision, Outcome, RoomState};
use super::timeline::Recorder;
use super::words::Watched;
use crate::cluster::Lease;
use crate::kit::clock::Timestamp;
use crate::telemetry::metric;
use crate::voice::Voice;

/// The most requests that are taken from the mailbox before deadlines and answers are looked at again.
const BATCH: usize = 64;
/// The longest that a stopping room waits for each thing that is in flight.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Why an actor's loop has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Nobody has been in the room for a while.
    Idle,
    /// The server stops.
    Stopped,
    /// The room has another owner, or may have one: this actor must not speak for it any more.
    Fenced,
}

/// What an actor is built from.
pub(super) struct Parts {
    pub state: RoomState,
    pub settings: Arc<Settings>,
    pub audience: Audience,
    pub gifts: Arc<dyn Gifts>,
    pub facts: Arc<dyn Facts>,
    /// Where the actor writes what everybody may see of the room.
    pub board: Arc<Board>,
    /// Where the filter of words stands when the lists have changed.
    pub words: Watched,
    /// What keeps the room's events and visits.
    pub timeline: Recorder,
    /// The voice vendor, or none.
    pub voice: Voice,
    pub lease: Lease,
    /// The wall clock's time when the room wakes.
    pub now: Timestamp,
}

type Receipt = PortFuture<(Reply, Result<Answer, ErrorBody>)>;

/// One room that is awake.
pub(super) struct RoomActor {
    state: RoomState,
    settings: Arc<Settings>,
    ring: Ring,
    clock: RoomClock,
    audience: Audience,
    gifts: Arc<dyn Gifts>,
    facts: Arc<dyn Facts>,
    board: Arc<Board>,
    words: Watched,
    timeline: Recorder,
    voices: Voices,
    writes: Writes,
    checkpoints: Checkpoints,
    pause: Pause,
    /// When the shards are next told the room's epoch and `seq`, by which they find that they have missed events.
    digest_at: Timestamp,
    /// The reading of the table of gifts, while one is under way.
    reading: Option<PortFuture<Result<CommittedGifts, ErrorBody>>>,
    /// Gifts that the ledger has not answered yet. The ledger's queue bounds them: when it is full it answers `busy`.
    receipts: FuturesUnordered<Receipt>,
    /// Answers that must wait until a shard whose queue is full has taken the events before them.
    late: Vec<(Reply, Result<Answer, ErrorBody>)>,
    /// The room does not go to sleep before this time.
    awake_until: Timestamp,
    /// The room has another owner.
    fenced: bool,
    /// The last snapshot that was sent, to be sent again while it holds.
    view: Option<View>,
}

/// A snapshot as text, and what it depends on: the state's revision, and the place of the user who sees it.
struct View {
    revision: u64,
    own: OwnPlace,
    text: SnapshotText,
}

/// Waits for the future in flight, takes it out, and returns its value. Waits for ever if there is none.
async fn landed<T>(flight: &mut Option<PortFuture<T>>) -> T {
    let Some(future) = flight else { return pending().await };
    let value = future.await;
    *flight = None;
    value
}

impl RoomActor {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { state, settings, audience, gifts, facts, board, words, timeline, voice, lease, now } = parts;
        let actor = Self {
            ring: Ring::new(&settings),
            clock: RoomClock::starting(now),
            checkpoints: Checkpoints::new(&settings),
            writes: Writes::new(&settings),
            pause: Pause::new(lease),
            voices: Voices::new(voice),
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
            board,
            words,
            timeline,
        };
        actor.show();
        actor
    }

    /// Serves until the room is idle, stopped or fenced. It may be called again after [`Ended::Idle`].
    pub(super) async fn run(&mut self, mailbox: &mut mpsc::Receiver<Mail>, stop: &CancellationToken) -> Ended {
        let mut batch = Vec::new();
        // These futures live through all turns: to register and drop their wakers in each turn would cost as much as
        // the rest of most turns.
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
                // It is boxed because it is rare: otherwise every room's task would be larger by it.
                Box::pin(self.catch_up()).await;
            }
            if self.fenced {
                return Ended::Fenced;
            }
            if !paused && self.is_idle() {
                return Ended::Idle;
            }
            // If the deadline is now later, the timer is left as it is: it fires once for nothing and is then set.
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
                // An empty set is not polled, because polling it touches memory that is otherwise left alone.
                Some((reply, receipt)) = self.receipts.next(), if !self.receipts.is_empty() => answer(Some(reply), receipt),
                taken = mailbox.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return Ended::Stopped;
                    }
                    self.renew_words();
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

    /// Takes the filter of words that was made of changed lists. To look whether there is one costs a load of an atomic.
    fn renew_words(&mut self) {
        if self.words.has_changed().unwrap_or(false)
            && let Some(words) = self.words.borrow_and_update().clone()
        {
            self.state.use_words(words);
        }
    }

    /// Decides one request from the mailbox, and carries out or queues what was decided.
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
        let removals = decision.removals.iter().flat_map(|removal| &removal.connections);
        let removed: Vec<_> =
            removals.filter(|_| matches!(decision.outcome, Outcome::Joined { .. })).copied().collect();
        let outcome = self.apply(decision, now);
        match outcome {
            Outcome::Answer(answer) => self.answer(reply, answer),
            Outcome::Joined { user, position } => {
                // Arrivals that may be announced at once are announced before the answer, so that it includes them.
                self.pass_time();
                let joined = Box::new(JoinAnswer { replaced: removed, ..self.joined(user, position) });
                self.answer(reply, Ok(Answer::Joined(joined)));
            }
            Outcome::Hears { user, rights } => {
                let place = self.hears(user, rights, now);
                self.answer(reply, Ok(Answer::Place(place)));
            }
            Outcome::Voices { standings, all } => {
                self.recall_voices(standings, all);
                self.answer(reply, Ok(Answer::Nothing));
            }
            Outcome::Order(order) => self.order(order, reply),
            Outcome::ReadGifts => {
                self.read_gifts();
                self.answer(reply, Ok(Answer::Nothing));
            }
            Outcome::Write(write) => {
                tracing::error!(room.id = write.room.number(), "a hard command bypassed the queue of writes");
                self.answer(reply, Err(ErrorCode::Internal.into()));
            }
        }
    }

    /// Sends an answer after the events that were published before it: an answer names an event, which its socket must
    /// have been given by then.
    fn answer(&mut self, reply: Option<Reply>, answer: Result<Answer, ErrorBody>) {
        match reply {
            Some(reply) if self.audience.is_behind() => self.late.push((reply, answer)),
            Some(reply) => reply.send(answer),
            None => {}
        }
    }

    /// Waits until the shards have taken all events, then sends the answers that waited for that.
    async fn catch_up(&mut self) {
        self.audience.caught_up().await;
        for (reply, answer) in self.late.drain(..) {
            reply.send(answer);
        }
    }

    /// Ends the subscriptions that the decision ends, so that whoever is put out is told why first; then makes its changes
    /// and announces each.
    fn apply(&mut self, decision: Decision, now: Timestamp) -> Outcome {
        for removal in decision.removals {
            self.audience.remove(removal);
        }
        let mut concerned = Vec::new();
        for change in decision.changes {
            self.timeline.before(&self.state, &change, now);
            if !self.voices.is_idle() {
                self.state.concerned(&change, &mut concerned);
            }
            self.state.evolve(&change, now);
            match change {
                Change::Event(event) => self.tell(event, now),
                Change::Counted(count) => {
                    self.audience.signal(self.state.card().id, Signal::ParticipantsCount { count });
                }
                Change::Signalled(signal) => self.audience.hint(self.state.card().id, signal),
                Change::Remembered(..) => self.checkpoints.said(now),
                Change::Departed { .. } | Change::FactApplied { .. } => {
                    self.checkpoints.dirty = true;
                }
                Change::Holds { user, from_another, .. } => {
                    self.checkpoints.dirty = true;
                    if from_another {
                        self.seat_claimed(user);
                    }
                }
                Change::Renamed(_)
                | Change::Attached(_)
                | Change::Detached(..)
                | Change::GraceRenewed
                | Change::Typed(_)
                | Change::Spoke(_)
                | Change::Reacted { .. }
                | Change::GiftsKnown { .. } => {}
            }
        }
        if !concerned.is_empty() {
            self.tell_voices(concerned, now);
        }
        self.show();
        decision.outcome
    }

    /// Writes the room's board.
    fn show(&self) {
        let (seats, looks) = self.state.seats();
        self.board.write_announced(self.state.announced());
        self.board.write_shown(self.state.coins(), self.state.is_listed());
        self.board.write_crowd(self.state.people(), seats, looks);
    }

    /// Publishes an event, which the state has made, and keeps its frame in the ring.
    fn tell(&mut self, event: Event, now: Timestamp) {
        let gifts = match &event {
            Event::GiftsSent { gifts, .. } => {
                gifts.first().zip(gifts.last()).map(|(first, last)| (first.gift_no, last.gift_no))
            }
            _ => None,
        };
        match event {
            Event::ChatPosted { .. } => self.checkpoints.said(now),
            Event::ChatRecalled { epoch, seq, .. } => self.empty_in_ring(epoch, seq),
            _ => self.checkpoints.dirty = true,
        }
        let (room, epoch, seq) = (self.state.card().id, self.state.epoch(), self.state.seq());
        let frame = self.audience.publish(EventFrame { room, epoch, seq, at: now.0, event });
        self.timeline.told(seq, now, &frame);
        self.ring.push(seq, now, frame, gifts);
    }

    /// Does what is due by now.
    fn pass_time(&mut self) {
        loop {
            let now = self.clock.now();
            if self.state.next_deadline().is_none_or(|at| at > now) {
                return;
            }
            let decision = self.state.decide_time(now);
            debug_assert!(!decision.changes.is_empty(), "whatever is due changes the state");
            self.apply(decision, now);
        }
    }

    /// The answer to a join: every event that the client missed, or a snapshot.
    fn joined(&mut self, user: UserId, brought: Option<Position>) -> JoinAnswer {
        let (seq, announced) = (self.state.seq(), self.state.announced());
        let same_epoch = brought.filter(|position| position.epoch == self.state.epoch());
        let missed = same_epoch.and_then(|position| self.ring.since(position.seq, seq, position.gift_no, announced));
        let snapshot = missed.is_none().then(|| self.view(user));
        let position = self.state.position(brought.as_ref(), missed.is_some());
        let (missed, first_gift) = missed.map_or((None, None), |missed| (Some(missed.frames), missed.first_gift));
        JoinAnswer { position, missed, first_gift, snapshot, replaced: Vec::new() }
    }

    /// The snapshot for this user, as text. It is made once for all users who see the same.
    fn view(&mut self, user: UserId) -> SnapshotText {
        let (revision, own) = (self.state.revision(), self.state.own_place(user));
        if let Some(view) = self.view.as_ref().filter(|view| view.revision == revision && view.own == own) {
            return view.text.clone();
        }
        let text = SnapshotText::of(&self.state.snapshot(user));
        self.view = Some(View { revision, own, text: text.clone() });
        text
    }

    /// Hands a gift to the ledger, whose answer is awaited among the others.
    fn order(&mut self, order: GiftOrder, reply: Option<Reply>) {
        let (sender, receipt) = oneshot::channel();
        self.gifts.submit(order, sender);
        let Some(reply) = reply else { return };
        self.receipts.push(Box::pin(async move {
            let receipt = receipt.await.unwrap_or_else(|_| Err(ErrorCode::StoreUnavailable.into()));
            (reply, receipt.map(Answer::Gift))
        }));
    }

    /// Starts reading the table of gifts after the last announced one, unless it is being read.
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
                tracing::warn!(
                    room.id = self.state.card().id.number(),
                    %error,
                    "gifts could not be read; the next sweep tries again"
                );
                return;
            }
        };
        let outcome = self.apply(decision, self.clock.now());
        // If nothing new was announced, the table is read again only at the next sweep and not at once.
        if outcome == Outcome::ReadGifts && self.state.announced() > before {
            self.read_gifts();
        }
    }

    /// When the room may go to sleep; `None` while somebody is in it or an answer is awaited.
    fn idle_at(&self) -> Option<Timestamp> {
        let quiet = self.writes.are_done() && self.reading.is_none() && self.receipts.is_empty();
        let empty_since = self.state.empty_since().filter(|_| quiet)?;
        Some(empty_since.plus_ms(ms(self.settings.idle_ms)).max(self.awake_until))
    }

    fn is_idle(&self) -> bool {
        self.idle_at().is_some_and(|at| at <= self.clock.now())
    }

    /// Whether nobody has been in the room for twice the idle time. Then it goes to sleep even if a handle is held.
    pub(super) fn is_long_idle(&self) -> bool {
        let long = ms(self.settings.idle_ms).saturating_mul(2);
        self.state.empty_since().is_some_and(|since| self.clock.now().ms_since(since) >= long)
    }

    /// Keeps the room awake for another second, because somebody may be about to join.
    pub(super) fn stay(&mut self) {
        self.awake_until = self.clock.now().plus_ms(1_000);
    }

    /// When the actor has to act next if nothing comes: at most an hour from now.
    fn wakeup(&self) -> Instant {
        let deadlines = if self.pause.paused {
            [None; 5]
        } else {
            let (checkpoint_at, timeline_at) = (self.checkpoint_at(), self.timeline.due_at());
            [self.state.next_deadline(), checkpoint_at, timeline_at, self.idle_at(), self.digest_due_at()]
        };
        let hour = self.clock.now().plus_ms(3_600_000);
        self.clock.instant(deadlines.into_iter().flatten().min().unwrap_or(hour))
    }

    /// Ends in order: requests that wait are answered `room_paused`, what is in flight is waited for, the last
    /// checkpoint is written, and the room is given back.
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

    /// Tells everybody to join again, because this actor may no longer speak for the room.
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
