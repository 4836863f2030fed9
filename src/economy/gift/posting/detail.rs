//! The whole of what a gift was judged by, and its canonical form on the journal's row. Pure.

use crate::economy::ledger::posting::{Bytes, Line, Reading, Stored, Transfer, Words};

/// The form that new rows have.
const FORM: i16 = 1;

/// An agency's share in what one of the receivers is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgencyShare {
    /// The receiver's place in the send, from 0.
    pub receiver: i64,
    /// The agency's diamond account.
    pub account: i64,
    /// Which of the agency's rates it was.
    pub version: i64,
    /// The rate in basis points of the gift's coins.
    pub rate_bp: i64,
}

/// What a gift was judged by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detail {
    /// Where, what, how many, for how much, to whom.
    pub line: Line,
    /// The multiplier of the sender's experience in basis points.
    pub xp_bp: i32,
    /// The version of the shares.
    pub waterfall: i64,
    /// Which version of the gift in the catalogue it was.
    pub gift_version: i64,
    /// The diamond account of the room's owner.
    pub owner: i64,
    /// The shares of the receivers' agencies, in the order of the receivers.
    pub agencies: Vec<AgencyShare>,
}

impl Detail {
    /// As it stands on the row.
    pub fn stored(self) -> Stored {
        let mut words = Words::default().number(self.waterfall).number(self.gift_version).number(self.owner);
        words = words.number(self.agencies.len() as i64);
        for share in &self.agencies {
            words = words.number(share.receiver).number(share.account).number(share.version).number(share.rate_bp);
        }
        Stored {
            line: Some(self.line),
            xp_bp: Some(self.xp_bp),
            detail: Some(Bytes { version: FORM, bytes: words.into_bytes() }),
            reverses: None,
        }
    }

    /// The detail of a row; `None` for rows from before it was kept, and for what is no gift.
    pub fn recalled(row: &Transfer) -> Option<Self> {
        let (line, xp_bp) = (row.stored.line.clone()?, row.stored.xp_bp?);
        let bytes = row.stored.detail.as_ref().filter(|bytes| bytes.version == FORM)?;
        let mut reading = Reading::of(&bytes.bytes);
        let (waterfall, gift_version, owner) = (reading.number()?, reading.number()?, reading.number()?);
        let count = usize::try_from(reading.number()?).ok().filter(|count| *count <= line.receivers.len())?;
        let mut agencies = Vec::with_capacity(count);
        for _ in 0..count {
            let (receiver, account) = (reading.number()?, reading.number()?);
            agencies.push(AgencyShare { receiver, account, version: reading.number()?, rate_bp: reading.number()? });
        }
        reading.end()?;
        Some(Self { line, xp_bp, waterfall, gift_version, owner, agencies })
    }
}
