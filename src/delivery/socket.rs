//! The write side of one socket. It writes at once what the socket takes, and never waits.

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

/// The outcome of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Written {
    /// Everything was written.
    Fine,
    /// Frames were added to those that wait already.
    Queued,
    /// The socket has just become full: the shard must wait until it takes more.
    Full,
    /// More bytes wait than may.
    Slow,
    /// The peer is gone.
    Gone,
}

/// The subscription of a socket to a room.
pub(super) struct Subscription {
    pub room: RoomId,
    /// The socket's index among the room's live members; [`PENDING`] until its join is answered.
    pub index: u32,
    /// Counts the socket among the room's listeners for as long as this lives.
    pub _ticket: Ticket,
}

/// Up to this many bytes, several frames are copied together for one write. Below it, a vectored write costs more than
/// the copy.
const AT_ONCE: usize = 1_024;

/// The index of a subscription whose join has not been answered.
pub(super) const PENDING: u32 = u32::MAX;

/// The write side of a socket. The fields that every delivery reads come first and lie together, because in a large
/// room each socket's memory has to be fetched into the cache for each write.
#[repr(C)]
pub(super) struct Socket {
    /// The stream's file descriptor, which is open for as long as the stream lives.
    fd: RawFd,
    /// Whether the socket was full at the last write. Frames wait until it takes more.
    pub behind: bool,
    /// Whether the shard waits for the socket to take more.
    pub waiting: bool,
    /// Whether the socket ends when its outbox is empty.
    pub closing: bool,
    pub outbox: Outbox,
    /// The bytes of the outbox that are counted in the shard's sum. It is above 0 only while the socket is behind.
    pub counted: usize,
    pub stream: Arc<TcpStream>,
    pub id: ConnectionId,
    pub closed: CancellationToken,
    /// The pong for the last ping, until it can be written. It is boxed because it is rare: otherwise every socket
    /// would be larger by it.
    pub pong: Option<Box<Bytes>>,
    pub rooms: Vec<Subscription>,
}

/// The frames that were gathered for a room, in one buffer that all its sockets share.
pub(super) struct Batch {
    /// The events, then the signals.
    pub whole: Bytes,
    /// The offset at which the signals begin.
    pub signals_at: usize,
    /// The offset at which each event begins, and after them the offset at which the last one ends.
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

    /// Writes to the socket what was gathered for the room, from the byte `start` on. If the socket is behind, the
    /// events are added to its outbox and the signals are left out.
    pub(super) fn deliver(&mut self, batch: &Batch, start: usize, limit: usize) -> Written {
        if self.behind {
            // A socket that is behind gets no signals.
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
        // This write goes through the runtime, so that the runtime notices that the socket is full and tells when it no
        // longer is.
        self.flush(limit)
    }

    /// Writes directly to the descriptor, without asking the runtime whether the socket is writable: that question
    /// costs more than everything else here. Returns how many bytes were written. The rest must go through the runtime,
    /// which has to know that the socket is full.
    fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match send(self.fd, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(0),
            sent => sent,
        }
    }

    /// Writes what waits, in as few writes as possible, until the socket is full.
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

    /// Writes these frames at once, if nothing waits before them. It does not matter whether the socket takes them.
    pub(super) fn last_words(&mut self, frames: &[Bytes]) {
        if self.outbox.is_empty() && !self.closing {
            // A peer that does not get them reconnects by itself.
            let _ = self.send(&frames.concat());
        }
    }

    /// Tells the peer that nothing more comes, and the reader that the socket has been given up.
    pub(super) fn end(&self) {
        // This fails only if the peer is gone already.
        let _ = SockRef::from(&*self.stream).shutdown(Shutdown::Write);
        self.closed.cancel();
    }
}
