//! The server stands still in the middle of a transaction of the ledger, for longer than PostgreSQL lets one be idle.

use std::time::Duration;

use nix::sys::signal::Signal;
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::{Command, GiftId};

use crate::support::client::op;
use crate::support::time::until;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_transaction_that_postgres_ended_as_idle_is_an_outage_and_is_sent_again() {
    let world = World::dev().roomy().lease(1_000).await;
    let (token, owner) = world.demo(1).await;
    let room = world.made(&token, "A room").await;
    let sender = world.demo(2).await.1;
    let _owner = world.in_room(owner, room).await;
    let mut client = world.in_room(sender, room).await;

    // The gift's transaction waits for a balance while the server is stopped.
    let mut lock = world.database.superuser.begin().await.expect("begins");
    sqlx::query("select 1 from balances for update").execute(&mut *lock).await.expect("locked");
    let gift = SendGift { room, gift: GiftId::new(1).expect("the Rose"), count: 1, to: Recipients::Users(vec![owner]) };
    let (op, gift) = (op(), Command::GiftSend(gift));
    let asked = client.send_as(Some(op), &gift).await;
    let waits = "select count(*) from pg_stat_activity
                  where datname = current_database() and usename = 'parlor_app' and wait_event_type = 'Lock'";
    until("the ledger waits", Duration::from_secs(10), async || (world.count(waits).await == 1).then_some(())).await;
    world.program.signal(Signal::SIGSTOP);
    lock.rollback().await.expect("unlocked");
    let idle = "select count(*) from pg_stat_activity
                 where datname = current_database() and usename = 'parlor_app' and state like 'idle in transaction%'";
    until("its transaction is idle", Duration::from_secs(10), async || (world.count(idle).await > 0).then_some(()))
        .await;
    until("PostgreSQL ends it", Duration::from_secs(20), async || (world.count(idle).await == 0).then_some(())).await;
    world.program.signal(Signal::SIGCONT);

    let receipt: GiftReceipt = match client.reply(asked).await {
        Ok(receipt) => receipt,
        // It was away for so long that the order's time was over.
        Err(error) => {
            assert_eq!(error.code.name(), "store_unavailable", "{error:?}");
            client.ask_as(op, &gift).await.expect("paid")
        }
    };
    assert_eq!(receipt.gift_no, 1);
    assert_eq!(world.count("select count(*) from journal where gift_no is not null").await, 1, "it was charged once");
    let said = world.program.said();
    assert!(!said.contains("ERROR"), "{said}");
    assert!(said.contains("the ledger sends a batch again"), "{said}");
}
