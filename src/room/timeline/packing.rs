//! How stretches and keyframes are packed: zlib (RFC 1950), at its fastest.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

/// The most bytes that one stretch or keyframe unpacks to. None that is written has as many.
const MOST: u64 = 64 << 20;

/// Packs texts one after the other. It has some hundred KiB of its own, which are used again for each text.
pub(super) struct Packer(Compress);

impl Packer {
    pub(super) fn new() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }

    pub(super) fn pack(&mut self, text: &[u8]) -> Vec<u8> {
        self.0.reset();
        let mut packed = Vec::with_capacity(text.len() / 3 + 128);
        loop {
            let read = usize::try_from(self.0.total_in()).expect("the text is in memory");
            let status = self.0.compress_vec(&text[read..], &mut packed, FlushCompress::Finish);
            if status.expect("nothing fails but a stream that was ended before") == Status::StreamEnd {
                return packed;
            }
            packed.reserve(text.len() / 2 + 128);
        }
    }
}

/// The text that was packed.
///
/// # Errors
/// It was not packed here.
pub(super) fn unpack(packed: &[u8]) -> std::io::Result<String> {
    let mut text = String::new();
    ZlibDecoder::new(packed).take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_packed_is_unpacked_again() {
        let mut packer = Packer::new();
        let words: String =
            (0..40_000_u64).map(|at| format!("{:x} ", at.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
        for text in ["", "x", "a line\nand another\n", &"same ".repeat(20_000), &words] {
            let packed = packer.pack(text.as_bytes());
            assert_eq!(unpack(&packed).expect("packed"), text);
        }
        assert!(packer.pack("same ".repeat(20_000).as_bytes()).len() < 1_000, "it is smaller");
        assert!(unpack(b"not packed").is_err());
    }
}
