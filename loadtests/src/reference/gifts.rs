//! The textbook's gifts: one transaction with row locks per gift, over 64 connections, with the same schema and the
//! same PostgreSQL. They are in a database of their own, so that they do not touch the ledger under test.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool, Row};
use tokio::time::Instant;
use uuid::Uuid;

const DATABASE: &str = "textbook";
const CONNECTIONS: u32 = 64;
/// The diamonds that the receiver and the room's owner get for one coin, in minor units.
const RECEIVER: i64 = 10_000;
const OWNER: i64 = 500;

/// A database with the same schema, with people and rooms in it.
pub struct Textbook {
    pool: PgPool,
    rooms: Vec<i64>,
    /// The coin account and the diamond account of each person.
    people: Vec<(i64, i64)>,
    gift_revenue: i64,
    diamond_issuance: i64,
}

impl Textbook {
    /// Makes the database in the PostgreSQL whose socket is in the folder `sockets`, with the commands of `program`,
    /// and adds this many people and rooms.
    ///
    /// # Errors
    /// The reason why the database could not be made.
    pub async fn make(program: &Path, sockets: &Path, people: usize, rooms: usize) -> Result<Self, String> {
        let options = |role: &str| PgConnectOptions::new().socket(sockets).username(role).port(5432);
        let words = |error: sqlx::Error| error.to_string();
        let mut admin = PgConnection::connect_with(&options("postgres").database("postgres")).await.map_err(words)?;
        admin.execute("create database textbook owner parlor_owner").await.map_err(words)?;
        let address = |role: &str| format!("postgres://{role}@localhost/{DATABASE}?host={}", sockets.display());
        let tokens = sockets.join("textbook-tokens.jsonl");
        for arguments in [
            vec!["migrate".to_owned()],
            vec![
                "seed".to_owned(),
                "--users".to_owned(),
                people.to_string(),
                "--tokens".to_owned(),
                tokens.display().to_string(),
            ],
        ] {
            let done = Command::new(program)
                .args(&arguments)
                .env("DATABASE_URL", address("parlor_app"))
                .env("DATABASE_OWNER_URL", address("parlor_owner"))
                .env("PARLOR_PROFILE", "load")
                .stdin(Stdio::null())
                .output()
                .map_err(|error| error.to_string())?;
            if !done.status.success() {
                return Err(String::from_utf8_lossy(&done.stderr).into_owned());
            }
        }
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options("parlor_app").database(DATABASE))
            .await
            .map_err(words)?;
        Self::read(pool, rooms).await.map_err(words)
    }

    async fn read(pool: PgPool, rooms: usize) -> Result<Self, sqlx::Error> {
        let rows = sqlx::query("select user_id, coin_account, diamond_account from wallets order by user_id");
        let rows = rows.fetch_all(&pool).await?;
        let mut made = Vec::new();
        for row in rows.iter().take(rooms) {
            let (owner, room): (i64, i64) = (row.get(0), row.get(0));
            sqlx::query("insert into rooms (id, owner_id, name) values ($1, $2, 'textbook')")
                .bind(room)
                .bind(owner)
                .execute(&pool)
                .await?;
            sqlx::query("insert into room_totals (room_id) values ($1)").bind(room).execute(&pool).await?;
            made.push(room);
        }
        let system = |name: &'static str| {
            let query = sqlx::query_scalar("select account_id from system_accounts where name = $1");
            query.bind(name).fetch_one(&pool)
        };
        let (gift_revenue, diamond_issuance) = (system("gift_revenue").await?, system("diamond_issuance").await?);
        let people = rows.iter().map(|row| (row.get(1), row.get(2))).collect();
        Ok(Self { rooms: made, people, gift_revenue, diamond_issuance, pool })
    }

    /// Sends gifts over 64 connections as fast as possible and returns the gifts per second. With `star` all gifts go
    /// to one person in one room; with `lean` the system's accounts have no rows to lock.
    pub async fn drive(&self, star: bool, lean: bool, length: Duration) -> f64 {
        let end = Instant::now() + length;
        let workers = (0..u64::from(CONNECTIONS)).map(|worker| async move {
            let (mut chance, mut given) = (StdRng::seed_from_u64(worker), 0_u64);
            while Instant::now() < end {
                let (sender, receiver, room) = self.chosen(star, &mut chance);
                // A gift that PostgreSQL ends as a deadlock does not count.
                given += u64::from(self.give(sender, receiver, room, lean).await.is_ok());
            }
            given
        });
        let given: u64 = join_all(workers).await.into_iter().sum();
        given as f64 / length.as_secs_f64()
    }

    fn chosen(&self, star: bool, chance: &mut StdRng) -> (usize, usize, usize) {
        let people = self.people.len();
        let sender = chance.random_range(1..people);
        if star {
            return (sender, 0, 0);
        }
        let receiver = (sender + chance.random_range(1..people)) % people;
        (sender, receiver, chance.random_range(0..self.rooms.len()))
    }

    async fn give(&self, sender: usize, receiver: usize, room: usize, lean: bool) -> Result<(), sqlx::Error> {
        let (coins, diamonds, owner) = (self.people[sender].0, self.people[receiver].1, self.people[room].1);
        let mut legs = vec![(coins, 1_i16, -1_i64), (self.gift_revenue, 1, 1), (diamonds, 2, RECEIVER)];
        let issued = if owner == diamonds { RECEIVER } else { RECEIVER + OWNER };
        if owner != diamonds {
            legs.push((owner, 2, OWNER));
        }
        legs.push((self.diamond_issuance, 2, -issued));
        legs.sort_unstable();
        let is_system = |account: i64| account == self.gift_revenue || account == self.diamond_issuance;
        let op = Uuid::now_v7();

        let mut tx = self.pool.begin().await?;
        let known = sqlx::query("select id from journal where op = $1 and actor = $2").bind(op).bind(coins);
        if known.fetch_optional(&mut *tx).await?.is_some() {
            return Ok(());
        }
        let locked: Vec<i64> = legs.iter().map(|leg| leg.0).filter(|account| !(lean && is_system(*account))).collect();
        let rows = sqlx::query(
            "select account_id, amount, last_transfer from balances where account_id = any($1) order by account_id for update",
        );
        let rows = rows.bind(&locked).fetch_all(&mut *tx).await?;
        let heads: std::collections::HashMap<i64, (i64, i64)> =
            rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
        let balance = heads.get(&coins).map_or(0, |head| head.0);
        if balance < 1 {
            return Ok(());
        }
        let room = self.rooms[room];
        let total = sqlx::query("select gift_no, coins from room_totals where room_id = $1 for update").bind(room);
        let total = total.fetch_one(&mut *tx).await?;
        let (gift_no, room_coins): (i64, i64) = (total.get::<i64, _>(0) + 1, total.get::<i64, _>(1) + 1);
        let id: i64 = sqlx::query_scalar("select nextval('transfers')").fetch_one(&mut *tx).await?;
        sqlx::query(
            "insert into journal (id, kind, op, actor, body_hash, at, accounts, currencies, amounts, previous, actor_balance,
                                  room_id, gift_no, gift_id, gift_count, gift_price, receivers, xp_bp, room_coins)
             values ($1, 1, $2, $3, '\\x00000000000000000000000000000000', now(), $4, $5, $6, $7, $8, $9, $10, 1, 1, 1, $11, 10000, $12)",
        )
        .bind(id)
        .bind(op)
        .bind(coins)
        .bind(legs.iter().map(|leg| leg.0).collect::<Vec<_>>())
        .bind(legs.iter().map(|leg| leg.1).collect::<Vec<_>>())
        .bind(legs.iter().map(|leg| leg.2).collect::<Vec<_>>())
        .bind(legs.iter().map(|leg| heads.get(&leg.0).map_or(0, |head| head.1)).collect::<Vec<_>>())
        .bind(balance - 1)
        .bind(room)
        .bind(gift_no)
        .bind(vec![diamonds])
        .bind(room_coins)
        .execute(&mut *tx)
        .await?;
        for (account, currency, amount) in legs.into_iter().filter(|leg| locked.contains(&leg.0)) {
            let xp = if currency == 1 { amount.min(0).abs() * 10_000 } else { amount.max(0) };
            sqlx::query(
                "update balances set amount = amount + $2, xp = xp + $3, last_transfer = $4 where account_id = $1",
            )
            .bind(account)
            .bind(amount)
            .bind(xp)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query("update room_totals set gift_no = $2, coins = $3 where room_id = $1")
            .bind(room)
            .bind(gift_no)
            .bind(room_coins)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }
}
