//! Reading rows of the journal: columns become a [`Transfer`], and accounts become users. All code that reads the
//! journal does it here.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use parlor_protocol::{Op, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::posting::{Bytes, Leg, Line, People, Stored, Transfer};
use super::store;

/// Adds to `people` the users behind the accounts of these rows.
pub(super) async fn name<'a>(
    connection: &mut PgConnection,
    rows: impl Iterator<Item = &'a Transfer>,
    people: &mut People,
) -> sqlx::Result<()> {
    let mut accounts = BTreeSet::new();
    for row in rows {
        accounts.insert(row.actor);
        accounts.extend(row.legs.iter().map(|leg| leg.account));
        accounts.extend(row.stored.line.iter().flat_map(|line| &line.receivers));
    }
    let unknown: Vec<i64> = accounts.into_iter().filter(|account| people.of(*account).is_none()).collect();
    if !unknown.is_empty() {
        let owners = store::owners(connection, &unknown).await?;
        people.0.extend(owners.into_iter().filter_map(|(account, user)| Some((account, UserId::new(user)?))));
    }
    Ok(())
}

/// These rows of the journal; one that there is not is absent.
pub(in crate::economy) async fn rows(connection: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<Transfer>> {
    let rows = store::transfers(connection, ids).await?;
    Ok(rows.into_iter().map(|row| row.read().0).collect())
}

/// The columns of a row. They may hold anything, because an attacker may have switched the table's checks off.
pub(super) struct JournalRow {
    pub id: i64,
    pub kind: i16,
    pub op: Uuid,
    pub actor: i64,
    pub body_hash: Vec<u8>,
    pub at: DateTime<Utc>,
    pub authority: Option<i16>,
    pub staff: Option<i64>,
    pub accounts: Vec<Option<i64>>,
    pub currencies: Vec<Option<i16>>,
    pub amounts: Vec<Option<i64>>,
    pub previous: Vec<Option<i64>>,
    pub actor_balance: i64,
    pub room_id: Option<i64>,
    pub gift_no: Option<i64>,
    pub gift_id: Option<i64>,
    pub gift_count: Option<i64>,
    pub gift_price: Option<i64>,
    pub receivers: Option<Vec<Option<i64>>>,
    pub xp_bp: Option<i32>,
    pub room_coins: Option<i64>,
    pub reverses: Option<i64>,
    pub detail_version: Option<i16>,
    pub detail: Option<Vec<u8>>,
}

impl JournalRow {
    /// The transfer, read as far as possible, and what is wrong with the form of its columns.
    pub fn read(self) -> (Transfer, Option<&'static str>) {
        let legs = self.accounts.len();
        let mut flaw = None;
        if [self.currencies.len(), self.amounts.len(), self.previous.len()] != [legs; 3] {
            flaw = Some("its legs are of unequal length");
        }
        let sides = self.accounts.into_iter().zip(self.currencies).zip(self.amounts.into_iter().zip(self.previous));
        let legs_read = sides.filter_map(|((account, currency), (amount, previous))| {
            Some(Leg { account: account?, currency: currency?, amount: amount?, previous: previous? })
        });
        let read: Vec<Leg> = legs_read.collect();
        if read.len() != legs && flaw.is_none() {
            flaw = Some("a leg is not whole");
        }
        let in_a_room = [self.room_id, self.gift_no, self.gift_id, self.gift_count, self.gift_price, self.room_coins];
        let says_a_part = self.receivers.is_some() || in_a_room.iter().any(Option::is_some);
        let line = || {
            Some(Line {
                room: self.room_id?,
                number: self.gift_no?,
                item: self.gift_id?,
                count: self.gift_count?,
                price: self.gift_price?,
                receivers: self.receivers?.into_iter().flatten().collect(),
                room_coins: self.room_coins?,
            })
        };
        let line = line();
        if line.is_some() != says_a_part {
            flaw = Some("says by half what happened in a room");
        }
        if self.detail.is_some() != self.detail_version.is_some() {
            flaw = Some("has a detail without its version, or the other way round");
        }
        let detail = self.detail_version.zip(self.detail).map(|(version, bytes)| Bytes { version, bytes });
        let transfer = Transfer {
            id: self.id,
            kind: self.kind,
            op: Op(self.op),
            actor: self.actor,
            body_hash: self.body_hash.try_into().unwrap_or_default(),
            at_us: self.at.timestamp_micros(),
            authority: self.authority,
            staff: self.staff,
            legs: read,
            actor_balance: self.actor_balance,
            stored: Stored { line, xp_bp: self.xp_bp, detail, reverses: self.reverses },
        };
        (transfer, flaw)
    }
}
