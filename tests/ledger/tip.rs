//! A kind of posting that only this test knows: the worked example of docs/contributing.md.
//!
//! A user gives the house a tip with a few words, which are stored in a table of the kind. No other file knows the kind,
//! which is registered by one line: `kinds().with(Tips)`.

use std::collections::{BTreeMap, BTreeSet};

use parlor::economy::kinds;
use parlor::economy::ledger::posting::{
    Authority, Bytes, Denial, Flaws, Kind, Leg, Locks, Names, Posted, Reading, Stored, System, Transfer, View, Viewer,
    Words, move_coins,
};
use parlor::economy::ledger::{By, Kinds, Ledger, Settings, TransferReceipt, audit, wallet};
use parlor::kit::operation::Operation;
use parlor_protocol::{Coins, Currency, ErrorBody, ErrorCode, UserId};
use sqlx::PgConnection;

use super::books::{Books, op};

/// The table of the kind; in the program a migration would create it.
const TABLE: &str = "create schema house; create table house.tips (transfer bigint primary key references journal, words text not null);
                     grant usage on schema house to parlor_app, parlor_audit;
                     grant select, insert on house.tips to parlor_app; grant select on house.tips to parlor_audit;";

/// The order.
#[derive(Clone, Debug)]
struct Tip {
    amount: Coins,
    words: String,
}

/// The detail: everything that the legs are made from and that the table must agree with.
#[derive(Debug)]
struct TipDetail {
    amount: i64,
    words: String,
}

/// The kind.
#[derive(Debug)]
struct Tips;

impl Kind for Tips {
    const NUMBER: i16 = 900;
    const NAME: &'static str = "tip";
    const AUTHORITIES: &'static [Authority] = &[Authority::User];

    type Order = Tip;
    type Detail = TipDetail;
    type Receipt = TransferReceipt;
    type State = ();
    /// The words of each tip that the audit has met.
    type Audit = BTreeMap<i64, String>;

    fn users(_: &Tip, _: &mut BTreeSet<UserId>) {}

    fn accounts(&self, _: &Tip, names: &Names, (): &(), accounts: &mut Locks) {
        accounts.insert(names.system.account("promotion"));
    }

    fn judge(&self, tip: &Tip, _: &View<'_>, (): &()) -> Result<TipDetail, Denial> {
        if tip.amount.0 < 1 {
            return Err(Denial::Passing(ErrorBody::new(ErrorCode::BadRequest).field("amount", "more than 0")));
        }
        Ok(TipDetail { amount: tip.amount.0, words: tip.words.clone() })
    }

    fn legs(system: &System, actor: i64, detail: &TipDetail) -> Option<Vec<Leg>> {
        move_coins(actor, system.account("promotion"), detail.amount)
    }

    fn stored(detail: TipDetail) -> Stored {
        let bytes = Words::default().number(detail.amount).text(&detail.words).into_bytes();
        Stored { detail: Some(Bytes { version: 1, bytes }), ..Stored::default() }
    }

    fn recalled(row: &Transfer) -> Option<TipDetail> {
        let bytes = row.stored.detail.as_ref().filter(|bytes| bytes.version == 1)?;
        let mut reading = Reading::of(&bytes.bytes);
        let detail = TipDetail { amount: reading.number()?, words: reading.text()?.to_owned() };
        reading.end()?;
        Some(detail)
    }

    async fn write(&self, connection: &mut PgConnection, posted: &[(&Tip, &Transfer)], (): &()) -> sqlx::Result<()> {
        let transfers: Vec<i64> = posted.iter().map(|(_, row)| row.id).collect();
        let words: Vec<String> = posted.iter().map(|(tip, _)| tip.words.clone()).collect();
        let done = sqlx::query("insert into house.tips select * from unnest($1::bigint[], $2::text[])")
            .bind(&transfers)
            .bind(&words)
            .execute(connection)
            .await?;
        if done.rows_affected() == transfers.len() as u64 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
    }

    fn receipt(posted: Posted<'_>) -> Option<TransferReceipt> {
        Some(TransferReceipt::of(posted))
    }

    fn entry(posted: Posted<'_>, _: Viewer) -> Option<(&'static str, serde_json::Value)> {
        Some(("tip", serde_json::json!({"words": Self::recalled(posted.row)?.words})))
    }

    fn audit_row(row: &Transfer, system: &System, audit: &mut Self::Audit, flaws: &mut Flaws) {
        let Some(detail) = Self::recalled(row) else { return flaws.posting(row, "has no detail of a tip") };
        flaws.compare(row, Self::legs(system, row.actor, &detail).as_deref());
        audit.insert(row.id, detail.words);
    }

    async fn audit_close(
        connection: &mut PgConnection,
        audit: &mut Self::Audit,
        flaws: &mut Flaws,
    ) -> sqlx::Result<()> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("select transfer, words from house.tips order by transfer").fetch_all(connection).await?;
        let stored: BTreeMap<i64, String> = rows.into_iter().collect();
        for transfer in audit.keys().chain(stored.keys()).collect::<BTreeSet<_>>() {
            if audit.get(transfer) != stored.get(transfer) {
                flaws.record(format!("tip {transfer}"), "is not what its transfer says");
            }
        }
        Ok(())
    }
}

/// The one line.
fn kinds_with_tips() -> Kinds {
    kinds().with(Tips)
}

async fn tipped(
    books: &Books,
    ledger: &Ledger,
    operation: Operation,
    amount: i64,
) -> Result<TransferReceipt, ErrorBody> {
    assert_eq!(operation.actor, books.people[1].id);
    let tip = Tip { amount: Coins(amount), words: "well done".to_owned() };
    ledger.post::<Tips>(operation, By::User, tip).await
}

async fn audited(books: &Books) -> audit::Report {
    let mut connection = books.database.audit.acquire().await.expect("the auditor's connection");
    audit::audit(&mut connection, audit::Plan::of(&kinds_with_tips())).await.expect("an audit").report
}

#[tokio::test]
async fn a_kind_of_a_test_is_judged_stored_shown_and_audited_like_any_other() {
    let books = Books::with(&[0, 1_000, 0]).await;
    books.superuser(TABLE).await;
    let (hints, _) = tokio::sync::mpsc::channel(10);
    let settings = Settings::default();
    let kinds = kinds_with_tips();
    let ledger = Ledger::start(books.database.writer(), "tips", &settings, kinds, hints, &books.supervisor);
    let operation = |words: &str| Operation::of_words(op(), books.people[1].id, words);

    // Once, however often it is asked for; and what the account doesn't cover is refused for good.
    let first = operation("a tip");
    let paid = tipped(&books, &ledger, first, 30).await.expect("paid");
    assert_eq!((paid.amount, paid.balance, paid.replayed), (Coins(30), Coins(970), false));
    let again = tipped(&books, &ledger, first, 30).await.expect("the first answer");
    assert_eq!((again.receipt, again.balance, again.replayed), (paid.receipt, Coins(970), true));
    let dear = operation("too much");
    let refused = tipped(&books, &ledger, dear, 971).await.expect_err("too much");
    assert_eq!((refused.code, refused.shortfall), (ErrorCode::InsufficientFunds, Some(1)));
    assert!(tipped(&books, &ledger, dear, 971).await.expect_err("still").replayed);

    // Many at once are one batch with the rows of the kind's own, among gifts of the other writer.
    let many = (0..50).map(|_| tipped(&books, &ledger, operation("one of many"), 2));
    for paid in futures_util::future::join_all(many).await {
        paid.expect("paid");
    }
    books.send(&super::books::sending(1, super::books::HEART, 1, &[2])).await.expect("a gift");

    // On the statement under the kind's own name, and clean by its own rules.
    let mut connection = books.database.app.acquire().await.expect("a connection");
    let (user, kinds) = (books.people[1].id, kinds_with_tips());
    let entries = wallet::entries(&mut connection, &kinds, user, Currency::Coin, None, 100).await.expect("entries");
    let entry = entries.entries.iter().find(|entry| entry.transfer == paid.receipt).expect("the tip");
    assert_eq!((entry.kind, entry.amount), ("tip", -30));
    assert_eq!(entry.cause["tip"]["words"], "well done");
    let report = audited(&books).await;
    assert!(report.is_clean(), "{report}");

    // A program that doesn't know the kind says so; a record that was changed is named.
    let unknown = books.audit().await;
    assert!(unknown.violations.iter().any(|violation| violation.rule == audit::Rule::PostingRecomputed), "{unknown}");
    books
        .superuser("update house.tips set words = 'nothing' where transfer = (select min(transfer) from house.tips)")
        .await;
    let report = audited(&books).await;
    assert_eq!(report.found, 1, "{report}");
    let (rule, subject) = (report.violations[0].rule, &report.violations[0].subject);
    assert_eq!((rule, subject), (audit::Rule::RecordsAgree, &format!("tip {}", paid.receipt)));
}
