//! The outbox of one socket: shared bytes that wait to be written, in order, and how much of the first piece has been
//! written. An empty outbox has no memory of its own.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

/// The most pieces that one vectored write takes. The kernel's own limit (`IOV_MAX`) is 1,024.
pub(super) const SLICES: usize = 64;

/// The frames that wait, oldest first. Each piece holds whole frames.
#[derive(Default)]
#[repr(C)]
pub(super) struct Outbox {
    /// The bytes that wait; 0 if nothing does. It is the first field so that it lies next to the fields of `Socket`
    /// that each delivery reads.
    bytes: usize,
    /// The bytes of the first piece that have been written.
    written: usize,
    pieces: VecDeque<Bytes>,
}

impl Outbox {
    pub(super) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back(piece);
    }

    /// Adds a piece before everything that waits, but after a piece of which a part has been written.
    pub(super) fn push_next(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.insert(usize::from(self.written > 0), piece);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The bytes that wait to be written.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Fills in what the next write takes: the first pieces, without what has been written. Returns how many slices
    /// were filled.
    pub(super) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let mut skip = self.written;
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(&piece[skip..]);
            skip = 0;
            count += 1;
        }
        count
    }

    /// Everything that waits as one slice, if it is one piece or fits into `buffer`; otherwise an empty slice.
    pub(super) fn gather<'a>(&'a self, buffer: &'a mut [u8]) -> &'a [u8] {
        if let (1, Some(only)) = (self.pieces.len(), self.pieces.front()) {
            return &only[self.written..];
        }
        let Some(buffer) = buffer.get_mut(..self.bytes) else { return &[] };
        let (mut skip, mut at) = (self.written, 0);
        for piece in &self.pieces {
            let rest = &piece[skip..];
            buffer[at..at + rest.len()].copy_from_slice(rest);
            at += rest.len();
            skip = 0;
        }
        buffer
    }

    /// Notes that this many bytes have been written.
    pub(super) fn advance(&mut self, mut bytes: usize) {
        self.bytes -= bytes;
        bytes += self.written;
        while let Some(first) = self.pieces.front() {
            if bytes < first.len() {
                break;
            }
            bytes -= first.len();
            self.pieces.pop_front();
        }
        self.written = bytes;
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
    }

    /// Drops everything except the rest of a frame of which a part has been written. Without that rest the peer could
    /// not read any further frame.
    pub(super) fn keep_frame_in_flight(&mut self) {
        let first = self.pieces.pop_front();
        self.pieces.clear();
        self.bytes = 0;
        let written = std::mem::take(&mut self.written);
        if let Some(piece) = first
            && written > 0
        {
            let mut end = 0;
            while end < written {
                end += frame_bytes(&piece[end..]);
            }
            if end > written {
                self.push(piece.slice(written..end));
            }
        }
    }
}

/// The length of the unmasked frame that these bytes begin with.
fn frame_bytes(bytes: &[u8]) -> usize {
    match bytes[1] & 0x7F {
        126 => 4 + usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
        127 => {
            let mut length = [0; 8];
            length.copy_from_slice(&bytes[2..10]);
            10 + usize::try_from(u64::from_be_bytes(length)).expect("the server wrote this frame from memory")
        }
        short => 2 + usize::from(short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Frame;

    fn rest(outbox: &Outbox) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = outbox.fill(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn bytes_that_were_written_in_any_portions_are_not_written_again() {
        let pieces = ["first", "second", "third and last"];
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes()).collect();
        for step in 1..=all.len() {
            let mut outbox = Outbox::default();
            pieces.iter().for_each(|piece| outbox.push(Bytes::from_static(piece.as_bytes())));
            let mut sent = 0;
            while sent < all.len() {
                assert_eq!(rest(&outbox), &all[sent..]);
                assert_eq!(outbox.gather(&mut [0; 64]), &all[sent..]);
                let fits = outbox.pieces.len() == 1 || all.len() - sent <= 9;
                assert_eq!(outbox.gather(&mut [0; 9]), if fits { &all[sent..] } else { &[] });
                assert_eq!(outbox.bytes(), all.len() - sent);
                let portion = step.min(all.len() - sent);
                outbox.advance(portion);
                sent += portion;
            }
            assert!(outbox.is_empty());
        }
    }

    #[test]
    fn a_piece_that_goes_first_does_not_cut_a_frame_in_two() {
        for (written, expected) in [(0, "!first"), (2, "rst!")] {
            let mut outbox = Outbox::default();
            outbox.push(Bytes::from_static(b"first"));
            outbox.push(Bytes::from_static(b"second"));
            outbox.advance(written);
            outbox.push_next(Bytes::from_static(b"!"));
            assert_eq!(rest(&outbox), format!("{expected}second").as_bytes());
            assert_eq!(outbox.bytes(), 12 - written);
        }
    }

    #[test]
    fn only_the_rest_of_a_frame_in_flight_stays_in_a_cut_outbox() {
        let frames: Vec<Bytes> =
            ["a".repeat(3), "b".repeat(300), "c".repeat(70_000)].iter().map(|text| Frame::text(text).0).collect();
        let joined = Bytes::from(frames.concat());
        let ends = [frames[0].len(), frames[0].len() + frames[1].len(), joined.len()];
        for written in [0, 1, ends[0] - 1, ends[0], ends[0] + 1, ends[1] - 1, ends[1], ends[1] + 5] {
            let mut outbox = Outbox::default();
            outbox.push(joined.clone());
            outbox.push(Bytes::from_static(b"never sent"));
            outbox.advance(written);
            outbox.keep_frame_in_flight();
            let end = if written == 0 { 0 } else { *ends.iter().find(|end| **end >= written).expect("inside") };
            assert_eq!(rest(&outbox), &joined[written..end], "{written} bytes had left");
            assert_eq!(outbox.bytes(), end - written);
        }
    }
}
