//! Old refusals are removed, a batch's together, by nobody but the function that looks at their age.

use parlor::economy::coin_request;
use parlor::economy::ledger::{ForgetRefusals, REFUSALS_KEPT};
use parlor::kit::clock::Clock;
use parlor::kit::error::Result;
use parlor::kit::jobs::{Attempt, Jobs, Kinds, Settings, Standing, Watch};
use parlor::kit::tx::Tx;
use parlor_protocol::{Coins, ErrorCode, Op};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};

use super::books::{Books, RAINBOW, Sending, op, sending};
use super::manipulations::forge::relink;

/// Two batches that refuse, the first of them two operations; gives these, and the third.
async fn refused(books: &Books) -> ([Sending; 2], Sending) {
    let old = [(); 2].map(|()| sending(1, RAINBOW, 1, &[2]));
    let both = old.each_ref().map(|sending| books.submit(sending));
    for answer in both {
        answer.await.expect("an answer").expect_err("too dear");
    }
    let young = sending(1, RAINBOW, 1, &[2]);
    books.send(&young).await.expect_err("too dear");
    (old, young)
}

/// Makes the batches of the first two refusals eight days old, with all hashes as they would be.
async fn age(books: &Books, old: &[Sending]) {
    let mut connection = books.database.as_superuser().await;
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut connection).await.expect("set");
    let ops: Vec<_> = old.iter().map(|sending| sending.op.0).collect();
    let links = sqlx::query("select distinct writer, batch_no from refusals where op = any($1) order by 1, 2")
        .bind(&ops)
        .fetch_all(&mut connection)
        .await
        .expect("links");
    for link in links {
        let (writer, batch_no): (i64, i64) = (link.get(0), link.get(1));
        for change in [
            "update refusals set at = at - interval '8 days' where writer = $1 and batch_no = $2",
            "update chain_links set at = at - interval '8 days' where writer = $1 and batch_no = $2",
        ] {
            sqlx::query(change).bind(writer).bind(batch_no).execute(&mut connection).await.expect("made older");
        }
        let hash = hash(&mut connection, writer, batch_no).await;
        sqlx::query("update chain_links set refusals_hash = $3 where writer = $1 and batch_no = $2")
            .bind(writer)
            .bind(batch_no)
            .bind(hash)
            .execute(&mut connection)
            .await
            .expect("hashed anew");
        relink(&mut connection, writer, 1).await;
    }
}

/// The hash over a batch's refusals, written a second time from the documents.
async fn hash(connection: &mut PgConnection, writer: i64, batch_no: i64) -> Vec<u8> {
    let rows = sqlx::query(
        "select op, actor, body_hash, (extract(epoch from at) * 1000000)::bigint as at_us,
                (select '{' || string_agg(to_json(key)::text || ':' || value || ',', '' order by key collate \"C\") || '}'
                   from jsonb_each(error)) as error
           from refusals where writer = $1 and batch_no = $2",
    )
    .bind(writer)
    .bind(batch_no)
    .fetch_all(connection)
    .await
    .expect("refusals");
    let mut hashes: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| {
            let mut sha = Sha256::new();
            sha.update(b"parlor refusal 1");
            sha.update(row.get::<uuid::Uuid, _>("op").as_bytes());
            sha.update(row.get::<i64, _>("actor").to_le_bytes());
            sha.update(row.get::<Vec<u8>, _>("body_hash"));
            sha.update(row.get::<i64, _>("at_us").to_le_bytes());
            sha.update(row.get::<String, _>("error"));
            sha.finalize().to_vec()
        })
        .collect();
    hashes.sort_unstable();
    Sha256::digest(hashes.concat()).to_vec()
}

async fn kept(books: &Books) -> i64 {
    sqlx::query_scalar("select count(*) from refusals").fetch_one(&books.database.app).await.expect("a number")
}

/// Told by the workers; the job under test is the only one.
struct Told(tokio::sync::mpsc::UnboundedSender<Attempt>);

impl Watch for Told {
    fn attempted(&self, attempt: Attempt, _: std::time::Duration) {
        let _ = self.0.send(attempt); // the test has ended
    }

    fn stands(&self, _: Standing) {}
}

#[tokio::test]
async fn job_removes_the_refusals_of_old_batches_and_a_retry_is_judged_anew() {
    let books = Books::with(&[0, 50, 0, 0]).await;
    let (old, young) = refused(&books).await;
    age(&books, &old).await;
    assert_eq!(kept(&books).await, 3);
    books.assert_clean().await;

    let (told, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let kinds = Kinds::new().every(std::time::Duration::from_secs(3_600), ForgetRefusals);
    let jobs = Jobs::open(books.database.app.clone(), &Settings::default(), kinds, Told(told)).await.expect("jobs");
    sqlx::raw_sql("update job_periods set due_at = now() where kind = 'ledger.forget_refusals'")
        .execute(&books.database.superuser)
        .await
        .expect("due");
    jobs.start(&books.supervisor);
    assert_eq!(hear.recv().await, Some(Attempt::Done));
    assert_eq!(kept(&books).await, 1, "the two old ones are gone, the young one stays");
    books.assert_clean().await;

    let again = books.send(&young).await.expect_err("its first answer");
    assert_eq!(again.code, ErrorCode::InsufficientFunds);
    assert_eq!(kept(&books).await, 1, "a stored refusal answers its retry");
    // By a writer of its own: the world's has the old hash of its chain in memory.
    let another = books.another_ledger();
    let anew = books.submit_to(&another, &old[0], None).await.expect("an answer");
    anew.expect_err("judged anew, and still too dear");
    assert_eq!(kept(&books).await, 2, "and so it is stored again");
    books.assert_clean().await;
}

#[tokio::test]
async fn refusal_of_an_operation_that_moves_no_money_is_removed_in_the_same_way() {
    let books = Books::with(&[0, 50, 0, 0]).await;
    let [user, nobody] = [1, 2].map(|person| books.people[person].id);
    let ask = async |op: Op, amount: i64| -> Result<ErrorCode> {
        let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
        let now = Clock::system().now();
        let asked = (user, nobody, Coins(amount));
        let made = coin_request::make(&mut tx, &coin_request::Settings::default(), op, asked, now).await?;
        tx.commit().await.expect("a commit");
        Ok(made.expect_err("nobody here sells coins").code)
    };
    let [old, young] = [op(), op()];
    for op in [old, young] {
        assert_eq!(ask(op, 700).await.expect("an answer"), ErrorCode::NotAReseller);
    }
    sqlx::query("update operations set at = at - interval '8 days' where op = $1")
        .bind(old.0)
        .execute(&books.database.superuser)
        .await
        .expect("made older");
    let remove = async |most: i32| {
        let app = &books.database.app;
        sqlx::query_scalar::<_, i64>("select remove_old_refusals($1)")
            .bind(most)
            .fetch_one(app)
            .await
            .expect("a number")
    };
    assert_eq!((remove(0).await, remove(1_000).await, remove(1_000).await), (0, 1, 0));
    assert_eq!(ask(old, 710).await.expect("judged anew"), ErrorCode::NotAReseller);
    assert_eq!(ask(young, 710).await.expect_err("another body").code(), ErrorCode::OperationConflict);
}

#[tokio::test]
async fn serving_role_removes_no_refusal_that_is_younger_than_a_week() {
    let books = Books::with(&[0, 50, 0, 0]).await;
    let (old, _) = refused(&books).await;
    let app = &books.database.app;
    for forbidden in [
        "delete from refusals",
        "truncate refusals",
        "update refusals set at = at - interval '8 days'",
        "update chain_links set at = at - interval '8 days'",
    ] {
        let error = sqlx::query(forbidden).execute(app).await.expect_err("parlor_app may not");
        let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {error}");
    }
    let remove = async |most: i32| {
        let removed: i64 =
            sqlx::query_scalar("select remove_old_refusals($1)").bind(most).fetch_one(app).await.expect("a number");
        (removed, kept(&books).await)
    };
    assert_eq!(remove(1_000_000).await, (0, 3));
    age(&books, &old).await;
    assert_eq!(remove(0).await, (0, 3), "as many batches as it is told");
    let batches: i64 = sqlx::query_scalar(
        "select count(distinct (writer, batch_no)) from refusals where at < now() - interval '1 day'",
    )
    .fetch_one(app)
    .await
    .expect("a number");
    assert_eq!(remove(1_000_000).await, (batches, 1));
    let error = sqlx::query("select remove_old_refusals(1)").execute(&books.database.audit).await;
    error.expect_err("the auditor reads only");
}

#[tokio::test]
async fn a_refusal_that_is_gone_before_its_time_or_alone_of_its_batch_is_named() {
    use parlor::economy::ledger::audit::Rule;
    let books = Books::with(&[0, 50, 0, 0]).await;
    let (old, _) = refused(&books).await;
    let week: f64 = sqlx::query_scalar("select extract(epoch from interval '7 days')::float8")
        .fetch_one(&books.database.app)
        .await
        .expect("a number");
    assert!((REFUSALS_KEPT.as_secs_f64() - week).abs() < 1.0, "the function of the database has the same time");
    age(&books, &old).await;
    sqlx::query("delete from refusals where op = $1")
        .bind(old[0].op.0)
        .execute(&books.database.superuser)
        .await
        .expect("gone");
    let in_one: i64 = sqlx::query_scalar("select max(refusals)::bigint from chain_links")
        .fetch_one(&books.database.app)
        .await
        .expect("a number");
    let named = |report: &parlor::economy::ledger::audit::Report| {
        report.violations.iter().any(|violation| violation.rule == Rule::RefusalTrue)
    };
    let report = books.audit().await;
    assert_eq!(named(&report), in_one == 2, "one of a batch's two, though it is old: {report}");
    sqlx::query("delete from refusals where at > now() - interval '1 day'")
        .execute(&books.database.superuser)
        .await
        .expect("gone");
    let report = books.audit().await;
    assert!(named(&report), "a young one: {report}");
}

#[tokio::test]
async fn a_penniless_user_s_refusals_become_only_so_many_rows() {
    let settings = parlor::economy::ledger::Settings { refusals_per_hour_user: 10, ..Default::default() };
    let books = Books::connected(&[0, 50, 1_000, 0], |database| database.writer(), settings).await;
    let mut first = None;
    for sent in 0..100 {
        let taken = sending(1, RAINBOW, 1, &[3]);
        let error = books.send(&taken).await.expect_err("too dear");
        if sent < 10 {
            assert_eq!(error.code, ErrorCode::InsufficientFunds);
            first.get_or_insert(taken);
        } else {
            assert_eq!(error.code, ErrorCode::RateLimited, "the {sent}th");
            assert!(error.retry_after_ms.is_some_and(|ms| (1..=360_001).contains(&ms)), "{error:?}");
        }
    }
    assert_eq!(kept(&books).await, 10);
    // The same operation has its first answer, somebody else is not concerned, and who can pay is not refused.
    let again = books.send(&first.expect("the first")).await.expect_err("too dear");
    assert_eq!((again.code, again.replayed), (ErrorCode::InsufficientFunds, true));
    books.send(&sending(2, RAINBOW, 1, &[3])).await.expect("another sender");
    books.send(&sending(1, 1, 1, &[3])).await.expect("a gift that they can pay");
    // Two of the same operation in one batch are both told to wait, and nothing of them is stored.
    let both = sending(1, RAINBOW, 1, &[3]);
    let answers = [books.submit(&both), books.submit(&both)];
    for answer in answers {
        assert_eq!(answer.await.expect("an answer").expect_err("too dear").code, ErrorCode::RateLimited);
    }
    assert_eq!(kept(&books).await, 10);
    books.assert_clean().await;
}

#[tokio::test]
async fn refused_coin_requests_become_only_so_many_rows() {
    let books = Books::with(&[0, 0]).await;
    let asked = (books.people[1].id, books.people[1].id, Coins(100));
    let ask = async || -> Result<ErrorCode> {
        let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
        let now = Clock::system().now();
        let made = coin_request::make(&mut tx, &coin_request::Settings::default(), op(), asked, now).await?;
        tx.commit().await.expect("committed");
        Ok(made.expect_err("nobody is their own reseller").code)
    };
    for _ in 0..60 {
        assert_eq!(ask().await.expect("an answer"), ErrorCode::NotAReseller);
    }
    let refused = ask().await.expect_err("one too many");
    assert_eq!(refused.code(), ErrorCode::RateLimited);
    let stored = sqlx::query_scalar("select count(*) from operations where error is not null");
    assert_eq!(stored.fetch_one(&books.database.app).await.ok(), Some(60_i64));
}
