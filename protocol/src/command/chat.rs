//! The commands of the chat about lines, and the signals of who types and who speaks.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NUMBER, is_number};
use crate::chat::{LineNumber, Reaction};
use crate::error::ErrorBody;
use crate::id::{RoomId, UserId};
use crate::kind::CommandData;
use crate::limit;
use crate::text::{self, Rule};

/// Send a chat line to the room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SendChat {
    /// The room.
    pub room: RoomId,
    /// The text: one or several lines, 1 to 2,000 characters, by the rules of texts.
    #[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::TEXT_CHARS), pattern(text::pattern::LINES)))]
    pub text: String,
    /// The users whom the line mentions, at most 10. Those who are not in the room are left out of the event. Absent:
    /// nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::MENTIONS)))]
    pub mentions: Vec<UserId>,
    /// The line to which this one replies. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<LineNumber>,
}

impl SendChat {
    /// A line of nothing but its text.
    pub const fn of(room: RoomId, text: String) -> Self {
        Self { room, text, mentions: Vec::new(), reply_to: None }
    }
}

/// Send a chat line with an image to the room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SendImage {
    /// The room.
    pub room: RoomId,
    /// The image: the id of an upload of the user's own with the purpose `room_image`, which is ready and which no line
    /// has shown yet.
    pub image: Uuid,
    /// The text beside it: one or several lines of at most 2,000 characters, by the rules of texts. Absent: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::TEXT_CHARS), pattern(text::pattern::LINES_OR_NOTHING)))]
    pub text: String,
    /// The users whom the line mentions, at most 10. Those who are not in the room are left out of the event. Absent:
    /// nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::MENTIONS)))]
    pub mentions: Vec<UserId>,
    /// The line to which this one replies. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<LineNumber>,
}

/// Recall a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RecallLine {
    /// The room.
    pub room: RoomId,
    /// The epoch of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The `seq` of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub seq: u64,
}

/// Put a reaction below a line, or take one's own away.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct React {
    /// The room.
    pub room: RoomId,
    /// The epoch of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The `seq` of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub seq: u64,
    /// The reaction.
    pub reaction: Reaction,
    /// Whether the user has this reaction below the line from now on. Absent: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
}

/// Say that the user speaks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Speak {
    /// The room.
    pub room: RoomId,
    /// How loud, from 1 to 100. Absent: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = limit::LEVEL)))]
    pub level: Option<u8>,
}

impl CommandData for SendChat {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        let error = refuse_about(error, &self.mentions, self.reply_to);
        text::take(error, "text", &mut self.text, Rule::lines(limit::TEXT_CHARS))
    }
}

impl CommandData for SendImage {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        let error = refuse_about(error, &self.mentions, self.reply_to);
        text::take(error, "text", &mut self.text, Rule::lines(limit::TEXT_CHARS).or_nothing())
    }
}

fn refuse_about(mut error: ErrorBody, mentions: &[UserId], reply_to: Option<LineNumber>) -> ErrorBody {
    if mentions.len() > limit::MENTIONS {
        error = error.field("mentions", format!("at most {}", limit::MENTIONS));
    }
    match reply_to {
        Some(line) => refuse_number(error, ["reply_to.epoch", "reply_to.seq"], line.epoch, line.seq),
        None => error,
    }
}

impl CommandData for RecallLine {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        refuse_number(error, ["epoch", "seq"], self.epoch, self.seq)
    }
}

impl CommandData for React {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        refuse_number(error, ["epoch", "seq"], self.epoch, self.seq)
    }
}

impl CommandData for Speak {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if self.level.is_none_or(|level| (1..=limit::LEVEL).contains(&level)) {
            return error;
        }
        error.field("level", format!("1 to {}", limit::LEVEL))
    }
}

/// Adds the parts of a line's number to `error` that are no such numbers.
fn refuse_number(mut error: ErrorBody, fields: [&str; 2], epoch: i64, seq: u64) -> ErrorBody {
    if !u64::try_from(epoch).is_ok_and(is_number) {
        error = error.field(fields[0], NUMBER);
    }
    if seq == 0 || !is_number(seq) {
        error = error.field(fields[1], "a number from 1 to below 2^53");
    }
    error
}
