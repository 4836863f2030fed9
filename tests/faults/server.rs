//! A server that is killed, stopped and restarted at the same address.

use parlor_protocol::Op;

use crate::support::postgres::Database;
use crate::support::world::World;

/// Coins that a new user is given.
pub(super) const WELCOME: i64 = 1_000_000;

/// Seeds the database and serves it: coins for newcomers, and more of everything a minute than people ask for.
pub(super) async fn served(database: Database) -> World {
    World::serve()
        .on(database)
        .seeded()
        .at_one_address()
        .roomy()
        .lease(1_000)
        .set("PARLOR__LEDGER__WELCOME_COINS", WELCOME)
        // New users may send coins at once and without a limit.
        .set("PARLOR__TRANSFER__ACCOUNT_DAY", 1)
        .set("PARLOR__TRANSFER__WEALTH_LEVEL", 0)
        .await
}

/// The transfers under this operation.
pub(super) async fn transfers(server: &World, op: Op) -> Vec<i64> {
    let found = sqlx::query_scalar("select id from journal where op = $1").bind(op.0);
    found.fetch_all(&server.database.app).await.expect("the journal can be read")
}
