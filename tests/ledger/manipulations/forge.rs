//! Computes the hashes of links as a forger would. It is written from the documents and does not use the program's
//! code, so it also checks that code.

use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// A row of the journal with everything that its link's hash depends on.
struct Bytes(Vec<u8>);

impl Bytes {
    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn maybe(&mut self, number: Option<i64>) {
        self.number(number.is_some().into());
        self.number(number.unwrap_or_default());
    }
}

/// Computes the hash of every link of a writer again, from its link `from` on, each from the one before.
pub async fn relink(connection: &mut PgConnection, writer: i64, from: i64) {
    let links = sqlx::query(
        "select batch_no, first_transfer, last_transfer, version, refusals, refusals_hash
           from chain_links where writer = $1 and batch_no >= $2 order by batch_no",
    )
    .bind(writer)
    .bind(from)
    .fetch_all(&mut *connection)
    .await
    .expect("links");
    let mut previous: Vec<u8> =
        sqlx::query_scalar("select hash from chain_links where writer = $1 and batch_no = $2 - 1")
            .bind(writer)
            .bind(from)
            .fetch_optional(&mut *connection)
            .await
            .expect("a link")
            .unwrap_or_else(|| vec![0; 32]);
    for link in links {
        let batch_no: i64 = link.get("batch_no");
        assert_eq!(link.get::<i16, _>("version"), 2, "new books have new links");
        let mut sha = Sha256::new();
        sha.update(b"parlor link 2");
        sha.update(&previous);
        sha.update(writer.to_le_bytes());
        sha.update(batch_no.to_le_bytes());
        sha.update(rows(connection, link.get("first_transfer"), link.get("last_transfer")).await);
        if link.get::<i32, _>("refusals") > 0 {
            sha.update(b"refusals");
            sha.update(i64::from(link.get::<i32, _>("refusals")).to_le_bytes());
            sha.update(link.get::<Vec<u8>, _>("refusals_hash"));
        }
        let hash = sha.finalize().to_vec();
        sqlx::query("update chain_links set previous = $3, hash = $4 where writer = $1 and batch_no = $2")
            .bind(writer)
            .bind(batch_no)
            .bind(&previous)
            .bind(&hash)
            .execute(&mut *connection)
            .await
            .expect("a link hashed anew");
        previous = hash;
    }
}

async fn rows(connection: &mut PgConnection, first: i64, last: i64) -> Vec<u8> {
    let rows = sqlx::query("select * from journal where id between $1 and $2 order by id")
        .bind(first)
        .bind(last)
        .fetch_all(connection)
        .await
        .expect("rows");
    let mut bytes = Bytes(Vec::new());
    for row in rows {
        bytes.number(row.get("id"));
        bytes.number(row.get::<i16, _>("kind").into());
        let (high, low) = row.get::<Uuid, _>("op").as_u64_pair();
        bytes.number(high.cast_signed());
        bytes.number(low.cast_signed());
        bytes.number(row.get("actor"));
        bytes.0.extend_from_slice(&row.get::<Vec<u8>, _>("body_hash"));
        bytes.number(row.get::<chrono::DateTime<chrono::Utc>, _>("at").timestamp_micros());
        bytes.number(row.get::<Option<i16>, _>("authority").unwrap_or_default().into());
        bytes.maybe(row.get("staff"));
        bytes.maybe(row.get::<Option<i32>, _>("xp_bp").map(i64::from));
        let accounts: Vec<i64> = row.get("accounts");
        let (currencies, amounts): (Vec<i16>, Vec<i64>) = (row.get("currencies"), row.get("amounts"));
        let previous: Vec<i64> = row.get("previous");
        bytes.number(accounts.len() as i64);
        for place in 0..accounts.len() {
            for number in [accounts[place], currencies[place].into(), amounts[place], previous[place]] {
                bytes.number(number);
            }
        }
        bytes.number(row.get("actor_balance"));
        let room: Option<i64> = row.get("room_id");
        bytes.number(room.is_some().into());
        if let Some(room) = room {
            let receivers: Vec<i64> = row.get("receivers");
            bytes.number(room);
            for column in ["gift_no", "gift_id", "gift_count", "gift_price"] {
                bytes.number(row.get(column));
            }
            bytes.number(receivers.len() as i64);
            receivers.into_iter().for_each(|receiver| bytes.number(receiver));
            bytes.number(row.get("room_coins"));
        }
        let reverses: Option<i64> = row.get("reverses");
        bytes.number(reverses.is_some().into());
        if let Some(reverses) = reverses {
            bytes.number(reverses);
        }
        let detail: Vec<u8> = row.get::<Option<Vec<u8>>, _>("detail").unwrap_or_default();
        bytes.number(row.get::<Option<i16>, _>("detail_version").unwrap_or_default().into());
        bytes.number(detail.len() as i64);
        bytes.0.extend_from_slice(&detail);
    }
    bytes.0
}
