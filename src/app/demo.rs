//! `parlor seed`: fills an empty database with the catalogue and the coins for promotions, and in `dev` also with users
//! whose password is known. Each part is created once, however often it is asked for.

#[cfg(feature = "bench")]
use std::path::PathBuf;

use parlor_protocol::{ErrorCode, UserId};
use serde::Serialize;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::mpsc;

#[cfg(feature = "bench")]
use super::crowd;
use super::ports::{LedgerGifts, LedgerWallets};
use super::world::{self, Makers, Scale};
use crate::config::Settings;
use crate::courier::Courier;
use crate::economy::ledger::Ledger;
use crate::economy::{agency, gift, kinds, promotion};
use crate::identity::{Contact, Identity, NewAccount};
use crate::kit::chance::Chance;
use crate::kit::clock::Clock;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::supervise::Supervisor;
use crate::load;
use crate::start::StartError;

/// The demo users' password, which `dev` tells everybody.
const PASSWORD: &str = "parlor-demo";
/// The demo users' names. Their addresses are `demo1@parlor.example` and so on.
const PEOPLE: [&str; 4] = ["Amira", "Omar", "Layla", "Yusuf"];

/// How to sign in as a demo user.
#[derive(Clone, Debug, Serialize)]
pub struct DemoAccount {
    name: &'static str,
    login: String,
    password: &'static str,
}

/// The ways in of the demo users, for the playground, which offers them.
pub fn demo_accounts() -> Vec<DemoAccount> {
    let user = |(at, name): (usize, &&'static str)| DemoAccount { name, login: address(at + 1), password: PASSWORD };
    PEOPLE.iter().enumerate().map(user).collect()
}

fn address(number: usize) -> String {
    format!("demo{number}@parlor.example")
}

/// The users that are created beside the catalogue.
#[derive(Clone, Debug)]
pub enum People {
    /// None.
    None,
    /// The demo users, whose password everybody knows.
    Demo,
    /// This many users for a load test. Their access tokens are written into the file, one JSON object a line.
    #[cfg(feature = "bench")]
    Load(usize, PathBuf),
    /// A world of this size: users, rooms and gifts.
    World(Scale),
}

/// The demo users' addresses and password, for whoever has started the server.
pub fn demo_users() -> String {
    format!("demo1@parlor.example to demo{}@parlor.example, password {PASSWORD}", PEOPLE.len())
}

/// Creates the catalogue, the promotion account's coins, and the `people`. One of the demo users gets into an agency
/// that another one owns. It runs as `parlor_app`; `told` hears how far it is.
///
/// # Errors
/// What the store or the ledger refuses; also a world, if the database already has one.
pub async fn seed(
    settings: &Settings,
    database: &PgConnectOptions,
    people: &People,
    told: &(dyn Fn(&str) + Sync),
) -> Result<(), StartError> {
    let cannot = |error: Error| StartError::new("the database could not be seeded").because(error);
    let pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(database.clone());
    let supervisor = Supervisor::default();
    let (commits, mut committed) = mpsc::channel(16);
    // No server runs that could announce them.
    supervisor.crew().work("discarded commits", async move { while committed.recv().await.is_some() {} });
    let ledger = Ledger::start(database.clone(), "seed", &settings.ledger, kinds(), commits, &supervisor);
    let edge = edge(&pool);
    let seeded = create(settings, &edge, &ledger, people, told, &supervisor).await;
    ledger.drain().await;
    supervisor.finish().await;
    pool.close().await;
    seeded.map_err(cannot)
}

async fn create(
    settings: &Settings,
    edge: &Edge,
    ledger: &Ledger,
    people: &People,
    told: &(dyn Fn(&str) + Sync),
    supervisor: &Supervisor,
) -> Result<()> {
    let mut tx = edge.begin().await?;
    gift::seed(&mut tx).await?;
    tx.commit().await?;
    promotion::stock(ledger).await?;
    if matches!(people, People::None) {
        return Ok(());
    }
    let wallets = LedgerWallets { ledger: ledger.clone(), welcome: settings.ledger.welcome(true) };
    let hashing = settings.identity.clone().within(load::memory_bytes(settings.server.memory_bytes));
    let identity = Identity::start(edge, &hashing, wallets, Courier::off(), supervisor).await?;
    #[cfg(feature = "bench")]
    if let People::Load(people, tokens) = people {
        return crowd::lay(edge, &identity, *people, tokens).await;
    }
    if let People::World(scale) = people {
        let gifts = LedgerGifts::new(ledger.clone(), edge.reads());
        return world::make(&Makers { edge, identity: &identity, gifts, told }, *scale).await;
    }
    let mut users = Vec::new();
    for (at, name) in PEOPLE.iter().enumerate() {
        if let Some(user) = person(edge, &identity, at + 1, name).await? {
            users.push(user);
        }
    }
    if let [_, receiver, _, owner] = users[..] {
        let mut tx = edge.begin().await?;
        agency::seed_demo(&mut tx, owner, &[receiver]).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Registers a demo user; `None` if there is one already.
async fn person(edge: &Edge, identity: &Identity, number: usize, name: &str) -> Result<Option<UserId>> {
    let email = Contact::email(&address(number));
    let account = NewAccount {
        phone: None,
        email: Some(email.map_err(|why| Error::internal(format!("a demo user's address: {why}")))?),
        password: PASSWORD.to_owned(),
        name: name.to_owned(),
        device: "demo".to_owned(),
        code: None,
    };
    match identity.register(edge, None, account).await {
        Ok(grant) => Ok(Some(grant.user.id)),
        Err(error) if error.code() == ErrorCode::AccountExists => Ok(None),
        Err(error) => Err(error),
    }
}

#[expect(clippy::disallowed_methods, reason = "`parlor seed` is composed here")]
fn edge(pool: &PgPool) -> Edge {
    Edge::new(pool.clone(), Clock::system(), Chance::system())
}
