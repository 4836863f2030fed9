//! Coin requests: record and money change in one commit, and only once, however often a request is approved.

use futures_util::future::join_all;
use parlor::economy::coin_request::{self, Answer, CoinRequest, Settings, State};
use parlor::economy::kinds;
use parlor::economy::ledger::audit::Rule;
use parlor::economy::ledger::wallet;
use parlor::economy::transfer::{self, NewTransfer};
use parlor::kit::clock::{Clock, Timestamp};
use parlor::kit::error::Result;
use parlor::kit::tx::Tx;
use parlor_protocol::{Coins, Currency, ErrorBody, ErrorCode, Op};
use serde_json::json;

use super::books::{Books, op};

const HOUR_MS: i64 = 3_600_000;

fn now() -> Timestamp {
    Clock::system().now()
}

/// A world in which user 1 is a reseller with these coins and user 2 requests coins.
async fn books(coins: i64) -> Books {
    let books = Books::with(&[0, coins, 0, 0]).await;
    books.superuser("insert into user_roles (user_id, role) values (100000001, 'reseller')").await;
    books
}

/// An answer, or a refusal that is kept.
type Settled = std::result::Result<Answer, ErrorBody>;

async fn settle_making(books: &Books, op: Op, amount: i64, now: Timestamp) -> Result<Settled> {
    let mut tx = Tx::begin(&books.database.app).await?;
    let [reseller, user] = [1, 2].map(|person| books.people[person].id);
    let made = coin_request::make(&mut tx, &Settings::default(), op, (user, reseller, Coins(amount)), now).await?;
    tx.commit().await?;
    Ok(made)
}

async fn asked(books: &Books, op: Op, amount: i64, now: Timestamp) -> Result<Answer> {
    Ok(settle_making(books, op, amount, now).await??)
}

async fn make(books: &Books, op: Op, amount: i64, now: Timestamp) -> Result<CoinRequest> {
    Ok(asked(books, op, amount, now).await?.request)
}

async fn settle_rejection(books: &Books, op: Op, request: i64, reason: &str, now: Timestamp) -> Result<Settled> {
    let mut tx = Tx::begin(&books.database.app).await?;
    let reseller = books.people[1].id;
    let answer = coin_request::reject(&mut tx, op, reseller, request, reason, now).await?;
    tx.commit().await?;
    Ok(answer)
}

async fn reject_with(books: &Books, op: Op, request: i64, reason: &str, now: Timestamp) -> Result<Answer> {
    Ok(settle_rejection(books, op, request, reason, now).await??)
}

async fn reject(books: &Books, op: Op, request: i64, now: Timestamp) -> Result<CoinRequest> {
    Ok(reject_with(books, op, request, "no proof", now).await?.request)
}

async fn find(books: &Books, request: i64) -> CoinRequest {
    let mut connection = books.database.app.acquire().await.expect("a connection");
    coin_request::find(&mut connection, request, books.people[2].id, now()).await.expect("a request")
}

#[tokio::test]
async fn two_hundred_approvals_at_once_pay_once() {
    let books = books(10_000).await;
    let another = books.another_ledger();
    let request = make(&books, op(), 700, now()).await.expect("made").id;
    let reseller = books.people[1].id;
    let ops: Vec<Op> = (0..200).map(|_| op()).collect();
    let approvals = ops.iter().enumerate().map(|(place, op)| {
        let ledger = if place % 2 == 0 { &books.ledger } else { &another };
        coin_request::approve(ledger, *op, reseller, request)
    });
    let answers = join_all(approvals).await;
    let paid: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(paid.len(), 1);
    assert_eq!((paid[0].amount, paid[0].balance, paid[0].replayed), (Coins(700), Coins(9_300), false));
    let others = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(others.clone().all(|error| error.code == ErrorCode::CoinRequestSettled && !error.replayed));
    assert_eq!(others.count(), 199);
    assert_eq!((books.amounts(1).await.0, books.amounts(2).await.0), (9_300, 700));
    let found = find(&books, request).await;
    assert_eq!((found.state, found.receipt), (State::Approved, Some(paid[0].receipt)));

    // Each asked again gets its own first answer.
    for (op, first) in ops.iter().zip(&answers).take(20) {
        match (first, coin_request::approve(&books.ledger, *op, reseller, request).await) {
            (Ok(first), Ok(again)) => assert_eq!((again.receipt, again.replayed), (first.receipt, true)),
            (Err(first), Err(again)) => assert_eq!(again, ErrorBody { replayed: true, ..first.clone() }),
            (first, again) => panic!("{first:?} and then {again:?}"),
        }
    }

    let mut connection = books.database.app.acquire().await.expect("a connection");
    let [from, to] = [1, 2].map(|person| books.people[person].id);
    let page = wallet::entries(&mut connection, &kinds(), to, Currency::Coin, None, 1).await.expect("a page");
    assert_eq!((page.entries[0].kind, page.entries[0].amount), ("coin_request", 700));
    assert_eq!(page.entries[0].cause["coin_request"], json!({"request": request, "from": from, "to": to}));
    books.assert_clean().await;
}

#[tokio::test]
async fn a_request_is_made_once_within_its_bounds_and_three_are_open_at_most() {
    let books = books(10_000).await;
    let now = now();
    let first = op();
    let made = make(&books, first, 70, now).await.expect("made");
    assert_eq!((made.state, made.amount, made.expires_at), (State::Pending, Coins(70), now.0 + 48 * HOUR_MS));
    let again = asked(&books, first, 70, now).await.expect("the same");
    assert_eq!((again.request, again.replayed), (made.clone(), true));
    let conflict = make(&books, first, 71, now).await.expect_err("another body");
    assert_eq!(conflict.code(), ErrorCode::OperationConflict);
    for amount in [69, 70_001, -70] {
        let refused = make(&books, op(), amount, now).await.expect_err("out of range");
        assert_eq!(refused.code(), ErrorCode::CoinRequestOutOfRange);
    }
    // Many at once: two more, and no fourth.
    let many = join_all((0..10).map(|_| make(&books, op(), 100, now))).await;
    assert_eq!(many.iter().filter(|made| made.is_ok()).count(), 2);
    let full = many.into_iter().filter_map(|made| made.err()).map(|error| error.code());
    assert!(full.into_iter().all(|code| code == ErrorCode::CoinRequestsOpen));
    // One that is settled, or has run out, makes room.
    reject(&books, op(), made.id, now).await.expect("rejected");
    make(&books, op(), 100, now).await.expect("room again");
    make(&books, op(), 100, now.plus_ms(49 * HOUR_MS)).await.expect("the others have run out");
    books.superuser("delete from user_roles").await;
    let none = make(&books, op(), 100, now.plus_ms(49 * HOUR_MS)).await.expect_err("sells no more");
    assert_eq!(none.code(), ErrorCode::NotAReseller);
}

#[tokio::test]
async fn a_request_is_settled_in_one_way_alone() {
    let books = books(100).await;
    let now = now();
    let reseller = books.people[1].id;
    let approve = |op, request| coin_request::approve(&books.ledger, op, reseller, request);

    let rejected = make(&books, op(), 70, now).await.expect("made").id;
    let operation = op();
    let first = reject(&books, operation, rejected, now).await.expect("rejected");
    assert_eq!((first.state, first.reason.as_str()), (State::Rejected, "no proof"));
    let again = reject_with(&books, operation, rejected, "no proof", now).await.expect("the first answer");
    assert_eq!((again.request, again.replayed), (first, true));
    let conflict = reject_with(&books, operation, rejected, "too late", now).await.expect_err("other words");
    assert_eq!(conflict.code(), ErrorCode::OperationConflict);
    let other = reject(&books, op(), rejected, now).await.expect_err("settled");
    assert_eq!(other.code(), ErrorCode::CoinRequestSettled);
    assert_eq!(approve(op(), rejected).await.expect_err("settled").code, ErrorCode::CoinRequestSettled);

    // Expired is expired, whether or not somebody has marked it.
    let old = make(&books, op(), 70, Timestamp(now.0 - 49 * HOUR_MS)).await.expect("made").id;
    assert_eq!(find(&books, old).await.state, State::Expired);
    assert_eq!(approve(op(), old).await.expect_err("expired").code, ErrorCode::CoinRequestExpired);
    assert_eq!(reject(&books, op(), old, now).await.expect_err("expired").code(), ErrorCode::CoinRequestExpired);
    let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
    assert_eq!(coin_request::expire(&mut tx, now).await.expect("marked"), 1);
    assert_eq!(coin_request::expire(&mut tx, now).await.expect("nothing left"), 0);
    tx.commit().await.expect("a commit");
    assert_eq!(approve(op(), old).await.expect_err("expired").code, ErrorCode::CoinRequestExpired);

    // A float that does not cover it leaves the request open.
    let dear = make(&books, op(), 150, now).await.expect("made").id;
    assert_eq!(approve(op(), dear).await.expect_err("too dear"), ErrorBody::insufficient_funds(100, 50));
    assert_eq!(find(&books, dear).await.state, State::Pending);
    // Somebody else's request is none.
    let stranger = coin_request::approve(&books.ledger, op(), books.people[3].id, dear).await;
    assert_eq!(stranger.expect_err("not theirs").code, ErrorCode::CoinRequestNotFound);
    let missing = approve(op(), 4_711).await.expect_err("there is none");
    assert_eq!(missing.code, ErrorCode::CoinRequestNotFound);
    books.assert_clean().await;
}

#[tokio::test]
async fn regression_an_operation_has_one_answer_whatever_it_was_for() {
    let books = books(1_000).await;
    let now = now();
    let [reseller, user] = [1, 2].map(|person| books.people[person].id);
    let conflicts = |answer: Result<Answer>, what: &str| {
        assert_eq!(answer.expect_err(what).code(), ErrorCode::OperationConflict, "{what}");
    };
    let send = async |op| {
        let sent = NewTransfer { from: reseller, to: user, amount: Coins(100) };
        transfer::send(&books.ledger, op, sent).await.map(|sent| sent.replayed).map_err(|error| error.code)
    };

    // One rejection: neither other words nor another request under its operation.
    let [first, second] = [70, 71].map(|amount| make(&books, op(), amount, now));
    let (first, second) = (first.await.expect("made").id, second.await.expect("made").id);
    let rejection = op();
    assert!(!reject_with(&books, rejection, first, "why", now).await.expect("rejected").replayed);
    assert!(reject_with(&books, rejection, first, "why", now).await.expect("the same").replayed);
    conflicts(reject_with(&books, rejection, first, "other words", now).await, "other words");
    conflicts(reject_with(&books, rejection, second, "why", now).await, "another request");
    assert_eq!(find(&books, second).await.state, State::Pending);
    let approved = coin_request::approve(&books.ledger, rejection, reseller, second).await;
    assert_eq!(approved.expect_err("a rejection's operation").code, ErrorCode::OperationConflict);
    assert_eq!(send(rejection).await, Err(ErrorCode::OperationConflict));

    // A refusal is an answer too.
    let refused = op();
    for replayed in [false, true] {
        let error = settle_making(&books, refused, 69, now).await.expect("no fault").expect_err("out of range");
        assert_eq!((error.code, error.replayed), (ErrorCode::CoinRequestOutOfRange, replayed));
    }
    conflicts(asked(&books, refused, 100, now).await, "another amount");
    let refused = op();
    for replayed in [false, true] {
        let answer = settle_rejection(&books, refused, first, "again", now).await.expect("no fault");
        let error = answer.expect_err("settled");
        assert_eq!((error.code, error.replayed), (ErrorCode::CoinRequestSettled, replayed));
    }
    conflicts(reject_with(&books, refused, second, "again", now).await, "another request");

    // What the ledger has answered, done or refused, no request is made or rejected with.
    let sent = op();
    assert_eq!(send(sent).await, Ok(false));
    conflicts(reject_with(&books, sent, second, "", now).await, "a transfer's operation");
    let denied = op();
    coin_request::approve(&books.ledger, denied, reseller, first).await.expect_err("it is rejected");
    conflicts(reject_with(&books, denied, second, "", now).await, "a refused approval's operation");
    assert_eq!(find(&books, second).await.state, State::Pending);

    // The first answer stays the first, whatever has become of the request.
    let made = op();
    let answer = asked(&books, made, 72, now).await.expect("made");
    reject(&books, op(), answer.request.id, now).await.expect("rejected");
    let again = asked(&books, made, 72, now).await.expect("the first answer");
    assert_eq!(again, Answer { replayed: true, ..answer });
    books.assert_clean().await;
}

#[tokio::test]
async fn regression_a_rejection_and_a_transfer_under_one_operation_never_both_happen() {
    let books = books(10_000).await;
    let [reseller, user] = [1, 2].map(|person| books.people[person].id);
    for _ in 0..12 {
        let request = make(&books, op(), 70, now()).await.expect("made").id;
        let op = op();
        let sent = NewTransfer { from: reseller, to: user, amount: Coins(100) };
        let (sent, rejected) = tokio::join!(
            transfer::send(&books.ledger, op, sent),
            reject_with(&books, op, request, "at the same time", now())
        );
        let codes = (sent.map_err(|error| error.code).map(drop), rejected.map_err(|error| error.code()).map(drop));
        let conflict = Err(ErrorCode::OperationConflict);
        assert!(codes == (Ok(()), conflict) || codes == (conflict, Ok(())), "{codes:?}");
        if codes.1.is_err() {
            reject(&books, self::op(), request, now()).await.expect("it is pending");
        }
    }
    books.assert_clean().await;
}

#[tokio::test]
async fn record_and_transfer_that_do_not_agree_are_named() {
    let books = books(1_000).await;
    let request = make(&books, op(), 700, now()).await.expect("made").id;
    coin_request::approve(&books.ledger, op(), books.people[1].id, request).await.expect("approved");
    books.assert_clean().await;
    let changes = [
        "update coin_requests set amount = amount + 1",
        "update coin_requests set user_id = 100000003",
        "update coin_requests set transfer = transfer + 1",
        "update coin_requests set state = 'pending', transfer = null, settled_at = null",
        "delete from coin_requests",
    ];
    books.superuser("create schema aside; create table aside.kept as table coin_requests").await;
    for change in changes {
        books.superuser(change).await;
        let report = books.audit().await;
        let subject = format!("coin request {request}");
        let named = |rule| report.violations.iter().any(|found| found.rule == rule && found.subject == subject);
        assert!(named(Rule::RecordsAgree), "{change}: {report}");
        books
            .superuser(
                "truncate coin_requests; insert into coin_requests overriding system value select * from aside.kept",
            )
            .await;
        books.assert_clean().await;
    }
}
