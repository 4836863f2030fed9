//! Writes a fixture: the database of an older program, with something of everything that it stores. The secrets in it
//! (keys, hashes of passwords) are used nowhere else. Run it once for a program, before its schema changes: build the
//! older commit, then `PARLOR_OLD_PROGRAM=<its binary> cargo test --test it -- --ignored
//! the_world_of_an_older_program_is_written_down`.

use std::fs;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use hyper::Method;
use nix::sys::signal::Signal;
use parlor_loadtests::rest;
use parlor_protocol::command::{InRoom, Kick, OnSeat, Recipients, SendGift, TakeSeat};
use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::{Command, ErrorBody, GiftId, RoomId, UserId};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{Gift, Told, fixture, in_room, signed_in};
use crate::support::client::op;
use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, run};

/// The beginnings of lines of the dump that an older PostgreSQL does not understand.
const NEWER_THAN_NEEDED: [&str; 3] = ["\\restrict", "\\unrestrict", "SET transaction_timeout"];

/// A command of the older program with these arguments, in an environment without settings.
fn old(arguments: &[&str], database: &Database) -> Process {
    let program = std::env::var_os("PARLOR_OLD_PROGRAM").expect("PARLOR_OLD_PROGRAM names the older program");
    let mut command = Process::new(program);
    command.args(arguments).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("DATABASE_URL", database.app_url()).env("DATABASE_OWNER_URL", database.owner_url());
    command.env("PARLOR_DATA", Path::new(env!("CARGO_TARGET_TMPDIR")).join("old-world")).stdin(Stdio::null());
    command
}

async fn call(program: &Program, method: Method, path: &str, token: &str, body: Value) -> Value {
    let key = (method == Method::POST).then(op);
    let answer = rest::call_as(key, program.address, method, path, Some(token), Some(&body)).await;
    let (status, answer) = answer.expect("up");
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes a fixture anew, with an older program"]
async fn the_world_of_an_older_program_is_written_down() {
    let database = Database::empty().await;
    let mut program = block_in_place(|| Program::start(&mut old(&["dev", "--port", "0"], &database)));
    let (mut tokens, mut ids) = (Vec::new(), Vec::new());
    for number in 1..=4 {
        let token = signed_in(&program, number).await;
        let (_, me) = rest::get(program.address, "/v1/me", Some(&token)).await.expect("up");
        ids.push(UserId::new(me["id"].as_i64().expect("an id")).expect("in range"));
        tokens.push(token);
    }
    let made = call(&program, Method::POST, "/v1/rooms", &tokens[2], json!({"name": "An old room"})).await;
    let room = RoomId::new(made["id"].as_i64().expect("an id")).expect("in range");
    let second = call(&program, Method::POST, "/v1/rooms", &tokens[0], json!({"name": "Another old room"})).await;
    assert!(second["id"].is_i64());

    // Stored facts of a room, a checkpoint, and a kick that is still in force.
    let mut clients = Vec::new();
    for token in &tokens {
        clients.push(in_room(&program, token, room).await);
    }
    clients[2].ask::<Value>(Command::SeatLock(OnSeat { room, seat: 5, version: None })).await.expect("the owner may");
    clients[1]
        .ask::<Value>(Command::SeatTake(TakeSeat { room, seat: Some(1), version: None }))
        .await
        .expect("it is free");
    for text in ["Good evening.", "مساء الخير"] {
        clients[3].chat(room, text).await.expect("said");
    }

    // Expensive and cheap gifts to receivers with and without an agency, and to several; refusals of the room and the
    // ledger.
    let users = |of: &[usize]| Recipients::Users(of.iter().map(|at| ids[*at]).collect());
    let gift = |gift: i64, count, to| SendGift { room, gift: GiftId::new(gift).expect("in range"), count, to };
    let sendings = [
        (1, gift(1, 1, users(&[1]))),
        (1, gift(3, 10, users(&[1, 2]))),
        (2, gift(8, 1, users(&[0, 2, 3]))),
        (3, gift(1, 66, users(&[1]))),
        (4, gift(3, 1, Recipients::AllSeats)),
        (1, gift(1, 1, users(&[0]))),
        (2, gift(8, 1_314, users(&[0]))),
        (3, gift(999, 1, users(&[0]))),
        (4, gift(1, 188, users(&[1, 2]))),
    ];
    let mut gifts = Vec::new();
    for (from, gift) in sendings {
        let op = op();
        let command = Command::GiftSend(gift.clone());
        let answer: Result<GiftReceipt, ErrorBody> = clients[usize::from(from) - 1].ask_as(op, &command).await;
        gifts.push(Gift { from, op, gift, answer });
    }
    let paid = gifts.iter().filter(|gift| gift.answer.is_ok()).count();
    assert_eq!((paid, gifts.len()), (6, 9), "{:?}", gifts.iter().map(|gift| &gift.answer).collect::<Vec<_>>());

    let (gone, token) = accounts(&program, &database, &tokens, &ids).await;
    let socket = in_room(&program, &token, room).await;
    let kick = Kick { room, user: gone, duration_ms: None, reason: "a fixture needs one".to_owned() };
    clients[2].ask::<Value>(Command::RoomKick(kick)).await.expect("the owner may");
    drop(socket);
    let path = format!("/v1/staff/users/{gone}/suspension");
    call(&program, Method::PUT, &path, &tokens[0], json!({"reason": "spam"})).await;
    clients[0].ask::<Value>(Command::RoomLeave(InRoom { room })).await.expect("may go");

    let mut wallets = Vec::new();
    for token in &tokens {
        let (_, wallet) = rest::get(program.address, "/v1/wallet", Some(token)).await.expect("up");
        wallets.push(json!({"balances": wallet["balances"]}));
    }
    drop(clients);
    program.signal(Signal::SIGTERM);
    assert!(block_in_place(|| program.ended(Duration::from_secs(20))).success(), "{}", program.said());

    let told = serde_json::to_string_pretty(&Told { room, wallets, gifts }).expect("plain data");
    fs::write(fixture("json"), told + "\n").expect("it can be written");
    fs::write(fixture("sql"), dumped(&database)).expect("it can be written");
}

/// Fills the tables of accounts: sessions, an ended and a refreshed one, a profile, a picture, a role; returns a user
/// to be kicked, with their token.
async fn accounts(program: &Program, database: &Database, tokens: &[String], ids: &[UserId]) -> (UserId, String) {
    let address = program.address;
    let login = |number: u8| json!({"login": format!("demo{number}@parlor.example"), "password": "parlor-demo", "device": "tablet"});
    let (_, granted) = rest::post(address, "/v1/auth/login", None, &login(1)).await.expect("up");
    let refresh = json!({"refresh_token": granted["refresh_token"]});
    let (status, _) = rest::post(address, "/v1/auth/refresh", None, &refresh).await.expect("up");
    assert_eq!(status, 200);
    let (_, granted) = rest::post(address, "/v1/auth/login", None, &login(2)).await.expect("up");
    let ended = granted["access_token"].as_str().expect("a token");
    rest::post(address, "/v1/auth/logout", Some(ended), &json!({})).await.expect("up");
    let (status, profile) = rest::call(
        address,
        Method::PATCH,
        "/v1/me",
        Some(&tokens[0]),
        Some(&json!({"bio": "Here since the beginning."})),
    )
    .await
    .expect("up");
    assert!(status.is_success(), "{profile}");

    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    let asked = json!({"purpose": "avatar", "content_type": "image/png", "bytes": picture.len()});
    let begun = call(program, Method::POST, "/v1/uploads", &tokens[0], asked).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://{address}{}", begun["url"].as_str().expect("an address"));
    let sent = reqwest::Client::new().put(url).header("content-type", "image/png").body(picture.to_vec()).send().await;
    assert_eq!(sent.expect("up").status(), 200);
    let id = begun["id"].as_str().expect("an id");
    call(program, Method::POST, &format!("/v1/uploads/{id}/complete"), &tokens[0], json!({})).await;
    call(program, Method::PUT, "/v1/me/avatar", &tokens[0], json!({"upload": id})).await;

    let grant = run(&mut old(&["admin", "grant", &ids[0].to_string(), "admin"], database));
    assert!(grant.status.success(), "{}", complaint(&grant));
    let body =
        json!({"email": "gone@parlor.example", "password": "a long enough secret", "name": "Gone", "device": "a"});
    let (_, gone) = rest::post(address, "/v1/auth/register", None, &body).await.expect("up");
    let id = UserId::new(gone["user"]["id"].as_i64().expect("an id")).expect("in range");
    (id, gone["access_token"].as_str().expect("a token").to_owned())
}

/// Dumps the database as SQL that every supported PostgreSQL and every client can run.
fn dumped(database: &Database) -> String {
    let mut dump = Process::new("pg_dump");
    let dump = run(dump.args(["--inserts", "--rows-per-insert=100", "--dbname"]).arg(database.superuser_url()));
    assert!(dump.status.success(), "{}", complaint(&dump));
    let text = String::from_utf8(dump.stdout).expect("it is UTF-8");
    let lines = text.lines().filter(|line| !NEWER_THAN_NEEDED.iter().any(|newer| line.starts_with(newer)));
    lines.map(|line| format!("{line}\n")).collect()
}
