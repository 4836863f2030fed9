//! Rooms and nodes on a real PostgreSQL: claims, fences, leases, checkpoints, waking and sleeping.

mod days;
mod directory;
mod facts;
mod forget;
mod lease;
mod timeline;
mod visits;

use parlor::cluster::Identity;
use parlor::kit::operation::Operation;
use parlor::room::{Fact, HardWrite};
use parlor_protocol::room::RoomCard;
use parlor_protocol::{Op, RoomId, UserId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::now;
use crate::support::world::{Ground, person};

fn user(number: i64) -> UserId {
    person(number).id
}

/// A ground with users 1 to 3, and a room of user 1.
async fn room() -> (Ground, RoomCard) {
    let ground = Ground::fresh().await;
    ground.people(1, 3).await;
    let card = open(&ground, "a room", 500_000_000).await;
    (ground, card)
}

/// A room of user 1, with no gifts yet.
async fn open(ground: &Ground, name: &str, number: i64) -> RoomCard {
    let id = ground.open(number, user(1), name).await;
    let totals = sqlx::query("insert into room_totals (room_id) values ($1)").bind(number);
    totals.execute(&ground.database.app).await.expect("a new room");
    RoomCard::named(id, name.into(), person(1), 8)
}

/// A node's row, with a lease of so many milliseconds that nobody renews.
async fn node(pool: &PgPool, name: &str, incarnation: i64, lease_ms: f64) -> Identity {
    sqlx::query(
        "insert into nodes (id, incarnation, lease_until, lease_ms)
         values ($1, $2, clock_timestamp() + $3 * interval '1 ms', greatest(1, $3))
         on conflict (id) do update
            set incarnation = excluded.incarnation, lease_until = excluded.lease_until, lease_ms = excluded.lease_ms",
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
    let operation = Operation::of_words(Op(Uuid::from_u128(op)), user(1), &format!("lock {seat}"));
    HardWrite {
        room,
        epoch,
        operation,
        verdict: Ok(Fact::SeatLocked { seat }),
        seq: 7,
        at: now(),
        by_staff: None,
        voice: Vec::new(),
    }
}
