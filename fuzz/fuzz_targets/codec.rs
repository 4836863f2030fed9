//! Fuzzes the WebSocket frame codec: it must not panic, no frame may reach beyond the bytes or the limit, and bytes in
//! pieces must give the same frames as the same bytes at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor_protocol::CloseCode;
use parlor_protocol::frame::{self, Opcode};

const LIMIT: usize = 1_024;

type Frames = (Vec<(Opcode, bool, Vec<u8>)>, Option<CloseCode>);

/// Reads frames from bytes that arrive in pieces.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Frames {
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match frame::read(&mut buffer, LIMIT) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    assert!(
                        frame.payload.end <= frame.end && frame.end <= buffer.len() && frame.payload.len() <= LIMIT
                    );
                    frames.push((frame.opcode, frame.fin, buffer[frame.payload].to_vec()));
                    buffer.drain(..frame.end);
                }
                Err(code) => return (frames, Some(code)),
            }
        }
    }
    (frames, None)
}

fuzz_target!(|bytes: &[u8]| {
    let [size, bytes @ ..] = bytes else { return };
    let whole = read(std::iter::once(bytes));
    assert_eq!(read(bytes.chunks(usize::from(*size).max(1))), whole);
    for (opcode, _, payload) in &whole.0 {
        if *opcode == Opcode::Close {
            let _ = frame::close_is_valid(payload);
        }
        let mut written = Vec::new();
        frame::write(*opcode, payload, &mut written);
        assert_eq!(frame::payload(&written), payload);
    }
});
