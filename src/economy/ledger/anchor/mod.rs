//! Anchors: the heads of all chains, signed and kept outside the database. With them the audit also finds books whose
//! end was cut off, that were written anew, or that were replaced by an older copy.
//!
//! Anchors form a chain too: each has a number and names the hash of the previous one. What an anchor names cannot be
//! changed unnoticed without the key and access to the place where anchors are kept. What came after the newest anchor
//! can, so an operator should watch the newest anchor's age.

mod job;
mod key;
mod series;
mod settings;
mod store;

pub use self::job::MakeAnchor;
pub use self::key::{AnchorKey, PublicKey};
pub use self::series::{Series, Unsound};
pub use self::settings::AnchorSettings;

use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, PgConnection};

use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::hex::hex;
use crate::media::Archive;

/// An anchor also names heads whose links are dated up to this long before the previous anchor, because the clocks of
/// nodes differ.
const OVERLAP_MS: i64 = 10 * 60 * 1_000;

/// The content of one anchor. Hashes are in hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Anchor {
    /// The anchor's number: from 1, without gaps.
    pub number: u64,
    /// When it was made, in Unix milliseconds.
    pub at: i64,
    /// The SHA-256 of the whole previous anchor; 64 zeros for the first.
    pub previous: String,
    /// The number of links of all chains.
    pub links: i64,
    /// The newest row of the journal; 0 if there is none.
    pub last_transfer: i64,
    /// The newest writer. Writers with higher numbers came later.
    pub last_writer: i64,
    /// The heads of the chains that have grown since the previous anchor.
    pub heads: Vec<Head>,
    /// The end of the chain of the accounts' openings.
    pub openings: OpeningsHead,
}

/// The last link of a writer's chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The writer's number.
    pub writer: i64,
    /// The link's number in the chain.
    pub batch_no: i64,
    /// The link's hash.
    pub hash: String,
}

/// The last link of the chain of openings.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OpeningsHead {
    /// The opening's number; 0 if there is none.
    pub no: i64,
    /// The opening's hash; empty if there is none.
    pub hash: String,
}

/// Makes the next anchor of the books as they are committed now, signs it and adds it to the place. `counted` are the
/// keys whose anchors it may follow.
///
/// # Errors
/// If the newest anchor is not valid, or these books do not go on from it: then the anchors are of another database, or
/// the books were changed. A fault or an outage of the database or of the place; `store_unavailable` if another one has
/// made this anchor.
pub async fn make(
    connection: &mut PgConnection,
    place: &Archive,
    key: &AnchorKey,
    counted: &[PublicKey],
    now: Timestamp,
) -> Result<Anchor> {
    let last = Series::last(place, counted).await?;
    let mut snapshot = connection.begin_with("begin isolation level repeatable read read only").await?;
    if let Some((anchor, _)) = &last
        && let Some(difference) = super::audit::difference(&mut snapshot, anchor).await?
    {
        return Err(Error::internal(format!(
            "anchor {}, the newest one, is not of these books ({difference}): if it is another database's, give this one a \
             place of its own (ledger.anchor.folder or ledger.anchor.bucket); if not, run `parlor ledger audit`",
            anchor.number
        )));
    }
    let rows = store::heads(&mut snapshot).await?;
    let openings = store::openings_head(&mut snapshot).await?;
    let last_transfer = store::last_transfer(&mut snapshot).await?;
    snapshot.rollback().await?;
    let (number, previous, since, last_writer) = match &last {
        Some((anchor, hash)) => (anchor.number + 1, hash.clone(), anchor.at, anchor.last_writer),
        None => (1, "0".repeat(64), i64::MIN, 0),
    };
    let moved = |row: &&store::HeadRow| {
        row.writer > last_writer || row.at.timestamp_millis() >= since.saturating_sub(OVERLAP_MS)
    };
    let head = |row: &store::HeadRow| Head { writer: row.writer, batch_no: row.batch_no, hash: hex(&row.hash) };
    let anchor = Anchor {
        number,
        at: now.0,
        previous,
        links: rows.iter().map(|row| row.batch_no).sum(),
        last_transfer,
        last_writer: rows.iter().map(|row| row.writer).max().unwrap_or_default(),
        heads: rows.iter().filter(moved).map(head).collect(),
        openings: openings.map(|(no, hash)| OpeningsHead { no, hash: hex(&hash) }).unwrap_or_default(),
    };
    if !place.add(&series::name(number), series::write(&anchor, key)).await? {
        return Err(Error::away(format!("another one has made anchor {number} meanwhile")));
    }
    Ok(anchor)
}
