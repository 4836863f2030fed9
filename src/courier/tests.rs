//! The queue before a sender: what is tried again, what is not, and what is dropped.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{Channel, Courier, Failure, Message, Sender, Senders, Settings};
use crate::kit::supervise::Supervisor;

/// Fails as it is told, and notes what it was asked.
#[derive(Default)]
struct Moody {
    failures: Mutex<Vec<Failure>>,
    asked: AtomicU32,
    sent: Notify,
    /// Waits for this before it answers.
    gate: Option<Notify>,
}

impl Sender for Moody {
    fn send<'a>(&'a self, _: &'a Message) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            let failure = self.failures.lock().expect("nobody panicked").pop();
            self.sent.notify_one();
            failure.map_or(Ok(()), Err)
        }
        .boxed()
    }
}

fn message() -> Message {
    Message { to: "a@example.com".to_owned(), subject: String::new(), text: "1".to_owned() }
}

fn courier(sender: &Arc<Moody>, settings: &Settings) -> (Courier, Supervisor) {
    let supervisor = Supervisor::default();
    let senders = Senders { mail: Some(sender.clone()), sms: None };
    (Courier::start(senders, settings, &supervisor), supervisor)
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_with_growing_waits_and_a_final_one_is_not() {
    let passing = || Failure::Passing("busy".to_owned());
    for (failures, asked, seconds) in [
        (vec![], 1, 0),
        (vec![passing(), passing()], 3, 3),
        (vec![passing(), passing(), passing(), passing(), passing()], 4, 7),
        (vec![Failure::Final("no such mailbox".to_owned())], 1, 0),
    ] {
        let sender = Arc::new(Moody { failures: Mutex::new(failures), ..Moody::default() });
        let (courier, supervisor) = courier(&sender, &Settings::default());
        let began = tokio::time::Instant::now();
        courier.send(Channel::Mail, message());
        drop(courier);
        supervisor.crew().finish().await;
        assert_eq!((sender.asked.load(Ordering::Relaxed), began.elapsed().as_secs()), (asked, seconds));
    }
}

#[tokio::test]
async fn a_full_queue_drops_and_keeps_nobody_waiting() {
    let sender = Arc::new(Moody { gate: Some(Notify::new()), ..Moody::default() });
    let (courier, supervisor) = courier(&sender, &Settings { queue: 4, ..Settings::default() });
    for _ in 0..10_000 {
        courier.send(Channel::Mail, message());
    }
    assert!(courier.reaches(Channel::Mail) && !courier.reaches(Channel::Sms));
    courier.send(Channel::Sms, message());
    let stopped = tokio::time::timeout(Duration::from_secs(5), supervisor.finish()).await;
    assert!(stopped.is_ok(), "a sender that hangs does not keep the server from stopping");
    assert!(sender.asked.load(Ordering::Relaxed) <= 4 + super::AT_ONCE as u32);
}
