//! The read side of one socket: a small task that waits for bytes, answers and deadlines. Between reads it keeps only
//! what is incomplete. Bytes are read into a buffer that all sockets of a thread share.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, Read};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::StreamExt;
use parlor_protocol::CloseCode;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::GatewayState;
use super::assembly::{Assembly, CLIENT_HEADER_BYTES, Input};
use super::door::Permit;
use super::session::{Change, Replies, Session, Step};
use super::upgrade::Opening;
use crate::delivery::{Connection, Frame};
use crate::telemetry::Held;

/// The bytes that the buffer has beyond a frame of the greatest size.
const SPARE_BYTES: usize = 16 * 1024;

/// How long a closed socket is still read. If bytes of the peer were left unread, the kernel would answer them with a
/// reset, and the last frames might not reach the peer.
const LINGER: Duration = Duration::from_secs(1);

thread_local! {
    /// The buffer that all sockets of this thread read into.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What wakes the task of a socket.
enum Wake {
    /// The shard has given the socket up.
    Closed,
    /// The blocking command of this number is done.
    Unblocked(u64, Change),
    /// The reply to the command of this number is known.
    Answered(u64, Frame),
    /// A deadline has come.
    Time,
    /// There may be bytes to read.
    Readable,
}

/// The outcome of a turn of reading.
enum Turn {
    /// The socket goes on.
    Open,
    /// The socket is to be closed with this code.
    Close(CloseCode),
    /// The peer is gone.
    Gone,
}

/// The times that decide when something is due.
struct Deadlines {
    /// When the last bytes came.
    heard: Instant,
    /// When the next ping is sent.
    ping: Instant,
    /// By when the socket must be connected.
    connect: Instant,
}

/// Serves one socket until it ends. `_counted` holds its place among the connections and in the metric meanwhile.
pub(super) async fn serve(
    gateway: GatewayState,
    stream: Arc<TcpStream>,
    mut opening: Box<Opening>,
    _counted: (Permit, Held),
) {
    let (closed, stop) = (CancellationToken::new(), gateway.stop.clone());
    let connection = gateway.delivery.attach(stream.clone(), closed.clone()).await;
    Span::current().record("connection.id", connection.id().0);
    tracing::debug!("a socket is open");
    let socket = (stream.clone(), closed.clone());
    let mut reader = Reader {
        deadlines: Deadlines::new(&gateway, &connection),
        assembly: Assembly::default(),
        session: Session::new(gateway, connection, socket, opening.bearer.take(), opening.undecided.take()),
        out: Vec::new(),
    };
    if !opening.first.is_empty() {
        reader.assembly.keep(&opening.first);
    }
    drop(opening);
    reader.run(&stream, &closed).await;
    drop(reader);
    tracing::debug!(by_server = closed.is_cancelled(), "a socket has ended");
    if closed.is_cancelled() {
        // An error and the end of the stream mean the same here: nothing more comes.
        let _ = Box::pin(stop.run_until_cancelled(tokio::time::timeout(LINGER, drain(&stream)))).await;
    }
}

/// The state of a socket's read side.
struct Reader {
    deadlines: Deadlines,
    assembly: Assembly,
    session: Session,
    /// The frames for this socket that the present turn has made.
    out: Vec<Frame>,
}

impl Reader {
    async fn run(&mut self, stream: &TcpStream, closed: &CancellationToken) {
        let mut cancelled = pin!(closed.cancelled());
        let mut timer = pin!(tokio::time::sleep_until(self.deadlines.next(&self.session)));
        let mut turn = if self.assembly.is_empty() { Turn::Open } else { self.turn(None) };
        loop {
            for frame in std::mem::take(&mut self.out) {
                self.session.connection.send(frame).await;
            }
            match turn {
                Turn::Open => {}
                Turn::Gone => return,
                Turn::Close(code) => {
                    self.session.connection.close(code, None).await;
                    return cancelled.as_mut().await;
                }
            }
            let wake = poll_fn(|cx| {
                if cancelled.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Wake::Closed);
                }
                if let Some(blocked) = &mut self.session.blocked
                    && let Poll::Ready((id, change)) = blocked.as_mut().poll(cx)
                {
                    self.session.blocked = None;
                    return Poll::Ready(Wake::Unblocked(id, change));
                }
                if let Some(waiting) = &mut self.session.waiting {
                    match waiting.poll_next_unpin(cx) {
                        Poll::Ready(Some((id, frame))) => return Poll::Ready(Wake::Answered(id, frame)),
                        Poll::Ready(None) => self.session.waiting = None,
                        Poll::Pending => {}
                    }
                }
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Wake::Time);
                }
                // While a command blocks the next ones nothing is read, so that the peer's sending is held back.
                if self.session.blocked.is_none() && stream.poll_read_ready(cx).is_ready() {
                    return Poll::Ready(Wake::Readable);
                }
                Poll::Pending
            });
            turn = match wake.await {
                Wake::Closed => return,
                Wake::Answered(id, frame) => {
                    self.session.answered(id);
                    self.out.push(frame);
                    Turn::Open
                }
                Wake::Unblocked(id, change) => {
                    self.session.answered(id);
                    match self.session.apply(change) {
                        Some(code) => Turn::Close(code),
                        None => {
                            timer.as_mut().reset(self.deadlines.next(&self.session));
                            self.turn(None)
                        }
                    }
                }
                Wake::Time => {
                    let turn = self.due(Instant::now());
                    timer.as_mut().reset(self.deadlines.next(&self.session));
                    turn
                }
                Wake::Readable => {
                    tokio::task::consume_budget().await;
                    self.turn(Some(stream))
                }
            };
        }
    }

    /// Reads what has come, if a stream is given, and handles every whole message.
    fn turn(&mut self, stream: Option<&TcpStream>) -> Turn {
        SCRATCH.with_borrow_mut(|scratch| {
            let limit = self.session.gateway.settings.message_bytes;
            let wanted = limit + CLIENT_HEADER_BYTES + SPARE_BYTES;
            if scratch.len() < wanted {
                scratch.resize(wanted, 0);
            }
            let mut end = self.assembly.restore(scratch);
            if let Some(stream) = stream
                && end < scratch.len()
            {
                match read_some(stream, &mut scratch[end..]) {
                    Ok(Some(0)) | Err(_) => return Turn::Gone,
                    Ok(Some(read)) => {
                        end += read;
                        self.deadlines.heard = Instant::now();
                    }
                    Ok(None) => {}
                }
            }
            let mut at = 0;
            while self.session.blocked.is_none() {
                match self.assembly.next(&mut scratch[at..end], limit) {
                    Ok(None) => break,
                    Ok(Some((input, used))) => {
                        at += used;
                        if let Some(input) = input
                            && let Some(turn) = self.take(input)
                        {
                            return turn;
                        }
                    }
                    Err(code) => return Turn::Close(code),
                }
            }
            if at < end {
                self.assembly.keep(&scratch[at..end]);
            }
            Turn::Open
        })
    }

    /// Handles one message. `None` if the socket goes on.
    fn take(&mut self, input: Input<'_>) -> Option<Turn> {
        match input {
            Input::Text(text) => match self.session.message(&text, self.deadlines.heard) {
                Step::Nothing => {}
                Step::Reply(frame) => self.out.push(frame),
                Step::Wait(answer) => self.session.waiting.get_or_insert_with(|| Box::new(Replies::new())).push(answer),
                Step::Block(command) => self.session.blocked = Some(command),
                Step::Refuse(frame, code) => {
                    self.out.push(frame);
                    return Some(Turn::Close(code));
                }
            },
            Input::Ping(payload) => {
                // Of several pings in a row only the last one is answered (RFC 6455, section 5.5.3).
                self.out.pop_if(|frame| frame.is_pong());
                self.out.push(Frame::pong(payload));
            }
            Input::Pong => {}
            Input::Close(code) => {
                // With 1000 the client has closed the socket on purpose (RFC 6455, section 7.4.1). With any other code
                // it may come back: a page that is reloaded closes its socket with 1001.
                if code == Some(1000) {
                    self.session.leave_rooms();
                }
                return Some(Turn::Close(CloseCode::Normal));
            }
        }
        None
    }

    /// Does what is due by now.
    fn due(&mut self, now: Instant) -> Turn {
        let settings = &self.session.gateway.settings;
        if now >= self.deadlines.heard + Duration::from_millis(settings.silence_ms) {
            return Turn::Close(CloseCode::Silent);
        }
        match &mut self.session.me {
            None if now >= self.deadlines.connect => return Turn::Close(CloseCode::ConnectTimeout),
            Some(me) if now >= me.validity.ends => return Turn::Close(CloseCode::Unauthenticated),
            Some(me) => self.out.extend(me.validity.ask(now)),
            None => {}
        }
        if now >= self.deadlines.ping {
            self.out.push(self.session.gateway.ping.clone());
            self.deadlines.ping = now + Deadlines::ping_interval(&self.session.gateway, &self.session.connection);
        }
        Turn::Open
    }
}

impl Deadlines {
    fn new(gateway: &GatewayState, connection: &Connection) -> Self {
        let now = Instant::now();
        Self {
            heard: now,
            ping: now + Self::ping_interval(gateway, connection),
            connect: now + Duration::from_millis(gateway.settings.connect_ms),
        }
    }

    /// The ping interval, shortened or lengthened by up to a tenth, so that sockets which came at the same time are not
    /// pinged at the same time.
    fn ping_interval(gateway: &GatewayState, connection: &Connection) -> Duration {
        let ms = gateway.settings.ping_ms;
        let chance = connection.id().0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Duration::from_millis(ms - ms / 10 + (ms / 5) * chance / (1 << 32))
    }

    /// When something is due next. Bytes that come meanwhile move that later; the timer then fires once for nothing.
    fn next(&self, session: &Session) -> Instant {
        let silence = self.heard + Duration::from_millis(session.gateway.settings.silence_ms);
        let session_end = session.me.as_ref().map_or(self.connect, |me| me.validity.next());
        silence.min(self.ping).min(session_end)
    }
}

/// Reads once; `None` if there was nothing to read. A read that does not fill the buffer has taken everything, so the
/// runtime is told that the socket is no longer readable, which saves a read in vain.
fn read_some(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let mut taken = None;
    let result = stream.try_io(Interest::READABLE, || {
        let read = (&*SockRef::from(stream)).read(buffer)?;
        taken = Some(read);
        if read < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match (taken, result) {
        (Some(read), _) => Ok(Some(read)),
        (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Ok(None),
    }
}

/// Reads and drops everything until the peer ends the stream.
async fn drain(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let read = SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(scratch.len().max(SPARE_BYTES), 0);
            stream.try_read(scratch)
        });
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
