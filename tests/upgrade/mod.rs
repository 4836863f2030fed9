//! Upgrades a database that an older program wrote: the present program migrates it, and everything in it must still be
//! valid. Each such database is a file of `tests/fixtures/`, with a file of the answers that its users had got;
//! [`old_world`] wrote them.

mod old_world;

use std::fs;
use std::path::{Path, PathBuf};

use parlor::economy::ledger::audit::{self, Plan, Rule, Violation};
use parlor_loadtests::rest;
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::{Command, ErrorBody, GiftId, Op, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::task::block_in_place;

use crate::support::client::{Client, op};
use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, parlor, run};
use crate::support::time::moment;

/// The commit that wrote the database.
const OLD: &str = "5052f92";

/// The answers that the users of the older program had got.
#[derive(Serialize, Deserialize)]
struct Told {
    room: RoomId,
    /// The tokens of the demo users, in their order.
    wallets: Vec<Value>,
    /// The first answers to gifts, some of which were refused.
    gifts: Vec<Gift>,
}

/// A gift with its operation and its first answer.
#[derive(Serialize, Deserialize)]
struct Gift {
    /// The demo user's number.
    from: u8,
    op: Op,
    gift: SendGift,
    answer: Result<GiftReceipt, ErrorBody>,
}

fn fixture(ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{OLD}.{ending}"))
}

/// The token of the demo user of this number, whose password has not changed.
async fn signed_in(program: &Program, number: u8) -> String {
    let body = json!({"login": format!("demo{number}@parlor.example"), "password": "parlor-demo", "device": "test"});
    let (status, answer) = rest::post(program.address, "/v1/auth/login", None, &body).await.expect("up");
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// A socket of a demo user in the room.
async fn in_room(program: &Program, token: &str, room: RoomId) -> Client {
    let path = format!("/v1/rooms/{room}/token");
    let (_, pass) = rest::post(program.address, &path, Some(token), &json!({})).await.expect("up");
    let mut client = Client::connected(program.address, token, "phone").await;
    client.join(room, pass["token"].as_str().expect("may come in")).await.expect("may come in");
    client
}

/// The older program's database, not yet migrated.
async fn restored() -> Database {
    let database = Database::empty().await;
    let dump = fs::read_to_string(fixture("sql")).expect("the fixture is committed");
    sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut database.as_superuser().await).await.expect("it is restored");
    database
}

fn audited(database: &Database) -> String {
    let audit = run(parlor(&["ledger", "audit"]).env("DATABASE_URL", database.app_url()));
    let said = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(audit.status.success(), "{said}{}", complaint(&audit));
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_an_older_program_is_migrated_audited_clean_and_served() {
    let database = restored().await;
    let told = fs::read(fixture("json")).expect("the fixture is committed");
    let told: Told = serde_json::from_slice(&told).expect("in this form");

    let migrate = run(parlor(&["migrate"]).env("DATABASE_OWNER_URL", database.owner_url()));
    let said = String::from_utf8_lossy(&migrate.stdout);
    assert!(said.contains("migrations applied"), "{said}{}", complaint(&migrate));
    audited(&database);

    let program = block_in_place(|| Program::serve_on(&database));
    assert_eq!(program.get("/readyz").0, 200);
    let mut clients = Vec::new();
    for (number, wallet) in (1..).zip(&told.wallets) {
        let token = signed_in(&program, number).await;
        let (_, read) = rest::get(program.address, "/v1/wallet", Some(&token)).await.expect("up");
        assert_eq!(read["balances"], wallet["balances"], "demo user {number}");
        entries_explain(&program, &token, wallet).await;
        clients.push(in_room(&program, &token, told.room).await);
    }
    let (_, room) =
        rest::get(program.address, &format!("/v1/rooms/{}", told.room), Some(&signed_in(&program, 1).await))
            .await
            .expect("up");
    assert_eq!(room["name"], "An old room", "{room}");
    // The older program stored no folded names of rooms.
    let found = rest::get(program.address, "/v1/rooms?q=%C3%93LD%20R%C3%96", Some(&signed_in(&program, 1).await)).await;
    let found = found.expect("up").1;
    let is_found =
        found["items"].as_array().is_some_and(|rooms| rooms.iter().any(|room| room["name"] == "An old room"));
    assert!(is_found, "{found}");

    // Each gift gets its first answer again, refusals included, and nothing is charged.
    for Gift { from, op, gift, answer } in &told.gifts {
        let again = Command::GiftSend(gift.clone());
        let mut again: Result<GiftReceipt, ErrorBody> = clients[usize::from(*from) - 1].ask_as(*op, &again).await;
        match &mut again {
            Ok(receipt) => assert!(std::mem::take(&mut receipt.replayed), "{receipt:?}"),
            Err(error) => assert!(std::mem::take(&mut error.replayed), "{error:?}"),
        }
        assert_eq!(again, *answer, "operation {op}");
    }

    // The room's gift numbers and the sender's coins continue from their last values.
    let last = told.gifts.iter().filter_map(|gift| gift.answer.as_ref().ok()).max_by_key(|receipt| receipt.gift_no);
    let last = last.expect("some gifts were paid");
    let (sender, receiver) = (&told.wallets[0], told.gifts[0].gift.to.clone());
    let gift = SendGift { room: told.room, gift: GiftId::new(1).expect("the Rose"), count: 1, to: receiver };
    assert!(matches!(gift.to, Recipients::Users(_)));
    let receipt: GiftReceipt = clients[0].ask_as(op(), &Command::GiftSend(gift)).await.expect("paid");
    assert_eq!(receipt.gift_no, last.gift_no + 1);
    assert_eq!(Value::from(receipt.balance.0 + receipt.total.0), sender["balances"][0]["amount"]);
    assert!(!receipt.replayed);
    drop(program);
    audited(&database);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_nothing_is_migrated_below_a_server_that_could_not_go_on() {
    let database = restored().await;
    let owner = database.owner_url();
    let migrate = move || run(parlor(&["migrate"]).env("DATABASE_OWNER_URL", &owner));
    // A server that serves renews its lease.
    let lease = "update nodes set lease_until = clock_timestamp() + interval '1 hour'";
    let renews = async {
        loop {
            sqlx::raw_sql(lease).execute(&database.superuser).await.expect("a node that serves");
            moment(100..200).await;
        }
    };
    let refused = tokio::select! {
        () = renews => unreachable!("it serves for ever"),
        refused = tokio::task::spawn_blocking(migrate.clone()) => complaint(&refused.expect("no panic")),
    };
    assert!(
        refused.contains("the server `main` is serving this database, and could not behind migration"),
        "{refused}"
    );
    let jobs: bool = sqlx::query_scalar("select to_regclass('jobs') is not null")
        .fetch_one(&database.superuser)
        .await
        .expect("a look");
    assert!(!jobs, "nothing was applied");

    // One that was killed does not. Its lease is watched for as long as it lasts, whatever date it has.
    let migrated = migrate();
    assert!(migrated.status.success(), "{}", complaint(&migrated));
    let said = format!("{}{}", String::from_utf8_lossy(&migrated.stdout), String::from_utf8_lossy(&migrated.stderr));
    assert!(said.contains("migrates: openings"), "each is named while it is applied: {said}");
    assert!(!said.contains("slow statement") && !said.contains("create table"), "no SQL: {said}");
}

#[tokio::test]
async fn regression_nothing_can_be_added_to_the_first_form_of_the_journal() {
    let database = restored().await;
    // The older node's clock was ahead of the database's.
    let ahead = "update refusals set at = clock_timestamp() + interval '1 day'";
    sqlx::raw_sql(ahead).execute(&database.superuser).await.expect("dated");
    parlor::db::migrate(&database.options("parlor_owner"), &|_| ()).await.expect("migrated");

    let unlinked = "insert into refusals (op, actor, body_hash, error, at)
                    select gen_random_uuid(), actor, body_hash, error, at from refusals limit 1";
    let refused = sqlx::raw_sql(unlinked).execute(&database.app).await.expect_err("a refusal that no link hashes");
    assert_eq!(refused.as_database_error().and_then(|error| error.constraint()), Some("refusals_linked"));

    let mut connection = database.as_superuser().await;
    let mut run = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let kinds = parlor::economy::kinds();
        audit::audit_within(&mut connection, Plan::of(&kinds)).await.expect("an audit").report
    };
    // The constraint only stands in the way of whoever may not remove it.
    let before = run("alter table refusals drop constraint refusals_linked; begin; savepoint before").await;
    assert_eq!(before.violations.len(), 1, "the constraint alone: {before}");
    let link = "insert into chain_links (writer, version, batch_no, first_transfer, last_transfer, transfers, previous, hash, at)";
    let forged: [(String, Rule); 9] = [
        // What the serving role may do: a link of the first form of its own, or behind the last one.
        (
            format!("set local role parlor_app; insert into writers (node) values ('forger');
                     {link} select (select max(id) from writers), 1, 1, n, n - 1, 0, decode(repeat('00', 32), 'hex'), '', now()
                              from nextval('transfers') as n; reset role"),
            Rule::ChainWhole,
        ),
        (
            format!("set local role parlor_app;
                     {link} select writer, 1, batch_no + 1, n, n - 1, 0, hash, '', now()
                              from first_form_ends, nextval('transfers') as n limit 1; reset role"),
            Rule::ChainWhole,
        ),
        // And what whoever may write every table may: the seals themselves.
        ("update first_form_ends set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)".into(), Rule::ChainWhole),
        ("update first_form_ends set batch_no = batch_no + 1".into(), Rule::ChainWhole),
        ("delete from first_form_ends".into(), Rule::ChainWhole),
        ("update refusals set error = '{\"code\": \"forged\"}' where writer is null".into(), Rule::RefusalTrue),
        ("update first_form_refusals set seal = ''".into(), Rule::RefusalTrue),
        ("delete from first_form_refusals".into(), Rule::RefusalTrue),
        ("update first_form_refusals set op = gen_random_uuid()".into(), Rule::RefusalTrue),
    ];
    for (forgery, rule) in forged {
        let forgery: &'static str = forgery.leak();
        let report = run(forgery).await;
        let named = |found: &Violation| {
            found.rule == rule && found.detail.contains("first form")
                || found.rule == Rule::RefusalTrue && rule == Rule::RefusalTrue
        };
        assert!(report.violations.iter().any(named), "{forgery}: {report}");
        run("rollback to savepoint before").await;
    }
}

/// Checks that the entries of a wallet lead from zero to its balance, in both currencies.
async fn entries_explain(program: &Program, token: &str, wallet: &Value) {
    for balance in wallet["balances"].as_array().expect("balances") {
        let currency = balance["currency"].as_str().expect("a currency");
        let path = format!("/v1/wallet/entries?currency={currency}&limit=100");
        let (status, page) = rest::get(program.address, &path, Some(token)).await.expect("up");
        assert_eq!(status, 200, "{page}");
        assert_eq!(page["next"], Value::Null, "all of it is on one page");
        let entries = page["items"].as_array().expect("entries");
        let sum: i64 = entries.iter().map(|entry| entry["amount"].as_i64().expect("an amount")).sum();
        assert_eq!(balance["amount"], sum, "{currency}");
    }
}
