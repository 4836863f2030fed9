//! A small world, and the transaction in which it is manipulated.

use std::collections::BTreeSet;

use parlor::economy::ledger::anchor::Series;
use parlor::economy::ledger::audit::{self, Audited, Checkpoint, Plan, Report, Rule};
use parlor::economy::transfer::{self, NewTransfer};
use parlor::economy::{coin_request, ledger};
use parlor::kit::clock::Clock;
use parlor::kit::tx::Tx;
use parlor_protocol::{Coins, ErrorBody, ErrorCode, UserId};
use rand::RngExt as _;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::ledger::books::{Books, HEART, RAINBOW, ROSE, Sending, op, sending};

/// A world with rows in every table that money depends on, and an open transaction of the superuser.
pub struct Session {
    /// Kept so that its database lives as long as the transaction.
    pub books: Books,
    /// Of an audit in the middle of what the world has done, as it comes back from its file.
    pub checkpoint: Checkpoint,
    connection: PgConnection,
}

impl Session {
    pub async fn begin() -> Self {
        Self::begin_with(0).await
    }

    /// The same with `more` random gifts beside, of which some are refused.
    pub async fn begin_with(more: usize) -> Self {
        let (books, checkpoint) = furnished(more).await;
        let mut connection = books.database.as_superuser().await;
        sqlx::raw_sql("begin isolation level repeatable read").execute(&mut connection).await.expect("a transaction");
        let mut session = Self { books, checkpoint, connection };
        let report = session.audit().await;
        assert!(report.is_clean(), "before anything was manipulated: {report}");
        session
    }

    /// Runs one statement or several; the number of rows of the last one.
    pub async fn run(&mut self, sql: &str) -> sqlx::Result<u64> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connection).await?;
        Ok(done.rows_affected())
    }

    /// The first column of every row.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.connection).await.expect("a query");
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    /// The number of the one row.
    pub async fn number(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.connection).await.expect("a number")
    }

    /// The numbers of all rows.
    pub async fn numbers(&mut self, sql: &'static str) -> Vec<i64> {
        sqlx::query_scalar(sql).fetch_all(&mut self.connection).await.expect("numbers")
    }

    /// The connection itself, in its transaction.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    pub async fn audit(&mut self) -> Report {
        self.audit_from(None).await.report
    }

    /// The audit that goes on from a checkpoint.
    pub async fn audit_from(&mut self, from: Option<Checkpoint>) -> Audited {
        let kinds = parlor::economy::kinds();
        audit::audit_within(&mut self.connection, Plan::of(&kinds).from(from)).await.expect("an audit")
    }

    pub async fn audit_against(&mut self, series: &Series) -> Report {
        let kinds = parlor::economy::kinds();
        let plan = Plan::of(&kinds).beside(Some(series));
        audit::audit_within(&mut self.connection, plan).await.expect("an audit").report
    }

    /// Makes a manipulation, audits and undoes it. Returns the audit's report, or the error if the database refused the
    /// statement.
    pub async fn attempt(&mut self, sql: &str) -> Result<Report, sqlx::Error> {
        self.run("savepoint before").await.expect("a savepoint");
        let done = self.run(sql).await;
        let report = match done {
            Ok(_) => Ok(self.audit().await),
            Err(error) => Err(error),
        };
        self.run("rollback to savepoint before; release savepoint before").await.expect("undone");
        report
    }

    /// The same, with what the audit from the checkpoint says of it too.
    pub async fn attempt_both(&mut self, sql: &str) -> Result<(Report, Report), sqlx::Error> {
        self.run("savepoint before").await.expect("a savepoint");
        let done = self.run(sql).await;
        let reports = match done {
            Ok(_) => {
                let checkpoint = self.checkpoint.clone();
                Ok((self.audit().await, self.audit_from(Some(checkpoint)).await.report))
            }
            Err(error) => Err(error),
        };
        self.run("rollback to savepoint before; release savepoint before").await.expect("undone");
        reports
    }

    pub async fn end(self) {
        self.connection.close().await.expect("closed");
    }
}

/// The rules that a report names.
pub fn rules(report: &Report) -> BTreeSet<Rule> {
    report.violations.iter().map(|violation| violation.rule).collect()
}

/// Users 0 to 3, of whom 3 is in an agency and 1 a reseller; an issuance, grants, gifts in both rooms, refusals, a
/// transfer, a coin request that was approved.
///
/// In the middle of it an audit leaves a checkpoint: every table has rows from before and from after it.
async fn furnished(more: usize) -> (Books, Checkpoint) {
    let books = Books::with(&[0, 3_000, 200, 50]).await;
    let first: Vec<_> = (0..3).map(|_| books.submit(&sending(1, HEART, 1, &[2, 3]))).collect();
    for answer in first {
        answer.await.expect("an answer").expect("paid");
    }
    books.superuser("insert into user_roles (user_id, role) values (100000001, 'reseller')").await;
    let [reseller, user] = [1, 2].map(|person| books.people[person].id);
    let sent = NewTransfer { from: reseller, to: user, amount: Coins(100) };
    transfer::send(&books.ledger, op(), sent).await.expect("sent");
    let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
    let asked = (user, reseller, Coins(70));
    let now = Clock::system().now();
    let request = coin_request::make(&mut tx, &coin_request::Settings::default(), op(), asked, now)
        .await
        .expect("no fault")
        .expect("made");
    tx.commit().await.expect("made");
    coin_request::approve(&books.ledger, op(), reseller, request.request.id).await.expect("approved");
    let mut auditor = books.database.audit.acquire().await.expect("a connection");
    let kinds = parlor::economy::kinds();
    let audited = audit::audit(&mut auditor, Plan::of(&kinds)).await.expect("an audit");
    let kept = serde_json::to_string(&audited.checkpoint.expect("clean so far")).expect("JSON");
    drop(auditor);
    let newcomer = UserId::new(100_000_900).expect("in range");
    sqlx::query("insert into users (id, email, password_hash, name) values ($1, 'newcomer@example.org', '', 'new')")
        .bind(newcomer.number())
        .execute(&books.database.app)
        .await
        .expect("a user");
    let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
    ledger::create_wallet(&mut tx, newcomer).await.expect("a wallet");
    tx.commit().await.expect("opened");
    for room in [0, 1] {
        books.send(&Sending { room, ..sending(2, ROSE, 10, &[3]) }).await.expect("paid");
    }
    books.send(&sending(3, RAINBOW, 1, &[1])).await.expect_err("too dear: a stored refusal");
    let outside = sending(1, HEART, 1, &[2]);
    let refused = ErrorBody::new(ErrorCode::NotInRoom);
    let answer = books.submit_to(&books.ledger, &outside, Some(refused));
    answer.await.expect("an answer").expect_err("a refusal of the room");
    books.send(&sending(1, RAINBOW, 2, &[0, 3])).await.expect("paid");
    let mut chance = rand::rng();
    for _ in 0..more {
        let gift = [ROSE, HEART, RAINBOW][chance.random_range(0..3)];
        let from = chance.random_range(1..4);
        let to = (from + chance.random_range(1..4)) % 4;
        let sending =
            Sending { room: chance.random_range(0..2), ..sending(from, gift, chance.random_range(1..5), &[to]) };
        // A sender without coins is refused, and the refusal is stored too.
        let _ = books.send(&sending).await;
    }
    books.ledger.drain().await;
    (books, serde_json::from_str(&kept).expect("a checkpoint"))
}
