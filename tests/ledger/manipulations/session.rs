//! One small world, and the transaction in which it is manipulated.

use std::collections::BTreeSet;

use parlor::economy::coin_request;
use parlor::economy::ledger::anchor::Series;
use parlor::economy::ledger::audit::{self, Report, Rule};
use parlor::economy::transfer::{self, NewTransfer};
use parlor::kit::clock::Clock;
use parlor::kit::tx::Tx;
use parlor_protocol::{Coins, ErrorBody, ErrorCode};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::ledger::books::{Books, HEART, RAINBOW, ROSE, Sending, op, sending};

/// A world with something of everything, and the superuser's open transaction over it.
pub struct Session {
    /// Kept so that its database lives as long as the transaction.
    pub books: Books,
    connection: PgConnection,
}

impl Session {
    pub async fn begin() -> Self {
        let books = furnished().await;
        let mut connection = books.database.as_superuser().await;
        sqlx::raw_sql("begin isolation level repeatable read").execute(&mut connection).await.expect("a transaction");
        let mut session = Self { books, connection };
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
        audit::audit_within(&mut self.connection, &parlor::economy::kinds(), None).await.expect("an audit")
    }

    pub async fn audit_against(&mut self, series: &Series) -> Report {
        audit::audit_within(&mut self.connection, &parlor::economy::kinds(), Some(series)).await.expect("an audit")
    }

    /// Makes a manipulation and undoes it. Returns what the audit says of it, or the error of a statement
    /// that the database did not run.
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
async fn furnished() -> Books {
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
    let request =
        coin_request::make(&mut tx, &coin_request::Settings::default(), op(), asked, now).await.expect("made");
    tx.commit().await.expect("made");
    coin_request::approve(&books.ledger, op(), reseller, request.request.id).await.expect("approved");
    for room in [0, 1] {
        books.send(&Sending { room, ..sending(2, ROSE, 10, &[3]) }).await.expect("paid");
    }
    books.send(&sending(3, RAINBOW, 1, &[1])).await.expect_err("too dear: a stored refusal");
    let outside = sending(1, HEART, 1, &[2]);
    let refused = ErrorBody::new(ErrorCode::NotInRoom);
    let answer = books.submit_to(&books.ledger, &outside, Some(refused));
    answer.await.expect("an answer").expect_err("a refusal of the room");
    books.send(&sending(1, RAINBOW, 2, &[0, 3])).await.expect("paid");
    books.ledger.drain().await;
    books
}
