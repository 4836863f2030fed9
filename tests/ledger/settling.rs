//! Approving, rejecting and expiring one coin request at the same moment: one of them happens, and money moves only by an
//! approval.

use futures_util::future::join_all;
use parlor::economy::coin_request::{self, Settings};
use parlor::kit::clock::Clock;
use parlor::kit::tx::Tx;
use parlor_protocol::Coins;

use super::books::{Books, op};
use crate::support::time::moment;

const ROUNDS: i64 = 40;

async fn state(books: &Books, request: i64) -> String {
    let state = sqlx::query_scalar("select state from coin_requests where id = $1").bind(request);
    state.fetch_one(&books.database.superuser).await.expect("a state")
}

async fn rejects(books: &Books, request: i64) -> bool {
    let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
    let reseller = books.people[1].id;
    let rejected = coin_request::reject(&mut tx, op(), reseller, request, "no proof", Clock::system().now()).await;
    matches!(rejected, Ok(Ok(_))) && tx.commit().await.is_ok()
}

async fn expires(books: &Books) -> bool {
    let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
    let expired = coin_request::expire(&mut tx, Clock::system().now()).await.expect("the store answers");
    tx.commit().await.expect("a commit");
    expired == 1
}

#[tokio::test]
async fn a_request_that_is_approved_rejected_and_expired_at_once_ends_in_one_way() {
    let books = Books::with(&[0, 10_000, 0, 0]).await;
    books.superuser("insert into user_roles (user_id, role) values (100000001, 'reseller')").await;
    let another = books.another_ledger();
    let [reseller, user] = [1, 2].map(|person| books.people[person].id);
    let (mut approved, mut otherwise) = (0, 0);
    for round in 0..ROUNDS {
        // From nothing to a tenth of a second, so that each way is the first in some rounds however fast the machine is.
        let lead_ms: i64 = 1 << (round % 8);
        let mut tx = Tx::begin(&books.database.app).await.expect("a transaction");
        let asked = (user, reseller, Coins(70));
        coin_request::make(&mut tx, &Settings::default(), op(), asked, Clock::system().now())
            .await
            .expect("no fault")
            .expect("made");
        tx.commit().await.expect("a commit");
        let request: i64 = sqlx::query_scalar("select max(id) from coin_requests")
            .fetch_one(&books.database.superuser)
            .await
            .expect("an id");
        // Its time is over somewhere in the middle of what follows.
        sqlx::query("update coin_requests set expires_at = clock_timestamp() + $2 * interval '1 ms' where id = $1")
            .bind(request)
            .bind(2 * lead_ms)
            .execute(&books.database.superuser)
            .await
            .expect("changed");
        let approvals = join_all(
            [&books.ledger, &another]
                .map(async |ledger| coin_request::approve(ledger, op(), reseller, request).await.is_ok()),
        );
        let (approvals, rejections, expiries) = tokio::join!(
            approvals,
            join_all((0..2).map(async |_| {
                moment(0..lead_ms.unsigned_abs()).await;
                rejects(&books, request).await
            })),
            join_all((0..2).map(|_| expires(&books)))
        );
        let happened = |ways: &[bool]| ways.iter().filter(|happened| **happened).count();
        let ends = [happened(&approvals), happened(&rejections), happened(&expiries)];
        let expected = match state(&books, request).await.as_str() {
            "approved" => [1, 0, 0],
            "rejected" => [0, 1, 0],
            "expired" => [0, 0, 1],
            // Nobody has marked it yet.
            "pending" => [0, 0, 0],
            state => panic!("{state} is no state"),
        };
        assert_eq!(ends, expected, "round {round}");
        approved += ends[0];
        otherwise += 1 - ends[0];
        // A second ago: jobs count in whole milliseconds, and what ends within this one would end in the next round.
        let over = "update coin_requests set expires_at = clock_timestamp() - interval '1 s' where state = 'pending'";
        books.superuser(over).await;
        expires(&books).await;
    }
    let paid = 70 * i64::try_from(approved).expect("a few");
    assert_eq!((books.amounts(1).await.0, books.amounts(2).await.0), (10_000 - paid, paid));
    assert!(approved > 0 && otherwise > 0, "{approved} were approved and {otherwise} not: nothing raced");
    books.assert_clean().await;
}
