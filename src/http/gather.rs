//! Reads the body of a request in JSON whole before anything else is made ready for the request, and bounds what all
//! bodies on their way keep in memory.
//!
//! hyper hands on a body in the portions in which it comes, and each portion keeps the buffer it was read into. Whoever
//! kept the portions of a body that comes a byte at a time would keep some kilobytes for each byte. So they are copied
//! into one buffer that grows with the body.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Settings;
use super::body::is_json;
use crate::kit::error::{Error, Result};

/// The bytes that each body may have without taking from the memory that all of them share. Nearly all bodies are
/// smaller, so that large ones that do not come to an end harm nobody.
const FREE: usize = 4 * 1_024;

/// The bounds of bodies on their way. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Bodies {
    /// The most bytes of one body.
    most: usize,
    /// The bytes that bodies may have together beyond [`FREE`] each.
    shared: Arc<Semaphore>,
}

impl Bodies {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { most: settings.body_bytes, shared: Arc::new(Semaphore::new(settings.bodies_bytes)) }
    }

    /// The whole body, and what it takes of the memory that all share.
    ///
    /// # Errors
    /// `too_large`; `busy` if the shared memory is used up; `bad_request` if the body ends before it is complete.
    async fn read(&self, mut body: Body) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>)> {
        let announced = body.size_hint().lower();
        if announced > self.most as u64 {
            return Err(Error::new(ErrorCode::TooLarge));
        }
        let mut whole = Vec::with_capacity(FREE.min(announced as usize));
        let mut taken = None;
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|_| incomplete())?;
            let Ok(portion) = frame.into_data() else { continue };
            let length = whole.len() + portion.len();
            if length > self.most {
                return Err(Error::new(ErrorCode::TooLarge));
            }
            if length > whole.capacity() {
                let larger = length.next_power_of_two().min(self.most);
                self.take(larger.saturating_sub(whole.capacity().max(FREE)), &mut taken)?;
                whole.reserve_exact(larger - whole.len());
            }
            whole.extend_from_slice(&portion);
        }
        Ok((whole, taken))
    }

    /// Takes so many bytes more of the shared memory.
    fn take(&self, bytes: usize, taken: &mut Option<OwnedSemaphorePermit>) -> Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        let bytes = u32::try_from(bytes).map_err(|_| Error::new(ErrorCode::TooLarge))?;
        let more = self.shared.clone().try_acquire_many_owned(bytes).map_err(|_| Error::new(ErrorCode::Busy))?;
        match taken {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }
}

fn incomplete() -> Error {
    ErrorBody::new(ErrorCode::BadRequest).message("the body ended before it was complete").into()
}

/// The layer: a request with a body in JSON goes on when its body is complete. Other bodies go on as they come.
pub(super) async fn whole_body(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match bodies.read(body).await {
        // What it takes of the shared memory is given back after the answer.
        Ok((whole, _taken)) => next.run(Request::from_parts(head, Body::from(whole))).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};

    use super::*;

    fn bodies(most: usize, shared: usize) -> Bodies {
        Bodies { most, shared: Arc::new(Semaphore::new(shared)) }
    }

    fn dripping(bytes: usize) -> Body {
        Body::from_stream(stream::iter((0..bytes).map(|_| Ok::<_, Infallible>("x"))))
    }

    /// A body that brings so many bytes and then nothing more.
    fn stalled(bytes: usize) -> Body {
        let brought = stream::iter([Ok::<_, Infallible>("x".repeat(bytes))]);
        Body::from_stream(brought.chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_body_that_comes_a_byte_at_a_time_takes_its_length_and_no_more() {
        let (whole, taken) = bodies(60_000, 60_000).read(dripping(5_000)).await.expect("fits");
        assert_eq!((whole.len(), whole.capacity()), (5_000, 8_192));
        assert_eq!(taken.expect("more than is free").num_permits(), 8_192 - FREE);
    }

    #[tokio::test]
    async fn a_body_is_held_to_its_bound_announced_or_not() {
        let refused = async |body| bodies(10_000, 60_000).read(body).await.expect_err("too large").code();
        assert_eq!(refused(dripping(10_001)).await, ErrorCode::TooLarge);
        assert_eq!(refused(Body::from(vec![0; 10_001])).await, ErrorCode::TooLarge);
        assert_eq!(bodies(10_000, 60_000).read(dripping(10_000)).await.expect("fits").0.len(), 10_000);
    }

    #[tokio::test]
    async fn large_bodies_that_do_not_end_use_up_what_is_shared_and_small_ones_go_on() {
        let bodies = bodies(60_000, 112_000);
        let mut under_way: Vec<_> = (0..2).map(|_| Box::pin(bodies.read(stalled(50_000)))).collect();
        for read in &mut under_way {
            assert!(futures_util::poll!(read).is_pending());
        }
        assert_eq!(bodies.read(dripping(6_000)).await.expect_err("none is left").code(), ErrorCode::Busy);
        assert_eq!(bodies.read(dripping(FREE)).await.expect("free").0.len(), FREE);
        drop(under_way);
        assert_eq!(bodies.read(dripping(6_000)).await.expect("given back").0.len(), 6_000);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_bad() {
        let broken = stream::iter([Ok("{"), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]);
        let refused = bodies(60_000, 60_000).read(Body::from_stream(broken)).await.expect_err("broken");
        assert_eq!(refused.code(), ErrorCode::BadRequest);
    }
}
