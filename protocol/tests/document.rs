//! Parses the examples of `docs/protocol.md` as a server or a client does, and checks that none is missing.

use parlor_protocol::Command;
use parlor_protocol::envelope::{CommandFrame, EventFrame};

const DOCUMENT: &str = include_str!("../../docs/protocol.md");

fn examples(heading: &str) -> Vec<&'static str> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading)).expect("the section exists");
    section.lines().filter(|line| line.starts_with('{')).collect()
}

#[test]
fn every_command_of_the_document_parses_and_none_is_missing() {
    let mut seen = Vec::new();
    for line in examples("Commands") {
        let frame = CommandFrame::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut command = Command::parse(&frame.kind, frame.data()).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        command.validate().unwrap_or_else(|error| panic!("{line}: {error:?}"));
        assert_eq!(frame.op().is_ok_and(|op| op.is_some()), command.needs_op(), "{line}");
        seen.push(command.kind());
    }
    for kind in Command::KINDS {
        let kind = kind.name;
        assert!(seen.contains(&kind), "docs/protocol.md has no example of {kind}");
    }
}

#[test]
fn every_event_of_the_document_is_what_the_server_writes() {
    let lines = examples("Events");
    for line in &lines {
        let event: EventFrame = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(event.encode(), *line);
    }
    for kind in
        ["participants.changed", "person.changed", "seats.changed", "chat.posted", "participant.kicked", "gifts.sent"]
    {
        assert!(lines.iter().any(|line| line.contains(kind)), "docs/protocol.md has no example of {kind}");
    }
}
