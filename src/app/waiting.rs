//! What a server answers while it starts. A start may wait for another server's lease, for the migration of a database or
//! for PostgreSQL. Whoever watches over the server must be able to tell that from a server that hangs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::http;

/// A start that is done within this time answers nobody: whoever connects meanwhile waits in the listener's backlog and
/// is then served.
const UNNOTICED: Duration = Duration::from_secs(1);

/// The most connections that are answered at once. One more pushes out the oldest, so connections that say nothing keep
/// nobody else's answer back.
const AT_ONCE: usize = 64;

/// The longest that a connection may take to ask and to read the answer.
const WITHIN: Duration = Duration::from_secs(2);

/// The longest that the end of a start waits for the answers that have begun. A connection that says nothing is cut then.
const AT_THE_END: Duration = Duration::from_millis(250);

/// The wait after the system refused to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Does the work of a start. If it takes long, `/healthz` at this listener is answered 200 meanwhile, and everything else
/// 503: `/readyz` without a body, as later, and any other request with a problem that says to come back.
pub async fn answering<T>(listener: &TcpListener, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = timeout(UNNOTICED, work.as_mut()).await {
        return done;
    }
    let mut answers = FuturesUnordered::new();
    let (mut next, mut begun) = (0_u64, BTreeMap::new());
    let done = loop {
        tokio::select! {
            biased;
            done = work.as_mut() => break done,
            Some(number) = answers.next(), if !answers.is_empty() => drop(begun.remove(&number)),
            accepted = accepted(listener) => {
                let Some(stream) = accepted else { continue };
                if begun.len() >= AT_ONCE {
                    // Whoever waits for this sender's end is the oldest, and goes.
                    drop(begun.pop_first());
                }
                let (stays, pushed_out) = oneshot::channel::<Infallible>();
                begun.insert(next, stays);
                answers.push(answer(next, stream, pushed_out));
                next += 1;
                // What has come for the connections at hand is noticed before the next one can push them out.
                yield_now().await;
            }
        }
    };
    // An error means that somebody has not asked in time.
    let _ = timeout(AT_THE_END, answers.for_each(|_| ready(()))).await;
    done
}

/// The next connection; `None` after a pause if the system refused to accept one.
async fn accepted(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(_) => {
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Answers one request and closes the connection, unless it is pushed out before. Returns its number.
async fn answer(number: u64, stream: TcpStream, pushed_out: oneshot::Receiver<Infallible>) -> u64 {
    let service = service_fn(|request: Request<Incoming>| ready(Ok::<_, Infallible>(to(request.uri().path()))));
    let served = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        // An error concerns nobody but whoever asked.
        _ = timeout(WITHIN, served) => {}
        _ = pushed_out => {}
    }
    number
}

fn to(path: &str) -> Response<Body> {
    match path {
        "/healthz" => StatusCode::OK.into_response(),
        "/readyz" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => http::problem::problem_of(
            &ErrorBody::new(ErrorCode::StoreUnavailable).message("the server is starting").retry_after_ms(1_000),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn asked(listener: &TcpListener, path: &str) -> String {
        let mut stream = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: parlor\r\n\r\n").as_bytes()).await.expect("it reads");
        let mut said = String::new();
        stream.read_to_string(&mut said).await.expect("it answers, and closes");
        said
    }

    #[tokio::test]
    async fn a_start_that_takes_long_says_that_it_lives_and_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut silent = Vec::new();
        for _ in 0..AT_ONCE / 2 {
            silent.push(TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens"));
        }
        let asks = async {
            [asked(&listener, "/healthz").await, asked(&listener, "/readyz").await, asked(&listener, "/v1/rooms").await]
        };
        let [alive, ready, rooms] = tokio::select! {
            () = answering(&listener, pending()) => unreachable!("the start never ends"),
            said = asks => said,
        };
        assert!(alive.starts_with("HTTP/1.1 200 "), "{alive}");
        assert!(ready.starts_with("HTTP/1.1 503 ") && ready.ends_with("\r\n\r\n"), "{ready}");
        let rooms = rooms.to_ascii_lowercase();
        assert!(rooms.contains("application/problem+json") && rooms.contains("retry-after: 1\r\n"), "{rooms}");
        assert!(rooms.contains("\"code\":\"store_unavailable\""), "{rooms}");
    }

    #[tokio::test]
    async fn connections_that_say_nothing_keep_no_answer_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut silent = Vec::new();
        // More than are answered at once, and no more than the backlog holds.
        for _ in 0..AT_ONCE + AT_ONCE / 2 {
            silent.push(TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens"));
        }
        let before_they_are_given_up = UNNOTICED + WITHIN * 9 / 10;
        let alive = tokio::select! {
            () = answering(&listener, pending()) => unreachable!("the start never ends"),
            alive = timeout(before_they_are_given_up, asked(&listener, "/healthz")) => alive.expect("an answer at once"),
        };
        assert!(alive.starts_with("HTTP/1.1 200 "), "{alive}");
    }

    #[tokio::test]
    async fn an_answer_that_has_begun_is_not_cut_at_the_end_of_the_start() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (ends, start) = oneshot::channel();
        let asks = async {
            let mut slow = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
            slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.expect("it reads");
            // Connections are accepted in their order: with this answer the slow one has been accepted.
            asked(&listener, "/healthz").await;
            ends.send(7).expect("the start waits for it");
            yield_now().await;
            slow.write_all(b"host: parlor\r\n\r\n").await.expect("it reads");
            let mut said = String::new();
            slow.read_to_string(&mut said).await.expect("it answers, and closes");
            said
        };
        let (done, said) = tokio::join!(answering(&listener, start), asks);
        assert_eq!(done, Ok(7));
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    }

    #[tokio::test]
    async fn a_start_that_is_done_at_once_leaves_who_has_connected_in_the_backlog() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let early = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
        assert_eq!(answering(&listener, ready(7)).await, 7);
        let (_, from) = listener.accept().await.expect("it waits");
        assert_eq!(from, early.local_addr().expect("connected"));
    }
}
