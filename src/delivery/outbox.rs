//! What waits for one socket: shared bytes in order, with how far the first of them has been written.
//! Empty it owns no memory.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

/// Pieces that one vectored write takes. The kernel's own limit is 1,024.
pub(super) const SLICES: usize = 64;

/// Frames that wait, oldest first. Each piece holds whole frames.
#[derive(Default)]
#[repr(C)]
pub(super) struct Outbox {
    /// First, beside what a delivery looks at: nothing waits where it is 0.
    bytes: usize,
    /// Bytes of the first piece that have left.
    written: usize,
    pieces: VecDeque<Bytes>,
}

impl Outbox {
    pub(super) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back(piece);
    }

    /// Before all that waits, but behind a piece that has left in part.
    pub(super) fn push_next(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.insert(usize::from(self.written > 0), piece);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes that still have to leave.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the next write takes: the first pieces, without what has left.
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

    /// All that waits in one piece, if it is one or a short one; otherwise nothing.
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

    /// So many bytes have left.
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

    /// Drops all but the rest of a frame that has left in part: without it the peer could read no
    /// further frame.
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
    fn what_left_in_any_portions_is_not_sent_again() {
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
    fn what_is_next_cuts_into_no_frame() {
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
    fn of_a_cut_outbox_only_the_rest_of_the_frame_in_flight_stays() {
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
