//! The envelope of the four kinds of frames. Read borrowed; `data` is read by its type afterwards.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{ErrorBody, ErrorCode};
use crate::event::{Event, Notice, Signal, UserFrame};
use crate::id::{NUMBER_LIMIT, Op, RoomId, UserId};

/// A command's envelope: `{"id":7,"op":"0199…","type":"chat.send","data":{…}}`.
#[derive(Deserialize, Debug)]
pub struct CommandFrame<'a> {
    /// The client's number, unique on the socket while unanswered. Absent on `pong`, which has no reply.
    pub id: Option<u64>,
    /// The operation as it was sent; [`CommandFrame::op`] reads it.
    #[serde(borrow)]
    op: Option<&'a RawValue>,
    /// The command's type.
    #[serde(rename = "type", borrow)]
    pub kind: std::borrow::Cow<'a, str>,
    /// What the type needs.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
}

impl<'a> CommandFrame<'a> {
    /// Reads a text frame.
    ///
    /// # Errors
    /// `bad_frame` when it is no JSON object of this form.
    pub fn parse(text: &'a str) -> Result<Self, ErrorBody> {
        let frame: Self =
            serde_json::from_str(text).map_err(|error| ErrorBody::new(ErrorCode::BadFrame).message(words(&error)))?;
        if frame.id.is_some_and(|id| id >= NUMBER_LIMIT.unsigned_abs()) {
            return Err(ErrorBody::new(ErrorCode::BadFrame).message("an id is a number below 2^53"));
        }
        if frame.id.is_none() && frame.kind != "pong" {
            return Err(ErrorBody::new(ErrorCode::BadFrame).message("a command has an id"));
        }
        Ok(frame)
    }

    /// The operation, where the command changes something.
    ///
    /// # Errors
    /// `bad_request` when it is no UUID: the frame can be read, so its reply has its id.
    pub fn op(&self) -> Result<Option<Op>, ErrorBody> {
        let read = |op: &RawValue| serde_json::from_str(op.get());
        self.op
            .map(read)
            .transpose()
            .map_err(|_| ErrorBody::new(ErrorCode::BadRequest).message("a field does not fit").field("op", "a UUID"))
    }

    /// The data's text; a command without data has an empty object.
    pub fn data(&self) -> &'a str {
        self.data.map_or("{}", RawValue::get)
    }
}

/// What does not fit, without the place in the text, which the developer does not see as it is counted.
pub(crate) fn words(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.split_once(" at line ").map_or(words.clone(), |(words, _)| words.to_owned())
}

/// A command as a client writes it.
pub fn command(id: u64, op: Option<Op>, command: &crate::Command) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        op: Option<Op>,
        #[serde(flatten)]
        command: &'a crate::Command,
    }
    text(&Frame { id, op, command })
}

/// `{"id":7,"data":{…}}`.
pub fn reply<T: Serialize>(id: u64, data: &T) -> String {
    #[derive(Serialize)]
    struct Frame<'a, T> {
        id: u64,
        data: &'a T,
    }
    text(&Frame { id, data })
}

/// `{"id":7,"error":{…}}`; `id` is null where the frame could not be read.
pub fn error(id: Option<u64>, error: &ErrorBody) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        id: Option<u64>,
        error: &'a ErrorBody,
    }
    text(&Frame { id, error })
}

/// `{"room":…,"epoch":…,"seq":…,"at":…,"type":…,"data":{…}}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct EventFrame {
    /// Which room.
    pub room: RoomId,
    /// The room's epoch: rises when the room is opened anew or by another server.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// Dense within the epoch, from 1.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub seq: u64,
    /// Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

impl EventFrame {
    /// The frame's text.
    pub fn encode(&self) -> String {
        text(self)
    }
}

/// `{"room":…,"type":…,"data":{…}}`.
pub fn signal(room: RoomId, signal: &Signal) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        room: RoomId,
        #[serde(flatten)]
        signal: &'a Signal,
    }
    text(&Frame { room, signal })
}

/// `{"user":…,"type":…,"data":{…}}`.
pub fn user(user: UserId, frame: &UserFrame) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        user: UserId,
        #[serde(flatten)]
        frame: &'a UserFrame,
    }
    text(&Frame { user, frame })
}

/// `{"type":"ping"}` or `{"type":"closing","data":{…}}`.
pub fn notice(notice: &Notice) -> String {
    text(notice)
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("types of the wire have string keys and no failing serializer")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, SendChat};
    use proptest::prelude::*;

    fn room() -> RoomId {
        RoomId::new(104_233_871).expect("in range")
    }

    #[test]
    fn a_lone_chat_line_is_under_250_bytes() {
        let event = EventFrame {
            room: room(),
            epoch: 1_790_000_000_123,
            seq: 41,
            at: 1_790_000_000_123,
            event: Event::ChatPosted {
                from: crate::room::Person { id: UserId::new(901_233_871).expect("in range"), name: "Amira".into() },
                op: Op(uuid::Uuid::max()),
                text: "good evening everybody".into(),
            },
        };
        let text = event.encode();
        assert!(text.len() < 250, "{} bytes: {text}", text.len());
        assert_eq!(serde_json::from_str::<EventFrame>(&text).expect("reads back"), event);
    }

    #[test]
    fn a_command_reads_back_as_it_was_written() {
        let op = Op(uuid::Uuid::max());
        let sent = Command::ChatSend(SendChat { room: room(), text: "\"quoted\" \u{1f381}".into() });
        let text = command(7, Some(op), &sent);
        let frame = CommandFrame::parse(&text).expect("a good frame");
        assert_eq!((frame.id, frame.op().expect("a UUID")), (Some(7), Some(op)));
        assert_eq!(Command::parse(&frame.kind, frame.data()).expect("a good command"), sent);
    }

    #[test]
    fn a_frame_without_an_id_is_bad_unless_it_is_a_pong() {
        assert_eq!(CommandFrame::parse(r#"{"type":"ping"}"#).expect_err("no id").code, ErrorCode::BadFrame);
        assert!(CommandFrame::parse(r#"{"type":"pong"}"#).is_ok());
    }

    #[test]
    fn an_operation_that_is_no_uuid_leaves_the_frame_readable() {
        let frame = CommandFrame::parse(r#"{"id":15,"op":"bad","type":"chat.send"}"#).expect("the envelope is whole");
        assert_eq!(frame.id, Some(15));
        assert_eq!(frame.op().expect_err("no UUID").fields[0].field, "op");
    }

    proptest! {
        #[test]
        fn junk_never_panics(text in any::<String>(), kind in any::<String>()) {
            let _ = CommandFrame::parse(&text);
            let _ = Command::parse(&kind, &text);
            for (kind, _) in Command::TYPES {
                if let Ok(command) = Command::parse(kind, &text) { let _ = command.validate(); }
            }
        }
    }
}
