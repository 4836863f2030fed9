//! The changes of the ledger for which parlor_app has no right, whatever the program does.

use super::books::{Books, HEART, sending};

#[tokio::test]
async fn app_role_cannot_rewrite_the_books() {
    let books = Books::with(&[0, 100, 0]).await;
    books.send(&sending(1, HEART, 1, &[2])).await.expect("paid");
    let forbidden = [
        "update journal set kind = 2",
        "delete from journal",
        "truncate journal",
        "update refusals set error = '{}'",
        "delete from refusals",
        "truncate refusals",
        "update chain_links set hash = ''",
        "delete from chain_links",
        "truncate chain_links",
        "delete from writers",
        "delete from balances",
        "truncate balances",
        "update balances set may_overdraw = true",
        "update balances set account_id = account_id + 1000",
        "insert into balances (account_id, amount) values (1000, 5)",
        "insert into balances (account_id, may_overdraw) values (1000, true)",
        "insert into accounts (currency, may_overdraw) values (1, true)",
        "update accounts set may_overdraw = true",
        "delete from accounts",
        "delete from wallets",
        "update wallets set coin_account = 1",
        "update system_accounts set account_id = 1",
        "insert into room_totals (room_id, gift_no) values (900000001, 5)",
        "delete from room_totals",
        "alter table journal drop constraint journal_zero_sum",
        "drop table journal",
        "select setval('transfers', 1)",
        "alter sequence transfers restart",
    ];
    for statement in forbidden {
        let error = sqlx::raw_sql(statement).execute(&books.database.app).await.expect_err(statement);
        let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
    let overdrawn = sqlx::query("update balances set amount = -1 where not may_overdraw")
        .execute(&books.database.app)
        .await
        .expect_err("a balance below zero");
    assert_eq!(overdrawn.as_database_error().and_then(|error| error.constraint()), Some("balances_never_negative"));
    for statement in
        ["update balances set amount = 1", "insert into writers (node) values ('x')", "delete from journal"]
    {
        sqlx::raw_sql(statement).execute(&books.database.audit).await.expect_err("the auditor only reads");
    }
    books.assert_clean().await;
}
