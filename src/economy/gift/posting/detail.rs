//! The detail of a gift: everything that it was judged by, and its canonical form in the journal. There is no I/O here.

use crate::economy::ledger::posting::{Bytes, Line, Reading, Stored, Transfer, Words};

/// The version of the form that new rows have.
const FORM: i16 = 1;

/// An agency's share of what one of the receivers gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgencyShare {
    /// The receiver's place among the receivers, from 0.
    pub receiver: i64,
    /// The agency's diamond account.
    pub account: i64,
    /// The version of the agency's rate.
    pub version: i64,
    /// The rate in basis points of the gift's coins.
    pub rate_bp: i64,
}

/// What a gift was judged by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detail {
    /// The room, the gift, the count, the price and the receivers.
    pub line: Line,
    /// The multiplier of the sender's experience in basis points.
    pub xp_bp: i32,
    /// The version of the waterfall, which decides the shares.
    pub waterfall: i64,
    /// The version of the gift in the catalogue.
    pub gift_version: i64,
    /// The diamond account of the room's owner.
    pub owner: i64,
    /// The shares of the receivers' agencies, in the order of the receivers.
    pub agencies: Vec<AgencyShare>,
}

impl Detail {
    /// The detail as the journal's row stores it.
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

    /// The detail of a row; `None` if the row is older than details or is not a gift.
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
