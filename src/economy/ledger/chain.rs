//! The hash chain over the journal: one chain a writer, one link a batch. Pure.
//!
//! The bytes that are hashed come from the stored columns alone, so that the audit can make them
//! again. Every number is 8 bytes, little endian; a list stands behind its length.

use parlor_protocol::Op;
use sha2::{Digest, Sha256};

use crate::kit::operation::BodyHash;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// What the first link of a chain names as the one before.
pub(super) const GENESIS: Hash = [0; 32];

/// One account's part in a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Leg {
    pub account: i64,
    pub currency: i16,
    pub amount: i64,
    /// The account's transfer before this one; 0 where this is its first.
    pub previous: i64,
}

/// What the journal keeps of a gift.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct GiftPart {
    pub room: i64,
    pub gift_no: i64,
    pub gift: i64,
    pub count: i64,
    pub price: i64,
    /// Diamond accounts, in the order of the send.
    pub receivers: Vec<i64>,
    pub xp_bp: i32,
    pub room_coins: i64,
}

impl GiftPart {
    /// What all of it costs; 0 where that cannot be a number, which no row that was judged has.
    pub fn total(&self) -> i64 {
        let receivers = i64::try_from(self.receivers.len()).unwrap_or(0);
        self.price.checked_mul(self.count).and_then(|each| each.checked_mul(receivers)).unwrap_or(0)
    }
}

/// A row of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Transfer {
    pub id: i64,
    pub kind: i16,
    pub op: Op,
    /// The coin account of whoever asked.
    pub actor: i64,
    pub body_hash: BodyHash,
    /// Unix microseconds, as precise as the store.
    pub at_us: i64,
    /// By account, ascending.
    pub legs: Vec<Leg>,
    pub actor_balance: i64,
    pub gift: Option<GiftPart>,
    pub reverses: Option<i64>,
}

/// A link in the making: rows are added in the order of their ids.
pub(super) struct Link(Sha256);

impl Link {
    /// Behind the link of hash `previous`.
    pub fn behind(previous: &Hash, writer: i64, batch_no: i64) -> Self {
        let mut sha = Sha256::new();
        sha.update(b"parlor link 1");
        sha.update(previous);
        sha.update(writer.to_le_bytes());
        sha.update(batch_no.to_le_bytes());
        Self(sha)
    }

    /// Adds a row.
    pub fn add(&mut self, row: &Transfer) {
        let mut bytes = Vec::with_capacity(512);
        canonical(row, &mut bytes);
        self.0.update(&bytes);
    }

    /// The link's hash.
    pub fn hash(self) -> Hash {
        self.0.finalize().into()
    }
}

fn canonical(row: &Transfer, out: &mut Vec<u8>) {
    let mut number = |n: i64| out.extend_from_slice(&n.to_le_bytes());
    number(row.id);
    number(row.kind.into());
    let (high, low) = row.op.0.as_u64_pair();
    number(high.cast_signed());
    number(low.cast_signed());
    number(row.actor);
    for half in row.body_hash.as_chunks::<8>().0 {
        number(i64::from_le_bytes(*half));
    }
    number(row.at_us);
    number(row.legs.len() as i64);
    for leg in &row.legs {
        number(leg.account);
        number(leg.currency.into());
        number(leg.amount);
        number(leg.previous);
    }
    number(row.actor_balance);
    number(row.gift.is_some().into());
    if let Some(gift) = &row.gift {
        number(gift.room);
        number(gift.gift_no);
        number(gift.gift);
        number(gift.count);
        number(gift.price);
        number(gift.receivers.len() as i64);
        for receiver in &gift.receivers {
            number(*receiver);
        }
        number(gift.xp_bp.into());
        number(gift.room_coins);
    }
    number(row.reverses.is_some().into());
    if let Some(reverses) = row.reverses {
        number(reverses);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Transfer {
        Transfer {
            id: 1,
            kind: 2,
            op: Op(uuid::Uuid::max()),
            actor: 7,
            body_hash: [3; 16],
            at_us: 1_790_000_000_123_000,
            legs: vec![
                Leg { account: 2, currency: 1, amount: -5, previous: 0 },
                Leg { account: 7, currency: 1, amount: 5, previous: 0 },
            ],
            actor_balance: 5,
            gift: None,
            reverses: None,
        }
    }

    fn hash(row: &Transfer) -> Hash {
        let mut link = Link::behind(&GENESIS, 1, 1);
        link.add(row);
        link.hash()
    }

    /// A change of this value breaks every chain in the field.
    #[test]
    fn the_hash_of_a_row_stays_what_it_was() {
        let hex: String = hash(&row()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "8566dd985560f417f71ed53fedaf88edb5549cd5f9bab6e54d49355821dca5c4");
    }

    #[test]
    fn every_column_changes_the_hash() {
        let changes: [fn(&mut Transfer); 10] = [
            |row| row.id += 1,
            |row| row.kind = 3,
            |row| row.op = Op(uuid::Uuid::nil()),
            |row| row.actor += 1,
            |row| row.body_hash[15] = 0,
            |row| row.at_us += 1,
            |row| row.legs[1].previous = 1,
            |row| row.actor_balance += 1,
            |row| row.reverses = Some(0),
            |row| {
                row.gift = Some(GiftPart {
                    room: 0,
                    gift_no: 0,
                    gift: 0,
                    count: 0,
                    price: 0,
                    receivers: vec![],
                    xp_bp: 0,
                    room_coins: 0,
                });
            },
        ];
        for change in changes {
            let mut changed = row();
            change(&mut changed);
            assert_ne!(hash(&changed), hash(&row()), "{changed:?}");
        }
    }
}
