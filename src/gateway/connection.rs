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
use super::meter::Meter;
use super::session::{Change, Replies, Session, Step};
use super::upgrade::Opening;
use crate::delivery::{Connection, Frame};
use crate::kit::budget::{Prices, nanos};
use crate::telemetry::Held;

/// The bytes that the buffer has beyond a frame of the greatest size.
const SPARE_BYTES: usize = 16 * 1024;

/// The most bytes of one message, and of what is kept of one, of a socket before its `connect`: these are many, and
/// anybody may open them. A `connect` with all of its joins has 2 KiB.
const STRANGER_BYTES: usize = 8 * 1024;

/// The part of a socket's budget that one before its `connect` has.
const STRANGERS_PART: u64 = 16;

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
    /// The socket, whose user is not in, has lost its place.
    Out,
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

/// Serves one socket until it ends. `_counted` counts it in the metric meanwhile.
pub(super) async fn serve(gateway: GatewayState, stream: Arc<TcpStream>, mut opening: Box<Opening>, _counted: Held) {
    let (closed, stop) = (CancellationToken::new(), gateway.stop.clone());
    let connection = gateway.delivery.attach(stream.clone(), closed.clone()).await;
    Span::current().record("connection.id", connection.id().0);
    tracing::debug!("a socket is open");
    let socket = (stream.clone(), closed.clone());
    let mut reader = Reader {
        deadlines: Deadlines::new(&gateway, &connection),
        assembly: Assembly::default(),
        session: Session::new(
            gateway,
            connection,
            socket,
            opening.bearer.take(),
            opening.permit.clone(),
            opening.undecided.take(),
        ),
        meter: Meter::default(),
        out: Vec::new(),
    };
    if !opening.first.is_empty() {
        reader.assembly.keep(&opening.first);
    }
    drop(opening);
    reader.run(&stream, &closed).await;
    // A connection that is read to its end is open, so it has its place for as long.
    let (stranger, _inside) = reader.session.give_place();
    stranger.iter().for_each(|stranger| stranger.is_busy(false));
    drop(reader);
    tracing::debug!(by_server = closed.is_cancelled(), "a socket has ended");
    if closed.is_cancelled() {
        let out = async {
            match &stranger {
                Some(stranger) => stranger.out().await,
                None => std::future::pending().await,
            }
        };
        let reads = async {
            tokio::select! {
                () = out => {}
                // An error and the end of the stream mean the same here: nothing more comes.
                _ = tokio::time::timeout(LINGER, drain(&stream)) => {}
            }
        };
        Box::pin(stop.run_until_cancelled(reads)).await;
    }
}

/// The state of a socket's read side.
struct Reader {
    deadlines: Deadlines,
    assembly: Assembly,
    session: Session,
    meter: Meter,
    /// The frames for this socket that the present turn has made.
    out: Vec<Frame>,
}

impl Reader {
    async fn run(&mut self, stream: &TcpStream, closed: &CancellationToken) {
        let mut cancelled = pin!(closed.cancelled());
        let mut turn = if self.assembly.is_empty() { Turn::Open } else { self.turn(None) };
        let mut timer = pin!(tokio::time::sleep_until(self.next()));
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
                if let Some(stranger) = &self.session.stranger
                    && stranger.poll_out(cx).is_ready()
                {
                    return Poll::Ready(Wake::Out);
                }
                // While a command blocks the next ones, and while the socket is slowed, nothing is read, so that the
                // peer's sending is held back.
                if self.reads() && stream.poll_read_ready(cx).is_ready() {
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
                    // Before the turn, which may begin another blocking command.
                    self.session.stranger.iter().for_each(|stranger| stranger.is_busy(false));
                    let turn = match self.session.apply(change) {
                        Some(code) => Turn::Close(code),
                        None => self.turn(None),
                    };
                    timer.as_mut().reset(self.next());
                    turn
                }
                Wake::Time => {
                    let turn = self.due(Instant::now());
                    timer.as_mut().reset(self.next());
                    turn
                }
                Wake::Out => Turn::Close(CloseCode::Busy),
                Wake::Readable => {
                    tokio::task::consume_budget().await;
                    let turn = self.turn(Some(stream));
                    if self.meter.slowed_until().is_some() {
                        timer.as_mut().reset(self.next());
                    }
                    turn
                }
            };
        }
    }

    /// Whether the socket is read now.
    fn reads(&self) -> bool {
        self.session.blocked.is_none() && self.meter.slowed_until().is_none()
    }

    /// Reads what has come, if a stream is given, and handles every whole message that the budget allows.
    fn turn(&mut self, stream: Option<&TcpStream>) -> Turn {
        SCRATCH.with_borrow_mut(|scratch| {
            let (limit, prices) = self.allowed();
            let wanted = limit + CLIENT_HEADER_BYTES + SPARE_BYTES;
            if scratch.len() < wanted {
                scratch.resize(wanted, 0);
            }
            let mut end = self.assembly.restore(scratch);
            let (mut frames, mut bytes) = (0, 0);
            if let Some(stream) = stream
                && end < wanted
            {
                match read_some(stream, &mut scratch[end..wanted]) {
                    Ok(Some(0)) | Err(_) => return Turn::Gone,
                    Ok(Some(read)) => {
                        end += read;
                        bytes = read as u64;
                        self.deadlines.heard = Instant::now();
                    }
                    Ok(None) => {}
                }
            }
            let (mut at, began, now) = (0, self.session.gateway.began, self.deadlines.heard);
            self.forgive(prices, now);
            self.meter.take(0, bytes, prices, began, now);
            while self.reads() {
                match self.assembly.next(&mut scratch[at..end], limit) {
                    Ok(None) => break,
                    Ok(Some((input, used))) => {
                        at += used;
                        frames += 1;
                        self.meter.take(1, 0, prices, began, now);
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
            self.charge_user(frames, bytes, now);
            let within = Duration::from_millis(self.session.gateway.settings.flood_ms);
            if self.meter.floods(within, now) { Turn::Close(CloseCode::Flooding) } else { Turn::Open }
        })
    }

    /// The most bytes of a message, and the prices of frames and bytes. A socket whose user is not in has less.
    fn allowed(&self) -> (usize, Prices) {
        let (limit, prices) = (self.session.gateway.settings.message_bytes, self.session.gateway.socket_prices);
        match self.session.me {
            Some(_) => (limit, prices),
            None => (limit.min(STRANGER_BYTES), prices.a_part(STRANGERS_PART)),
        }
    }

    /// Counts what has come against the budget that all sockets of the user share.
    fn charge_user(&mut self, frames: u64, bytes: u64, now: Instant) {
        if let Some(me) = &self.session.me {
            let gateway = &self.session.gateway;
            let wait = me.presence.budget.take(frames, bytes, gateway.user_prices, nanos(gateway.began, now));
            self.meter.slow(wait, now);
        }
    }

    /// Forgets that the socket was slowed, once its own budget and its user's are kept.
    fn forgive(&mut self, prices: Prices, now: Instant) {
        let gateway = &self.session.gateway;
        let at = nanos(gateway.began, now);
        let of_user = || self.session.me.as_ref().is_none_or(|me| me.presence.budget.is_calm(gateway.user_prices, at));
        self.meter.forgive(prices, at, of_user);
    }

    /// When something is due next.
    fn next(&self) -> Instant {
        let next = self.deadlines.next(&self.session);
        self.meter.slowed_until().map_or(next, |until| next.min(until))
    }

    /// Handles one message. `None` if the socket goes on.
    fn take(&mut self, input: Input<'_>) -> Option<Turn> {
        match input {
            Input::Text(text) => match self.session.message(&text, self.deadlines.heard) {
                Step::Nothing => {}
                Step::Reply(frame) => self.out.push(frame),
                Step::Wait(answer) => self.session.waiting.get_or_insert_with(|| Box::new(Replies::new())).push(answer),
                Step::Block(command) => {
                    self.session.stranger.iter().for_each(|stranger| stranger.is_busy(true));
                    self.session.blocked = Some(command);
                }
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
        if self.meter.slowed_until().is_some() && self.meter.look(now) {
            self.deadlines.heard = now;
            return self.turn(None);
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
