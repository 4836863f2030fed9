//! How long people wait for their last movements, beside an account of many: `GET /v1/wallet/entries?limit=50`,
//! one at a time on a connection that is kept.

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use crate::latency::{Latency, Percentiles, nanos};
use crate::meter::some;
use crate::rest::{Away, Kept};
use crate::stage::Stage;
use crate::world::Account;

/// Movements that are asked for.
const LAST: usize = 50;
/// Asked of accounts drawn from all there are, at most.
const DRAWN: usize = 500;
/// Asked of people of the run, whose accounts have moved: coins and diamonds in turn.
const MOVED: usize = 500;
/// Asked of who was given the most.
const STAR: usize = 50;

/// From a request to its whole answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct History {
    /// Of all requests.
    pub all: Option<Percentiles>,
    /// Of those that brought as many as were asked for: a drawn account of a new store has moved once.
    pub full: Option<Percentiles>,
}

/// Asks for histories: of accounts drawn from `accounts`, of those who are on the stage, and several times of
/// the first of the first room, who is the star where there is one.
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
    // The first one opens the connection.
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
