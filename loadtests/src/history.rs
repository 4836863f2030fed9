//! How long reading an account's newest entries takes in a store of many accounts: `GET /v1/wallet/entries?limit=50`,
//! one request at a time on one kept connection.

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use crate::latency::{Latency, Percentiles, nanos};
use crate::meter::some;
use crate::rest::{Away, Kept};
use crate::stage::Stage;
use crate::world::Account;

/// Entries that a request asks for.
const LAST: usize = 50;
/// Requests, at most, for accounts drawn at random from all accounts.
const DRAWN: usize = 500;
/// Requests, at most, for members of the run, whose accounts have entries: coins and diamonds in turn.
const MOVED: usize = 500;
/// Requests for the star, who received the most gifts.
const STAR: usize = 50;

/// The time from a request to the end of its answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct History {
    /// Of all requests.
    pub all: Option<Percentiles>,
    /// Of the requests whose answer was a full page; a random account of a new store has a single entry.
    pub full: Option<Percentiles>,
}

/// Reads the entries of accounts drawn from `accounts`, of the members of the run, and several times of the first
/// member of the first room, who is the star where there is one.
///
/// # Errors
/// `Away`, or a refusal.
pub async fn measure(stage: &Stage, accounts: &[Account]) -> Result<History, Away> {
    let mut chance = StdRng::seed_from_u64(1);
    let drawn = (0..DRAWN.min(accounts.len())).map(|_| &accounts[chance.random_range(0..accounts.len())]);
    let mut asked: Vec<(&str, &str)> = drawn.map(|account| (account.token.as_str(), "coin")).collect();
    let both = stage.members.iter().flat_map(|member| [(member.access(), "coin"), (member.access(), "diamond")]);
    asked.extend(both.take(MOVED));
    asked.extend(std::iter::repeat_n((stage.rooms[0][0].access(), "diamond"), STAR));

    let mut connection = Kept::to(stage.server.address);
    // This request opens the connection, so that no measured one has to.
    connection.get("/v1/wallet", asked.first().map(|(token, _)| *token)).await?;
    let (all, full) = (Latency::default(), Latency::default());
    for (token, currency) in asked {
        let path = format!("/v1/wallet/entries?currency={currency}&limit={LAST}");
        let since = nanos();
        let (status, body) = connection.bytes(hyper::Method::GET, &path, Some(token), None).await?;
        let ended = nanos();
        let page = String::from_utf8_lossy(&body);
        if !status.is_success() {
            return Err(Away(format!("{path}: {status}: {page}")));
        }
        all.between(since, ended);
        if page.matches("\"transfer\":").count() == LAST {
            full.between(since, ended);
        }
    }
    Ok(History { all: some(all.take()), full: some(full.take()) })
}
