//! One batch in one transaction. The order of the steps is what makes it correct: read names, lock balances, draw ids,
//! look up operations, judge, write rows, write the link, commit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use parlor_protocol::ErrorBody;
use sqlx::types::Json;
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;
use tracing::error;
use uuid::Uuid;

use super::columns::JournalColumns;
use super::store::{self, LinkRow};
use super::{Pending, answer};
use crate::economy::ledger::chain::{self, GENESIS, Hash, Link, Version};
use crate::economy::ledger::journal;
use crate::economy::ledger::judge::{self, Books, Parts, Ruling, Verdict};
use crate::economy::ledger::order::Committed;
use crate::economy::ledger::posting::{AnyOrder, Kinds, Names, People, System, Transfer};
use crate::kit::clock::Timestamp;
use crate::kit::limit::Limit;
use crate::telemetry::metric;

/// The end of a connection's chain, to which its next link is added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub writer: i64,
    pub batch_no: i64,
    pub head: Hash,
}

impl Chain {
    pub fn of_writer(writer: i64) -> Self {
        Self { writer, batch_no: 0, head: GENESIS }
    }
}

/// Why a batch was not committed, or may not have been.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("{what}: {done} rows instead of {meant}")]
    Rows { what: &'static str, done: u64, meant: usize },
    /// A kind panicked. The panic's message has been logged.
    #[error("a kind of posting panicked")]
    Panicked,
}

impl BatchError {
    /// The cause in the words of the metrics, if an order of the batch is the cause.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Panicked => "panicked",
            Self::Sql(_) | Self::Rows { .. } => "refused",
        }
    }
}

/// Judges, writes and commits a batch. `refusals` limits how many refusals of an account are stored. On `Ok` the batch is
/// committed, and `chain` ends with its link. On `Err` nothing has changed, unless the connection was lost during the
/// commit; then nobody knows.
pub(super) async fn settle(
    connection: &mut PgConnection,
    kinds: &Kinds,
    system: &System,
    chain: &mut Chain,
    batch: &[Pending],
    (now, refusals): (Timestamp, &Limit<i64>),
) -> Result<answer::Settled, BatchError> {
    let at_us = now.0.saturating_mul(1_000);
    let at = DateTime::<Utc>::from_timestamp_micros(at_us).unwrap_or_default();
    let requests = || batch.iter().map(|pending| &pending.order.request);

    let mut transaction = connection.begin().await?;
    let mut parts = Parts::of(kinds, requests());
    let mut books = read(&mut transaction, system, &mut parts, batch, at_us).await?;
    let first_id = store::draw_block(&mut transaction).await?;
    let asked: Vec<_> =
        requests().filter_map(|request| Some((request.op.0, books.names.actor(request.actor)?))).collect();
    let (ops, actors): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    books.answered = store::answered(&mut transaction, &ops, &actors).await?;
    let mut people = People::of_wallets(&books.names.wallets);
    if !books.answered.is_empty() {
        let known = books.answered.values().filter_map(|known| known.answer.as_deref().ok());
        journal::name(&mut transaction, known, &mut people).await?;
    }

    let mut ruling = judge::judge(&mut books, &mut parts, requests(), first_id, at_us);
    ruling.limit_refusals(
        |place| batch[place].order.request.by,
        |actor| refusals.check(&actor).map_err(|error| *error.body),
    );

    let mut next = *chain;
    let refused = Refused::of(batch, &ruling, at_us);
    if !ruling.transfers.is_empty() {
        let rows = JournalColumns::of(&ruling.transfers);
        check("journal", store::insert_transfers(&mut transaction, &rows, at).await?, rows.ids.len())?;
        let (done, meant) = store::update_balances(&mut transaction, &books.accounts).await?;
        check("balances", done, meant)?;
        for part in &parts.parts {
            let posted = posted(batch, &ruling, part.kind.number());
            if !posted.is_empty() {
                part.kind.write(&mut transaction, &posted, &part.state).await?;
            }
        }
    }
    if !ruling.transfers.is_empty() || !refused.ops.is_empty() {
        let link = link(&mut next, first_id, &ruling.transfers, &refused);
        store::insert_link(&mut transaction, &link, at).await?;
        if !refused.ops.is_empty() {
            let done = store::insert_refusals(&mut transaction, &refused, (link.writer, link.batch_no), at).await?;
            check("refusals", done, refused.ops.len())?;
        }
    }
    let began = Instant::now();
    transaction.commit().await?;
    metric::LEDGER_COMMIT_TIMES.record_time(began.elapsed());
    *chain = next;
    let mut committed = Committed { balances: answer::balances(&books), ..Committed::default() };
    for part in &parts.parts {
        let posted = posted(batch, &ruling, part.kind.number());
        // The batch is committed, so it is answered even if a kind panics while it makes its hints.
        if catch_unwind(AssertUnwindSafe(|| part.kind.committed(&posted, &mut committed))).is_err() {
            error!(
                kind = part.kind.name(),
                "a kind panicked while it made hints about committed postings; rooms read them from the journal"
            );
        }
    }
    Ok(answer::Settled::of(ruling, people, committed))
}

/// The orders of a kind that became rows, with their rows.
fn posted<'a>(batch: &'a [Pending], ruling: &'a Ruling, kind: i16) -> Vec<(&'a AnyOrder, &'a Transfer)> {
    let rows = batch.iter().zip(&ruling.verdicts).filter_map(|(pending, verdict)| match verdict {
        Verdict::Applied(index) => Some((&*pending.order.request.order, &ruling.transfers[*index])),
        _ => None,
    });
    rows.filter(|(_, row)| row.kind == kind).collect()
}

/// Reads what the orders name, and locks the rows that they may change.
async fn read(
    connection: &mut PgConnection,
    system: &System,
    parts: &mut Parts<'_>,
    batch: &[Pending],
    at_us: i64,
) -> Result<Books, BatchError> {
    let requests = || batch.iter().map(|pending| &pending.order.request);
    let users: Vec<i64> = parts.users(requests()).into_iter().map(|user| user.number()).collect();
    let mut names = Names { system: system.clone(), at_us, ..Names::default() };
    if !users.is_empty() {
        names.wallets = store::wallets(connection, &users).await?;
    }
    for part in &mut parts.parts {
        part.kind.read(connection, &part.orders, &mut names, &mut part.state).await?;
    }
    let accounts = parts.accounts(&names, requests());
    let accounts = store::lock_balances(connection, &accounts).await?;
    for part in &mut parts.parts {
        part.kind.lock(connection, &part.orders, &names, &mut part.state).await?;
    }
    Ok(Books { names, accounts, ..Books::default() })
}

/// Computes the batch's link and adds it to `chain`. A link without transfers names the beginning of the batch's block.
fn link(chain: &mut Chain, first_id: i64, transfers: &[Transfer], refused: &Refused<'_>) -> LinkRow {
    let (previous, batch_no) = (chain.head, chain.batch_no + 1);
    let mut link = Link::behind(&previous, Version::NEWEST, chain.writer, batch_no);
    for transfer in transfers {
        link.add(transfer);
    }
    let refusals_hash = (!refused.ops.is_empty()).then(|| chain::refusals(refused.rows.clone()));
    if let Some(hash) = &refusals_hash {
        link.refuse(refused.ops.len() as i64, hash);
    }
    *chain = Chain { batch_no, head: link.hash(), ..*chain };
    LinkRow {
        writer: chain.writer,
        version: Version::NEWEST.number(),
        batch_no,
        first_transfer: transfers.first().map_or(first_id, |transfer| transfer.id),
        last_transfer: transfers.last().map_or(first_id - 1, |transfer| transfer.id),
        transfers: i32::try_from(transfers.len()).expect("a batch has at most 512"),
        refusals: i32::try_from(refused.ops.len()).expect("a batch has at most 512"),
        refusals_hash,
        previous,
        hash: chain.head,
    }
}

/// The batch's new refusals by column: one array for each column of the table.
#[derive(Default)]
pub(super) struct Refused<'a> {
    pub ops: Vec<Uuid>,
    pub actors: Vec<i64>,
    /// The hashes of the requests, 16 bytes for each refusal.
    pub body_hashes: Vec<u8>,
    pub errors: Vec<Json<&'a ErrorBody>>,
    /// The hash of each refusal.
    pub rows: Vec<Hash>,
}

impl<'a> Refused<'a> {
    fn of(batch: &[Pending], ruling: &'a Ruling, at_us: i64) -> Self {
        let mut refused = Self::default();
        for refusal in &ruling.refusals {
            if let Verdict::Refused(error) = &ruling.verdicts[refusal.request] {
                let request = &batch[refusal.request].order.request;
                let json = serde_json::to_value(error).expect("an error has string keys and whole numbers");
                refused.ops.push(request.op.0);
                refused.actors.push(refusal.actor);
                refused.body_hashes.extend_from_slice(&request.body_hash);
                refused.errors.push(Json(error));
                refused.rows.push(chain::refusal(request.op, refusal.actor, &request.body_hash, at_us, &json));
            }
        }
        refused
    }
}

fn check(what: &'static str, done: u64, meant: usize) -> Result<(), BatchError> {
    if done == meant as u64 { Ok(()) } else { Err(BatchError::Rows { what, done, meant }) }
}
