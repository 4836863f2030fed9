//! What is decided about single lines of chat: who posts one, with or without an image, what it mentions and replies to, who
//! recalls it, and who reacts to it.

use parlor_protocol::chat::{LineNumber, Quote};
use parlor_protocol::command::{React, RecallLine, SendChat, SendImage};
use parlor_protocol::room::{ChatLine, Person};
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};

use super::images::ShownImage;
use super::rights::{self, Act, Role};
use super::{Change, Decision, RoomState};
use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;
use crate::room::facts::{Fact, ImageLine};
use crate::room::settings::ms;
use crate::room::words::Verdict;

impl RoomState {
    pub(super) fn decide_line(
        &self,
        operation: &Operation,
        chat: &SendChat,
        (user, role): (&Person, Role),
        now: Timestamp,
    ) -> Decision {
        let posted = self.judged(&chat.text, (user.id, role), now).and_then(|text| {
            let (mentions, reply_to) = (self.mentioned(&chat.mentions), self.quote(chat.reply_to)?);
            let (from, op) = (user.clone(), operation.op);
            Ok(Event::ChatPosted { from, op, text, mentions, reply_to, image: None, recalled: false })
        });
        self.soft(operation, posted)
    }

    /// Decides a line with an image. The line becomes an event when the store has found that the image is the user's own.
    pub(super) fn decide_image(
        &self,
        on: &SendImage,
        (user, role): (&Person, Role),
        now: Timestamp,
    ) -> Result<Fact, ErrorBody> {
        self.check_record(user.id, role, Act::Chat)?;
        let text = self.judged(&on.text, (user.id, role), now)?;
        let (mentions, reply_to) = (self.mentioned(&on.mentions), self.quote(on.reply_to)?);
        let line = ImageLine { from: user.clone(), text, mentions, reply_to };
        Ok(Fact::ImagePosted { image: on.image, line: Some(Box::new(line)) })
    }

    /// The event of a line with an image, which the store has.
    pub(super) fn with_image(&self, image: uuid::Uuid, line: &ImageLine, operation: &Operation) -> Event {
        let ImageLine { from, text, mentions, reply_to } = line.clone();
        Event::ChatPosted { from, op: operation.op, text, mentions, reply_to, image: Some(image), recalled: false }
    }

    /// The text as it may be posted by this user now.
    fn judged(&self, text: &str, (user, role): (UserId, Role), now: Timestamp) -> Result<String, ErrorBody> {
        self.check_may_write(user, role, now)?;
        match self.words.judge_in(text, self.card.language.as_deref()) {
            Verdict::Clean => Ok(text.to_owned()),
            Verdict::Masked(text) => Ok(text),
            Verdict::Refused => Err(ErrorCode::TextRefused.into()),
        }
    }

    /// Those of these users who are in the room, each once. Whoever has just left is no reason to refuse the line.
    fn mentioned(&self, users: &[UserId]) -> Vec<UserId> {
        let mut mentions = Vec::new();
        for user in users {
            if self.presence.person(*user).is_some() && !mentions.contains(user) {
                mentions.push(*user);
            }
        }
        mentions
    }

    fn quote(&self, line: Option<LineNumber>) -> Result<Option<Quote>, ErrorBody> {
        let Some(LineNumber { epoch, seq }) = line else { return Ok(None) };
        if self.check_line(epoch, seq).is_err() {
            let why = "the number of a line that was posted";
            return Err(ErrorBody::new(ErrorCode::BadRequest).field("reply_to", why));
        }
        Ok(Some(Quote { epoch, seq, user: self.chat.line(epoch, seq).map(|line| line.from.id) }))
    }

    /// Refuses the number of a line that the room cannot have posted yet.
    fn check_line(&self, epoch: i64, seq: u64) -> Result<(), ErrorBody> {
        let is_over = epoch < self.epoch || (epoch == self.epoch && seq <= self.seq);
        if is_over { Ok(()) } else { Err(unknown_line()) }
    }

    /// Decides the recall of a line by a user of this role.
    ///
    /// Who wrote a line and when is known of the last lines and images, and from the memory of operations, which has the number
    /// of each line that its user posted lately, over a restart too.
    pub(super) fn decide_recall(
        &self,
        on: &RecallLine,
        (user, role): (UserId, Role),
        now: Timestamp,
    ) -> Result<Fact, ErrorBody> {
        let (epoch, seq) = (on.epoch, on.seq);
        if rights::may(role, Act::RecallAny) {
            return self.recall_by_right(epoch, seq, Some(user));
        }
        self.check_line(epoch, seq)?;
        let Some(at) = self.said_at(user, epoch, seq) else {
            let words = "a line is recalled by who wrote it, for a while, and by the room's owner and admins";
            return Err(ErrorBody::new(ErrorCode::NotPermitted).message(words));
        };
        // The memory of operations says who wrote a line.
        let recall_ms = ms(self.settings.recall_ms.min(self.settings.memory_ms));
        if now.ms_since(at) > recall_ms && !self.chat.is_recalled(epoch, seq) {
            let words = format!("one's own line can be recalled for {} s", recall_ms / 1_000);
            return Err(ErrorBody::new(ErrorCode::TooLate).message(words));
        }
        let image = self.images.of(epoch, seq).map(|image| image.upload);
        Ok(Fact::LineRecalled { epoch, seq, from: Some(user), image })
    }

    /// The recall of any line. If the room no longer knows who wrote it, it may have been this user.
    pub(super) fn recall_by_right(&self, epoch: i64, seq: u64, user: Option<UserId>) -> Result<Fact, ErrorBody> {
        self.check_line(epoch, seq)?;
        let (line, image) = (self.chat.line(epoch, seq), self.images.of(epoch, seq));
        let from = line.map(|line| line.from.id).or(image.map(|image| image.user));
        let from = from.or(user.filter(|user| self.said_at(*user, epoch, seq).is_some()));
        Ok(Fact::LineRecalled { epoch, seq, from, image: image.map(|image| image.upload) })
    }

    /// When this user wrote this line; `None` if the room does not know, or if it is no line of theirs.
    fn said_at(&self, user: UserId, epoch: i64, seq: u64) -> Option<Timestamp> {
        if let Some(line) = self.chat.line(epoch, seq) {
            return (line.from.id == user).then_some(Timestamp(line.at));
        }
        let image = self.images.of(epoch, seq).filter(|image| image.user == user).map(|image| image.at);
        image.or_else(|| self.memory.said(user, epoch, seq))
    }

    /// The event by which a line is recalled; `None` if it was told before.
    pub(super) fn recalled(&self, epoch: i64, seq: u64, by: UserId) -> Option<Event> {
        (!self.chat.is_recalled(epoch, seq)).then_some(Event::ChatRecalled { epoch, seq, by })
    }

    /// The change by which the user has this reaction, or has it no more; `None` if it is so already.
    pub(super) fn reacted(&self, user: UserId, on: &React) -> Result<Option<Change>, ErrorBody> {
        let changes = self.chat.check_reaction(user, on)?;
        let (line, reaction, on) = ((on.epoch, on.seq), on.reaction, on.on.unwrap_or(true));
        Ok(changes.then_some(Change::Reacted { user, line, reaction, on }))
    }

    /// Makes the event of a line true, which took the room's last `seq`.
    pub(super) fn evolve_line(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ChatPosted { from, op, text, mentions, reply_to, image, recalled } => {
                let (epoch, seq) = (self.epoch, self.seq);
                self.note_spoken(from.id, at);
                self.signals.posted(from.id);
                if let Some(upload) = *image {
                    self.images.show(ShownImage { epoch, seq, user: from.id, upload, at });
                }
                self.chat.push(ChatLine {
                    at: at.0,
                    from: from.clone(),
                    op: *op,
                    text: text.clone(),
                    epoch: Some(epoch),
                    seq: Some(seq),
                    mentions: mentions.clone(),
                    reply_to: *reply_to,
                    image: *image,
                    reactions: Vec::new(),
                    recalled: *recalled,
                });
            }
            Event::ChatRecalled { epoch, seq, .. } => {
                self.chat.recall(*epoch, *seq);
                self.images.hide(*epoch, *seq);
            }
            _ => {}
        }
    }
}

/// The refusal of a line that is not there.
pub(super) fn unknown_line() -> ErrorBody {
    ErrorBody::new(ErrorCode::NotFound).message("the room has no such line, or has it no more")
}
