//! Tampers with the ledger as a superuser: the audit must report what was changed.

use parlor::economy::ledger::audit::{self, Plan, Report, Rule};

use super::books::{Books, HEART, Sending, sending};

/// A world with a few batches: that of the seed, one of three gifts, then single gifts.
async fn books() -> Books {
    let books = Books::with(&[0, 1_000, 0, 0]).await;
    let first: Vec<_> = (0..3).map(|_| books.submit(&sending(1, HEART, 1, &[2, 3]))).collect();
    for answer in first {
        answer.await.expect("an answer").expect("paid");
    }
    for room in [0, 1] {
        books.send(&Sending { room, ..sending(1, HEART, 1, &[2]) }).await.expect("paid");
    }
    books.send(&sending(2, HEART, 1, &[1])).await.expect_err("a stored refusal");
    books.assert_clean().await;
    books
}

/// The rules that the report has for subjects with this beginning.
#[track_caller]
fn assert_names(report: &Report, rule: Rule, subject: &str) {
    let named = report.violations.iter().any(|violation| violation.rule == rule && violation.subject == subject);
    assert!(named, "{rule} of {subject} is not named in:\n{report}");
}

/// The newest gift of room 0, and the transfer of that room before it.
async fn transfer(books: &Books, gift_no: i64) -> i64 {
    sqlx::query_scalar("select id from journal where room_id = 900000001 and gift_no = $1")
        .bind(gift_no)
        .fetch_one(&books.database.app)
        .await
        .expect("a gift")
}

#[tokio::test]
async fn changed_amounts_are_named() {
    let books = books().await;
    books.superuser("update journal set amounts = (select array_agg(-a order by n) from unnest(amounts) with ordinality x(a, n)) where room_id = 900000001 and gift_no = 2").await;
    let report = books.audit().await;
    let row = format!("transfer {}", transfer(&books, 2).await);
    assert_names(&report, Rule::PostingRecomputed, &row);
    assert_names(&report, Rule::AnswerTrue, &row);
    assert!(report.violations.iter().any(|violation| violation.rule == Rule::LinkHash), "{report}");
    assert!(report.violations.iter().any(|violation| violation.rule == Rule::BalanceIsFold), "{report}");
}

#[tokio::test]
async fn every_changed_column_breaks_the_link() {
    let books = books().await;
    let changes = [
        "update journal set body_hash = '\\x00000000000000000000000000000000' where gift_no = 1",
        "update journal set at = at + interval '1 microsecond' where gift_no = 1",
        "update journal set op = gen_random_uuid() where gift_no = 1",
        "update journal set receivers = receivers[1:1] || 7::bigint where gift_no = 1 and room_id = 900000001",
        "update journal set gift_id = 4 where gift_no = 1",
        "update journal set kind = 3 where kind = 2",
    ];
    books.superuser("create schema kept; create table kept.journal as table journal").await;
    for change in changes {
        books.superuser(change).await;
        let report = books.audit().await;
        assert!(report.violations.iter().any(|violation| violation.rule == Rule::LinkHash), "{change}: {report}");
        books.superuser("truncate journal; insert into journal table kept.journal").await;
        books.assert_clean().await;
    }
}

#[tokio::test]
async fn row_that_does_not_sum_to_zero_is_named() {
    let books = books().await;
    books
        .superuser(
            "alter table journal drop constraint journal_zero_sum;
             update journal set amounts[1] = amounts[1] + 7 where room_id = 900000001 and gift_no = 1;",
        )
        .await;
    let report = books.audit().await;
    assert_names(&report, Rule::ZeroSum, &format!("transfer {}", transfer(&books, 1).await));
}

#[tokio::test]
async fn changed_balance_is_named() {
    for (change, rule) in [
        (
            "update balances set amount = amount + 1 where account_id = (select coin_account from wallets where user_id = 100000002)",
            Rule::BalanceIsFold,
        ),
        (
            "update balances set xp = xp + 1 where account_id = (select coin_account from wallets where user_id = 100000002)",
            Rule::BalanceIsFold,
        ),
        (
            "update balances set last_transfer = last_transfer + 1 where account_id = (select coin_account from wallets where user_id = 100000002)",
            Rule::BalanceIsFold,
        ),
        (
            "update balances set may_overdraw = true where account_id = (select coin_account from wallets where user_id = 100000002)",
            Rule::Overdraft,
        ),
        (
            "update accounts set may_overdraw = true where id = (select coin_account from wallets where user_id = 100000002)",
            Rule::Overdraft,
        ),
        (
            "delete from balances where account_id = (select coin_account from wallets where user_id = 100000002)",
            Rule::BalanceIsFold,
        ),
    ] {
        let books = books().await;
        books.superuser(change).await;
        let account: i64 = sqlx::query_scalar("select coin_account from wallets where user_id = 100000002")
            .fetch_one(&books.database.app)
            .await
            .expect("an account");
        assert_names(&books.audit().await, rule, &format!("account {account}"));
    }
}

#[tokio::test]
async fn removed_row_is_named_wherever_it_stood() {
    for gift_no in [1, 2, 3, 4] {
        let books = books().await;
        let gone = transfer(&books, gift_no).await;
        sqlx::query("delete from journal where id = $1")
            .bind(gone)
            .execute(&books.database.superuser)
            .await
            .expect("gone");
        let report = books.audit().await;
        assert_names(&report, Rule::LinkWhole, &format!("transfer {gone}"));
        assert!(report.violations.iter().any(|violation| violation.rule == Rule::BalanceIsFold), "{report}");
        if gift_no < 4 {
            let next = transfer(&books, gift_no + 1).await;
            assert_names(&report, Rule::ListWhole, &format!("transfer {next}"));
            assert_names(&report, Rule::RecordsAgree, &format!("transfer {next}"));
        } else {
            assert_names(&report, Rule::RecordsAgree, "room 900000001");
        }
    }
}

#[tokio::test]
async fn removed_link_leaves_its_rows_outside_and_a_hole_in_the_chain() {
    let books = books().await;
    for _ in 0..2 {
        books.send(&sending(1, HEART, 1, &[2])).await.expect("paid");
    }
    let orphan = transfer(&books, 5).await;
    sqlx::query("delete from chain_links where first_transfer = $1")
        .bind(orphan)
        .execute(&books.database.superuser)
        .await
        .expect("gone");
    let report = books.audit().await;
    assert_names(&report, Rule::LinkWhole, &format!("transfer {orphan}"));
    assert!(report.violations.iter().any(|violation| violation.rule == Rule::ChainWhole), "{report}");
    // With its rows removed too, the chain has a gap, and balances and lists miss the rows.
    sqlx::query("delete from journal where id = $1")
        .bind(orphan)
        .execute(&books.database.superuser)
        .await
        .expect("gone");
    let report = books.audit().await;
    assert!(report.violations.iter().any(|violation| violation.rule == Rule::ChainWhole), "{report}");
    assert_names(&report, Rule::ListWhole, &format!("transfer {}", transfer(&books, 6).await));
}

#[tokio::test]
async fn changed_link_and_room_total_and_double_operation_are_named() {
    let books = books().await;
    books
        .superuser(
            "update chain_links set previous = sha256('x') where batch_no = 2 and writer = (select max(writer) from chain_links);
             update room_totals set coins = coins + 1 where room_id = 900000002;
             alter table refusals drop constraint refusals_linked;
             insert into refusals (op, actor, body_hash, error, at) select op, actor, body_hash, '{}', at from journal where room_id = 900000002;",
        )
        .await;
    let report = books.audit().await;
    assert_names(&report, Rule::RecordsAgree, "room 900000002");
    assert!(report.violations.iter().any(|violation| violation.rule == Rule::ChainWhole), "{report}");
    assert!(report.violations.iter().any(|violation| violation.rule == Rule::OperationOnce), "{report}");
}

#[tokio::test]
async fn audit_runs_as_the_app_role_too_and_counts() {
    let books = books().await;
    let mut connection = books.database.app.acquire().await.expect("a connection");
    let kinds = parlor::economy::kinds();
    let report = audit::audit(&mut connection, Plan::of(&kinds)).await.expect("an audit").report;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.transfers, report.refusals), (1 + 1 + 5, 1));
    assert!(report.to_string().ends_with("clean, as far as the database alone can show"));
}
