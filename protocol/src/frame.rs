//! The server's side of the WebSocket frame codec (RFC 6455). It does no I/O and has no buffer of its own: it reads
//! bytes that the caller holds, and unmasks them in place.

use crate::close::CloseCode;

/// Bytes of the longest header that the server writes.
pub const HEADER_BYTES: usize = 10;

/// The type of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation,
    /// A text message, or its first fragment.
    Text,
    /// A binary message, or its first fragment.
    Binary,
    /// The peer closes the connection.
    Close,
    /// The peer checks the connection and expects a pong.
    Ping,
    /// The answer to a ping.
    Pong,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A frame from a client; its payload has been unmasked in place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientFrame {
    /// The frame's type.
    pub opcode: Opcode,
    /// Whether it ends its message.
    pub fin: bool,
    /// The range of its payload in the given bytes.
    pub payload: std::ops::Range<usize>,
    /// The index at which the next frame begins.
    pub end: usize,
}

/// Reads one frame from the beginning of `bytes` and unmasks its payload in place.
///
/// `Ok(None)` means that the frame is not complete yet. `limit` is the largest payload, in bytes.
///
/// # Errors
/// The close code for a frame that violates RFC 6455 or the limit; the caller closes the socket with it.
pub fn read(bytes: &mut [u8], limit: usize) -> Result<Option<ClientFrame>, CloseCode> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    let opcode = Opcode::from_bits(first & 0x0F).ok_or(CloseCode::Protocol)?;
    let fin = first & 0x80 != 0;
    let masked = second & 0x80 != 0;
    if first & 0x70 != 0 || !masked {
        return Err(CloseCode::Protocol);
    }
    let short = usize::from(second & 0x7F);
    if opcode.is_control() && (!fin || short > 125) {
        return Err(CloseCode::Protocol);
    }
    let (length, mask_at) = match short {
        126 => {
            let Some(field) = bytes.get(2..4) else { return Ok(None) };
            let length = u16::from_be_bytes([field[0], field[1]]);
            if length < 126 {
                return Err(CloseCode::Protocol);
            }
            (usize::from(length), 4)
        }
        127 => {
            let Some(field) = bytes.get(2..10) else { return Ok(None) };
            let mut number = [0; 8];
            number.copy_from_slice(field);
            let length = u64::from_be_bytes(number);
            if length >> 63 != 0 || length < 65_536 {
                return Err(CloseCode::Protocol);
            }
            (usize::try_from(length).map_err(|_| CloseCode::TooLarge)?, 10)
        }
        length => (length, 2),
    };
    if length > limit {
        return Err(CloseCode::TooLarge);
    }
    let start = mask_at + 4;
    let end = start + length;
    if bytes.len() < end {
        return Ok(None);
    }
    let mask = [bytes[mask_at], bytes[mask_at + 1], bytes[mask_at + 2], bytes[mask_at + 3]];
    unmask(&mut bytes[start..end], mask);
    Ok(Some(ClientFrame { opcode, fin, payload: start..end, end }))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (at, byte) in rest.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
}

/// Appends one unfragmented, unmasked frame to `out`.
pub fn write(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(HEADER_BYTES + payload.len());
    out.push(0x80 | opcode.bits());
    match payload.len() {
        length @ 0..=125 => out.push(length as u8),
        length @ 126..=0xFFFF => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// The frame of a text message.
pub fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + text.len());
    write(Opcode::Text, text.as_bytes(), &mut out);
    out
}

/// The frame of a text message that `write` appends. `bytes` is about its length; the text is written into the frame's
/// own buffer and is not copied.
pub fn written(bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    // Space for the header of a text from 126 bytes to 64 KiB, which is the most frequent one.
    const HEADER: usize = 4;
    let mut out = Vec::with_capacity(HEADER + bytes);
    out.extend_from_slice(&[0; HEADER]);
    write(&mut out);
    let length = out.len() - HEADER;
    match length {
        0..=125 => {
            out.drain(..2);
            out[1] = length as u8;
        }
        126..=0xFFFF => {
            out[1] = 126;
            out[2..HEADER].copy_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.splice(..HEADER, std::iter::repeat_n(0, HEADER_BYTES));
            out[1] = 127;
            out[2..HEADER_BYTES].copy_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out[0] = 0x80 | Opcode::Text.bits();
    out
}

/// The close frame of this code.
pub fn close(code: CloseCode) -> Vec<u8> {
    let mut payload = code.number().to_be_bytes().to_vec();
    payload.extend_from_slice(code.reason().as_bytes());
    let mut out = Vec::with_capacity(HEADER_BYTES + payload.len());
    write(Opcode::Close, &payload, &mut out);
    out
}

/// The payload of a frame that this codec wrote.
pub fn payload(frame: &[u8]) -> &[u8] {
    let header = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    frame.get(header..).unwrap_or_default()
}

/// Whether a client may send this payload in a close frame: its code is allowed and its reason is UTF-8.
pub fn close_is_valid(payload: &[u8]) -> bool {
    match payload {
        [] => true,
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) && std::str::from_utf8(reason).is_ok()
        }
        [_] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(opcode: u8, fin: bool, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut out = vec![opcode | if fin { 0x80 } else { 0 }];
        match payload.len() {
            length @ 0..=125 => out.push(0x80 | length as u8),
            length @ 126..=0xFFFF => {
                out.push(0x80 | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(0x80 | 127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&mask);
        out.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        out
    }

    #[test]
    fn a_frame_written_in_place_is_the_same() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let body = "x".repeat(length);
            for room in [0, length] {
                let frame = written(room, |out| out.extend_from_slice(body.as_bytes()));
                assert!(frame == text(&body), "{length} bytes");
            }
        }
    }

    #[test]
    fn frames_that_break_the_rfc_are_refused_with_their_code() {
        let cases: [(&[u8], CloseCode); 8] = [
            (&[0x81, 0x00], CloseCode::Protocol),             // not masked
            (&[0xC1, 0x80, 0, 0, 0, 0], CloseCode::Protocol), // reserved bit
            (&[0x83, 0x80, 0, 0, 0, 0], CloseCode::Protocol), // reserved opcode
            (&[0x09, 0x80, 0, 0, 0, 0], CloseCode::Protocol), // fragmented control frame
            (&[0x89, 0xFE, 0, 126], CloseCode::Protocol),     // long control frame
            (&[0x81, 0xFE, 0, 125], CloseCode::Protocol),     // length not minimal
            (&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255], CloseCode::Protocol),
            (&[0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0], CloseCode::TooLarge),
        ];
        for (bytes, code) in cases {
            assert_eq!(read(&mut bytes.to_vec(), 65_536), Err(code), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_and_every_prefix_of_it_waits(
            payload in proptest::collection::vec(any::<u8>(), 0..70_000), mask in any::<[u8; 4]>(), fin in any::<bool>(),
        ) {
            let bytes = masked(0x2, fin, &payload, mask);
            for cut in [0, 1, 2, 3, 5, bytes.len() / 2, bytes.len() - 1] {
                if cut < bytes.len() {
                    prop_assert_eq!(read(&mut bytes[..cut].to_vec(), 100_000), Ok(None));
                }
            }
            let mut whole = bytes.clone();
            whole.extend_from_slice(b"next");
            let frame = read(&mut whole, 100_000).expect("good").expect("whole");
            prop_assert_eq!(frame.end, bytes.len());
            prop_assert_eq!(frame.fin, fin);
            prop_assert_eq!(&whole[frame.payload], &payload[..]);
        }

        #[test]
        fn frames_cut_anywhere_are_the_same_frames(
            messages in proptest::collection::vec(
                (0usize..6, proptest::collection::vec(any::<u8>(), 0..300), any::<[u8; 4]>()), 1..6,
            ),
            cuts in proptest::collection::vec(1usize..40, 1..80),
        ) {
            let mut stream = Vec::new();
            for (at, payload, mask) in &messages {
                let opcode = [0x0, 0x1, 0x2, 0x8, 0x9, 0xA][*at];
                let length = if opcode < 0x8 { payload.len() } else { payload.len().min(125) };
                stream.extend(masked(opcode, true, &payload[..length], *mask));
            }
            let take = |buffer: &mut Vec<u8>, frames: &mut Vec<(Opcode, Vec<u8>)>| {
                while let Some(frame) = read(buffer, 1_000).expect("good frames") {
                    frames.push((frame.opcode, buffer[frame.payload].to_vec()));
                    buffer.drain(..frame.end);
                }
            };
            let (mut at_once, mut in_pieces) = (Vec::new(), Vec::new());
            take(&mut stream.clone(), &mut at_once);
            let (mut buffer, mut rest, mut cuts) = (Vec::new(), &stream[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*cuts.next().expect("a cycle")));
                buffer.extend_from_slice(piece);
                take(&mut buffer, &mut in_pieces);
                rest = behind;
            }
            prop_assert_eq!(at_once.len(), messages.len());
            prop_assert_eq!(in_pieces, at_once);
        }

        #[test]
        fn the_payload_of_a_written_frame_is_found(message in ".{0,400}") {
            let frame = text(&message);
            prop_assert_eq!(super::payload(&frame), message.as_bytes());
        }

        #[test]
        fn junk_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&mut bytes, 100);
            let _ = close_is_valid(&bytes);
        }
    }
}
