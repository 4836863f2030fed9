//! The kill storm: money moves while the server and its PostgreSQL are killed at random moments.

use parlor_loadtests::proof::Run;
use parlor_loadtests::rest;
use parlor_loadtests::user::User;
use parlor_protocol::{RoomId, UserId};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::acts::{Act, PATIENCE, Paid, Parties, REQUEST};
use super::server::{WELCOME, served, transfers};
use crate::support::postgres::{Cluster, Database};
use crate::support::program::{complaint, parlor, run};
use crate::support::time::moment;
use crate::support::world::World;

const SENDERS: usize = 4;
/// Operations per kill.
const ACTS_A_KILL: usize = 10;
/// Every kill of this number is that of PostgreSQL.
const A_POSTGRES_KILL: usize = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_moves_once_and_gifts_are_shown_once_whatever_dies() {
    let proof = Run::of("kill-storm");
    proof.passes(async |acts| storm(&proof, acts).await).await;
}

async fn storm(proof: &Run, acts: usize) {
    let cluster = Cluster::private().await;
    let database = Database::fresh_in(&cluster).await;
    let mut server = served(database).await;
    let address = server.address;
    let turns = acts / SENDERS;
    let gifts = Act::Gift.among(turns) * SENDERS as i64;

    // The room's owner receives gifts and watches, another user only watches, and a reseller is in no room.
    let nowhere = RoomId::new(1).expect("a number");
    let owner = User::enter(address, "owner", nowhere).await.expect("the owner registers");
    let (_, room) =
        rest::post(address, "/v1/rooms", Some(owner.access()), &json!({"name": "storm"})).await.expect("up");
    let room = RoomId::new(room["id"].as_i64().expect("a room")).expect("an id");
    let receiver = UserId::new(owner.id).expect("an id");
    let mut watchers = vec![owner, User::enter(address, "watcher", room).await.expect("the watcher registers")];
    for watcher in &mut watchers {
        watcher.screen.room = room;
        watcher.arrive().await.expect("the watcher comes in");
    }
    let reseller = User::enter(address, "reseller", nowhere).await.expect("the reseller registers");
    let role = sqlx::query("insert into user_roles (user_id, role) values ($1, 'reseller')").bind(reseller.id);
    role.execute(&server.database.app).await.expect("a role");
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let mut sender = User::enter(address, &format!("sender{number}"), room).await.expect("the sender registers");
        sender.arrive().await.expect("the sender comes in");
        senders.push(sender);
    }
    let names: Vec<_> = senders.iter().map(|sender| UserId::new(sender.id).expect("an id")).collect();

    // The number of answered operations.
    let (answers, mut answered) = watch::channel(0);
    let sending: Vec<_> = senders
        .into_iter()
        .enumerate()
        .map(|(number, mut sender)| {
            let answers = answers.clone();
            let reseller = (UserId::new(reseller.id).expect("an id"), reseller.access().to_owned());
            let friend = names[(number + 1) % SENDERS];
            let parties = Parties { address, room, receiver, friend, reseller };
            tokio::spawn(async move {
                let mut paid = Vec::new();
                for turn in 0..turns {
                    paid.push(parties.take_turn(&mut sender, turn).await);
                    answers.send_modify(|answered| *answered += 1);
                    moment(0..200).await;
                }
                (sender, paid)
            })
        })
        .collect();
    let watching: Vec<_> = watchers
        .into_iter()
        .map(|mut watcher| {
            tokio::spawn(async move {
                let seen = watcher.watch_until(gifts, PATIENCE * (2 + acts as u32 / 50)).await;
                (watcher, seen)
            })
        })
        .collect();

    // Each kill waits for some progress, so that all kills happen among the operations.
    for kill in 0..acts / ACTS_A_KILL {
        let due = kill * ACTS_A_KILL;
        let progress = timeout(PATIENCE, answered.wait_for(|answered| *answered >= due)).await;
        proof.done(*progress.expect("some progress").expect("somebody sends"));
        moment(0..60).await;
        if kill % A_POSTGRES_KILL == 3 {
            cluster.kill().await;
            cluster.start_again().await;
        } else {
            server.kill().await;
            server.start_again().await;
        }
    }

    let (mut paid, mut users) = (Vec::new(), Vec::new());
    for task in sending {
        let (mut sender, own) = task.await.expect("a sender ends");
        sender.watch_until(gifts, PATIENCE).await.expect("a sender sees every gift");
        paid.extend(own);
        users.push(sender);
    }
    for task in watching {
        let (watcher, seen) = task.await.expect("a watcher ends");
        seen.expect("a watcher sees every gift");
        users.push(watcher);
    }

    paid_once(&server, &paid).await;
    records_and_transfers_agree(&server).await;
    let mut wallets = Vec::new();
    for user in users.iter().chain([&reseller]) {
        wallets.push(balances(&server, user).await);
    }
    // Transfers go in a circle, so each user has sent as many as they got.
    let given = Act::Gift.among(turns);
    let asked = Act::CoinRequest.among(turns) * REQUEST;
    for (coins, _) in &wallets[..SENDERS] {
        assert_eq!(*coins, WELCOME - given + asked);
    }
    assert_eq!(wallets[wallets.len() - 1].0, WELCOME - asked * SENDERS as i64, "the reseller's float");
    // The receiver owns the room, so only they earn: one diamond per rose.
    assert_eq!(wallets[SENDERS].1, gifts * 10_000);
    shown_once(&users, gifts);
    // The audit must find nothing.
    let audit = run(parlor(&["ledger", "audit"]).env("DATABASE_URL", server.database.app_url()));
    assert!(audit.status.success(), "{}{}", String::from_utf8_lossy(&audit.stdout), complaint(&audit));
}

/// Each operation has exactly one transfer, with the receipt that was answered, and there are no others.
async fn paid_once(server: &World, paid: &[Paid]) {
    for Paid { op, receipt, .. } in paid {
        assert_eq!(transfers(server, *op).await, [*receipt], "operation {op}");
    }
    for act in [Act::Gift, Act::Transfer, Act::CoinRequest] {
        let stored: i64 = sqlx::query_scalar("select count(*) from journal where kind = $1")
            .bind(act as i16)
            .fetch_one(&server.database.app)
            .await
            .expect("the journal can be read");
        assert_eq!(stored, paid.iter().filter(|paid| paid.act == act).count() as i64, "{act:?}");
    }
}

/// Each approved request has its transfer, each such transfer has its request, and no request is open.
async fn records_and_transfers_agree(server: &World) {
    let apart = "select count(*)
                   from coin_requests r
                   full join (select id from journal where kind = $1) j on j.id = r.transfer
                  where r.id is null or j.id is null or r.state <> 'approved'";
    let apart: i64 = sqlx::query_scalar(apart)
        .bind(Act::CoinRequest as i16)
        .fetch_one(&server.database.audit)
        .await
        .expect("both can be read");
    assert_eq!(apart, 0, "records without their transfer, transfers without their record");
}

/// A user's coins and diamonds.
async fn balances(server: &World, user: &User) -> (i64, i64) {
    let (_, wallet) = rest::get(server.address, "/v1/wallet", Some(user.access())).await.expect("up");
    let amount = |currency: &str| {
        let mut balances = wallet["balances"].as_array().expect("balances").iter();
        let balance = balances.find(|balance| balance["currency"] == currency);
        balance.and_then(|balance: &Value| balance["amount"].as_i64()).expect("an amount")
    };
    (amount("coin"), amount("diamond"))
}

/// Each screen has shown each gift once, in the same order, and nothing that a client must never see.
fn shown_once(users: &[User], gifts: i64) {
    let expected: Vec<i64> = (1..=gifts).collect();
    for User { screen, .. } in users {
        assert_eq!(screen.breaches, Vec::<String>::new());
        assert_eq!(screen.gifts.iter().map(|(gift_no, _)| *gift_no).collect::<Vec<_>>(), expected);
        assert_eq!(screen.gifts, users[0].screen.gifts);
    }
}
