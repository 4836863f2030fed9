//! Gifts through the death of the server and of its PostgreSQL, at random moments.

use std::time::Duration;

use parlor_loadtests::proof::Run;
use parlor_loadtests::rest;
use parlor_loadtests::user::User;
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::{Command, GiftId, Op, RoomId, UserId};
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use super::server::Server;
use crate::support::postgres::{Cluster, Database};
use crate::support::program::{complaint, parlor, run};

const SENDERS: usize = 4;
/// The server dies with every so many gifts.
const GIFTS_A_KILL: usize = 10;
/// One death in so many is PostgreSQL's.
const A_POSTGRES_KILL: usize = 7;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gifts_are_charged_credited_and_shown_once_whatever_dies() {
    let proof = Run::of("kill-storm");
    proof.passes(async |gifts| storm(&proof, gifts).await).await;
}

async fn storm(proof: &Run, gifts: usize) {
    let cluster = Cluster::private().await;
    let database = Database::fresh_in(&cluster).await;
    let mut server = Server::start(database).await;
    let address = server.address;

    // The room's owner receives and watches; so does somebody who only watches.
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
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let mut sender = User::enter(address, &format!("sender{number}"), room).await.expect("the sender registers");
        sender.arrive().await.expect("the sender comes in");
        senders.push(sender);
    }

    // Tells how many gifts have been answered.
    let (answers, mut answered) = watch::channel(0);
    let sending: Vec<_> = senders
        .into_iter()
        .map(|mut sender| {
            let answers = answers.clone();
            tokio::spawn(async move {
                let mut receipts = Vec::new();
                for _ in 0..gifts / SENDERS {
                    let op = Op(Uuid::now_v7());
                    let gift = SendGift {
                        room,
                        gift: GiftId::new(1).expect("the Rose"),
                        count: 1,
                        to: Recipients::Users(vec![receiver]),
                    };
                    let receipt = sender.insist(op, &Command::GiftSend(gift), PATIENCE).await.expect("a receipt");
                    receipts.push((op, receipt));
                    answers.send_modify(|answered| *answered += 1);
                    let pause = rand::rng().random_range(0..200);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                (sender, receipts)
            })
        })
        .collect();
    let watching: Vec<_> = watchers
        .into_iter()
        .map(|mut watcher| {
            tokio::spawn(async move {
                let seen = watcher.watch_until(gifts as i64, PATIENCE * (2 + gifts as u32 / 50)).await;
                (watcher, seen)
            })
        })
        .collect();

    // Each death waits for some progress, so that all of them fall among the gifts.
    for kill in 0..gifts / GIFTS_A_KILL {
        let due = kill * GIFTS_A_KILL;
        let progress = timeout(PATIENCE, answered.wait_for(|answered| *answered >= due)).await;
        proof.done(*progress.expect("some progress").expect("somebody sends"));
        let moment = rand::rng().random_range(0..60);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        if kill % A_POSTGRES_KILL == 3 {
            cluster.kill().await;
            cluster.start_again().await;
        } else {
            server.kill();
            server.start_again();
        }
    }

    let mut receipts = Vec::new();
    let mut screens = Vec::new();
    for task in sending {
        let (mut sender, own) = task.await.expect("a sender ends");
        sender.watch_until(gifts as i64, PATIENCE).await.expect("a sender sees every gift");
        receipts.extend(own);
        screens.push(sender.screen);
    }
    for task in watching {
        let (watcher, seen) = task.await.expect("a watcher ends");
        seen.expect("a watcher sees every gift");
        screens.push(watcher.screen);
    }

    // Charged once: as many transfers as operations, each under the receipt that its sender got.
    for (op, receipt) in &receipts {
        let stored = server.transfers(*op).await;
        assert_eq!(stored, vec![receipt["receipt"].as_i64().expect("a receipt")], "operation {op}");
    }
    let all: i64 = sqlx::query_scalar("select count(*) from journal where kind = 1")
        .fetch_one(&server.database.app)
        .await
        .expect("the journal can be read");
    assert_eq!(all, gifts as i64);
    // Credited once: the receiver owns the room, so there is one share, of a diamond a Rose.
    let (_, login) = rest::post(
        address,
        "/v1/auth/login",
        None,
        &json!({"login": "owner@load.parlor.example", "password": "a long enough secret", "device": "check"}),
    )
    .await
    .expect("up");
    let (_, wallet) = rest::get(address, "/v1/wallet", login["access_token"].as_str()).await.expect("up");
    let diamonds =
        wallet["balances"].as_array().expect("balances").iter().find(|balance| balance["currency"] == "diamond");
    assert_eq!(diamonds.map(|balance| &balance["amount"]), Some(&Value::from(gifts as i64 * 10_000)));
    // Shown once on each screen, in one order, with nothing that a client must never see.
    let expected: Vec<i64> = (1..=gifts as i64).collect();
    for screen in &screens {
        assert_eq!(screen.breaches, Vec::<String>::new());
        assert_eq!(screen.gifts.iter().map(|(gift_no, _)| *gift_no).collect::<Vec<_>>(), expected);
        assert_eq!(screen.gifts, screens[0].gifts);
    }
    // And the books agree.
    let audit = run(parlor(&["ledger", "audit"]).env("DATABASE_URL", server.database.app_url()));
    assert!(audit.status.success(), "{}{}", String::from_utf8_lossy(&audit.stdout), complaint(&audit));
}
