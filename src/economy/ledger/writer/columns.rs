//! A batch's transfers by column: one array for each column of the journal, with legs and receivers in flat arrays.
//! There is no I/O here.

use uuid::Uuid;

use crate::economy::ledger::posting::Transfer;

/// The columns of new rows of the journal. Slices (`first` to `last`) are 1-based and inclusive, as in PostgreSQL.
#[derive(Default)]
pub(super) struct JournalColumns {
    pub ids: Vec<i64>,
    pub kinds: Vec<i16>,
    pub ops: Vec<Uuid>,
    pub actors: Vec<i64>,
    /// The hashes of the requests, 16 bytes for each row.
    pub body_hashes: Vec<u8>,
    pub leg_firsts: Vec<i32>,
    pub leg_lasts: Vec<i32>,
    pub actor_balances: Vec<i64>,
    pub authorities: Vec<Option<i16>>,
    pub staff: Vec<Option<i64>>,
    pub reverses: Vec<Option<i64>>,
    pub detail_versions: Vec<Option<i16>>,
    pub detail_firsts: Vec<i32>,
    pub detail_lengths: Vec<i32>,
    pub rooms: Vec<Option<i64>>,
    pub gift_nos: Vec<Option<i64>>,
    pub gifts: Vec<Option<i64>>,
    pub counts: Vec<Option<i64>>,
    pub prices: Vec<Option<i64>>,
    pub receiver_firsts: Vec<i32>,
    pub receiver_lasts: Vec<i32>,
    pub xp_bps: Vec<Option<i32>>,
    pub room_coins: Vec<Option<i64>>,
    /// The accounts of all legs, row after row.
    pub accounts: Vec<i64>,
    pub currencies: Vec<i16>,
    pub amounts: Vec<i64>,
    pub previous: Vec<i64>,
    /// The receivers of all rows, row after row.
    pub receivers: Vec<i64>,
    /// The bytes of all details, row after row.
    pub details: Vec<u8>,
}

impl JournalColumns {
    pub fn of(transfers: &[Transfer]) -> Self {
        let mut columns = Self::default();
        for transfer in transfers {
            columns.push(transfer);
        }
        // Most batches have no value in these columns. An empty array is enough then, because `unnest` fills shorter
        // arrays up with null.
        for column in [&mut columns.staff, &mut columns.reverses] {
            if column.iter().all(Option::is_none) {
                column.clear();
            }
        }
        columns
    }

    fn push(&mut self, row: &Transfer) {
        self.ids.push(row.id);
        self.kinds.push(row.kind);
        self.ops.push(row.op.0);
        self.actors.push(row.actor);
        self.body_hashes.extend_from_slice(&row.body_hash);
        self.actor_balances.push(row.actor_balance);
        self.leg_firsts.push(place(self.accounts.len() + 1));
        for leg in &row.legs {
            self.accounts.push(leg.account);
            self.currencies.push(leg.currency);
            self.amounts.push(leg.amount);
            self.previous.push(leg.previous);
        }
        self.leg_lasts.push(place(self.accounts.len()));
        self.authorities.push(row.authority);
        self.staff.push(row.staff);
        self.reverses.push(row.stored.reverses);
        let detail = row.stored.detail.as_ref();
        self.detail_versions.push(detail.map(|detail| detail.version));
        self.detail_firsts.push(place(self.details.len() + 1));
        self.details.extend(detail.into_iter().flat_map(|detail| &detail.bytes));
        self.detail_lengths.push(detail.map_or(0, |detail| place(detail.bytes.len())));
        let line = row.stored.line.as_ref();
        self.rooms.push(line.map(|line| line.room));
        self.gift_nos.push(line.map(|line| line.number));
        self.gifts.push(line.map(|line| line.item));
        self.counts.push(line.map(|line| line.count));
        self.prices.push(line.map(|line| line.price));
        self.xp_bps.push(row.stored.xp_bp);
        self.room_coins.push(line.map(|line| line.room_coins));
        self.receiver_firsts.push(place(self.receivers.len() + 1));
        self.receivers.extend(line.into_iter().flat_map(|line| &line.receivers));
        self.receiver_lasts.push(place(self.receivers.len()));
    }
}

fn place(index: usize) -> i32 {
    i32::try_from(index).expect("a batch has at most 512 rows of a few dozen legs")
}
