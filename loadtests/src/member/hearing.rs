//! The reading side of a member: takes the frames of its socket and checks each against what the member has seen.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parlor_protocol::reply::{Connected, JoinResult};
use parlor_protocol::{ErrorBody, ErrorCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Asked, Member, lock};
use crate::socket::{Incoming, Socket};
use crate::verdict::Kind;
use crate::watcher::{Event, Heard};

/// Parsed events that a thread keeps.
const REMEMBERED: usize = 64;

thread_local! {
    /// The last events that a member on this thread got, newest first. All members of a room get the same bytes, so
    /// each event is parsed once per thread; each member checks it on its own.
    static LAST: RefCell<VecDeque<(String, Rc<Event>)>> = const { RefCell::new(VecDeque::new()) };
}

impl Member {
    pub(super) async fn listen(self: Arc<Self>, socket: Arc<Socket>, connect: u64, line: u64) {
        let mut partial = Vec::new();
        let mut closed = None;
        loop {
            let is_current = lock(&self.socket).as_ref().is_some_and(|current| Arc::ptr_eq(current, &socket));
            if !is_current {
                return;
            }
            let mut pings = 0;
            let read = {
                // The timeout makes this loop notice that another socket has taken this one's place.
                let reading = socket.read(&mut partial, |incoming| match incoming {
                    Incoming::Text(text) => pings += u32::from(self.hear(text, connect, line)),
                    Incoming::Close(code) => closed = Some(code),
                });
                match tokio::time::timeout(Duration::from_secs(1), reading).await {
                    Ok(read) => read,
                    Err(_) => continue,
                }
            };
            for _ in 0..pings {
                // A lost socket shows at the next read.
                let _ = socket.say(r#"{"type":"pong"}"#).await;
            }
            if closed.is_some() || !matches!(read, Ok(1..)) {
                break;
            }
        }
        if closed.flatten() == Some(parlor_protocol::CloseCode::SlowConsumer.number()) {
            self.tally.slow_closes.fetch_add(1, Ordering::Relaxed);
            self.slow_closes.fetch_add(1, Ordering::Relaxed);
        }
        let mut current = lock(&self.socket);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &socket)) {
            *current = None;
            drop(current);
            self.forget();
        }
    }

    /// Takes one text frame. Returns whether it is a ping.
    fn hear(&self, text: &str, connect: u64, line: u64) -> bool {
        let known =
            LAST.with_borrow(|last| last.iter().find(|(known, _)| known == text).map(|(_, event)| event.clone()));
        if let Some(event) = known {
            self.see(&event, text, line);
            return false;
        }
        let heard = match serde_json::from_str::<Heard<'_>>(text) {
            Ok(heard) => heard,
            Err(error) => {
                self.tally.verdict.note(Kind::Protocol, 1, || format!("{error}: {text}"));
                return false;
            }
        };
        if let Some(id) = heard.id {
            if !self.watcher().hears(line) {
                return false;
            }
            self.answered(id, &heard, id == connect);
        } else if let Some(event) = Event::of(&heard) {
            let event = Rc::new(event);
            self.see(&event, text, line);
            LAST.with_borrow_mut(|last| {
                last.truncate(REMEMBERED - 1);
                last.push_front((text.to_owned(), event));
            });
        }
        heard.kind == Some("ping") && heard.room.is_none()
    }

    fn see(&self, event: &Event, text: &str, line: u64) {
        let mut watcher = self.watcher();
        if !watcher.hears(line) {
            return;
        }
        self.tally.deliveries.fetch_add(1, Ordering::Relaxed);
        self.tally.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        if let Some(intended) = event.intended {
            let is_apart = self.apart.load(Ordering::Relaxed);
            (if is_apart { &self.tally.apart } else { &self.tally.delivery }).since(intended);
        }
        watcher.event(event, text, &self.tally.verdict);
    }

    fn answered(&self, id: u64, heard: &Heard<'_>, is_connect: bool) {
        let Some(Asked { intended, is_gift, reply }) = lock(&self.asked).remove(&id) else {
            self.tally.verdict.note(Kind::Protocol, 1, || format!("a second reply to {id}"));
            return;
        };
        let answer = match heard.error {
            None => Ok(heard.data.map_or("null", RawValue::get)),
            Some(error) => {
                Err(serde_json::from_str::<ErrorBody>(error.get()).unwrap_or_else(|_| ErrorCode::Internal.into()))
            }
        };
        match &answer {
            Ok(data) if is_connect => {
                if let Err(error) = self.came_in(data) {
                    if let Some(reply) = reply {
                        let _ = reply.send(Err(error));
                    }
                    return;
                }
            }
            Ok(data) => {
                self.tally.answered.fetch_add(1, Ordering::Relaxed);
                self.tally.reply.since(intended);
                // A gift's answer names no event.
                if !is_gift && let Ok(done) = serde_json::from_str::<Named>(data) {
                    self.promised.fetch_max(done.seq, Ordering::Relaxed);
                }
            }
            Err(error) => self.tally.refused(error.code.name()),
        }
        if is_gift {
            self.gift_answered(&answer);
        }
        if let Some(reply) = reply {
            // The receiver is gone if nobody waits for the answer any more.
            let _ = reply.send(answer.map(str::to_owned));
        }
    }

    fn gift_answered(&self, answer: &Result<&str, ErrorBody>) {
        match answer {
            Ok(data) => match serde_json::from_str(data) {
                Ok(paid) => lock(&self.paid).add(paid),
                Err(error) => self.tally.verdict.note(Kind::Protocol, 1, || format!("no receipt: {error}: {data}")),
            },
            Err(error) if matches!(error.code, ErrorCode::StoreUnavailable | ErrorCode::Internal) => {
                self.open_gifts.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
    }

    fn came_in(&self, data: &str) -> Result<(), ErrorBody> {
        let unreadable = |error: serde_json::Error| {
            ErrorBody::new(ErrorCode::Internal).message(format!("an unreadable answer: {error}"))
        };
        let connected: Connected = serde_json::from_str(data).map_err(unreadable)?;
        match connected.joins.into_iter().next() {
            Some(JoinResult::Data(joined)) => {
                let mut watcher = self.watcher();
                watcher.more_gifts = watcher.join(&joined, &self.tally.verdict);
                Ok(())
            }
            Some(JoinResult::Error(error)) => Err(*error),
            None => Err(ErrorCode::Internal.into()),
        }
    }
}

/// The event that an answer names.
#[derive(Deserialize)]
struct Named {
    seq: u64,
}
