//! The envelopes of all frames. A command's envelope is read without copying; its `data` is read afterwards by the
//! type.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{ErrorBody, ErrorCode};
use crate::event::{Event, Notice, Signal, UserFrame};
use crate::id::{NUMBER_LIMIT, Op, RoomId, UserId};
use crate::read;
use crate::reply::Connected;
use crate::room::{GiftLine, Position};

/// A command's envelope: `{"id":7,"op":"0199…","type":"chat.send","data":{…}}`.
#[derive(Deserialize, Debug)]
pub struct CommandFrame<'a> {
    /// The id that the client chose, unique on the socket until it is answered. Absent on `pong`, which has no reply.
    pub id: Option<u64>,
    /// The operation as it was sent; [`CommandFrame::op`] parses it.
    #[serde(borrow)]
    op: Option<&'a RawValue>,
    /// The command's type.
    #[serde(rename = "type", borrow)]
    pub kind: std::borrow::Cow<'a, str>,
    /// The data of the command, not parsed yet.
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
            read::json(text).map_err(|error| ErrorBody::new(ErrorCode::BadFrame).message(read::words(&error)))?;
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
    /// `bad_request` when it is no UUID. The frame itself can be read, so the reply has its id.
    pub fn op(&self) -> Result<Option<Op>, ErrorBody> {
        let read = |op: &RawValue| serde_json::from_str(op.get());
        self.op
            .map(read)
            .transpose()
            .map_err(|_| ErrorBody::new(ErrorCode::BadRequest).message("a field does not fit").field("op", "a UUID"))
    }

    /// The text of the data; an empty object if the command has none.
    pub fn data(&self) -> &'a str {
        self.data.map_or("{}", RawValue::get)
    }
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

/// A reply: `{"id":7,"data":{…}}`.
pub fn reply<T: Serialize>(id: u64, data: &T) -> String {
    text(&Reply { id, data })
}

/// Appends a reply to `out`.
pub fn write_reply<T: Serialize>(id: u64, data: &T, out: &mut Vec<u8>) {
    put(&Reply { id, data }, out);
}

#[derive(Serialize)]
struct Reply<'a, T> {
    id: u64,
    data: &'a T,
}

/// The answer to a join, made of parts that are JSON text already, so that none of them is parsed or written again.
#[derive(Clone, Copy, Debug)]
pub struct JoinedText<'a> {
    /// The room.
    pub room: RoomId,
    /// The client's position after this answer.
    pub position: &'a Position,
    /// Every missed event as it was sent; `None` if there is a `snapshot` instead.
    pub missed: Option<&'a [&'a str]>,
    /// The room at the position.
    pub snapshot: Option<&'a str>,
    /// Missed gifts that are in no event of this answer.
    pub gifts: &'a [GiftLine],
    /// There are more such gifts.
    pub more_gifts: bool,
}

impl JoinedText<'_> {
    /// An upper estimate of its length in bytes.
    pub fn size(&self) -> usize {
        let missed = self.missed.unwrap_or_default().iter().map(|event| event.len() + 1).sum::<usize>();
        missed + self.snapshot.map_or(0, str::len) + self.gifts.len() * 256 + 256
    }

    /// Writes the same bytes as a [`Joined`](crate::reply::Joined) does.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"room":"#);
        put(&self.room, out);
        out.extend_from_slice(br#","position":"#);
        put(self.position, out);
        out.extend_from_slice(if self.missed.is_some() { br#","recovered":true"# } else { br#","recovered":false"# });
        let mut before: &[u8] = br#","events":["#;
        let missed = self.missed.unwrap_or_default();
        for event in missed {
            out.extend_from_slice(before);
            out.extend_from_slice(event.as_bytes());
            before = b",";
        }
        out.extend_from_slice(if missed.is_empty() { b"" } else { b"]" });
        if let Some(snapshot) = self.snapshot {
            out.extend_from_slice(br#","snapshot":"#);
            out.extend_from_slice(snapshot.as_bytes());
        }
        if !self.gifts.is_empty() {
            out.extend_from_slice(br#","gifts":"#);
            put(&self.gifts, out);
        }
        out.extend_from_slice(if self.more_gifts { br#","more_gifts":true"# } else { b"" });
        out.push(b'}');
    }
}

/// Appends the reply to `room.join` to `out`.
pub fn write_joined(id: u64, joined: &JoinedText<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"id":"#);
    put(&id, out);
    out.extend_from_slice(br#","data":"#);
    joined.write(out);
    out.push(b'}');
}

/// Appends the reply to `connect` to `out`. `connected` has no joins; their answers are given as `joins`.
pub fn write_connected(
    id: u64,
    connected: &Connected,
    joins: &[Result<JoinedText<'_>, &ErrorBody>],
    out: &mut Vec<u8>,
) {
    debug_assert!(connected.joins.is_empty(), "the joins are given as an argument of their own");
    write_reply(id, connected, out);
    if joins.is_empty() {
        return;
    }
    // The joins follow the last field that was written.
    out.truncate(out.len() - b"}}".len());
    let mut before: &[u8] = br#","joins":["#;
    for join in joins {
        out.extend_from_slice(before);
        match join {
            Ok(joined) => {
                out.extend_from_slice(br#"{"data":"#);
                joined.write(out);
            }
            Err(error) => {
                out.extend_from_slice(br#"{"error":"#);
                put(error, out);
            }
        }
        out.push(b'}');
        before = b",";
    }
    out.extend_from_slice(b"]}}");
}

/// An error reply: `{"id":7,"error":{…}}`; `id` is null if the frame could not be read.
pub fn error(id: Option<u64>, error: &ErrorBody) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        id: Option<u64>,
        error: &'a ErrorBody,
    }
    text(&Frame { id, error })
}

/// An event: `{"room":…,"epoch":…,"seq":…,"at":…,"type":…,"data":{…}}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct EventFrame {
    /// The room.
    pub room: RoomId,
    /// The room's epoch, which rises when the room starts anew or moves to another server.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The event's number within the epoch: from 1, without gaps.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub seq: u64,
    /// The time of the event, in Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// The event's type and data.
    #[serde(flatten)]
    pub event: Event,
}

impl EventFrame {
    /// The frame as JSON text.
    pub fn encode(&self) -> String {
        text(self)
    }

    /// Appends the frame to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        put(self, out);
    }
}

/// A signal: `{"room":…,"type":…,"data":{…}}`.
pub fn signal(room: RoomId, signal: &Signal) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        room: RoomId,
        #[serde(flatten)]
        signal: &'a Signal,
    }
    text(&Frame { room, signal })
}

/// A user frame: `{"user":…,"type":…,"data":{…}}`.
pub fn user(user: UserId, frame: &UserFrame) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        user: UserId,
        #[serde(flatten)]
        frame: &'a UserFrame,
    }
    text(&Frame { user, frame })
}

/// A notice: `{"type":"ping"}` or `{"type":"closing","data":{…}}`.
pub fn notice(notice: &Notice) -> String {
    text(notice)
}

const WRITABLE: &str = "types of the wire have string keys and no failing serializer";

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect(WRITABLE)
}

fn put<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect(WRITABLE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, SendChat};
    use proptest::prelude::*;

    #[test]
    fn a_reply_written_from_parts_equals_the_one_that_the_types_write() {
        let events = [r#"{"room":104233871,"seq":5}"#, r#"{"room":104233871,"seq":6}"#];
        let raw = |text: &str| serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON");
        let snapshot = crate::room::Snapshot {
            room: serde_json::from_str(
                r#"{"id":104233871,"name":"A \"room\"","owner":{"id":100000001,"name":"A"},"seats":8,"version":1,"may_chat":"all",
                    "may_post_images":"all","may_invite":"all","may_sit":"all","privacy":"public"}"#,
            )
            .expect("a room"),
            own: crate::room::OwnPlace {
                role: crate::room::RoomRole::Listener,
                seat: None,
                hand: None,
                invitation: None,
                chat_muted: false,
                chat_muted_until: None,
            },
            admins: Vec::new(),
            seats: Vec::new(),
            seat_version: 1,
            seat_mode: None,
            offer: None,
            hands: Vec::new(),
            count: 1,
            people: Vec::new(),
            chat: Vec::new(),
            chat_rules: None,
            coins: crate::Coins(7),
        };
        let gift: GiftLine = serde_json::from_str(
            r#"{"gift_no":3,"receipt":9,"at":1,"from":{"id":100000001,"name":"A"},"to":[],"gift":1,"count":1,"total":1}"#,
        )
        .expect("a gift");
        let position = Position { epoch: 7, seq: 6, gift_no: Some(3) };
        let base = || crate::reply::Joined {
            room: room(),
            position,
            recovered: false,
            events: Vec::new(),
            snapshot: None,
            gifts: Vec::new(),
            more_gifts: false,
        };
        let cases = [
            crate::reply::Joined { recovered: true, ..base() },
            crate::reply::Joined {
                recovered: true,
                events: events.map(raw).into(),
                gifts: vec![gift.clone()],
                ..base()
            },
            crate::reply::Joined { snapshot: Some(Box::new(snapshot)), gifts: vec![gift], more_gifts: true, ..base() },
        ];
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8(out).expect("text")
        };
        let snapshots = cases.clone().map(|joined| joined.snapshot.as_ref().map(text));
        let missed = cases.each_ref().map(|joined| joined.events.iter().map(|event| event.get()).collect::<Vec<_>>());
        let refusal = ErrorBody::from(ErrorCode::RoomFull);
        let mut joins = Vec::new();
        let mut texts = Vec::new();
        for (at, joined) in cases.iter().enumerate() {
            let parts = JoinedText {
                room: joined.room,
                position: &joined.position,
                missed: joined.recovered.then_some(&missed[at]),
                snapshot: snapshots[at].as_deref(),
                gifts: &joined.gifts,
                more_gifts: joined.more_gifts,
            };
            assert_eq!(written(&|out| write_joined(7, &parts, out)), reply(7, joined));
            assert!(parts.size() >= text(joined).len());
            joins.push(crate::reply::JoinResult::Data(Box::new(joined.clone())));
            texts.push(Ok(parts));
        }
        joins.push(crate::reply::JoinResult::Error(Box::new(ErrorCode::RoomFull.into())));
        texts.push(Err(&refusal));
        let alone = Connected {
            session: uuid::Uuid::nil(),
            user: serde_json::from_str(r#"{"id":100000001,"name":"A"}"#).expect("a person"),
            expires_at: 1,
            time: 1,
            ping_ms: 1,
            limits: crate::reply::Limits {
                message_bytes: 1,
                text_chars: 1,
                unanswered_commands: 1,
                outbox_bytes: 1,
                grace_ms: 1,
            },
            balances: Vec::new(),
            joins: Vec::new(),
        };
        assert_eq!(written(&|out| write_connected(7, &alone, &[], out)), reply(7, &alone));
        let full = Connected { joins, ..alone.clone() };
        assert_eq!(written(&|out| write_connected(7, &alone, &texts, out)), reply(7, &full));
    }

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
                from: crate::room::Person::named(UserId::new(901_233_871).expect("in range"), "Amira".into()),
                op: Op(uuid::Uuid::max()),
                text: "good evening everybody".into(),
                mentions: Vec::new(),
                reply_to: None,
                image: None,
                recalled: false,
            },
        };
        let text = event.encode();
        assert!(text.len() < 250, "{} bytes: {text}", text.len());
        assert_eq!(serde_json::from_str::<EventFrame>(&text).expect("reads back"), event);
    }

    #[test]
    fn a_command_reads_back_as_it_was_written() {
        let op = Op(uuid::Uuid::max());
        let sent = Command::ChatSend(SendChat::of(room(), "\"quoted\" \u{1f381}".into()));
        let text = command(7, Some(op), &sent);
        let frame = CommandFrame::parse(&text).expect("a good frame");
        assert_eq!((frame.id, frame.op().expect("a UUID")), (Some(7), Some(op)));
        assert_eq!(Command::parse(&frame.kind, frame.data()).expect("a good command"), sent);
    }

    #[test]
    fn an_envelope_is_an_object_and_its_id_any_integer() {
        assert_eq!(
            CommandFrame::parse(r#"{"id":7.0,"type":"ping"}"#).expect("JSON Schema calls it an integer").id,
            Some(7)
        );
        for text in [
            r#"[50,"01990000-0000-7000-8000-000000000001","chat.send",{"room":104233871,"text":"x"}]"#,
            r#"{"id":7.5,"type":"ping"}"#,
            r#"{"id":-7.0,"type":"ping"}"#,
        ] {
            assert_eq!(CommandFrame::parse(text).expect_err(text).code, ErrorCode::BadFrame);
        }
        let long = format!(r#"{{"id":"{}","type":"ping"}}"#, "x".repeat(60_000));
        assert!(CommandFrame::parse(&long).expect_err("no integer").message.len() < 1_000, "it is not repeated whole");
        for (data, field) in [
            (r#"[104233871,"x"]"#, "data"),
            (r#"{"room":104233871}"#, "text"),
            (r#"{"room":"x","text":"x"}"#, "room"),
            (r#"{"room":104233871,"text":"a\u0000b"}"#, "text"),
        ] {
            let error = Command::parse("chat.send", data).expect_err(data);
            assert_eq!((error.code, error.fields[0].field.as_str()), (ErrorCode::BadRequest, field), "{data}");
        }
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
            for kind in Command::KINDS {
                if let Ok(mut command) = Command::parse(kind.name, &text) { let _ = command.validate(); }
            }
        }
    }
}
