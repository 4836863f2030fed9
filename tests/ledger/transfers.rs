//! Transfers of coins between users: each moves once and within the limits, also under concurrent requests.

use futures_util::future::join_all;
use parlor::economy::ledger::{Ledger, wallet};
use parlor::economy::transfer::{self, NewTransfer, SentCoins};
use parlor::economy::{kinds, promotion};
use parlor::kit::operation::Operation;
use parlor_protocol::{Coins, Currency, ErrorBody, ErrorCode, Op, UserId};
use serde_json::json;

use super::books::{Books, RAINBOW, op, sending};

/// A world in which user 1 may send coins: the account is old enough, and the user has spent enough.
async fn books(coins: i64) -> Books {
    let mut books = Books::with(&[0, coins + 990, 0, 0]).await;
    books.superuser("update users set created_at = now() - interval '49 hours' where id = 100000001").await;
    books.send(&sending(1, RAINBOW, 10, &[2])).await.expect("paid");
    books.drain_hints();
    books
}

async fn send(books: &Books, ledger: &Ledger, op: Op, amount: i64) -> Result<SentCoins, ErrorBody> {
    let [from, to] = [1, 2].map(|person| books.people[person].id);
    transfer::send(ledger, op, NewTransfer { from, to, amount: Coins(amount) }).await
}

#[tokio::test]
async fn coins_move_once_and_stand_on_both_statements() {
    let mut books = books(1_000).await;
    let operation = op();
    let sent = send(&books, &books.ledger, operation, 400).await.expect("sent");
    assert_eq!((sent.to, sent.amount, sent.fee), (Some(books.people[2].id), Coins(400), Coins(0)));
    assert_eq!((sent.balance, sent.replayed), (Coins(600), false));
    let again = send(&books, &books.ledger, operation, 400).await.expect("the first answer");
    assert_eq!(again, SentCoins { replayed: true, ..sent });
    let other = send(&books, &books.ledger, operation, 401).await.expect_err("another body");
    assert_eq!(other.code, ErrorCode::OperationConflict);
    assert_eq!((books.amounts(1).await.0, books.amounts(2).await.0), (600, 400));

    let hints = books.drain_hints();
    let told: Vec<UserId> = hints.iter().flat_map(|hint| &hint.balances).map(|(user, _)| *user).collect();
    assert!(told.contains(&books.people[1].id) && told.contains(&books.people[2].id), "{hints:?}");

    let [from, to] = [1, 2].map(|person| books.people[person].id);
    let mut connection = books.database.app.acquire().await.expect("a connection");
    for (person, amount) in [(from, -400), (to, 400)] {
        let page = wallet::entries(&mut connection, &kinds(), person, Currency::Coin, None, 1).await.expect("a page");
        let entry = &page.entries[0];
        assert_eq!((entry.transfer, entry.kind, entry.amount), (sent.receipt, "coin_transfer", amount));
        assert_eq!(entry.cause["coin_transfer"], json!({"from": from, "to": to, "amount": 400, "fee": 0}));
    }
    books.assert_clean().await;
}

#[tokio::test]
async fn regression_days_of_a_clock_that_ran_ahead_do_not_hide_today() {
    let books = books(60_000).await;
    for amount in [20_000, 20_000, 9_000] {
        send(&books, &books.ledger, op(), amount).await.expect("sent");
    }
    // A node whose clock ran two days ahead has left these behind.
    books
        .superuser(
            "insert into transfer_days (account_id, day, coins)
             select account_id, day + ahead, 10 from transfer_days, unnest(array[1, 2, 3]) as ahead",
        )
        .await;
    let refused = send(&books, &books.ledger, op(), 1_001).await.expect_err("beyond the day");
    assert_eq!(refused.code, ErrorCode::TransferDayLimit);
    send(&books, &books.ledger, op(), 1_000).await.expect("the rest of the day");
    books.superuser("delete from transfer_days where coins = 10").await;
    books.assert_clean().await;
}

#[tokio::test]
async fn what_may_not_be_sent_is_refused_for_good_and_says_why() {
    let books = books(30_000).await;
    let [sender, other, newcomer] = [1, 2, 3].map(|person| books.people[person].id);
    let nobody = UserId::new(999_999_999).expect("in range");
    let cases = [
        (sender, other, 9, ErrorCode::TransferOutOfRange),
        (sender, other, 20_001, ErrorCode::TransferOutOfRange),
        (sender, other, -5, ErrorCode::TransferOutOfRange),
        (sender, sender, 100, ErrorCode::TransferToSelf),
        (sender, nobody, 100, ErrorCode::UserNotFound),
        (newcomer, other, 100, ErrorCode::TransferNotYet),
    ];
    for (from, to, amount, code) in cases {
        let (operation, order) = (op(), NewTransfer { from, to, amount: Coins(amount) });
        let first = transfer::send(&books.ledger, operation, order).await.expect_err("refused");
        assert_eq!((first.code, first.replayed), (code, false), "{amount}");
        let again = transfer::send(&books.ledger, operation, order).await.expect_err("refused again");
        assert_eq!(again, ErrorBody { replayed: true, ..first });
    }
    // Old enough, and has spent nothing.
    books.superuser("update users set created_at = now() - interval '49 hours' where id = 100000003").await;
    let order = NewTransfer { from: newcomer, to: other, amount: Coins(100) };
    let level = transfer::send(&books.ledger, op(), order).await.expect_err("too low a level");
    assert_eq!((level.code, level.until), (ErrorCode::TransferNotYet, None));

    send(&books, &books.ledger, op(), 20_000).await.expect("sent");
    let poor = send(&books, &books.ledger, op(), 15_000).await.expect_err("too little");
    assert_eq!(poor, ErrorBody::insufficient_funds(10_000, 5_000));
    books.assert_clean().await;
}

#[tokio::test]
async fn a_days_limit_holds_over_two_writers_at_once() {
    let books = books(500_000).await;
    let another = books.another_ledger();
    let many = (0..30).map(|n| send(&books, if n % 2 == 0 { &books.ledger } else { &another }, op(), 10_000));
    let answers = join_all(many).await;
    let sent = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!((sent, refused.len()), (5, 25));
    assert!(refused.iter().all(|error| error.code == ErrorCode::TransferDayLimit && error.until.is_some()));
    assert_eq!(books.amounts(2).await.0, 50_000);
    books.assert_clean().await;

    // Yesterday's don't count today.
    books.superuser("update transfer_days set day = day - 1").await;
    send(&books, &books.ledger, op(), 20_000).await.expect("a new day");
    let report = books.audit().await;
    assert!(!report.is_clean(), "the record was changed");
}

#[tokio::test]
async fn a_reseller_sends_at_once_and_more() {
    let books = Books::with(&[0, 3_000_000, 0]).await;
    let seller = books.people[1].id;
    books.superuser("insert into user_roles (user_id, role) values (100000001, 'reseller')").await;
    let order = NewTransfer { from: seller, to: books.people[2].id, amount: Coins(1_500_000) };
    transfer::send(&books.ledger, op(), order).await.expect("sent");
    let limit = transfer::send(&books.ledger, op(), order).await.expect_err("too much for a day");
    assert_eq!(limit.code, ErrorCode::TransferDayLimit);
    let rest = NewTransfer { amount: Coins(500_000), ..order };
    transfer::send(&books.ledger, op(), rest).await.expect("the rest of the day");
    // Who is given more sends no more.
    let operation = Operation::of_words(op(), seller, "more");
    let grant = promotion::Grant { to: seller, amount: Coins(10) };
    promotion::grant(&books.ledger, operation, grant).await.expect("granted");
    let order = NewTransfer { amount: Coins(10), ..order };
    transfer::send(&books.ledger, op(), order).await.expect_err("the day is used up");
    books.assert_clean().await;
}

#[tokio::test]
async fn a_row_whose_detail_says_something_else_is_named() {
    let books = books(1_000).await;
    let sent = send(&books, &books.ledger, op(), 400).await.expect("sent");
    books
        .superuser(
            "update journal set detail = substr(detail, 1, 8) || int8send(1) || substr(detail, 17) where kind = 5",
        )
        .await;
    let report = books.audit().await;
    let subject = format!("transfer {}", sent.receipt);
    let rule = parlor::economy::ledger::audit::Rule::PostingRecomputed;
    assert!(report.violations.iter().any(|found| found.rule == rule && found.subject == subject), "{report}");
}
