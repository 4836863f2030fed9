//! The ledger when the database cannot be reached, cuts the connection, or refuses an order.

use std::time::Duration;

use parlor::economy::ledger::Settings;
use parlor_protocol::{Coins, ErrorCode, Retry};

use super::books::{Books, HEART, sending};
use super::proxy::{Cut, Proxy};
use crate::support::time::until;

async fn through(proxy: &Proxy, coins: &[i64], settings: Settings) -> Books {
    Books::connected(coins, |database| proxy.through(database.writer()), settings).await
}

#[tokio::test]
async fn commit_whose_answer_is_lost_is_charged_once_and_the_retry_gets_the_first_result() {
    let proxy = Proxy::start();
    let books = through(&proxy, &[0, 100, 0], Settings::default()).await;
    let gift = sending(1, HEART, 1, &[2]);
    proxy.cut(Cut::AfterCommit);
    let first = books.send(&gift).await.expect("found after the cut");
    assert_eq!(proxy.cuts(), 1);
    assert_eq!((first.gift_no, first.balance), (1, Coins(95)));
    let again = books.send(&gift).await.expect("the first result");
    assert_eq!((again.receipt, again.at, again.balance, again.replayed), (first.receipt, first.at, Coins(95), true));
    assert_eq!(books.amounts(1).await.0, 95);
    books.assert_clean().await;
}

#[tokio::test]
async fn refusal_whose_answer_is_lost_is_the_same_afterwards() {
    let proxy = Proxy::start();
    let books = through(&proxy, &[0, 1, 0], Settings::default()).await;
    proxy.cut(Cut::AfterCommit);
    let refused = books.send(&sending(1, HEART, 1, &[2])).await.expect_err("too little");
    assert_eq!((refused.code, refused.shortfall, proxy.cuts()), (ErrorCode::InsufficientFunds, Some(4), 1));
    books.assert_clean().await;
}

#[tokio::test]
async fn batches_cut_at_every_other_commit_are_exact() {
    let proxy = Proxy::start();
    let books = through(&proxy, &[0, 1_000, 0, 1_000], Settings { batch_max: 16, ..Settings::default() }).await;
    let gifts: Vec<_> = (0..200).map(|number| sending(1 + 2 * (number % 2), HEART, 1, &[2])).collect();
    let mut answers = Vec::new();
    for (number, part) in gifts.chunks(25).enumerate() {
        proxy.cut(if number % 2 == 0 { Cut::AfterCommit } else { Cut::BeforeCommit });
        let part: Vec<_> = part.iter().map(|gift| books.submit(gift)).collect();
        for answer in part {
            answers.push(answer.await.expect("an answer").expect("paid"));
        }
    }
    assert!(proxy.cuts() >= 8, "{} cuts", proxy.cuts());
    let mut numbers: Vec<_> = answers.iter().map(|answer| answer.gift_no).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    assert_eq!((books.amounts(1).await.0, books.amounts(3).await.0), (500, 500));
    for (gift, first) in gifts.iter().zip(&answers) {
        assert_eq!(books.send(gift).await.expect("replayed").receipt, first.receipt);
    }
    books.assert_clean().await;
}

#[tokio::test]
async fn store_that_is_away_is_said_in_time_and_nothing_is_remembered() {
    let proxy = Proxy::start();
    let quick = Settings { answer_ms: 400, attempt_ms: 150, backoff_max_ms: 50, ..Settings::default() };
    let books = through(&proxy, &[0, 100, 0], quick).await;
    let gift = sending(1, HEART, 1, &[2]);
    for cut in [Cut::Everything, Cut::Silence] {
        proxy.cut(cut);
        let away = books.send(&gift).await.expect_err("away");
        assert_eq!((away.code, away.retry), (ErrorCode::StoreUnavailable, Retry::Later));
    }
    proxy.cut(Cut::Nothing);
    // On a busy machine the first answers may come too late for the short times of this test.
    until("the gift is paid", Duration::from_secs(20), async || books.send(&gift).await.ok()).await;
    assert_eq!(books.amounts(1).await.0, 95);
    books.assert_clean().await;
}

#[tokio::test]
async fn full_queue_is_busy_and_a_drained_ledger_has_answered_everything() {
    let proxy = Proxy::start();
    let narrow = Settings { batch_max: 1, queue: 8, ..Settings::default() };
    let books = through(&proxy, &[0, 1_000, 0], narrow).await;
    let answers: Vec<_> = (0..40).map(|_| books.submit(&sending(1, HEART, 1, &[2]))).collect();
    books.ledger.drain().await;
    let (mut paid, mut busy) = (0, 0);
    for mut answer in answers {
        match answer.try_recv().expect("answered by now") {
            Ok(_) => paid += 1,
            Err(error) if error.code == ErrorCode::Busy => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((paid, busy), (8, 32));
    let late = books.send(&sending(1, HEART, 1, &[2])).await.expect_err("closing");
    assert_eq!(late.code, ErrorCode::Busy);
    assert_eq!(books.amounts(1).await.0, 1_000 - 40);
    books.assert_clean().await;
}

#[tokio::test]
async fn order_that_the_store_refuses_takes_no_other_down() {
    let books = Books::with(&[0, 10_000, 0]).await;
    books.superuser("alter table journal add constraint no_sixty_six check (gift_count is distinct from 66)").await;
    let gifts: Vec<_> = (0..60).map(|n| sending(1, HEART, if n % 25 == 13 { 66 } else { 1 }, &[2])).collect();
    let answers: Vec<_> = gifts.iter().map(|gift| books.submit(gift)).collect();
    for (gift, answer) in gifts.iter().zip(answers) {
        match answer.await.expect("an answer") {
            Ok(_) => assert_eq!(gift.count, 1),
            Err(error) => assert_eq!((error.code, gift.count), (ErrorCode::Internal, 66)),
        }
    }
    assert_eq!(books.amounts(1).await.0, 10_000 - 58 * 5);

    books.superuser("alter table journal drop constraint no_sixty_six").await;
    books.assert_clean().await;
    assert!(!books.send(&gifts[13]).await.expect("paid now").replayed);
    books.assert_clean().await;
}

#[tokio::test]
async fn server_that_ends_the_connection_is_connected_to_again() {
    let books = Books::with(&[0, 1_000, 0]).await;
    for _ in 0..3 {
        books.send(&sending(1, HEART, 1, &[2])).await.expect("paid");
        books
            .superuser(
                "select pg_terminate_backend(pid) from pg_stat_activity
              where application_name = 'parlor-ledger' and datname = current_database()",
            )
            .await;
    }
    let writers: i64 = sqlx::query_scalar("select count(distinct writer) from chain_links")
        .fetch_one(&books.database.app)
        .await
        .expect("a count");
    assert_eq!(writers, 1 + 3, "the seed's, and one a connection");
    books.assert_clean().await;
}
