//! What a test of the ledger starts from: a ground with users who have coins, rooms, a catalogue, and a ledger over it.

use std::ops::Deref;

use parlor::economy::gift::{self, Gift, Gifts};
use parlor::economy::ledger::audit::{self, Plan};
use parlor::economy::ledger::{self, By, Committed, Ledger, Order, Settings};
use parlor::economy::promotion::{self, Grant};
use parlor::economy::{agency, kinds};
use parlor::kit::operation::Operation;
use parlor::kit::tx::Tx;
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::reply::{Balance, GiftReceipt};
use parlor_protocol::room::Person;
use parlor_protocol::{Coins, Command, ErrorBody, GiftId, Op, RoomId, UserId};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::support::postgres::Database;
use crate::support::world::Ground;

pub const ROSE: i64 = 1;
pub const HEART: i64 = 3;
pub const RAINBOW: i64 = 8;

pub type Answer = Result<GiftReceipt, ErrorBody>;

/// A ledger, and whom and what it knows.
pub struct Books {
    ground: Ground,
    pub ledger: Ledger,
    pub committed: mpsc::Receiver<Committed>,
    pub people: Vec<Person>,
    pub rooms: Vec<RoomId>,
}

impl Deref for Books {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

/// A gift that a test sends: everything that makes the command.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    pub op: Op,
    pub from: usize,
    pub room: usize,
    pub gift: i64,
    pub count: i64,
    pub to: Vec<usize>,
}

pub fn op() -> Op {
    Op(Uuid::now_v7())
}

pub fn sending(from: usize, gift: i64, count: i64, to: &[usize]) -> Sending {
    Sending { op: op(), from, room: 0, gift, count, to: to.into() }
}

impl Books {
    /// Users with these coins, one room that user 0 owns.
    pub async fn with(coins: &[i64]) -> Self {
        // A test sends somebody as many gifts that are too dear as it likes.
        let settings = Settings { refusals_per_hour_user: 1_000_000, ..Settings::default() };
        Self::connected(coins, |database| database.writer(), settings).await
    }

    /// The same with another way to the database.
    pub async fn connected(
        coins: &[i64],
        writer: impl FnOnce(&Database) -> PgConnectOptions,
        settings: Settings,
    ) -> Self {
        let ground = Ground::fresh().await;
        let (people, rooms) = populate(&ground, coins.len()).await;
        let (database, supervisor) = (&ground.database, &ground.supervisor);
        let (on_commit, committed) = mpsc::channel(10_000);
        let usual = Settings::default();
        let first = Ledger::start(database.writer(), "seed", &usual, kinds(), on_commit.clone(), supervisor);
        promotion::issue(&first, op(), Coins(1_000_000_000)).await.expect("an issuance");
        for (person, coins) in people.iter().zip(coins).filter(|(_, coins)| **coins > 0) {
            let operation = Operation::of_words(op(), person.id, "a test's coins");
            let grant = Grant { to: person.id, amount: Coins(*coins) };
            promotion::grant(&first, operation, grant).await.expect("a grant");
        }
        first.drain().await;
        let ledger = Ledger::start(writer(database), "test", &settings, kinds(), on_commit, supervisor);
        let mut books = Self { ground, ledger, committed, people, rooms };
        books.drain_hints();
        books
    }

    /// One more writer over the same database, as another node has it.
    pub fn another_ledger(&self) -> Ledger {
        let (on_commit, _) = mpsc::channel(1);
        let settings = Settings::default();
        Ledger::start(self.database.writer(), "another", &settings, kinds(), on_commit, &self.supervisor)
    }

    /// Somebody more, who has no part in anything.
    pub async fn stranger(&self) -> UserId {
        let mut tx = Tx::begin(&self.database.app).await.expect("a transaction");
        let id = UserId::new(100_000_900).expect("in range");
        sqlx::query(
            "insert into users (id, email, password_hash, name) values ($1, 'stranger@example.org', '', 'a stranger')",
        )
        .bind(id.number())
        .execute(&mut *tx)
        .await
        .expect("a user");
        ledger::create_wallet(&mut tx, id).await.expect("a wallet");
        tx.commit().await.expect("a commit");
        id
    }

    pub fn drain_hints(&mut self) -> Vec<Committed> {
        std::iter::from_fn(|| self.committed.try_recv().ok()).collect()
    }

    pub fn operation(&self, sending: &Sending) -> Operation {
        let to = Recipients::Users(sending.to.iter().map(|index| self.people[*index].id).collect());
        let gift = GiftId::new(sending.gift).expect("in range");
        let send = SendGift { room: self.rooms[sending.room], gift, count: sending.count, to };
        Operation::of_command(sending.op, self.people[sending.from].id, &Command::GiftSend(send))
    }

    /// Queues a gift as its room has judged it.
    pub fn submit_to(
        &self,
        ledger: &Ledger,
        sending: &Sending,
        refused: Option<ErrorBody>,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let receivers = sending.to.iter().map(|index| self.people[*index].clone()).collect();
        let gift = Gift {
            room: self.rooms[sending.room],
            owner: self.people[0].id,
            sender: self.people[sending.from].clone(),
            gift: GiftId::new(sending.gift).expect("in range"),
            count: sending.count,
            receivers: refused.map_or(Ok(receivers), Err),
        };
        ledger.submit(Order::new::<Gifts>(self.operation(sending), By::User, gift, reply));
        answer
    }

    pub fn submit(&self, sending: &Sending) -> oneshot::Receiver<Answer> {
        self.submit_to(&self.ledger, sending, None)
    }

    pub async fn send(&self, sending: &Sending) -> Answer {
        self.submit(sending).await.expect("an answer")
    }

    pub async fn balances(&self, person: usize) -> Vec<Balance> {
        let mut connection = self.database.app.acquire().await.expect("a connection");
        ledger::wallet::balances(&mut connection, self.people[person].id).await.expect("balances")
    }

    /// Coins and diamonds of a user, in minor units.
    pub async fn amounts(&self, person: usize) -> (i64, i64) {
        let balances = self.balances(person).await;
        (balances[0].amount, balances[1].amount)
    }

    pub async fn audit(&self) -> audit::Report {
        let mut connection = self.database.audit.acquire().await.expect("the auditor's connection");
        audit::audit(&mut connection, Plan::of(&kinds())).await.expect("an audit").report
    }

    pub async fn assert_clean(&self) {
        let report = self.audit().await;
        assert!(report.is_clean(), "{report}");
    }
}

/// People with wallets, two rooms of the first one, the catalogue, an agency with the last one in it.
async fn populate(ground: &Ground, count: usize) -> (Vec<Person>, Vec<RoomId>) {
    let people = ground.people(0, count).await;
    let mut rooms = Vec::new();
    for number in [900_000_001, 900_000_002] {
        rooms.push(ground.open(number, people[0].id, "a room").await);
    }
    let mut transaction = Tx::begin(&ground.database.app).await.expect("a transaction");
    gift::seed(&mut transaction).await.expect("a catalogue");
    let member = people[count - 1].id;
    agency::seed_demo(&mut transaction, people[0].id, &[member]).await.expect("an agency");
    transaction.commit().await.expect("a commit");
    (people, rooms)
}
