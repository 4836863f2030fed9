//! Measures the decoding of a command from bytes, and the encoding of an event to the frame that every socket gets.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use parlor::delivery::Frame;
use parlor_protocol::envelope::{CommandFrame, EventFrame};
use parlor_protocol::room::Person;
use parlor_protocol::{Command, Event, Op, RoomId, UserId, frame};
use uuid::Uuid;

/// The bytes of a client's chat command: header, mask and masked payload.
fn chat_frame() -> Vec<u8> {
    let text = format!(
        r#"{{"id":7,"type":"chat.send","op":"{}","data":{{"room":104233871,"text":"good evening everybody, can you hear me?"}}}}"#,
        Uuid::from_u128(7)
    );
    let mask = [0xA1, 0x02, 0xF3, 0x44];
    let mut bytes = vec![0x81, 0xFE];
    bytes.extend_from_slice(&u16::try_from(text.len()).expect("a short text").to_be_bytes());
    bytes.extend_from_slice(&mask);
    bytes.extend(text.bytes().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

/// The event of a chat line.
pub fn chat_event(seq: u64) -> EventFrame {
    let from = Person::named(UserId::new(100_000_001).expect("in range"), "Layla".to_owned());
    let text = "good evening everybody, can you hear me?".to_owned();
    let event = Event::ChatPosted {
        from,
        op: Op(Uuid::from_u128(seq.into())),
        text,
        mentions: Vec::new(),
        reply_to: None,
        image: None,
        recalled: false,
    };
    EventFrame { room: RoomId::new(104_233_871).expect("in range"), epoch: 7, seq, at: 1_790_000_000_000, event }
}

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire");
    let bytes = chat_frame();
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("decode a chat command", |bencher| {
        // The frame is unmasked in place, so each turn starts with a new copy.
        let mut buffer = bytes.clone();
        bencher.iter(|| {
            buffer.copy_from_slice(&bytes);
            let read = frame::read(black_box(&mut buffer), 65_536).expect("good").expect("whole");
            let text = std::str::from_utf8(&buffer[read.payload]).expect("UTF-8");
            let frame = CommandFrame::parse(text).expect("a command");
            let mut command = Command::parse(&frame.kind, frame.data()).expect("a command");
            command.validate().expect("within its limits");
            (command, frame.op().expect("an operation"))
        });
    });
    let event = chat_event(1);
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode a chat event", |bencher| {
        bencher.iter(|| Frame::text(&black_box(&event).encode()));
    });
    group.finish();
}
