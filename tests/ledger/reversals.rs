//! Transfers taken back: whole, once, by staff; and what the audit says of one that is forged.

use futures_util::future::join_all;
use parlor::audit::Actor;
use parlor::economy::kinds;
use parlor::economy::ledger::audit::{self, Plan, Rule};
use parlor::economy::ledger::{Ledger, wallet};
use parlor::economy::reversal::{self, ReversedTransfer};
use parlor_protocol::{Currency, ErrorBody, ErrorCode, Op};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};

use super::books::{Books, HEART, ROSE, op, sending};
use super::manipulations::forge::relink;

/// User 0 is of the staff.
fn staff(books: &Books) -> Actor {
    Actor { user: Some(books.people[0].id), request: "a test's".to_owned() }
}

async fn reverse(books: &Books, ledger: &Ledger, op: Op, transfer: i64) -> Result<ReversedTransfer, ErrorBody> {
    reversal::reverse(ledger, op, &staff(books), transfer, "a mistake").await
}

/// Every balance row, as text.
async fn every_balance(books: &Books) -> Vec<String> {
    sqlx::query_scalar("select format('%s: %s, xp %s', account_id, amount, xp) from balances order by account_id")
        .fetch_all(&books.database.superuser)
        .await
        .expect("balances")
}

async fn logged(books: &Books) -> Vec<(serde_json::Value, String)> {
    sqlx::query_as("select detail, reason from audit_log where act = 'transfer.reversed' order by id")
        .fetch_all(&books.database.superuser)
        .await
        .expect("the log")
}

#[tokio::test]
async fn a_gift_that_is_taken_back_leaves_every_balance_as_before_and_the_room_as_it_is() {
    let mut books = Books::with(&[0, 1_000, 0, 0]).await;
    let before = every_balance(&books).await;
    // To a member of an agency too: issuance, shares of the room's owner and of the agency, experience of three users.
    let gift = books.send(&super::books::Sending { room: 0, ..sending(1, HEART, 3, &[2, 3]) }).await.expect("paid");
    assert_ne!(every_balance(&books).await, before);
    // The room is user 0's, who has a share of it: so somebody else of the staff takes it back.
    let own = reverse(&books, &books.ledger, op(), gift.receipt).await.expect_err("it moved an account of their own");
    assert_eq!((own.code, own.replayed), (ErrorCode::Forbidden, false));
    let staff = Actor { user: Some(books.stranger().await), request: String::new() };
    books.drain_hints();
    let operation = op();
    let first = reversal::reverse(&books.ledger, operation, &staff, gift.receipt, "wrong room").await.expect("back");
    assert_eq!((first.reverses, first.replayed), (gift.receipt, false));
    assert_eq!(every_balance(&books).await[..before.len()], before[..], "amounts and experience");

    // Once: the same operation has its answer, another one is refused for good.
    let again = reversal::reverse(&books.ledger, operation, &staff, gift.receipt, "wrong room").await.expect("again");
    assert_eq!((again.receipt, again.at, again.replayed), (first.receipt, first.at, true));
    let other = reversal::reverse(&books.ledger, operation, &staff, gift.receipt, "other words").await;
    assert_eq!(other.expect_err("another body").code, ErrorCode::OperationConflict);
    let second = reversal::reverse(&books.ledger, op(), &staff, gift.receipt, "once more").await;
    assert_eq!(second.expect_err("taken back before").code, ErrorCode::TransferReversed);
    let back = reversal::reverse(&books.ledger, op(), &staff, first.receipt, "back again").await;
    assert_eq!(back.expect_err("a reversal stands").code, ErrorCode::TransferNotReversible);
    let none = reversal::reverse(&books.ledger, op(), &staff, i64::MAX, "what?").await;
    assert_eq!(none.expect_err("there is none").code, ErrorCode::TransferNotFound);

    // In the same commit as the line in the log, which tells of nothing that was not done.
    let detail = json!({"transfer": gift.receipt, "reversal": first.receipt});
    assert_eq!(logged(&books).await, [(detail, "wrong room".to_owned())]);
    // On the statement of everybody whom it moved, and told to them.
    let mut connection = books.database.app.acquire().await.expect("a connection");
    for (person, currency) in
        [(1, Currency::Coin), (2, Currency::Diamond), (3, Currency::Diamond), (0, Currency::Diamond)]
    {
        let user = books.people[person].id;
        let page = wallet::entries(&mut connection, &kinds(), user, currency, None, 2).await.expect("a page").entries;
        assert_eq!((page[0].kind, page[0].amount), ("reversal", -page[1].amount), "user {person}");
        assert_eq!(page[0].cause["reversal"], json!({"transfer": gift.receipt}));
    }
    let told: Vec<_> = books.drain_hints().into_iter().flat_map(|hint| hint.balances).map(|(user, _)| user).collect();
    assert!(books.people[..4].iter().all(|person| told.contains(&person.id)), "{told:?}");
    // The room keeps its gift, and counts on from it.
    let next = books.send(&sending(1, ROSE, 1, &[2])).await.expect("paid");
    assert_eq!(next.gift_no, gift.gift_no + 1);
    books.assert_clean().await;
}

#[tokio::test]
async fn of_many_reversals_at_once_by_two_nodes_one_takes_effect() {
    let books = Books::with(&[0, 1_000, 0, 0]).await;
    let another = books.another_ledger();
    let grant: i64 = sqlx::query_scalar("select max(id) from journal where kind = 2")
        .fetch_one(&books.database.app)
        .await
        .expect("a grant");
    let answers = join_all((0..200).map(|n| {
        let ledger = if n % 2 == 0 { &books.ledger } else { &another };
        reverse(&books, ledger, op(), grant)
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.into_iter().all(|error| error.code == ErrorCode::TransferReversed));
    assert_eq!((books.amounts(1).await.0, logged(&books).await.len()), (0, 1));
    books.assert_clean().await;
}

#[tokio::test]
async fn what_somebody_no_longer_has_is_not_taken_back_by_half() {
    let books = Books::with(&[0, 100, 0, 0]).await;
    let grant: i64 = sqlx::query_scalar("select max(id) from journal where kind = 2")
        .fetch_one(&books.database.app)
        .await
        .expect("a grant");
    let gift = books.send(&sending(1, HEART, 4, &[2])).await.expect("paid");
    let before = every_balance(&books).await;
    let operation = op();
    let spent = reverse(&books, &books.ledger, operation, grant).await.expect_err("20 are gone");
    assert_eq!((spent.code, spent.shortfall, spent.replayed), (ErrorCode::FundsSpent, Some(20), false));
    assert_eq!(every_balance(&books).await, before);
    // When the gift has been taken back they are there again, and the same operation is done.
    let other = Actor { user: Some(books.stranger().await), request: String::new() };
    reversal::reverse(&books.ledger, op(), &other, gift.receipt, "a mistake").await.expect("taken back");
    assert!(!reverse(&books, &books.ledger, operation, grant).await.expect("taken back").replayed);
    assert_eq!(books.amounts(1).await, (0, 0));
    books.assert_clean().await;
}

/// What a forger changes, with every hash made anew behind it.
#[tokio::test]
async fn a_forged_reversal_is_named() {
    let books = Books::with(&[0, 1_000, 0, 0]).await;
    let [first, second] = [
        books.send(&sending(1, HEART, 3, &[2])).await.expect("paid").receipt,
        books.send(&sending(1, HEART, 4, &[2])).await.expect("paid").receipt,
    ];
    let staff = Actor { user: Some(books.stranger().await), request: String::new() };
    let reversed =
        reversal::reverse(&books.ledger, op(), &staff, first, "a mistake").await.expect("taken back").receipt;
    books.assert_clean().await;
    let names = |other: String| {
        format!(
            "update journal set reverses = {other}, detail = decode(reverse_bytes({other}), 'hex') || substr(detail, 9) where id = {reversed}"
        )
    };
    let forgeries = [
        ("legs that are not the mirror of what is named", names(second.to_string()), "but does not mirror its legs"),
        ("a transfer that there is not", names("7".to_owned()), "which does not exist"),
        ("itself", names(reversed.to_string()), "which did not come before"),
        (
            "less experience",
            format!("update journal set xp_bp = 5000 where id = {reversed}"),
            "but not the experience that it brought",
        ),
        (
            "another column than the detail",
            format!("update journal set reverses = {second} where id = {reversed}"),
            "has no detail of a reversal",
        ),
        (
            "a gift that says so",
            format!("update journal set reverses = 7 where id = {second}"),
            "stores something beside its detail",
        ),
        (
            "on a user's own word",
            format!("update journal set authority = 1, staff = null where id = {reversed}"),
            "which authority 1 may not order",
        ),
    ];
    let mut connection = books.database.as_superuser().await;
    sqlx::raw_sql(
        "create function pg_temp.reverse_bytes(number bigint) returns text language sql as $$
             select string_agg(substr(encode(int8send(number), 'hex'), 15 - 2 * byte, 2), '' order by byte)
               from generate_series(0, 7) byte $$",
    )
    .execute(&mut connection)
    .await
    .expect("a function of the session's own");
    for (what, forgery, words) in forgeries {
        let forgery = forgery.replace("reverse_bytes", "pg_temp.reverse_bytes");
        let mut tx = connection.begin().await.expect("a transaction");
        sqlx::raw_sql(AssertSqlSafe(forgery)).execute(&mut *tx).await.expect(what);
        let writer: i64 =
            sqlx::query_scalar("select max(writer) from chain_links").fetch_one(&mut *tx).await.expect("one");
        relink(&mut tx, writer, 1).await;
        let report = audit::audit_within(&mut tx, Plan::of(&kinds())).await.expect("an audit").report;
        let named = report.violations.iter().find(|found| found.detail.contains(words));
        assert_eq!(named.map(|found| found.rule), Some(Rule::PostingRecomputed), "{what}: {report}");
        assert!(report.violations.iter().all(|found| found.rule != Rule::LinkHash), "{what}: {report}");
        tx.rollback().await.expect("undone");
    }
}
