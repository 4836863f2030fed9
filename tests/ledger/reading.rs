//! Reading wallets, entries and gifts from the tables.

use parlor::economy::gift::{self, gifts_above};
use parlor::economy::ledger::{self, wallet};
use parlor::economy::{agency, kinds};
use parlor::kit::tx::Tx;
use parlor_protocol::{Coins, Currency};
use serde_json::json;

use super::books::{Books, HEART, RAINBOW, ROSE, sending};

#[tokio::test]
async fn entries_are_walked_back_page_by_page() {
    let books = Books::with(&[0, 1_000, 0, 0]).await;
    let mut receipts = Vec::new();
    for _ in 0..5 {
        receipts.push(books.send(&sending(1, HEART, 1, &[2, 3])).await.expect("paid").receipt);
    }
    let mut connection = books.database.app.acquire().await.expect("a connection");
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = wallet::entries(&mut connection, &kinds(), books.people[1].id, Currency::Coin, cursor, 2)
            .await
            .expect("a page");
        seen.extend(page.entries);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 6, "five gifts and the grant");
    assert_eq!(seen[5].kind, "grant");
    assert_eq!((seen[5].amount, seen[5].cause.len()), (1_000, 0));
    receipts.reverse();
    assert_eq!(seen[..5].iter().map(|entry| entry.transfer).collect::<Vec<_>>(), receipts);
    let newest = &seen[0];
    assert_eq!((newest.kind, newest.amount), ("gift", -10));
    let [from, to, other] = [1, 2, 3].map(|person| books.people[person].id);
    let (room, to) = (books.rooms[0], [to, other]);
    let cause = json!({"role": "sender", "gift": 3, "count": 1, "room": room, "gift_no": 5, "from": from, "to": to});
    assert_eq!(newest.cause["gift"], cause);

    let received = wallet::entries(&mut connection, &kinds(), books.people[2].id, Currency::Diamond, None, 50)
        .await
        .expect("a page");
    assert_eq!(received.entries.len(), 5);
    assert!(received.entries.iter().all(|entry| entry.amount == 50_000 && entry.cause["gift"]["role"] == "receiver"));
    // A cursor of another user's list finds nothing.
    let grant = seen[5].transfer;
    let foreign = wallet::entries(&mut connection, &kinds(), books.people[2].id, Currency::Coin, Some(grant), 50)
        .await
        .expect("a page");
    assert_eq!(foreign, wallet::Entries::default());
}

#[tokio::test]
async fn gifts_above_a_number_come_with_names_and_the_coins_up_to_them() {
    let mut books = Books::with(&[0, 1_000, 0]).await;
    for gift in [ROSE, HEART, RAINBOW] {
        books.send(&sending(1, gift, 1, &[2])).await.expect("paid");
    }
    let hints = books.drain_hints();
    let announced: Vec<_> =
        hints.iter().flat_map(|hint| &hint.rooms).flat_map(|(_, gifts)| gifts.gifts.clone()).collect();
    let mut connection = books.database.app.acquire().await.expect("a connection");
    let all = gifts_above(&mut connection, books.rooms[0], 0, 10).await.expect("gifts");
    assert_eq!(all.gifts, announced, "the table says what the hint said");
    assert_eq!(all.coins, Coins(105));
    let page = gifts_above(&mut connection, books.rooms[0], 1, 1).await.expect("gifts");
    assert_eq!((page.gifts.len(), page.gifts[0].gift_no, page.coins), (1, 2, Coins(6)));
    let none = gifts_above(&mut connection, books.rooms[0], 3, 10).await.expect("gifts");
    assert_eq!((none.gifts.len(), none.coins), (0, Coins(105)));
    let other = gifts_above(&mut connection, books.rooms[1], 0, 10).await.expect("gifts");
    assert_eq!(other, ledger::CommittedGifts::default());
}

#[tokio::test]
async fn seeding_again_changes_nothing_that_an_operator_has_set() {
    let books = Books::with(&[0, 0]).await;
    let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
    sqlx::query("update gifts set price = 2 where id = 1").execute(&mut *tx).await.expect("an update");
    assert_eq!(gift::seed(&mut tx).await.expect("seeded"), 0);
    let catalogue = gift::catalogue(&mut tx).await.expect("a catalogue");
    assert_eq!((catalogue.gifts.len(), catalogue.version), (24, 25));
    assert_eq!(catalogue.gifts.iter().find(|gift| gift.id.number() == 1).map(|gift| gift.price), Some(Coins(2)));
    let agency = agency::seed_demo(&mut tx, books.people[0].id, &[books.people[0].id]).await.expect("seeded");
    assert_eq!(agency, agency::seed_demo(&mut tx, books.people[0].id, &[]).await.expect("seeded"));
}
