//! Cuts connections at random places. In the end a user who was cut off must see the same as one who never left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parlor_loadtests::proof::Run;
use parlor_loadtests::rest;
use parlor_loadtests::user::User;
use parlor_protocol::command::{OnMap, Recipients, SendChat, SendGift, TakeSeat};
use parlor_protocol::{Command, GiftId, Op, RoomId, UserId, limit};
use rand::RngExt as _;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::cutter::Cutter;
use super::server::served;
use crate::support::postgres::Database;
use crate::support::program::{complaint, parlor, run};
use crate::support::time::until;
use crate::support::world::World;

/// The least number of actions of each user; they go on until there were enough cuts and resumes.
const ACTIONS: usize = 40;
const RESUMES: u32 = 4;
/// The most actions per cut; a storm that cuts more rarely has failed.
const ACTIONS_A_CUT: usize = 20;
/// The number of cuts in tests that are about something else.
const SOME_CUTS: usize = 60;
/// Within which screens and wallets are the same again.
const AGREED_WITHIN: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(60);

struct Stage {
    server: World,
    cutter: Cutter,
    room: RoomId,
    /// The room's owner, who sees everything and is never cut.
    witness: User,
    /// Two users who are cut, one of them with two devices.
    cut: Vec<User>,
}

impl Stage {
    async fn set() -> Self {
        let server = served(Database::fresh().await).await;
        let cutter = Cutter::before(server.address).await;
        let nowhere = RoomId::new(1).expect("a number");
        let mut witness = User::enter(server.address, "witness", nowhere).await.expect("registers");
        let (_, made) = rest::post(server.address, "/v1/rooms", Some(witness.access()), &json!({"name": "cuts"}))
            .await
            .expect("up");
        let room = RoomId::new(made["id"].as_i64().expect("a room")).expect("an id");
        witness.screen.room = room;
        let amira = User::enter(server.address, "amira", room).await.expect("registers").through(cutter.address);
        let omar = User::enter(server.address, "omar", room).await.expect("registers").through(cutter.address);
        let tablet = amira.on_device("tablet");
        let mut stage = Self { server, cutter, room, witness, cut: vec![amira, omar, tablet] };
        stage.witness.arrive().await.expect("comes in");
        for user in &mut stage.cut {
            user.arrive().await.expect("comes in");
        }
        stage
    }

    /// All users chat, sit, stand and give at random while their sockets are cut; each command is repeated with one
    /// operation until it is answered.
    fn storm(&mut self, enough: usize) -> Vec<JoinHandle<(User, usize)>> {
        self.cutter.storm(true);
        let (room, receiver) = (self.room, UserId::new(self.witness.id).expect("an id"));
        let cuts = self.cutter.counter();
        let act = move |mut user: User, cuts: Arc<AtomicU32>| async move {
            let mut paid = 0;
            for action in 0..enough * ACTIONS_A_CUT {
                let enough = cuts.load(Ordering::Relaxed) as usize >= enough && user.screen.recovered >= RESUMES;
                if action >= ACTIONS && enough {
                    break;
                }
                let command = match rand::rng().random_range(0..6) {
                    0 => Command::SeatTake(TakeSeat { room, seat: None, version: None }),
                    1 => Command::SeatLeave(OnMap { room, version: None }),
                    2 | 3 => {
                        let gift = GiftId::new(1).expect("the Rose");
                        Command::GiftSend(SendGift { room, gift, count: 1, to: Recipients::Users(vec![receiver]) })
                    }
                    _ => Command::ChatSend(SendChat::of(room, format!("line {action}"))),
                };
                let answer = user.insist(Op(Uuid::now_v7()), &command, PATIENCE).await;
                match (&command, answer) {
                    (Command::GiftSend(_), Ok(_)) => paid += 1,
                    // A refusal is fine: the user may be seated already.
                    (Command::SeatTake(_) | Command::SeatLeave(_), _) | (_, Ok(_)) => {}
                    (_, Err(error)) => panic!("{command:?}: {error}"),
                }
            }
            (user, paid)
        };
        self.cut.drain(..).map(|user| tokio::spawn(act(user, cuts.clone()))).collect()
    }

    /// Waits for the end of a storm, while the witness listens.
    async fn calm(&mut self, storm: Vec<JoinHandle<(User, usize)>>, proof: Option<&Run>) -> usize {
        let mut storm = std::pin::pin!(join_all(storm));
        let acted = loop {
            // The witness is not cut, but the server may have been restarted.
            self.witness.come_back().await;
            tokio::select! {
                biased;
                acted = &mut storm => break acted,
                heard = self.witness.hear() => if heard.is_err() { self.witness.vanish() },
            }
            if let Some(proof) = proof {
                proof.done(self.cutter.cuts() as usize);
            }
        };
        self.cutter.storm(false);
        let mut paid = 0;
        for task in acted {
            let (user, own) = task.expect("a user ends");
            self.cut.push(user);
            paid += own;
        }
        paid
    }

    /// Waits until all screens show the same, and all balances equal the stored ones.
    async fn agree(&mut self) {
        let since = Instant::now();
        let mut wallets = Vec::new();
        for user in [&self.witness].into_iter().chain(&self.cut) {
            let (_, wallet) = rest::get(self.server.address, "/v1/wallet", Some(user.access())).await.expect("up");
            let balances = wallet["balances"].as_array().expect("balances").clone();
            wallets.push(balances);
        }
        let (witness, cut) = (&mut self.witness, &mut self.cut);
        let agree = async || {
            let mut all_heard = witness.catch_up().await.is_ok();
            for user in cut.iter_mut() {
                all_heard &= user.catch_up().await.is_ok();
            }
            let users: Vec<_> = [&*witness].into_iter().chain(&*cut).collect();
            let same = users.iter().all(|user| user.screen.state() == witness.screen.state());
            let paid = users.iter().zip(&wallets).all(|(user, wallet)| {
                wallet.iter().all(|balance| {
                    let known = user.balances.get(balance["currency"].as_str().unwrap_or_default());
                    known.map(|(amount, _)| *amount) == balance["amount"].as_i64()
                })
            });
            let agree = all_heard && same && paid;
            if !agree && since.elapsed() > AGREED_WITHIN {
                let seen: Vec<_> =
                    users.iter().map(|user| format!("{:?} {:?}", user.screen.state(), user.balances)).collect();
                panic!("they do not agree:\n{}\n{wallets:?}", seen.join("\n"));
            }
            agree.then_some(())
        };
        until("everybody sees the same", AGREED_WITHIN * 2, agree).await;
        for user in [&self.witness].into_iter().chain(&self.cut) {
            assert_eq!(user.screen.breaches, Vec::<String>::new());
        }
    }

    async fn assert_paid_once(&self, paid: usize) {
        let stored: i64 = sqlx::query_scalar("select count(*) from journal where kind = 1")
            .fetch_one(&self.server.database.app)
            .await
            .expect("the journal can be read");
        assert_eq!(stored, paid as i64);
        let expected: Vec<i64> = (1..=stored).collect();
        assert_eq!(self.witness.screen.gifts.iter().map(|(gift_no, _)| *gift_no).collect::<Vec<_>>(), expected);
        let audit = run(parlor(&["ledger", "audit"]).env("DATABASE_URL", self.server.database.app_url()));
        assert!(audit.status.success(), "{}{}", String::from_utf8_lossy(&audit.stdout), complaint(&audit));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_at_every_point_sees_what_one_sees_who_never_left() {
    let proof = Run::of("cuts");
    proof.passes(async |cuts| be_cut(&proof, cuts).await).await;
}

async fn be_cut(proof: &Run, cuts: usize) {
    let mut stage = Stage::set().await;
    let storm = stage.storm(cuts);
    let paid = stage.calm(storm, Some(proof)).await;
    stage.agree().await;
    assert!(stage.cutter.cuts() as usize >= cuts, "{} cuts only", stage.cutter.cuts());
    assert_eq!(stage.witness.screen.snapshots, 1, "the witness has never left");
    let recovered: Vec<_> = stage.cut.iter().map(|user| user.screen.recovered).collect();
    assert!(recovered.iter().all(|resumes| *resumes >= RESUMES), "{recovered:?} resumes");
    for user in &stage.cut {
        let (shown, all) = (&user.screen.chat, &stage.witness.screen.chat);
        // A user who missed more than a resume brings got a snapshot, and has the newest lines.
        let newest = if user.screen.snapshots == 1 { all.len() } else { limit::CHAT_LINES };
        let tail = |lines: &[(Op, String)]| lines[lines.len().saturating_sub(newest)..].to_vec();
        assert_eq!(tail(shown), tail(all), "the history has no hole");
    }
    stage.assert_paid_once(paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_while_the_server_is_started_again_comes_back_to_the_same_state() {
    let mut stage = Stage::set().await;
    let storm = stage.storm(SOME_CUTS);
    for kills in [false, true, false] {
        let _ = stage.witness.watch(|screen| screen.gifts.len() > 3, Duration::from_millis(500)).await;
        if kills {
            stage.server.kill().await;
        } else {
            stage.server.stop().await;
        }
        stage.server.start_again().await;
    }
    let paid = stage.calm(storm, None).await;
    stage.agree().await;
    stage.assert_paid_once(paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_cut_off_with_a_full_outbox_and_comes_back_to_the_same_state() {
    let mut stage = Stage::set().await;
    stage.cutter.hold(true);
    // More than the outbox and the buffers of both systems hold.
    let text = "\u{1F600}".repeat(2_000);
    for _ in 0..1_500 {
        let chat = Command::ChatSend(SendChat::of(stage.room, text.clone()));
        stage.witness.insist(Op(Uuid::now_v7()), &chat, PATIENCE).await.expect("said");
    }
    stage.cutter.hold(false);
    stage.agree().await;
    for user in &stage.cut {
        assert!(user.screen.snapshots > 1, "too much was missed for events: {:?}", user.screen.position);
        assert_eq!(user.screen.chat.last(), stage.witness.screen.chat.last());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_nobody_is_in_two_rooms_after_a_restart() {
    let mut stage = Stage::set().await;
    let sit = Command::SeatTake(TakeSeat { room: stage.room, seat: Some(1), version: None });
    stage.cut[1].insist(Op(Uuid::now_v7()), &sit, PATIENCE).await.expect("free");
    stage.witness.watch(|screen| screen.seats[&1].user.is_some(), PATIENCE).await.expect("seen");
    stage.server.stop().await;
    stage.cut.truncate(2);
    stage.cut.iter_mut().for_each(User::vanish);
    stage.server.start_again().await;
    let address = stage.server.address;
    let (_, made) = rest::post(address, "/v1/rooms", Some(stage.witness.access()), &json!({"name": "elsewhere"}))
        .await
        .expect("up");
    let elsewhere = RoomId::new(made["id"].as_i64().expect("a room")).expect("an id");
    // The users' places in the old room are still kept when they join another one.
    let omar = UserId::new(stage.cut[1].id).expect("an id");
    stage.witness.vanish();
    stage.witness.arrive().await.expect("the first one back");
    assert!(stage.witness.screen.people.contains_key(&omar), "awaited");
    stage.cut[1].screen = parlor_loadtests::screen::Screen::new(elsewhere);
    stage.cut[1].arrive().await.expect("comes in");
    let gone = |screen: &parlor_loadtests::screen::Screen| {
        screen.seats[&1].user.is_none() && !screen.people.contains_key(&omar)
    };
    stage.witness.watch(gone, Duration::from_secs(10)).await.expect("well before the grace period ends");
}
