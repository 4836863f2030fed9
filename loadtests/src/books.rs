//! The ledger as users see it over REST: compares balances, entries and receipts, and notes what disagrees.

use serde_json::Value;

use crate::rest::{Away, Kept};
use crate::stage::Stage;
use crate::statement::{Movement, Standing, Statement};
use crate::verdict::Kind;

/// How many members' accounts are checked: the first members, who come from all rooms in turn, the star among them.
/// The audit checks all accounts; this check is about what users are shown.
pub const SAMPLE: usize = 50;
/// The newest entries of an account that are checked, at least this many if there are.
pub const NEWEST: usize = 500;
/// Entries of one page.
const PAGE: usize = 100;

/// The balances before a run: coins and diamonds of each account of the sample.
#[derive(Debug)]
pub struct Books {
    before: Vec<[Standing; 2]>,
}

impl Books {
    /// Reads the balances before the run. Called before any member acts.
    ///
    /// # Errors
    /// `Away`, or a refusal.
    pub async fn open(stage: &Stage) -> Result<Self, Away> {
        let mut connection = Kept::to(stage.server.address);
        let mut before = Vec::new();
        for member in stage.members.iter().take(SAMPLE) {
            before.push(standings(&mut connection, member.access()).await?);
        }
        Ok(Self { before })
    }

    /// Reads the accounts after the run, when no member acts any more, and notes every flaw in the verdict. Returns how
    /// many entries it read.
    ///
    /// # Errors
    /// `Away`, or a refusal.
    pub async fn judge(&self, stage: &Stage) -> Result<u64, Away> {
        let mut connection = Kept::to(stage.server.address);
        let mut walked = 0;
        for (member, before) in stage.members.iter().zip(&self.before) {
            let after = standings(&mut connection, member.access()).await?;
            for (at, currency) in ["coin", "diamond"].into_iter().enumerate() {
                let (movements, is_whole) = newest(&mut connection, member.access(), currency).await?;
                walked += movements.len() as u64;
                let statement = Statement { before: before[at], after: after[at], movements, is_whole };
                let (paid, open) = member.paid();
                let flaws = if at == 0 { statement.flaws_of_coins(&paid, open) } else { statement.flaws_of_diamonds() };
                for flaw in flaws {
                    stage.tally.verdict.note(Kind::Balance, 1, || format!("{member:?}, {currency}s: {flaw}"));
                }
            }
        }
        Ok(walked)
    }
}

async fn read(connection: &mut Kept, path: &str, token: &str) -> Result<Value, Away> {
    let (status, answer) = connection.get(path, Some(token)).await?;
    if status.is_success() { Ok(answer) } else { Err(Away(format!("{path}: {status}: {answer}"))) }
}

/// The balances of coins and diamonds, in this order.
async fn standings(connection: &mut Kept, token: &str) -> Result<[Standing; 2], Away> {
    let wallet = read(connection, "/v1/wallet", token).await?;
    let balances = wallet["balances"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |currency: &str| {
        let balance = balances.iter().find(|balance| balance["currency"] == currency);
        let standing = balance.and_then(|found| {
            Some(Standing { amount: found["amount"].as_i64()?, version: found["version"].as_i64()? })
        });
        standing.ok_or_else(|| Away(format!("no {currency}s in {wallet}")))
    };
    Ok([of("coin")?, of("diamond")?])
}

/// The newest entries, newest first, and whether they reach back to the account's first one.
async fn newest(connection: &mut Kept, token: &str, currency: &str) -> Result<(Vec<Movement>, bool), Away> {
    let path = format!("/v1/wallet/entries?currency={currency}&limit={PAGE}");
    let (mut movements, mut cursor) = (Vec::new(), String::new());
    while movements.len() < NEWEST {
        let page = read(connection, &format!("{path}{cursor}"), token).await?;
        let items: Vec<Movement> =
            serde_json::from_value(page["items"].clone()).map_err(|error| Away(format!("{path}: {error}")))?;
        movements.extend(items);
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok((movements, true)),
        }
    }
    Ok((movements, false))
}
