//! The books as people are shown them: what the verdict says of balances, entries and receipts.

use serde_json::Value;

use crate::rest::{Away, Kept};
use crate::stage::Stage;
use crate::statement::{Movement, Standing, Statement};
use crate::verdict::Kind;

/// People whose accounts are walked, the first who came: of all rooms in turn, the star among them. The audit
/// looks at all accounts; here it counts that people are shown the same.
pub const SAMPLE: usize = 50;
/// Entries of an account that are walked: the newest.
pub const NEWEST: usize = 500;
/// Entries asked for at once.
const PAGE: usize = 100;

/// How accounts stood before a run: coins and diamonds of each of the sample.
#[derive(Debug)]
pub struct Books {
    before: Vec<[Standing; 2]>,
}

impl Books {
    /// Reads how things stand. To be asked before anybody does anything.
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

    /// Walks the accounts and notes what does not hold. To be asked when nobody does anything any more.
    /// Gives how many entries were walked.
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

/// Coins and diamonds.
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

/// The newest entries, newest first, and whether there are no older ones.
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
