//! Audits in short snapshots, on from a checkpoint, while servers post.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use parlor::economy::kinds;
use parlor::economy::ledger::Ledger;
use parlor::economy::ledger::audit::{self, Audited, Plan, Rule};
use sqlx::{ConnectOptions as _, PgConnection};

use super::books::{Books, RAINBOW, ROSE, Sending, sending};

/// Posts until it is told to stop: gifts in both rooms, some of them refused.
async fn post(books: &Books, ledger: &Ledger, from: usize, to: usize, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let gifts = (0..8).map(|number| Sending { room: number % 2, ..sending(from, ROSE, 1, &[to]) });
        let refused = sending(from, RAINBOW, 100_000, &[to]);
        let answers: Vec<_> = gifts.chain([refused]).map(|sending| books.submit_to(ledger, &sending, None)).collect();
        for answer in answers {
            let _ = answer.await.expect("an answer"); // paid or refused, both are posted
        }
    }
}

async fn audit(connection: &mut PgConnection, plan: Plan<'_>) -> Audited {
    audit::audit(connection, plan).await.expect("an audit")
}

#[tokio::test(flavor = "multi_thread")]
async fn audits_from_one_checkpoint_to_the_next_raise_no_alarm_while_two_servers_post() {
    let books = Books::with(&[0, 1_000_000, 1_000_000, 0]).await;
    let another = books.another_ledger();
    let stop = AtomicBool::new(false);
    let audits = async {
        let mut connection = books.database.audit.acquire().await.expect("the auditor's connection");
        let kinds = kinds();
        let (mut from, mut read) = (None, Vec::new());
        for _ in 0..8 {
            let audited = audit(&mut connection, Plan::of(&kinds).from(from).in_pages_of(100)).await;
            assert!(audited.report.is_clean(), "{}", audited.report);
            read.push(audited.report.transfers);
            from = audited.checkpoint;
        }
        // And one that trusts none of it.
        let full = audit(&mut connection, Plan::of(&kinds).in_pages_of(100)).await;
        assert!(full.report.is_clean(), "{}", full.report);
        stop.store(true, Ordering::Relaxed);
        (from, read)
    };
    let ((from, read), (), ()) =
        tokio::join!(audits, post(&books, &books.ledger, 1, 3, &stop), post(&books, &another, 2, 3, &stop),);
    assert!(read[1..].iter().filter(|rows| **rows > 0).count() > 4, "there was always something new: {read:?}");
    let mut connection = books.database.audit.acquire().await.expect("the auditor's connection");
    let last = audit(&mut connection, Plan::of(&kinds()).from(from)).await.report;
    assert!(last.is_clean(), "{last}");
    let before = last.since.expect("it went on from a checkpoint").transfers;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from journal").fetch_one(&books.database.app).await.expect("a number");
    assert_eq!(before + last.transfers, rows.unsigned_abs(), "every row was read once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_lets_vacuum_go_on_while_it_runs() {
    let books = Books::with(&[0, 1_000_000, 0, 0]).await;
    for _ in 0..30 {
        let answers: Vec<_> = (0..10).map(|_| books.submit(&sending(1, ROSE, 1, &[2]))).collect();
        for answer in answers {
            answer.await.expect("an answer").expect("paid");
        }
    }
    let options = books.database.options("parlor_audit").application_name("the audit under test");
    let mut connection = options.connect().await.expect("the auditor's connection");
    let stop = AtomicBool::new(false);
    let kinds = kinds();
    let one_audit = async {
        let audited = audit(&mut connection, Plan::of(&kinds).in_pages_of(10)).await;
        assert!(audited.report.is_clean() && audited.report.transfers > 300, "{}", audited.report);
        stop.store(true, Ordering::Relaxed);
    };
    let watch = async {
        let mut held = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            let xmin: Option<i64> = sqlx::query_scalar(
                "select max(backend_xmin::text::bigint) from pg_stat_activity where application_name = 'the audit under test'",
            )
            .fetch_one(&books.database.superuser)
            .await
            .expect("what it holds");
            held.extend(xmin);
        }
        held
    };
    let ((), held, ()) = tokio::join!(one_audit, watch, post(&books, &books.ledger, 1, 2, &stop));
    assert!(held.len() > 3, "what it holds back moves on while it runs: {held:?}");
}

#[tokio::test]
async fn books_that_were_rewritten_under_a_checkpoint_are_named_and_audited_anew() {
    let books = Books::with(&[0, 1_000, 0, 0]).await;
    books.send(&sending(1, ROSE, 1, &[2])).await.expect("paid");
    let kinds = kinds();
    let mut connection = books.database.audit.acquire().await.expect("the auditor's connection");
    let checkpoint = audit(&mut connection, Plan::of(&kinds)).await.checkpoint;
    assert!(checkpoint.is_some(), "clean books have one");
    books.send(&sending(1, ROSE, 2, &[2])).await.expect("paid");
    books.superuser("update chain_links set hash = sha256('x') where batch_no = 1").await;
    let audited = audit(&mut connection, Plan::of(&kinds).from(checkpoint.clone())).await;
    assert_eq!(audited.report.since, None, "everything was read: {}", audited.report);
    let named = |rule| audited.report.violations.iter().any(|violation| violation.rule == rule);
    assert!(named(Rule::CheckpointTrue) && named(Rule::LinkHash), "{}", audited.report);
    assert!(audited.checkpoint.is_none(), "what is wrong is found again");
    let of_others = Books::with(&[0, 1_000, 0, 0]).await;
    let mut connection = of_others.database.audit.acquire().await.expect("the auditor's connection");
    let report = audit(&mut connection, Plan::of(&kinds).from(checkpoint)).await.report;
    assert!(report.violations.iter().any(|violation| violation.rule == Rule::CheckpointTrue), "{report}");
}
