//! The job that removes old facts and kicks that are over.

use parlor::kit::jobs::{Attempt, Jobs, Kinds, Settings};
use parlor::room::{Fact, Facts, ForgetFacts, HardWrite};

use super::facts::{claim, facts};
use super::{lock, room, user};

fn kick(write: HardWrite, whom: i64, ms: i64) -> HardWrite {
    let until = write.at.plus_ms(ms).0;
    HardWrite { verdict: Ok(Fact::Kicked { user: user(whom), until, reason: String::new() }), ..write }
}

#[tokio::test]
async fn images_of_lines_are_withdrawn_when_their_time_is_over() {
    let (ground, _) = room().await;
    let pool = &ground.database.app;
    let shown = "with uploaded as (
                     insert into uploads (id, user_id, purpose, content_type, bytes, state, object)
                     select gen_random_uuid(), u.id, 'room_image', 'image/png', 9, 'ready', 'public/room_image/' || age
                       from (select min(id) as id from users) u, generate_series(6, 8) as age
                     returning id, object
                 )
                 insert into room_images (upload_id, room_id, at)
                 select p.id, r.id, clock_timestamp() - make_interval(days => right(p.object, 1)::int)
                   from uploaded p, (select min(id) as id from rooms) r";
    sqlx::query(shown).execute(&ground.database.superuser).await.expect("they are shown");
    assert_eq!(ground.count("select count(*) from uploads where attached and not withdrawn").await, 3);
    let kinds = Kinds::new().every(std::time::Duration::from_secs(3_600), ForgetFacts::after(90, 7));
    let jobs = Jobs::open(pool.clone(), &Settings::default(), kinds, ()).await.expect("it opens");
    sqlx::query("update job_periods set due_at = clock_timestamp() where kind = 'room.forget_facts'")
        .execute(&ground.database.superuser)
        .await
        .expect("due");
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    assert_eq!(ground.count("select count(*) from room_images").await, 1, "the one of six days");
    assert_eq!(ground.count("select count(*) from uploads where withdrawn and not attached").await, 2);
}

#[tokio::test]
async fn old_facts_and_kicks_that_are_over_are_removed() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let epoch = claim(pool, "a", card.id).await;
    let facts = facts(pool);
    let write = async |write: HardWrite| facts.write(write).await.expect("written").expect("a fact");
    let old = lock(card.id, epoch, 1, 2);
    let first = write(old.clone()).await;
    write(kick(lock(card.id, epoch, 2, 0), 2, 0)).await;
    sqlx::query("update room_facts set at = at - interval '91 days'")
        .execute(&ground.database.superuser)
        .await
        .expect("they are old");
    let young = lock(card.id, epoch, 3, 4);
    let kept = write(young.clone()).await;
    write(kick(lock(card.id, epoch, 4, 0), 3, 60_000)).await;

    let kinds = Kinds::new().every(std::time::Duration::from_secs(3_600), ForgetFacts::after(90, 7));
    let jobs = Jobs::open(pool.clone(), &Settings::default(), kinds, ()).await.expect("it opens");
    sqlx::query("update job_periods set due_at = clock_timestamp() where kind = 'room.forget_facts'")
        .execute(&ground.database.superuser)
        .await
        .expect("due");
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    assert_eq!(ground.count("select count(*) from room_facts").await, 2, "the young ones stay");
    assert_eq!(
        ground.count("select count(*) from room_kicks where until > clock_timestamp()").await,
        1,
        "it still holds"
    );
    assert_eq!(ground.count("select count(*) from room_kicks").await, 1);
    assert_eq!(ground.count("select count(*) from room_seat_locks").await, 2, "what the facts made true lasts");

    let again = write(young).await;
    assert_eq!((again.id, again.replayed), (kept.id, true));
    let anew = write(old).await;
    assert!(anew.id > first.id && !anew.replayed, "decided as if it had never been sent");
}
