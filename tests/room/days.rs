//! The days of rooms on a real PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use parlor::kit::clock::{Clock, Timestamp};
use parlor::kit::jobs::{Attempt, Jobs, Kinds, Settings as JobSettings};
use parlor::room::days::{self, CountDays, DayList, OwnDayList, RoomDay};
use parlor::room::port::{PortFuture, Takings};
use parlor_protocol::{Coins, ErrorBody, ErrorCode, RoomId};
use serde_json::json;

use super::{room, user};
use crate::support::time::until;
use crate::support::world::{Ground, World};

/// A day in milliseconds, and the tenth day of 1970.
const DAY: i64 = 86_400_000;
const TENTH: i64 = 9 * DAY;

/// Takings of as many coins a day as the day's number, in every room.
struct ByDay;

impl Takings for ByDay {
    fn spent(
        &self,
        rooms: Vec<RoomId>,
        from: Timestamp,
        until: Timestamp,
    ) -> PortFuture<Result<Vec<(RoomId, Coins)>, ErrorBody>> {
        assert_eq!(until.ms_since(from), DAY);
        let coins = Coins(from.0 / DAY + 1);
        Box::pin(async move { Ok(rooms.into_iter().map(|room| (room, coins)).collect()) })
    }
}

async fn count(ground: &Ground, now: i64) {
    let kinds =
        Kinds::new().every(Duration::from_secs(3_600), CountDays::new(Arc::new(ByDay), Clock::held(Timestamp(now))));
    let jobs = Jobs::open(ground.database.app.clone(), &JobSettings::default(), kinds, ()).await.expect("it opens");
    ground.superuser("update job_periods set due_at = clock_timestamp() where kind = 'room.count_days'").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
}

async fn counted(ground: &Ground, room: RoomId) -> Vec<(String, i32, i32, i64, i64)> {
    let list = DayList { limit: None, cursor: None };
    let window = list.window().expect("a good query");
    let mut conn = ground.database.app.acquire().await.expect("a connection");
    let page = days::page(&mut conn, room, &window).await.expect("reads");
    let shown = |day: RoomDay| (day.day, day.visitors, day.peak, day.seat_minutes, day.coins.0);
    page.items.into_iter().map(shown).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_is_counted_twice_is_the_same() {
    let (ground, card) = room().await;
    let spell = |user: i64, seat: Option<i16>, began: i64, ended: Option<i64>| {
        sqlx::query("insert into visits (room_id, user_id, seat, epoch, incarnation, began, ended) values ($1, $2, $3, 1, 1, $4, $5)")
            .bind(card.id.number())
            .bind(user)
            .bind(seat)
            .bind(began)
            .bind(ended)
    };
    let minute = 60_000;
    for (user, seat, began, ended) in [
        // On the tenth: 1 twice, 2 while 1 was there, 3 when both had gone; 1 was 30 minutes on a seat.
        (1, None, TENTH, Some(TENTH + 60 * minute)),
        (1, Some(2), TENTH + 10 * minute, Some(TENTH + 40 * minute)),
        (2, None, TENTH + 30 * minute, Some(TENTH + 60 * minute)),
        (3, None, TENTH + 60 * minute, Some(TENTH + 61 * minute)),
        (1, None, TENTH + 70 * minute, Some(TENTH + 71 * minute)),
        // Over midnight, and still there; on a seat since midnight.
        (4, None, TENTH + DAY - minute, None),
        (4, Some(3), TENTH + DAY, None),
    ] {
        spell(user, seat, began, ended).execute(&ground.database.app).await.expect("a row");
    }
    let now = TENTH + DAY + 20 * minute;
    count(&ground, now).await;
    let tenth = ("1970-01-10".to_owned(), 4, 2, 30, 10);
    let eleventh = ("1970-01-11".to_owned(), 1, 1, 20, 11);
    assert_eq!(counted(&ground, card.id).await, [eleventh.clone(), tenth.clone()]);
    count(&ground, now).await;
    assert_eq!(counted(&ground, card.id).await, [eleventh, tenth.clone()], "the same again");
    // An hour later the present day has grown, and the one before is as it was.
    count(&ground, now + 60 * minute).await;
    assert_eq!(counted(&ground, card.id).await, [("1970-01-11".to_owned(), 1, 1, 80, 11), tenth]);
    assert_eq!(ground.count("select count(*) from room_days").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_does_not_exist_has_no_days_and_another_users_are_not_shown() {
    let (ground, card) = room().await;
    let mut conn = ground.database.app.acquire().await.expect("a connection");
    let list = DayList { limit: None, cursor: None };
    let window = list.window().expect("a good query");
    let unknown = RoomId::new(999_999_999).expect("in range");
    assert_eq!(days::page(&mut conn, unknown, &window).await.expect_err("nowhere").code(), ErrorCode::RoomNotFound);
    let window = OwnDayList { limit: None, cursor: None }.window().expect("a good query");
    let others = days::own_page(&mut conn, card.id, user(2), &window).await.expect_err("another's");
    assert_eq!(others.code(), ErrorCode::Forbidden);
    assert!(days::own_page(&mut conn, card.id, user(1), &window).await.expect("one's own").items.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_reads_the_visitors_and_coins_of_the_day() {
    let world = World::dev().roomy().lease(1_000).set("PARLOR__ROOM__TIMELINE_GATHER_MS", 50).await;
    let (token, owner) = world.demo(1).await;
    let (theirs, guest) = world.demo(2).await;
    let room = world.made(&token, "a room of today").await;
    let _sockets = (world.in_room(owner, room).await, world.in_room(guest, room).await);
    let mut coins = 0;
    for _ in 0..2 {
        let gift = json!({"gift": 1, "count": 1, "to": {"users": [guest]}});
        let (status, receipt) = world.post(&format!("/v1/rooms/{room}/gifts"), &token, gift).await;
        assert_eq!(status, 200, "{receipt}");
        coins += receipt["total"].as_i64().expect("a price");
    }
    let written = async || {
        let visits = sqlx::query_scalar::<_, i64>("select count(*) from visits where room_id = $1");
        let visits = visits.bind(room.number()).fetch_one(&world.database.app).await.expect("reads");
        (visits == 2).then_some(())
    };
    until("both visits are written", Duration::from_secs(20), written).await;
    let counted = async || {
        world.superuser("update job_periods set due_at = clock_timestamp() where kind = 'room.count_days'").await;
        let (status, page) = world.get(&format!("/v1/rooms/{room}/days"), &token).await;
        assert_eq!(status, 200, "{page}");
        page["items"].as_array()?.first().filter(|day| day["visitors"] == 2).cloned()
    };
    let day = until("the day is counted", Duration::from_secs(20), counted).await;
    assert_eq!((day["peak"].as_i64(), day["coins"].as_i64()), (Some(2), Some(coins)), "{day}");
    let (status, answer) = world.get(&format!("/v1/rooms/{room}/days"), &theirs).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("forbidden")));
}
