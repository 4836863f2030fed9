//! Turns bytes into messages. Fragments are put together, and control frames may come between them. Between two reads
//! only the bytes of an incomplete frame and the fragments of an incomplete message are kept.

use std::borrow::Cow;

use parlor_protocol::CloseCode;
use parlor_protocol::frame::{self, Opcode};

/// The bytes of the longest header that a client writes: 2, plus 8 for the length and 4 for the mask.
pub(super) const CLIENT_HEADER_BYTES: usize = 14;

/// One message or control frame of a client.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Input<'a> {
    /// A whole text message.
    Text(Cow<'a, str>),
    /// A ping of the WebSocket layer, to be answered with the same payload.
    Ping(&'a [u8]),
    /// A pong of the WebSocket layer.
    Pong,
    /// The peer closes, with this code if it gave one.
    Close(Option<u16>),
}

/// The fragments of a message that has not ended, and the bytes of an incomplete frame.
#[derive(Default)]
pub(super) struct Assembly {
    /// The bytes that were read and not used yet.
    partial: Vec<u8>,
    /// The fragments of a text message that came so far.
    message: Option<Vec<u8>>,
}

impl Assembly {
    /// Keeps the bytes that a turn could not use.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.partial = rest.to_vec();
    }

    /// Moves the kept bytes to the beginning of the buffer, and returns how many they are.
    pub(super) fn restore(&mut self, buffer: &mut Vec<u8>) -> usize {
        let partial = std::mem::take(&mut self.partial);
        if buffer.len() < partial.len() {
            buffer.resize(partial.len(), 0);
        }
        buffer[..partial.len()].copy_from_slice(&partial);
        partial.len()
    }

    /// Whether no bytes are kept.
    pub(super) fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// Reads the next frame. Returns its input and how many bytes it took, or `Ok(None)` if there is no whole frame
    /// yet. For a fragment that does not end a message the input is `None`.
    ///
    /// # Errors
    /// The code to close the socket with: the frame breaks the protocol, or the message is longer than `limit`.
    pub(super) fn next<'a>(
        &mut self,
        bytes: &'a mut [u8],
        limit: usize,
    ) -> Result<Option<(Option<Input<'a>>, usize)>, CloseCode> {
        let Some(frame) = frame::read(bytes, limit)? else { return Ok(None) };
        let payload = &bytes[frame.payload];
        let input = match (frame.opcode, &mut self.message) {
            (Opcode::Binary, _) => return Err(CloseCode::Unsupported),
            (Opcode::Text, Some(_)) | (Opcode::Continuation, None) => return Err(CloseCode::Protocol),
            (Opcode::Text, None) if frame.fin => {
                let text = std::str::from_utf8(payload).map_err(|_| CloseCode::InvalidText)?;
                Some(Input::Text(Cow::Borrowed(text)))
            }
            (Opcode::Text, message @ None) => {
                *message = Some(payload.to_vec());
                None
            }
            (Opcode::Continuation, Some(message)) => {
                if message.len() + payload.len() > limit {
                    return Err(CloseCode::TooLarge);
                }
                message.extend_from_slice(payload);
                if frame.fin {
                    let text = self.message.take().map(String::from_utf8).unwrap_or_else(|| Ok(String::new()));
                    Some(Input::Text(Cow::Owned(text.map_err(|_| CloseCode::InvalidText)?)))
                } else {
                    None
                }
            }
            (Opcode::Ping, _) => Some(Input::Ping(payload)),
            (Opcode::Pong, _) => Some(Input::Pong),
            (Opcode::Close, _) if !frame::close_is_valid(payload) => return Err(CloseCode::Protocol),
            (Opcode::Close, _) => {
                Some(Input::Close(payload.first_chunk().map(|code: &[u8; 2]| u16::from_be_bytes(*code))))
            }
        };
        Ok(Some((input, frame.end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1_000;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0xFE);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        frame
    }

    /// The messages that are read when these bytes arrive in portions of this size.
    fn read(bytes: &[u8], portion: usize) -> Result<Vec<String>, CloseCode> {
        let (mut assembly, mut said, mut buffer) = (Assembly::default(), Vec::new(), Vec::new());
        for portion in bytes.chunks(portion) {
            let kept = assembly.restore(&mut buffer);
            buffer.truncate(kept);
            buffer.extend_from_slice(portion);
            let (mut at, end) = (0, buffer.len());
            while let Some((input, used)) = assembly.next(&mut buffer[at..end], LIMIT)? {
                at += used;
                said.extend(input.map(|input| match input {
                    Input::Text(text) => text.into_owned(),
                    other => format!("{other:?}"),
                }));
            }
            assembly.keep(&buffer[at..end]);
        }
        Ok(said)
    }

    #[test]
    fn fragments_make_one_message_and_control_frames_may_stand_between() {
        let (euro, portions) = ("€uro", [1, 2, 3, 7, 1_000]);
        let bytes = [
            frame(0x01, &euro.as_bytes()[..1]),
            frame(0x89, b"are you there"),
            frame(0x00, &euro.as_bytes()[1..4]),
            frame(0x8A, b""),
            frame(0x80, &euro.as_bytes()[4..]),
            frame(0x81, b"whole"),
            frame(0x88, &4_000_u16.to_be_bytes()),
        ]
        .concat();
        for portion in portions {
            let said = read(&bytes, portion).expect("good");
            assert_eq!(said[1..], ["Pong", "€uro", "whole", "Close(Some(4000))"]);
            assert!(said[0].starts_with("Ping"));
        }
    }

    #[test]
    fn messages_that_break_the_rules_are_refused_with_their_code() {
        let half = vec![b'x'; 600];
        let cases = [
            (frame(0x82, b"x"), CloseCode::Unsupported),
            (frame(0x80, b"x"), CloseCode::Protocol),
            ([frame(0x01, b"x"), frame(0x81, b"x")].concat(), CloseCode::Protocol),
            (frame(0x81, &[0xFF]), CloseCode::InvalidText),
            ([frame(0x01, &[0xE2, 0x82]), frame(0x80, b"x")].concat(), CloseCode::InvalidText),
            ([frame(0x01, &half), frame(0x80, &half)].concat(), CloseCode::TooLarge),
            (frame(0x81, &[b'x'; LIMIT + 1]), CloseCode::TooLarge),
            (frame(0x88, &[1]), CloseCode::Protocol),
        ];
        for (bytes, code) in cases {
            assert_eq!(read(&bytes, 7), Err(code));
        }
    }

    proptest! {
        #[test]
        fn junk_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), portion in 1_usize..50) {
            let _ = read(&bytes, portion);
        }
    }
}
