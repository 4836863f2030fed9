//! One socket's write side. It writes what is there at once and never waits.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use parlor_protocol::RoomId;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::ConnectionId;
use super::listeners::Ticket;
use super::outbox::{Outbox, SLICES};

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Written {
    /// All has left.
    Fine,
    /// It waits behind what waited before.
    Queued,
    /// The socket has just become full: wait until it takes more.
    Full,
    /// More waits than may.
    Slow,
    /// The peer is gone.
    Gone,
}

/// A socket's place in a room.
pub(super) struct Subscription {
    pub room: RoomId,
    /// Where it stands among the room's live members; `PENDING` until it has come in.
    pub index: u32,
    /// Its place in the count of listeners, for as long as this lives.
    pub _ticket: Ticket,
}

/// Bytes of several frames that are copied together for one write: a vector of pieces costs more up to there.
const AT_ONCE: usize = 1_024;

/// The index of a subscription whose join has not been answered.
pub(super) const PENDING: u32 = u32::MAX;

/// A socket's write side. What a delivery looks at stands first and together: in a big room a socket's memory has to be
/// fetched anew for each write.
#[repr(C)]
pub(super) struct Socket {
    /// The stream's descriptor, open for as long as the stream lives.
    fd: RawFd,
    /// It was full at the last write: frames queue until it takes more.
    pub behind: bool,
    /// The shard waits for it to take more.
    pub waiting: bool,
    /// It ends when the outbox is empty.
    pub closing: bool,
    pub outbox: Outbox,
    /// How much of the outbox stands in the shard's sum. There is something only while the socket is behind.
    pub counted: usize,
    pub stream: Arc<TcpStream>,
    pub id: ConnectionId,
    pub closed: CancellationToken,
    /// The answer to the last ping, until the socket takes more. Boxed: it is rare, and every socket has room for it.
    pub pong: Option<Box<Bytes>>,
    pub rooms: Vec<Subscription>,
}

/// What one turn gathered for a room, in one buffer that the whole room shares.
pub(super) struct Batch {
    /// Events, then signals.
    pub whole: Bytes,
    /// Where the signals begin.
    pub signals_at: usize,
    /// Where each event begins, and behind them where they end.
    pub starts: Vec<usize>,
}

impl Batch {
    pub(super) fn gather(events: &[Bytes], signals: &[Bytes]) -> Self {
        let mut starts = Vec::with_capacity(events.len() + 1);
        let mut at = 0;
        starts.push(0);
        for event in events {
            at += event.len();
            starts.push(at);
        }
        let whole = match (events, signals) {
            ([only], []) | ([], [only]) => only.clone(),
            _ => Bytes::from([events, signals].concat().concat()),
        };
        Self { whole, signals_at: at, starts }
    }
}

impl Socket {
    pub(super) fn new(id: ConnectionId, stream: Arc<TcpStream>, closed: CancellationToken) -> Self {
        Self {
            fd: stream.as_raw_fd(),
            behind: false,
            waiting: false,
            closing: false,
            outbox: Outbox::default(),
            counted: 0,
            stream,
            id,
            closed,
            pong: None,
            rooms: Vec::new(),
        }
    }

    /// Gives the socket its slice of what the room gathered, from this byte on.
    pub(super) fn deliver(&mut self, batch: &Batch, start: usize, limit: usize) -> Written {
        if self.behind {
            // No signals for a socket that is behind.
            if start < batch.signals_at {
                self.outbox.push(batch.whole.slice(start..batch.signals_at));
            }
            return if self.outbox.bytes() > limit { Written::Slow } else { Written::Queued };
        }
        let slice = &batch.whole[start..];
        if !self.outbox.is_empty() {
            if !slice.is_empty() {
                self.outbox.push(batch.whole.slice(start..));
            }
            return self.flush(limit);
        }
        if slice.is_empty() {
            return Written::Fine;
        }
        let left = match self.send(slice) {
            Ok(left) if left == slice.len() => return Written::Fine,
            Ok(left) => left,
            Err(_) => return Written::Gone,
        };
        self.outbox.push(batch.whole.slice(start..));
        self.outbox.advance(left);
        // This write goes through the runtime, so that it learns that the socket is full and says when it no longer is.
        self.flush(limit)
    }

    /// One write past the runtime's own note of whether the socket takes more: to look it up costs more than all else
    /// here. Says how much has left; what comes behind goes through the runtime, which has to know of a full socket.
    fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match send(self.fd, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(0),
            sent => sent,
        }
    }

    /// Writes what waits, all in one write as far as it goes.
    pub(super) fn flush(&mut self, limit: usize) -> Written {
        if let Some(pong) = self.pong.take() {
            self.outbox.push_next(*pong);
        }
        if !self.behind {
            let mut buffer = [0; AT_ONCE];
            let whole = self.outbox.gather(&mut buffer);
            if !whole.is_empty() {
                match self.send(whole) {
                    Ok(left) => self.outbox.advance(left),
                    Err(_) => return Written::Gone,
                }
            }
        }
        while !self.outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.outbox.fill(&mut slices);
            match self.stream.try_write_vectored(&slices[..count]) {
                Ok(left) => self.outbox.advance(left),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.behind = true;
                    return if self.outbox.bytes() > limit { Written::Slow } else { Written::Full };
                }
                Err(_) => return Written::Gone,
            }
        }
        self.behind = false;
        Written::Fine
    }

    /// Writes these frames at once, if nothing stands before them and the socket takes them; nobody waits for it.
    pub(super) fn last_words(&mut self, frames: &[Bytes]) {
        if self.outbox.is_empty() && !self.closing {
            // A peer that does not take them comes back by itself.
            let _ = self.send(&frames.concat());
        }
    }

    /// Tells the peer that nothing more comes, and the reader that the socket has been given up.
    pub(super) fn end(&self) {
        // A peer that is gone already needs no goodbye.
        let _ = SockRef::from(&*self.stream).shutdown(Shutdown::Write);
        self.closed.cancel();
    }
}
