//! Fuzzes the envelope and the data of every command: parsing must not panic, and an accepted command must be the same
//! after writing and reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_protocol::Command;
use parlor_protocol::envelope::{self, CommandFrame, EventFrame};
use parlor_protocol::event::{Notice, Signal};
use parlor_protocol::{ErrorBody, UserFrame};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for kind in Command::KINDS {
        if let Ok(mut command) = Command::parse(kind.name, text) {
            let _ = command.validate();
        }
    }
    if let Ok(frame) = CommandFrame::parse(text)
        && let Ok(mut command) = Command::parse(&frame.kind, frame.data())
        && let (Some(id), Ok(op), Ok(())) = (frame.id, frame.op(), command.validate())
    {
        let written = envelope::command(id, op, &command);
        let again = CommandFrame::parse(&written).expect("what was written is read");
        assert_eq!((again.id, again.op().expect("a UUID")), (Some(id), op));
        assert_eq!(Command::parse(&again.kind, again.data()).expect("what was written is read"), command);
    }
    // The frames that a client reads.
    if let Ok(event) = serde_json::from_str::<EventFrame>(text) {
        assert_eq!(serde_json::from_str::<EventFrame>(&event.encode()).expect("what was written is read"), event);
    }
    let _ = serde_json::from_str::<Signal>(text);
    let _ = serde_json::from_str::<UserFrame>(text);
    let _ = serde_json::from_str::<Notice>(text);
    let _ = serde_json::from_str::<ErrorBody>(text);
});
