//! The room's memory of operations: their first answers, kept for longer than the grace period so that a retry gets the
//! same answer.
//!
//! An answer is kept for `memory_ms`. At most `memory_per_user` answers of one user and `memory_operations` of all are
//! kept; beyond either bound the oldest is forgotten. The first covers what the default rates let a user do in that time,
//! the second 136 operations a second. So a user who sends much loses only their own answers, unless the room as a whole
//! has more operations than it can remember.

use std::collections::{BTreeMap, HashMap, VecDeque};

use parlor_protocol::reply::Done;
use parlor_protocol::{ErrorBody, ErrorCode, Op, UserId};
use uuid::Uuid;

use crate::kit::clock::Timestamp;
use crate::kit::operation::{BodyHash, Operation};
use crate::room::settings::{Settings, ms};

/// The first answer to an operation.
pub type FirstAnswer = Result<Done, ErrorBody>;

/// One operation. Rooms keep thousands of them, so the refusals, which are rare and large, are boxed.
#[derive(Clone, Debug)]
struct Remembered {
    serial: u64,
    op: Op,
    body_hash: BodyHash,
    at: Timestamp,
    answer: Kept,
}

/// An answer as it is kept.
#[derive(Clone, Debug)]
enum Kept {
    /// It was done, by the event of this epoch and `seq`.
    Done(i64, u64),
    /// A chat line was posted, by the event of this epoch and `seq`.
    Line(i64, u64),
    Refused(Box<ErrorBody>),
}

/// The first answers in the form in which a checkpoint keeps them, oldest first. It is packed, because there may be
/// thousands. Each has the actor (8 bytes), the operation (16), the hash of the body (16) and the milliseconds since it was
/// answered (8): an age and not a time, because the clock may be another one when the room wakes. Then comes,
/// if it was done, a 0 with the epoch (8) and `seq` (8) of the event; if it was refused, a 1 with the length (4) of the
/// error's JSON and that JSON. Numbers are big-endian. The age of the answer to a chat line has `LINE` added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackedMemory(pub Vec<u8>);

/// The memory in a checkpoint cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the remembered operations of a room's checkpoint cannot be read")]
pub struct UnreadableMemory;

/// No answer is kept for longer than this many milliseconds (a day, the bound of `memory_ms`).
const LONGEST_MS: i64 = 86_400_000;

/// Added to the age of the answer to a chat line. A program that does not know it takes such an age, like every one above the
/// longest, for none.
const LINE: i64 = 1 << 62;

/// The bytes of a packed answer that names an event.
const PACKED: usize = 65;

/// The first answers, by user and operation.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The operations of each user, oldest first. They are few enough to search through.
    by_user: HashMap<UserId, VecDeque<Remembered>>,
    /// The user of each operation by its serial number, so oldest first.
    order: BTreeMap<u64, UserId>,
    next_serial: u64,
}

impl Memory {
    /// The first answer to this operation, marked as replayed; `None` if it is not remembered.
    ///
    /// # Errors
    /// `operation_conflict`, if the operation was used before with other content.
    pub(super) fn recall(
        &self,
        operation: &Operation,
        now: Timestamp,
        settings: &Settings,
    ) -> Result<Option<FirstAnswer>, ErrorBody> {
        let known = self.by_user.get(&operation.actor).and_then(|ops| find(ops, operation.op));
        let Some(known) = known.filter(|known| now.ms_since(known.at) <= ms(settings.memory_ms)) else {
            return Ok(None);
        };
        if known.body_hash != operation.body_hash {
            return Err(ErrorCode::OperationConflict.into());
        }
        Ok(Some(match &known.answer {
            Kept::Done(epoch, seq) | Kept::Line(epoch, seq) => Ok(Done { epoch: *epoch, seq: *seq, replayed: true }),
            Kept::Refused(error) => Err(ErrorBody { replayed: true, ..(**error).clone() }),
        }))
    }

    /// When this user posted the line of this number; `None` if that is not remembered, or if it is no line of theirs.
    pub(super) fn said(&self, user: UserId, epoch: i64, seq: u64) -> Option<Timestamp> {
        let line = |known: &&Remembered| matches!(known.answer, Kept::Line(e, s) if (e, s) == (epoch, seq));
        self.by_user.get(&user)?.iter().rev().find(line).map(|known| known.at)
    }

    /// Keeps an answer, and forgets the oldest ones that are beyond the bounds. A known operation keeps its first
    /// answer. `is_line` says whether the answer names a chat line that the operation posted.
    pub(super) fn remember(
        &mut self,
        operation: &Operation,
        answer: &FirstAnswer,
        is_line: bool,
        at: Timestamp,
        settings: &Settings,
    ) {
        self.forget_older(at, settings);
        let Operation { actor, op, body_hash } = *operation;
        let ops = self.by_user.get(&actor);
        if ops.is_some_and(|ops| find(ops, op).is_some()) {
            return;
        }
        if ops.is_some_and(|ops| ops.len() >= settings.memory_per_user) {
            self.forget_oldest_of(actor);
        }
        if self.order.len() >= settings.memory_operations {
            self.forget_oldest();
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        let answer = match answer {
            Ok(done) if is_line => Kept::Line(done.epoch, done.seq),
            Ok(done) => Kept::Done(done.epoch, done.seq),
            Err(error) => Kept::Refused(Box::new(error.clone())),
        };
        self.by_user.entry(actor).or_default().push_back(Remembered { serial, op, body_hash, at, answer });
        self.order.insert(serial, actor);
    }

    fn forget_older(&mut self, now: Timestamp, settings: &Settings) {
        while let Some((_, user)) = self.order.first_key_value() {
            let oldest = self.by_user.get(user).and_then(VecDeque::front);
            if oldest.is_some_and(|known| now.ms_since(known.at) <= ms(settings.memory_ms)) {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        // The oldest operation of all is also the oldest of its user.
        if let Some((_, user)) = self.order.pop_first() {
            self.forget_oldest_of(user);
        }
    }

    fn forget_oldest_of(&mut self, user: UserId) {
        let Some(ops) = self.by_user.get_mut(&user) else { return };
        if let Some(known) = ops.pop_front() {
            self.order.remove(&known.serial);
        }
        if ops.is_empty() {
            self.by_user.remove(&user);
        }
    }

    /// The bytes of the packed memory, if no answer in it is a refusal.
    pub(super) fn packed_bytes(&self) -> usize {
        self.order.len() * PACKED
    }

    /// The memory as a checkpoint keeps it.
    pub(super) fn pack(&self, now: Timestamp) -> PackedMemory {
        let mut bytes = Vec::with_capacity(self.order.len() * PACKED);
        for (serial, actor) in &self.order {
            let Some(ops) = self.by_user.get(actor) else { continue };
            let Ok(place) = ops.binary_search_by_key(serial, |known| known.serial) else { continue };
            let known = &ops[place];
            bytes.extend_from_slice(&actor.number().to_be_bytes());
            bytes.extend_from_slice(known.op.0.as_bytes());
            bytes.extend_from_slice(&known.body_hash);
            let mark = if matches!(known.answer, Kept::Line(..)) { LINE } else { 0 };
            bytes.extend_from_slice(&(now.ms_since(known.at).clamp(0, LINE - 1) | mark).to_be_bytes());
            match &known.answer {
                Kept::Done(epoch, seq) | Kept::Line(epoch, seq) => {
                    bytes.push(0);
                    bytes.extend_from_slice(&epoch.to_be_bytes());
                    bytes.extend_from_slice(&seq.to_be_bytes());
                }
                Kept::Refused(error) => {
                    let json = serde_json::to_vec(&**error).expect("an error is JSON");
                    bytes.push(1);
                    bytes.extend_from_slice(&u32::try_from(json.len()).expect("an error is short").to_be_bytes());
                    bytes.extend_from_slice(&json);
                }
            }
        }
        PackedMemory(bytes)
    }

    /// The memory that a checkpoint kept, in a room that wakes at `now`. An answer is as old as it was when the checkpoint
    /// was made: the time in which the room slept does not count, because no clock has measured it.
    pub(super) fn restore(packed: &PackedMemory, now: Timestamp, settings: &Settings) -> Self {
        let mut memory = Self::default();
        for (operation, age_ms, answer) in packed.entries().flatten() {
            // An older program wrote the time instead, which is greater than every age that is kept.
            let is_line = age_ms >= LINE;
            let age_ms = Some(age_ms - if is_line { LINE } else { 0 }).filter(|age_ms| *age_ms <= LONGEST_MS);
            memory.remember(&operation, &answer, is_line, now.plus_ms(-age_ms.unwrap_or(0)), settings);
        }
        memory
    }
}

/// Finds an operation. The newest are compared first, because retries come soon.
fn find(ops: &VecDeque<Remembered>, op: Op) -> Option<&Remembered> {
    ops.iter().rev().find(|known| known.op == op)
}

impl PackedMemory {
    /// A memory from the bytes of a checkpoint, which are checked.
    ///
    /// # Errors
    /// If the bytes are not a packed memory.
    pub fn read(bytes: Vec<u8>) -> Result<Self, UnreadableMemory> {
        let packed = Self(bytes);
        packed.entries().try_for_each(|entry| entry.map(drop))?;
        Ok(packed)
    }

    fn entries(&self) -> impl Iterator<Item = Result<(Operation, i64, FirstAnswer), UnreadableMemory>> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let entry = entry(&mut rest).ok_or(UnreadableMemory);
            if entry.is_err() {
                rest = &[];
            }
            Some(entry)
        })
    }
}

fn entry(rest: &mut &[u8]) -> Option<(Operation, i64, FirstAnswer)> {
    let actor = UserId::new(i64::from_be_bytes(take(rest)?))?;
    let op = Op(Uuid::from_bytes(take(rest)?));
    let body_hash = take(rest)?;
    let age_ms = i64::from_be_bytes(take(rest)?);
    let answer = match take(rest)? {
        [0] => {
            let (epoch, seq) = (i64::from_be_bytes(take(rest)?), u64::from_be_bytes(take(rest)?));
            Ok(Done { epoch, seq, replayed: false })
        }
        [1] => {
            let length = usize::try_from(u32::from_be_bytes(take(rest)?)).ok()?;
            let (json, behind) = rest.split_at_checked(length)?;
            *rest = behind;
            Err(serde_json::from_slice::<ErrorBody>(json).ok()?)
        }
        _ => return None,
    };
    Some((Operation { op, actor, body_hash }, age_ms, answer))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(user: i64, op: u128) -> Operation {
        Operation { op: Op(Uuid::from_u128(op)), actor: UserId::new(user).expect("in range"), body_hash: [0; 16] }
    }

    fn settings() -> Settings {
        Settings { memory_per_user: 2, memory_operations: 3, ..Settings::default() }
    }

    fn done(seq: u64) -> FirstAnswer {
        Ok(Done { epoch: 1, seq, replayed: false })
    }

    fn knows(memory: &Memory, user: i64, op: u128, now: i64) -> bool {
        memory.recall(&operation(user, op), Timestamp(now), &settings()).expect("the same body").is_some()
    }

    #[test]
    fn a_remembered_operation_takes_at_most_72_bytes() {
        let bytes = size_of::<Remembered>();
        assert!(bytes <= 72, "{bytes}");
    }

    #[test]
    fn a_user_who_does_all_that_is_remembered_takes_up_to_150_bytes_an_operation() {
        let (mut memory, settings) = (Memory::default(), Settings::default());
        for op in 1..=2 * settings.memory_per_user as u128 {
            memory.remember(&operation(1, op), &done(1), false, Timestamp(0), &settings);
        }
        let kept: usize = memory.by_user.values().map(VecDeque::capacity).sum();
        // A tree's nodes are at least half full.
        let order = memory.order.len() * 2 * size_of::<(u64, UserId)>();
        let bytes = (kept * size_of::<Remembered>() + order) / settings.memory_per_user;
        assert!(memory.order.len() == settings.memory_per_user && bytes <= 150, "{bytes}");
    }

    #[test]
    fn what_an_older_program_remembered_counts_as_new() {
        let mut memory = Memory::default();
        memory.remember(&operation(1, 1), &done(1), false, Timestamp(0), &settings());
        // The older form had the time of the answer where this one has its age.
        let written = memory.pack(Timestamp(1_790_000_000_000));
        let woken = Memory::restore(&written, Timestamp(1_000), &settings());
        assert!(knows(&woken, 1, 1, 121_000) && !knows(&woken, 1, 1, 121_001));
    }

    #[test]
    fn beyond_a_bound_the_users_oldest_or_the_rooms_oldest_answer_is_forgotten() {
        let mut memory = Memory::default();
        for op in 1..=3 {
            memory.remember(&operation(1, op), &done(1), false, Timestamp(0), &settings());
        }
        assert!(!knows(&memory, 1, 1, 0) && knows(&memory, 1, 2, 0) && knows(&memory, 1, 3, 0));
        memory.remember(&operation(2, 1), &done(1), false, Timestamp(0), &settings());
        memory.remember(&operation(3, 1), &done(1), false, Timestamp(0), &settings());
        assert!(!knows(&memory, 1, 2, 0) && knows(&memory, 1, 3, 0) && knows(&memory, 2, 1, 0));
        assert_eq!(memory.pack(Timestamp(0)).entries().count(), 3);
        assert_eq!(memory.by_user.values().map(VecDeque::len).sum::<usize>(), 3);
        assert!(memory.by_user.values().all(|ops| ops.capacity() <= 4), "no user's queue has grown beyond the bound");
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_over_a_checkpoint() {
        let mut memory = Memory::default();
        memory.remember(&operation(1, 1), &done(7), false, Timestamp(1_000), &settings());
        memory.remember(&operation(1, 1), &done(8), false, Timestamp(2_000), &settings());
        memory.remember(&operation(2, 1), &Err(ErrorCode::SeatNotFound.into()), false, Timestamp(1_000), &settings());
        let PackedMemory(bytes) = memory.pack(Timestamp(1_000));
        for cut in 1..bytes.len() {
            let read = PackedMemory::read(bytes[..cut].to_vec());
            assert_eq!(read.is_ok(), cut == PACKED, "{cut} of {} bytes", bytes.len());
        }
        let memory = Memory::restore(&PackedMemory::read(bytes).expect("reads back"), Timestamp(1_000), &settings());
        let refused = memory.recall(&operation(2, 1), Timestamp(1_000), &settings()).expect("the same body");
        assert_eq!(refused.expect("known").expect_err("refused").code, ErrorCode::SeatNotFound);
        let first = memory.recall(&operation(1, 1), Timestamp(121_000), &settings()).expect("the same body");
        assert_eq!(first, Some(Ok(Done { epoch: 1, seq: 7, replayed: true })));
        assert!(!knows(&memory, 1, 1, 121_001));
        let other = Operation { body_hash: [1; 16], ..operation(1, 1) };
        let error = memory.recall(&other, Timestamp(1_000), &settings()).expect_err("another body");
        assert_eq!(error.code, ErrorCode::OperationConflict);
    }

    #[test]
    fn a_line_is_known_by_who_posted_it_and_over_a_checkpoint() {
        let mut memory = Memory::default();
        memory.remember(&operation(1, 1), &done(7), true, Timestamp(1_000), &settings());
        memory.remember(&operation(1, 2), &done(8), false, Timestamp(1_000), &settings());
        let packed = memory.pack(Timestamp(3_000));
        let woken = Memory::restore(&packed, Timestamp(500_000), &settings());
        for (memory, at) in [(&memory, Timestamp(1_000)), (&woken, Timestamp(498_000))] {
            let user = |number| UserId::new(number).expect("in range");
            assert_eq!(memory.said(user(1), 1, 7), Some(at));
            assert_eq!(memory.said(user(1), 2, 7), None, "another epoch");
            assert_eq!(memory.said(user(1), 1, 8), None, "no line");
            assert_eq!(memory.said(user(2), 1, 7), None, "another's");
            let first = memory.recall(&operation(1, 1), at, &settings()).expect("the same body");
            assert_eq!(first, Some(Ok(Done { epoch: 1, seq: 7, replayed: true })));
        }
    }
}
