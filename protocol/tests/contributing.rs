//! The worked example of a command (`docs/contributing.md`): its data, and one line of registration, from which the
//! enum, the parser, and the properties that the socket, REST and the documents use are made.

use parlor_protocol::reply::Done;
use parlor_protocol::{CommandData, CommandKind, ErrorBody, Lane, RateClass, RoomId, Weight, commands};
use serde::{Deserialize, Serialize};

/// Wave to the room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Wave {
    /// The room.
    pub room: RoomId,
    /// How often, 1 to 5.
    pub times: u8,
}

impl CommandData for Wave {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if (1..=5).contains(&self.times) { error } else { error.field("times", "1 to 5") }
    }
}

commands! {
    /// The commands of this example.
    pub enum Example;

    /// Wave to the room.
    HandWave(Wave) -> Done = "hand.wave": Soft, Room, rate Seat, rest "POST /v1/rooms/{id}/waves";
}

#[test]
fn a_registered_command_is_read_checked_and_known_by_its_kind() {
    let mut wave = Example::parse("hand.wave", r#"{"room":104233871,"times":3}"#).expect("it fits");
    assert_eq!(wave.room(), RoomId::new(104_233_871));
    assert!(wave.validate().is_ok() && wave.needs_op(), "what changes something names an operation");
    assert_eq!((wave.weight(), wave.lane(), wave.rate()), (Weight::Soft, Lane::Room, Some(RateClass::Seat)));
    let known = CommandKind {
        name: "hand.wave",
        weight: Weight::Soft,
        lane: Lane::Room,
        rate: Some(RateClass::Seat),
        rest: Some("POST /v1/rooms/{id}/waves"),
    };
    assert_eq!(Example::KINDS, [known]);
    assert_eq!((Example::DESCRIBED[0].name, Example::DESCRIBED[0].needs_op), ("hand.wave", true));

    let mut often = Example::parse("hand.wave", r#"{"room":104233871,"times":9}"#).expect("the types fit");
    assert_eq!(often.validate().expect_err("too often").fields[0].field, "times");
    assert_eq!(Example::parse("hand.wave", "{}").expect_err("incomplete").fields[0].field, "room");
    assert!(Example::parse("hand.shake", "{}").is_err());
}
