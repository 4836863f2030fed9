//! The last lines of chat, which snapshots show, with the reactions below them. They are bounded in number and in bytes, so
//! that snapshots are too.

use std::collections::VecDeque;
use std::io;

use parlor_protocol::chat::{LineReactions, Reaction, ReactionCount};
use parlor_protocol::command::React;
use parlor_protocol::reply::Done;
use parlor_protocol::room::ChatLine;
use parlor_protocol::{ErrorBody, ErrorCode, UserId, limit};

use super::lines::unknown_line;
use crate::kit::operation::Operation;

/// The recalls of which a room knows that they were told.
const RECALLS: usize = 256;

/// A line, with whoever has put which reaction below it, the first one first.
#[derive(Clone, Debug)]
struct Line {
    shown: ChatLine,
    reactions: Vec<(UserId, Reaction)>,
    bytes: usize,
}

/// The newest lines, oldest first. The bytes are those of the lines as they were posted: what is told by no event must not decide
/// which lines are kept, because events alone make the room again.
#[derive(Clone, Debug, Default)]
pub(super) struct Chat {
    lines: VecDeque<Line>,
    bytes: usize,
    /// Boxed, because most rooms have none.
    recalled: Option<Box<Recalled>>,
}

/// The numbers of the lines that were recalled last, oldest first.
#[derive(Clone, Debug, Default)]
struct Recalled(VecDeque<(i64, u64)>);

impl Chat {
    /// Keeps this line and forgets the oldest ones that no longer fit.
    pub(super) fn push(&mut self, line: ChatLine) {
        let bytes = bytes(&line);
        self.bytes += bytes;
        self.lines.push_back(Line { shown: line, reactions: Vec::new(), bytes });
        while self.lines.len() > limit::CHAT_LINES || self.bytes > limit::CHAT_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.bytes;
        }
    }

    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = &ChatLine> {
        self.lines.iter().map(|line| &line.shown)
    }

    /// The line of this number, if it is one of the last.
    pub(super) fn line(&self, epoch: i64, seq: u64) -> Option<&ChatLine> {
        self.lines.iter().rev().map(|line| &line.shown).find(|line| is(line, epoch, seq))
    }

    /// Whether the last line was posted by this operation, whose answer this is. Answers of other operations may name a line
    /// too: one that changed nothing names the room's last event.
    pub(super) fn ends_with(&self, operation: &Operation, done: &Done) -> bool {
        self.lines.back().is_some_and(|Line { shown, .. }| {
            is(shown, done.epoch, done.seq) && shown.op == operation.op && shown.from.id == operation.actor
        })
    }

    /// Whether the room has told that this line was recalled, as far as it still knows.
    pub(super) fn is_recalled(&self, epoch: i64, seq: u64) -> bool {
        self.recalled.as_ref().is_some_and(|recalled| recalled.0.contains(&(epoch, seq)))
    }

    /// Empties the line of this number, which was recalled.
    pub(super) fn recall(&mut self, epoch: i64, seq: u64) {
        let recalled = &mut self.recalled.get_or_insert_default().0;
        if recalled.len() >= RECALLS {
            recalled.pop_front();
        }
        recalled.push_back((epoch, seq));
        self.change(epoch, seq, |line| {
            line.shown.empty();
            line.reactions = Vec::new();
        });
    }

    /// The user has this reaction below this line from now on, or has it no more.
    pub(super) fn react(&mut self, (epoch, seq): (i64, u64), user: UserId, reaction: Reaction, on: bool) {
        self.change(epoch, seq, |line| {
            line.reactions.retain(|known| *known != (user, reaction));
            if on {
                line.reactions.push((user, reaction));
            }
            line.shown.reactions = counted(&line.reactions);
        });
    }

    fn change(&mut self, epoch: i64, seq: u64, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lines.iter_mut().rev().find(|line| is(&line.shown, epoch, seq)) {
            change(line);
        }
    }

    /// Whether the reaction of this user below this line is to change; `not_found` without such a line.
    pub(super) fn check_reaction(&self, user: UserId, on: &React) -> Result<bool, ErrorBody> {
        let line = self.lines.iter().rev().find(|line| is(&line.shown, on.epoch, on.seq));
        let line = line.filter(|line| !line.shown.recalled).ok_or_else(unknown_line)?;
        let has = line.reactions.contains(&(user, on.reaction));
        let wants = on.on.unwrap_or(true);
        if wants && !has && line.reactions.len() >= limit::REACTIONS {
            let words = format!("a line has at most {} reactions", limit::REACTIONS);
            return Err(ErrorBody::new(ErrorCode::NotPermitted).message(words));
        }
        Ok(has != wants)
    }

    /// The reactions of this line as they are now; `None` if it is not among the last lines any more.
    pub(super) fn reactions(&self, epoch: i64, seq: u64) -> Option<LineReactions> {
        let counts = self.line(epoch, seq)?.reactions.clone();
        Some(LineReactions { epoch, seq, counts })
    }
}

fn is(line: &ChatLine, epoch: i64, seq: u64) -> bool {
    line.seq == Some(seq) && line.epoch == Some(epoch)
}

/// How many users have put each reaction, the first one first.
fn counted(reactions: &[(UserId, Reaction)]) -> Vec<ReactionCount> {
    let mut counts: Vec<ReactionCount> = Vec::new();
    for (_, reaction) in reactions {
        match counts.iter_mut().find(|known| known.reaction == *reaction) {
            Some(known) => known.count += 1,
            None => counts.push(ReactionCount { reaction: *reaction, count: 1 }),
        }
    }
    counts
}

/// The bytes of a line in a snapshot, with the comma after it.
fn bytes(line: &ChatLine) -> usize {
    let mut count = Count(1);
    serde_json::to_writer(&mut count, line).expect("a line has no failing serializer, and counting does not fail");
    count.0
}

/// Counts the bytes that are written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
