//! The stream under an HTTP connection, which keeps its deadlines: for the head of a request, for an idle connection,
//! and for the progress of an answer. Hyper knows only the first two, and those as one.
//!
//! A deadline is a time for **progress** and not for the whole: a slow phone may take long for a large answer, but a
//! reader who takes nothing, or a byte now and then, is closed. The memory of what was not sent is given back at once
//! (a reset), because the system would hold it for minutes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// What a reader has to take within the time for progress, unless less is left.
const PROGRESS_BYTES: usize = 4 * 1024;

/// The times of an HTTP connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For the head of a request, from its first byte on.
    pub head: Duration,
    /// For the next request.
    pub idle: Duration,
    /// For the progress of an answer.
    pub write: Duration,
}

/// Whether a request of the connection is being answered. It is shared with whoever answers.
#[derive(Clone, Default)]
pub(super) struct Answering(Arc<(AtomicBool, AtomicWaker)>);

impl Answering {
    pub(super) fn begin(&self) {
        self.0.0.store(true, Ordering::Release);
    }

    /// Ends the answer, and wakes the connection, whose time to be idle begins.
    pub(super) fn end(&self) {
        self.0.0.store(false, Ordering::Release);
        self.0.1.wake();
    }

    /// Whether it is on; then its end wakes the task.
    fn is_on(&self, cx: &Context<'_>) -> bool {
        if self.0.0.load(Ordering::Acquire) {
            self.0.1.register(cx.waker());
        }
        self.0.0.load(Ordering::Acquire)
    }
}

/// What is awaited of the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Awaits {
    /// The rest of a head.
    Head,
    /// The first byte of the next request.
    Request,
}

/// The progress of what is being written.
struct Writing {
    since: Instant,
    taken: usize,
}

/// A stream with its deadlines.
pub(super) struct Watched {
    io: TokioIo<TcpStream>,
    times: Times,
    answering: Answering,
    awaits: Awaits,
    /// By when the peer must have said what is awaited; `None` while it is not its turn.
    speak_by: Option<Instant>,
    /// Set while a write waits for the peer.
    writing: Option<Writing>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    /// A stream on which the head of the first request is awaited, or its rest, from now on.
    pub(super) fn new(stream: TcpStream, times: Times, answering: Answering, now: Instant) -> Self {
        Self {
            io: TokioIo::new(stream),
            times,
            answering,
            awaits: Awaits::Head,
            speak_by: Some(now + times.head),
            writing: None,
            timer: None,
        }
    }

    /// The stream itself.
    pub(super) fn into_stream(self) -> TcpStream {
        self.io.into_inner()
    }

    /// Waits for this time. Ready when it has come.
    fn poll_until(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx)
    }

    /// Notes that nothing has come. An error if it should have.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.answering.is_on(cx) || self.writing.is_some() {
            (self.speak_by, self.awaits) = (None, Awaits::Request);
            return Ok(());
        }
        let by = *self.speak_by.get_or_insert_with(|| Instant::now() + self.times.idle);
        match self.poll_until(by, cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Notes that the peer takes nothing now. An error if it has taken too little for long.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.writing.is_none() {
            // Whatever ends the connection now, the system must not hold what the peer did not take.
            self.linger(Some(Duration::ZERO));
        }
        let writing = self.writing.get_or_insert_with(|| Writing { since: Instant::now(), taken: 0 });
        if writing.taken >= PROGRESS_BYTES {
            *writing = Writing { since: Instant::now(), taken: 0 };
        }
        let by = writing.since + self.times.write;
        match self.poll_until(by, cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Sets for how long the system keeps what was not sent at a close; `None` is its own way.
    fn linger(&self, time: Option<Duration>) {
        // It fails only if the peer is gone already, and then nothing is held for it.
        let _ = SockRef::from(self.io.inner()).set_linger(time);
    }

    fn wrote(&mut self, result: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Pending => self.poll_stuck(cx).map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending),
            Poll::Ready(Ok(taken)) => {
                if let Some(writing) = &mut self.writing {
                    writing.taken += taken;
                }
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }
}

impl Read for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Pending => self.poll_silence(cx).map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending),
            ready => {
                if self.awaits == Awaits::Request && !self.answering.is_on(cx) {
                    (self.awaits, self.speak_by) = (Awaits::Head, Some(Instant::now() + self.times.head));
                }
                ready
            }
        }
    }
}

impl Write for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        // Hyper flushes when it has nothing more to write.
        if self.writing.take().is_some() {
            self.linger(None);
            self.poll_silence(cx)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
