//! The hash chains over the journal: each writer has a chain, and each batch is a link of it. There is no I/O here.
//!
//! The hashed bytes are made of stored columns only, so that the audit can make them again. Every number has 8 bytes,
//! little endian; a list follows its length.

use parlor_protocol::Op;
use sha2::{Digest, Sha256};

use super::posting::Transfer;

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// The hash that the first link of a chain names as the previous one.
pub(super) const GENESIS: Hash = [0; 32];

/// The version of the encoding by which a link's rows become bytes. A link names its version and keeps it for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    /// The first encoding, without detail and authority, which rows did not have then. New links do not use it.
    First,
    /// The encoding with detail and authority.
    Second,
}

impl Version {
    /// The version of new links.
    pub const NEWEST: Self = Self::Second;

    /// The number under which a link stores it.
    pub const fn number(self) -> i16 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    /// The version stored under this number.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::First),
            2 => Some(Self::Second),
            _ => None,
        }
    }
}

/// A link that is being computed. Rows are added in the order of their ids.
pub(super) struct Link {
    sha: Sha256,
    version: Version,
}

impl Link {
    /// Begins a link that follows the link with the hash `previous`.
    pub fn behind(previous: &Hash, version: Version, writer: i64, batch_no: i64) -> Self {
        let mut sha = Sha256::new();
        sha.update(match version {
            Version::First => b"parlor link 1",
            Version::Second => b"parlor link 2",
        });
        sha.update(previous);
        sha.update(writer.to_le_bytes());
        sha.update(batch_no.to_le_bytes());
        Self { sha, version }
    }

    /// Adds a row of the journal.
    pub fn add(&mut self, row: &Transfer) {
        let mut bytes = Vec::with_capacity(512);
        canonical(row, self.version, &mut bytes);
        self.sha.update(&bytes);
    }

    /// Adds the number and the hash of the batch's refusals. It is called after all rows have been added.
    pub fn refuse(&mut self, refusals: i64, hash: &[u8]) {
        self.sha.update(b"refusals");
        self.sha.update(refusals.to_le_bytes());
        self.sha.update(hash);
    }

    /// The link's hash.
    pub fn hash(self) -> Hash {
        self.sha.finalize().into()
    }
}

/// The hash of one refusal. Its error is hashed as JSON with the members in the order of their names, because the
/// database does not keep the order of members.
pub(super) fn refusal(op: Op, actor: i64, body_hash: &[u8], at_us: i64, error: &serde_json::Value) -> Hash {
    let mut sha = Sha256::new();
    sha.update(b"parlor refusal 1");
    sha.update(op.0.as_bytes());
    sha.update(actor.to_le_bytes());
    sha.update(body_hash);
    sha.update(at_us.to_le_bytes());
    let mut text = String::new();
    sorted(error, &mut text);
    sha.update(text);
    sha.finalize().into()
}

/// The hash over a batch's refusals. It does not depend on their order.
pub(super) fn refusals(mut hashes: Vec<Hash>) -> Hash {
    hashes.sort_unstable();
    let mut sha = Sha256::new();
    hashes.iter().for_each(|hash| sha.update(hash));
    sha.finalize().into()
}

/// Writes JSON with the members of every object in the order of their names.
fn sorted(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().collect();
            names.sort_unstable();
            out.push('{');
            for name in names {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                sorted(&members[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                sorted(item, out);
                out.push(',');
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

fn canonical(row: &Transfer, version: Version, out: &mut Vec<u8>) {
    let mut number = |n: i64| out.extend_from_slice(&n.to_le_bytes());
    let stored = &row.stored;
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
    if version == Version::Second {
        number(row.authority.unwrap_or_default().into());
        number(row.staff.is_some().into());
        number(row.staff.unwrap_or_default());
        number(stored.xp_bp.is_some().into());
        number(stored.xp_bp.unwrap_or_default().into());
    }
    number(row.legs.len() as i64);
    for leg in &row.legs {
        number(leg.account);
        number(leg.currency.into());
        number(leg.amount);
        number(leg.previous);
    }
    number(row.actor_balance);
    number(stored.line.is_some().into());
    if let Some(line) = &stored.line {
        number(line.room);
        number(line.number);
        number(line.item);
        number(line.count);
        number(line.price);
        number(line.receivers.len() as i64);
        for receiver in &line.receivers {
            number(*receiver);
        }
        if version == Version::First {
            number(stored.xp_bp.unwrap_or_default().into());
        }
        number(line.room_coins);
    }
    number(stored.reverses.is_some().into());
    if let Some(reverses) = stored.reverses {
        number(reverses);
    }
    if version == Version::Second {
        let (form, length) = stored.detail.as_ref().map_or((0, 0), |detail| (detail.version, detail.bytes.len()));
        number(form.into());
        number(length as i64);
        out.extend_from_slice(stored.detail.as_ref().map_or(&[], |detail| &detail.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::economy::ledger::posting::{Bytes, Leg, Line, Stored};

    fn row() -> Transfer {
        Transfer {
            id: 1,
            kind: 2,
            op: Op(uuid::Uuid::max()),
            actor: 7,
            body_hash: [3; 16],
            at_us: 1_790_000_000_123_000,
            authority: None,
            staff: None,
            legs: vec![
                Leg { account: 2, currency: 1, amount: -5, previous: 0 },
                Leg { account: 7, currency: 1, amount: 5, previous: 0 },
            ],
            actor_balance: 5,
            stored: Stored::default(),
        }
    }

    fn hash(row: &Transfer, version: Version) -> String {
        let mut link = Link::behind(&GENESIS, version, 1, 1);
        link.add(row);
        crate::kit::hex::hex(&link.hash())
    }

    fn line() -> Line {
        Line { room: 0, number: 0, item: 0, count: 0, price: 0, receivers: vec![], room_coins: 0 }
    }

    #[test]
    fn the_hash_of_refusals_ignores_their_order_and_changes_with_every_part() {
        let error = serde_json::json!({"code": "insufficient_funds", "balance": 4, "fields": []});
        let again: serde_json::Value =
            serde_json::from_str(r#"{"fields": [], "balance": 4, "code": "insufficient_funds"}"#).expect("JSON");
        let op = Op(uuid::Uuid::max());
        let one = refusal(op, 7, &[3; 16], 1, &error);
        assert_eq!(one, refusal(op, 7, &[3; 16], 1, &again));
        let others = [
            refusal(Op(uuid::Uuid::nil()), 7, &[3; 16], 1, &error),
            refusal(op, 8, &[3; 16], 1, &error),
            refusal(op, 7, &[4; 16], 1, &error),
            refusal(op, 7, &[3; 16], 2, &error),
            refusal(op, 7, &[3; 16], 1, &serde_json::json!({"code": "insufficient_funds", "balance": 5, "fields": []})),
        ];
        assert!(others.iter().all(|other| *other != one));
        assert_eq!(refusals(vec![one, others[0]]), refusals(vec![others[0], one]));
        assert_ne!(refusals(vec![one]), refusals(vec![one, one]));
    }

    /// If one of these values changes, no existing chain verifies any more.
    #[test]
    fn the_hash_of_a_row_stays_what_it_was() {
        let first = "8566dd985560f417f71ed53fedaf88edb5549cd5f9bab6e54d49355821dca5c4";
        assert_eq!(hash(&row(), Version::First), first);
        assert_eq!(hash(&row(), Version::Second), SECOND);
    }

    const SECOND: &str = "a5e581545ce6506e28c6ecdf8d6b091c96d6b72be13700abb990395d7d6e6aa7";

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
            |row| row.stored.reverses = Some(0),
            |row| row.stored.line = Some(line()),
        ];
        let newer: [fn(&mut Transfer); 5] = [
            |row| row.authority = Some(1),
            |row| row.staff = Some(0),
            |row| row.stored.xp_bp = Some(0),
            |row| row.stored.detail = Some(Bytes { version: 1, bytes: vec![] }),
            |row| row.stored.detail = Some(Bytes { version: 0, bytes: vec![0] }),
        ];
        let every = changes.iter().map(|change| (change, true)).chain(newer.iter().map(|change| (change, false)));
        for (change, in_the_first) in every {
            let mut changed = row();
            change(&mut changed);
            assert_ne!(hash(&changed, Version::Second), hash(&row(), Version::Second), "{changed:?}");
            if in_the_first {
                assert_ne!(hash(&changed, Version::First), hash(&row(), Version::First), "{changed:?}");
            }
        }
    }
}
