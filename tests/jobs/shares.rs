//! A kind that hangs costs other kinds nothing: each has a share of the slots, and each periodic kind one of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parlor::courier::{self, Channel, Message};
use parlor::kit::jobs::{Failure, Job, Kind, Kinds, Running, Settings};
use parlor::kit::tx::Tx;
use tokio::sync::watch;

use super::outside::{Outside, Post, Told, at_work, count, enqueue, later, node, post};
use crate::program::mail::MailServer;
use crate::support::postgres::Database;
use crate::support::time::until;

const PERIOD_OVER: &str = "update job_periods set due_at = clock_timestamp() where kind = 'tests.tick'";

/// Tells how often it was begun, and never ends.
struct Hang(Arc<AtomicUsize>, watch::Sender<usize>);

impl Kind for Hang {
    const NAME: &'static str = "tests.hang";
    type Payload = Told;

    async fn run(&self, _: &mut Running, _: Told) -> Result<(), Failure> {
        let begun = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        self.1.send_replace(begun);
        std::future::pending().await
    }
}

/// Tells how often it ran.
struct Tick(watch::Sender<usize>);

impl Kind for Tick {
    const NAME: &'static str = "tests.tick";
    type Payload = ();

    async fn run(&self, _: &mut Running, (): ()) -> Result<(), Failure> {
        self.0.send_modify(|runs| *runs += 1);
        Ok(())
    }
}

async fn reaches(count: &watch::Sender<usize>, least: usize) {
    let mut count = count.subscribe();
    let enough = count.wait_for(|count| *count >= least);
    tokio::time::timeout(Duration::from_secs(20), enough).await.expect("in time").expect("it lives");
}

#[tokio::test]
async fn a_kind_that_hangs_has_its_share_and_no_more() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let (begun, hangs) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(0));
    // They are due first, and there are more than slots.
    for number in 0..20 {
        enqueue(&database, Job::new::<Hang>(&Told { number })).await;
    }
    let settings = Settings { at_once: 3, of_one_kind: 2, poll_ms: 10, ..Settings::default() };
    let kinds = Kinds::new().with(Hang(begun.clone(), hangs.clone())).with(Post(outside.clone()));
    let jobs = node(&database, &settings, kinds).await;
    let (stop, work) = at_work(&jobs);
    reaches(&hangs, 2).await;
    for number in 0..5 {
        enqueue(&database, post(number)).await;
    }
    outside.had(5).await;
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    stop.cancel();
    work.await.expect("it ends");
    assert_eq!(count(&database, "running").await, 0, "what was cut off waits again");
}

#[tokio::test]
async fn periodic_kinds_go_on_where_every_slot_hangs() {
    let database = Database::fresh().await;
    let (hangs, ticks) = (watch::Sender::new(0), watch::Sender::new(0));
    for number in 0..5 {
        enqueue(&database, Job::new::<Hang>(&Told { number })).await;
    }
    let settings = Settings { at_once: 2, of_one_kind: 2, poll_ms: 10, ..Settings::default() };
    let kinds = Kinds::new().with(Hang(Arc::default(), hangs.clone()));
    let kinds = kinds.every(Duration::from_secs(3_600), Tick(ticks.clone()));
    let jobs = node(&database, &settings, kinds).await;
    let (stop, work) = at_work(&jobs);
    reaches(&hangs, 2).await;
    for period in 1..=3 {
        later(&database, PERIOD_OVER).await;
        reaches(&ticks, period).await;
        // A period that is over while its job still runs would be left out.
        let marked = async || (count(&database, "done").await == period as i64).then_some(());
        until("the tick is marked as done", Duration::from_secs(20), marked).await;
    }
    assert_eq!(*hangs.borrow(), 2);
    stop.cancel();
    work.await.expect("it ends");
}

#[tokio::test]
async fn a_silent_mail_server_holds_up_e_mail_alone_and_that_until_it_answers() {
    let (database, outside, mail) = (Database::fresh().await, Outside::open(), MailServer::start().await);
    mail.is_silent.store(true, Ordering::Relaxed);
    mail.answers.add_permits(1_000);
    let mut settings = courier::Settings { attempts: 20, backoff_ms: 1, ..courier::Settings::default() };
    settings.mail.timeout_ms = 300;
    let (courier, ticks) = (mail.courier(settings), watch::Sender::new(0));
    let mut tx = Tx::begin(&database.app).await.expect("a transaction");
    for number in 0..30 {
        let to = format!("user{number}@example.com");
        let message = Message { to, subject: "Your code".to_owned(), text: "428193".to_owned() };
        courier.send(&mut tx, Channel::Mail, message, true, Duration::from_secs(600)).await.expect("it fits");
    }
    tx.commit().await.expect("committed");

    let kinds = Kinds::new().with(courier.mail_job()).with(Post(outside.clone()));
    let kinds = kinds.every(Duration::from_secs(3_600), Tick(ticks.clone()));
    let settings = Settings { poll_ms: 10, ..Settings::default() };
    let jobs = node(&database, &settings, kinds).await;
    let (stop, work) = at_work(&jobs);
    mail.was_asked(settings.of_one_kind).await;
    for number in 0..20 {
        enqueue(&database, post(number)).await;
    }
    later(&database, PERIOD_OVER).await;
    outside.had(20).await;
    reaches(&ticks, 1).await;
    assert_eq!(mail.ids().len(), 0);

    mail.is_silent.store(false, Ordering::Relaxed);
    mail.has(30).await;
    jobs.drain().await;
    stop.cancel();
    work.await.expect("it ends");
    assert_eq!(count(&database, "done").await, 30 + 20 + 1);
}
