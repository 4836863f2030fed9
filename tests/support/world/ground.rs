//! A database of a test's own, and who and what is put on it past every rule.

use std::sync::atomic::{AtomicI64, Ordering};

use parlor::economy::ledger;
use parlor::kit::supervise::Supervisor;
use parlor_protocol::room::Person;
use parlor_protocol::{RoomId, UserId};
use uuid::Uuid;

use crate::support::postgres::Database;

/// A hash in the right form, of no password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The person that tests know by this number, on every ground.
pub fn person(number: i64) -> Person {
    Person::named(UserId::new(100_000_000 + number).expect("in range"), format!("user {number}"))
}

/// A database and what stands on it.
pub struct Ground {
    /// The database.
    pub database: Database,
    /// Has the tasks of a server's parts that run in this process; they are told to stop when the ground goes.
    pub supervisor: Supervisor,
    next: AtomicI64,
}

impl Ground {
    /// One with nothing on it but what migrations put there.
    pub async fn fresh() -> Self {
        Self::on(Database::fresh().await)
    }

    /// One on this database.
    pub fn on(database: Database) -> Self {
        Self { database, supervisor: Supervisor::default(), next: AtomicI64::new(500_000_001) }
    }

    /// Somebody with an empty wallet; a name of a role gives them that, but `user` is everybody's.
    pub async fn person(&self, role: &str) -> UserId {
        let user = UserId::new(self.next.fetch_add(1, Ordering::Relaxed)).expect("in range");
        self.settle(&Person::named(user, role.to_owned())).await;
        if role != "user" {
            self.give(user, role).await;
        }
        user
    }

    /// The people that tests know by the numbers from `first` on, each with an empty wallet.
    pub async fn people(&self, first: i64, count: usize) -> Vec<Person> {
        let people: Vec<Person> = (first..).take(count).map(person).collect();
        for person in &people {
            self.settle(person).await;
        }
        people
    }

    async fn settle(&self, Person { id, name, .. }: &Person) {
        let mut conn = self.database.app.acquire().await.expect("a connection");
        sqlx::query("insert into users (id, email, password_hash, name, search_name, search_letters) values ($1, $2, $4, $3, $3, $3)")
            .bind(id.number())
            .bind(format!("{}{id}@example.com", name.replace(' ', "")))
            .bind(name)
            .bind(NOBODYS)
            .execute(&mut *conn)
            .await
            .expect("a new user");
        sqlx::query("insert into signatures (signature, user_id, changed_at) values ($1, $2, '-infinity')")
            .bind(format!("user-{}-{}", id.number() / 1_000_000, id.number() % 1_000_000))
            .bind(id.number())
            .execute(&mut *conn)
            .await
            .expect("a new signature");
        ledger::create_wallet(&mut conn, *id).await.expect("a wallet");
    }

    /// Gives a role.
    pub async fn give(&self, user: UserId, role: &str) {
        sqlx::query("insert into user_roles (user_id, role) values ($1, $2)")
            .bind(user.number())
            .bind(role)
            .execute(&self.database.app)
            .await
            .expect("a role");
    }

    /// A new sign-in of somebody.
    pub async fn session(&self, user: UserId) -> Uuid {
        let session = Uuid::now_v7();
        sqlx::query("insert into sessions (id, user_id, device) values ($1, $2, 'test')")
            .bind(session)
            .bind(user.number())
            .execute(&self.database.app)
            .await
            .expect("a session");
        session
    }

    /// A room of somebody's.
    pub async fn room(&self, owner: UserId) -> RoomId {
        self.open(self.next.fetch_add(1, Ordering::Relaxed), owner, "a room").await
    }

    /// A room of this number and name.
    pub async fn open(&self, number: i64, owner: UserId, name: &str) -> RoomId {
        sqlx::query("insert into rooms (id, owner_id, name) values ($1, $2, $3)")
            .bind(number)
            .bind(owner.number())
            .bind(name)
            .execute(&self.database.app)
            .await
            .expect("a new room");
        RoomId::new(number).expect("in range")
    }

    /// A job in this state, of no kind that the server knows.
    pub async fn job(&self, state: &str) -> i64 {
        let id = sqlx::query_scalar(
            "insert into jobs (kind, payload, state, finished_at)
             values ('tests.nothing', '{\"email\": \"layla@example.com\"}', $1,
                     case when $1 in ('done', 'failed') then clock_timestamp() end)
             returning id",
        );
        id.bind(state).fetch_one(&self.database.superuser).await.expect("a job")
    }

    /// The state of a job.
    pub async fn job_state(&self, id: i64) -> String {
        let state = sqlx::query_scalar("select state from jobs where id = $1");
        state.bind(id).fetch_one(&self.database.superuser).await.expect("a job")
    }

    /// Does what no role of the server may: tampers, or lets time pass.
    pub async fn superuser(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.database.superuser).await.expect("a statement of the superuser");
    }

    /// What this statement counts.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.database.superuser).await.expect("a number")
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.supervisor.stop().cancel();
    }
}
