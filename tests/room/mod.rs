//! Rooms and nodes on a real PostgreSQL: claims, fences, leases, checkpoints, waking and sleeping.

mod directory;
mod facts;
mod lease;

use parlor::cluster::Identity;
use parlor::kit::operation::Operation;
use parlor::room::{Fact, HardWrite};
use parlor_protocol::room::{Person, RoomCard};
use parlor_protocol::{Op, RoomId, UserId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::now;
use crate::support::postgres::Database;

fn user(number: i64) -> UserId {
    UserId::new(100_000_000 + number).expect("in range")
}

fn person(number: i64) -> Person {
    Person { id: user(number), name: format!("user {number}") }
}

async fn register(pool: &PgPool, number: i64) {
    sqlx::query("insert into users (id, phone, password_hash, name) values ($1, $2, 'none', $3)")
        .bind(user(number).number())
        .bind(format!("+1555{number:07}"))
        .bind(person(number).name)
        .execute(pool)
        .await
        .expect("a new user");
}

/// A database with users 1 to 3, and a room of user 1.
async fn room() -> (Database, RoomCard) {
    let database = Database::fresh().await;
    for number in 1..=3 {
        register(&database.app, number).await;
    }
    let card = open(&database.app, "a room", 500_000_000).await;
    (database, card)
}

async fn open(pool: &PgPool, name: &str, id: i64) -> RoomCard {
    for insert in
        ["insert into rooms (id, owner_id, name) values ($1, $2, $3)", "insert into room_totals (room_id) values ($1)"]
    {
        let row = sqlx::query(insert).bind(id);
        let row = if insert.contains("owner_id") { row.bind(user(1).number()).bind(name) } else { row };
        row.execute(pool).await.expect("a new room");
    }
    RoomCard { id: RoomId::new(id).expect("in range"), name: name.into(), owner: person(1), seats: 8 }
}

/// A node's row, with a lease of so many milliseconds.
async fn node(pool: &PgPool, name: &str, incarnation: i64, lease_ms: f64) -> Identity {
    sqlx::query(
        "insert into nodes (id, incarnation, lease_until) values ($1, $2, clock_timestamp() + $3 * interval '1 ms')
         on conflict (id) do update set incarnation = excluded.incarnation, lease_until = excluded.lease_until",
    )
    .bind(name)
    .bind(incarnation)
    .bind(lease_ms)
    .execute(pool)
    .await
    .expect("a node");
    Identity { node_id: name.into(), incarnation }
}

fn lock(room: RoomId, epoch: i64, op: u128, seat: u8) -> HardWrite {
    let operation = Operation::of_system(Op(Uuid::from_u128(op)), user(1), &format!("lock {seat}"));
    HardWrite { room, epoch, operation, verdict: Ok(Fact::SeatLocked { seat }) }
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number")
}
