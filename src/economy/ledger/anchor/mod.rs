//! Anchors: the heads of all chains, signed and kept outside the database, so that what is cut off, written
//! anew or restored as a whole is named too.
//!
//! Anchors are a chain themselves: each has a number, and names the hash of the one before. What an anchor
//! has named can't be unsaid without the key and the place. What came after the last one can; so the newest
//! anchor's age is what an operator watches.

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
use crate::media::Archive;

/// How long before the last anchor a link may be dated that is named again: clocks of nodes differ.
const OVERLAP_MS: i64 = 10 * 60 * 1_000;

/// What one anchor says. Hashes are in hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Anchor {
    /// From 1, without holes.
    pub number: u64,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// SHA-256 of the whole anchor before; 64 zeros for the first.
    pub previous: String,
    /// Links of all chains.
    pub links: i64,
    /// The newest row of the journal; 0 while there is none.
    pub last_transfer: i64,
    /// The newest writer: those above it came later.
    pub last_writer: i64,
    /// The chains that have moved since the anchor before.
    pub heads: Vec<Head>,
    /// The end of the chain of the accounts' openings.
    pub openings: OpeningsHead,
}

/// The last link of a writer's chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Whose chain.
    pub writer: i64,
    /// The number of the link.
    pub batch_no: i64,
    /// Its hash.
    pub hash: String,
}

/// The last opening.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OpeningsHead {
    /// Its number; 0 while there is none.
    pub no: i64,
    /// Its hash.
    pub hash: String,
}

/// Makes the next anchor of the books as they are committed now, signs it and adds it to the place.
///
/// # Errors
/// A fault or an outage of the store or of the place; `store_unavailable` where another anchor came first.
pub async fn make(connection: &mut PgConnection, place: &Archive, key: &AnchorKey, now: Timestamp) -> Result<Anchor> {
    let last = Series::last(place).await?;
    let mut snapshot = connection.begin_with("begin isolation level repeatable read read only").await?;
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
        return Err(Error::away(format!("anchor {number} has been made by another one meanwhile")));
    }
    Ok(anchor)
}

fn hex(bytes: &[u8]) -> String {
    super::audit::hex(bytes)
}
