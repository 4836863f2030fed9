//! What an empty database begins with: the catalogue and coins to promote with; in `dev` also people
//! with a known password. Each part once, however often it is asked for.

use std::net::{IpAddr, Ipv4Addr};

use parlor_protocol::{ErrorCode, UserId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ports::LedgerWallets;
use crate::clock::Timestamp;
use crate::config::Settings;
use crate::courier::Courier;
use crate::economy::gift;
use crate::economy::ledger::Ledger;
use crate::error::{Error, Result};
use crate::identity::{Contact, Identity, NewAccount};
use crate::start::StartError;

/// The demo users' password, which the playground knows.
const PASSWORD: &str = "parlor-demo";
/// Their names; `demo1@parlor.example` and so on sign in.
const PEOPLE: [&str; 4] = ["Amira", "Omar", "Layla", "Yusuf"];

/// Lays the catalogue and the promotion account's coins; with `people` also the demo users, one of them
/// in an agency of another. Runs as parlor_app.
///
/// # Errors
/// What the store or the ledger refuses.
pub async fn seed(settings: &Settings, database: &PgConnectOptions, people: bool) -> Result<(), StartError> {
    let cannot = |error: Error| StartError::new("the database could not be seeded").because(error);
    let pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(database.clone());
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let (commits, mut committed) = mpsc::channel(16);
    // Nobody is there to be told.
    tracker.spawn(async move { while committed.recv().await.is_some() {} });
    let ledger = Ledger::start(database.clone(), "seed", &settings.ledger, commits, &stop, &tracker);
    let seeded = lay(settings, &pool, &ledger, people, &stop, &tracker).await;
    ledger.drain().await;
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    pool.close().await;
    seeded.map_err(cannot)
}

async fn lay(
    settings: &Settings,
    pool: &PgPool,
    ledger: &Ledger,
    people: bool,
    stop: &CancellationToken,
    tracker: &TaskTracker,
) -> Result<()> {
    gift::seed(&mut *pool.acquire().await?).await?;
    ledger.stock_promotion().await?;
    if !people {
        return Ok(());
    }
    let wallets = LedgerWallets { ledger: ledger.clone(), welcome: settings.ledger.welcome(true) };
    let identity =
        Identity::start(pool.clone(), &settings.identity, wallets, Courier::off(), stop.clone(), tracker).await?;
    let mut users = Vec::new();
    for (at, name) in PEOPLE.iter().enumerate() {
        if let Some(user) = person(&identity, at + 1, name).await? {
            users.push(user);
        }
    }
    if let [_, receiver, _, owner] = users[..] {
        let mut conn = pool.acquire().await?;
        let mut tx = conn.begin().await?;
        gift::seed_demo_agency(&mut tx, owner, &[receiver]).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Registers a demo user; `None` if there is one already.
async fn person(identity: &Identity, number: usize, name: &str) -> Result<Option<UserId>> {
    let email = Contact::email(&format!("demo{number}@parlor.example"));
    let account = NewAccount {
        phone: None,
        email: Some(email.map_err(|why| Error::internal(format!("a demo user's address: {why}")))?),
        password: PASSWORD.to_owned(),
        name: name.to_owned(),
        device: "demo".to_owned(),
        code: None,
    };
    match identity.register(IpAddr::V4(Ipv4Addr::LOCALHOST), account, Timestamp::now()).await {
        Ok((_, person)) => Ok(Some(person.id)),
        Err(error) if error.code() == ErrorCode::AccountExists => Ok(None),
        Err(error) => Err(error),
    }
}
