//! What a stranger's process has done and what it was told, counted by kind, so that an abuse which does nothing fails.
//!
//! The kinds are `connected` and `refused` connections, bytes `written`, connections `closed`, `reset` and `cut` by the
//! server, peers that `vanished`, and each HTTP status and close code that was read.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

/// The longest close frame, which comes last.
const CLOSE_BYTES: usize = 127;

/// How often each kind was counted.
pub(super) type Tally = BTreeMap<String, usize>;

static TALLY: Mutex<Tally> = Mutex::new(Tally::new());

/// Counts so many of a kind.
pub(super) fn count(kind: &str, many: usize) {
    let mut tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
    *tally.entry(kind.to_owned()).or_default() += many;
}

/// All that was counted in this process.
pub(super) fn counted() -> Tally {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What was heard on one connection: the status at its beginning and the close code at its end.
#[derive(Default)]
pub(super) struct Ear {
    has_begun: bool,
    last: Vec<u8>,
}

impl Ear {
    /// Hears what was read into `portion`. Whether more can come.
    pub(super) fn hears(&mut self, read: io::Result<usize>, portion: &[u8]) -> bool {
        match read {
            Ok(0) => count("closed", 1),
            Ok(read) => self.bytes(&portion[..read]),
            Err(_) => count("reset", 1),
        }
        matches!(read, Ok(1..))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if !self.has_begun
            && let Some(status) = bytes.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3))
        {
            count(&String::from_utf8_lossy(status), 1);
        }
        self.has_begun = true;
        self.last.extend_from_slice(bytes);
        let surplus = self.last.len().saturating_sub(CLOSE_BYTES);
        self.last.drain(..surplus);
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(code) = close_code(&self.last) {
            count(&code.to_string(), 1);
        }
    }
}

/// The code of the close frame that ends these bytes.
fn close_code(bytes: &[u8]) -> Option<u16> {
    (0..bytes.len()).find_map(|at| match bytes[at..] {
        [0x88, length, high, low, ..] if usize::from(length) == bytes.len() - at - 2 => {
            Some(u16::from_be_bytes([high, low]))
        }
        _ => None,
    })
}

#[test]
fn the_close_code_is_that_of_the_last_frame() {
    assert_eq!(close_code(b"\x81\x02{}\x88\x04\x0F\xA5no"), Some(4005));
    assert_eq!(close_code(b"\x81\x02{}"), None);
}
