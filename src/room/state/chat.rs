//! The last lines of chat, which snapshots show. They are bounded in number and in bytes, so that snapshots are too.

use std::collections::VecDeque;
use std::io;

use parlor_protocol::limit;
use parlor_protocol::room::ChatLine;

/// The newest lines, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Chat {
    lines: VecDeque<ChatLine>,
    bytes: usize,
}

impl Chat {
    /// Keeps this line and forgets the oldest ones that no longer fit.
    pub(super) fn push(&mut self, line: ChatLine) {
        self.bytes += bytes(&line);
        self.lines.push_back(line);
        while self.lines.len() > limit::CHAT_LINES || self.bytes > limit::CHAT_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= bytes(&oldest);
        }
    }

    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = &ChatLine> {
        self.lines.iter()
    }
}

/// The bytes of a line in a snapshot, with the comma after it.
fn bytes(line: &ChatLine) -> usize {
    let mut count = Count(1);
    serde_json::to_writer(&mut count, line).expect("a line has no failing serializer, and counting does not fail");
    count.0
}

/// Counts the bytes that are written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
