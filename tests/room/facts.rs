//! Hard facts and checkpoints: they are fenced by the epoch and written once per operation.

use std::time::Duration;

use futures_util::future::join_all;
use parlor::cluster::ownership;
use parlor::kit::operation::Operation;
use parlor::kit::supervise::Supervisor;
use parlor::kit::tx::Tx;
use parlor::room::port::PortFuture;
use parlor::room::{Checkpoint, CheckpointRow, Fact, Facts, HardWrite, PackedMemory, PgFacts, WriteError, Written};
use parlor::voice::Voice;
use parlor_protocol::command::ChangeRoom;
use parlor_protocol::record::Who;
use parlor_protocol::reply::Done;
use parlor_protocol::room::RoomCard;
use parlor_protocol::seating::SeatMode;
use parlor_protocol::{ErrorBody, ErrorCode, Retry, RoomId};
use sqlx::PgPool;

use super::{lock, node, now, open, person, room, user};
use crate::support::edge;

pub(super) async fn claim(pool: &PgPool, name: &str, room: RoomId) -> i64 {
    let identity = node(pool, name, 1, 6_000.0).await;
    let mut tx = pool.begin().await.expect("begins");
    let epoch = ownership::claim(&mut tx, &identity, room).await.expect("free to take");
    tx.commit().await.expect("commits");
    epoch
}

pub(super) fn facts(pool: &PgPool) -> PgFacts {
    PgFacts::new(edge(pool), Duration::from_secs(5), 2, Voice::off(), &Supervisor::default())
}

fn row(room: RoomId, epoch: i64, seq: u64) -> CheckpointRow {
    let state = Checkpoint { seats: vec![(3, person(2))], seat_version: seq, ..Checkpoint::default() };
    CheckpointRow { room, epoch, seq, gift_no: 0, state }
}

#[tokio::test]
async fn a_fenced_write_after_a_claim_writes_nothing() {
    let (ground, card) = room().await;
    let old = claim(&ground.database.app, "a", card.id).await;
    let new = claim(&ground.database.app, "a", card.id).await;
    assert!(new > old);
    let facts = facts(&ground.database.app);
    assert_eq!(facts.write(lock(card.id, old, 1, 2)).await, Err(WriteError::Fenced));
    assert_eq!(facts.checkpoint(row(card.id, old, 1)).await, Err(WriteError::Fenced));
    for table in ["room_facts", "room_seat_locks", "room_checkpoints"] {
        let sql: &'static str = match table {
            "room_facts" => "select count(*) from room_facts",
            "room_seat_locks" => "select count(*) from room_seat_locks",
            _ => "select count(*) from room_checkpoints",
        };
        assert_eq!(ground.count(sql).await, 0, "{table}");
    }
    facts.write(lock(card.id, new, 1, 2)).await.expect("the owner writes");
}

#[tokio::test]
async fn of_many_checkpoints_at_once_each_room_has_its_own_end() {
    let (ground, card) = room().await;
    let mut rooms = vec![card.id];
    for id in 500_000_001..500_000_010 {
        rooms.push(open(&ground, "another", id).await.id);
    }
    let mut epochs = Vec::new();
    for room in &rooms {
        epochs.push(claim(&ground.database.app, "a", *room).await);
    }
    let fenced = rooms[4];
    let lost = epochs[4];
    claim(&ground.database.app, "a", fenced).await;
    let facts = facts(&ground.database.app);
    let memory = |room: &RoomId| vec![7; usize::try_from(room.number() % 10).expect("small")];
    let kept = rooms.iter().zip(&epochs).map(|(room, epoch)| {
        let mut row = row(*room, *epoch, 3);
        row.state.memory = PackedMemory(memory(room));
        facts.checkpoint(row)
    });
    let kept = join_all(kept.collect::<Vec<_>>()).await;
    for ((room, epoch), kept) in rooms.iter().zip(&epochs).zip(kept) {
        assert_eq!(kept, if *room == fenced { Err(WriteError::Fenced) } else { Ok(()) }, "{room:?} in {epoch}");
    }
    assert_eq!(facts.checkpoint(row(fenced, lost, 4)).await, Err(WriteError::Fenced));
    let stored =
        sqlx::query_as::<_, (i64, i64, Vec<u8>)>("select room_id, seq, memory from room_checkpoints order by 1");
    let stored = stored.fetch_all(&ground.database.app).await.expect("reads");
    let expected = rooms.iter().filter(|room| **room != fenced).map(|room| (room.number(), 3, memory(room)));
    assert_eq!(stored, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_room_whose_claim_hangs_holds_up_no_other_ones_checkpoint() {
    let (ground, card) = room().await;
    let other = open(&ground, "another", 500_000_001).await;
    let (epoch, others) =
        (claim(&ground.database.app, "a", card.id).await, claim(&ground.database.app, "a", other.id).await);
    let identity = node(&ground.database.app, "a", 1, 6_000.0).await;
    let mut hanging = ground.database.app.begin().await.expect("begins");
    ownership::claim(&mut hanging, &identity, card.id).await.expect("its own room");
    let facts = facts(&ground.database.app);
    let kept =
        [(card.id, epoch, 1), (other.id, others, 1)].map(|(room, epoch, seq)| facts.checkpoint(row(room, epoch, seq)));
    let kept = join_all(kept).await;
    assert!(matches!(kept[0], Err(WriteError::Failed(_))), "{kept:?}");
    assert_eq!(kept[1], Ok(()));
    hanging.rollback().await.expect("ends");
    assert_eq!(facts.checkpoint(row(card.id, epoch, 1)).await, Ok(()), "the room's owner is the same, and goes on");
}

#[tokio::test]
async fn a_claim_waits_for_an_open_fenced_transaction_and_then_fences_it() {
    let (ground, card) = room().await;
    let epoch = claim(&ground.database.app, "a", card.id).await;
    let mut open = ground.database.app.begin().await.expect("begins");
    assert!(ownership::hold(&mut open, card.id, epoch).await.expect("asked"));
    let (pool, id) = (ground.database.app.clone(), card.id);
    let claiming = tokio::spawn(async move { claim(&pool, "a", id).await });
    let waiting = "select count(*) from pg_locks where not granted";
    while ground.count(waiting).await == 0 {
        assert!(!claiming.is_finished(), "the claim waits");
        tokio::task::yield_now().await;
    }
    open.commit().await.expect("commits");
    let next = claiming.await.expect("no panic");
    assert!(next > epoch);
    let mut late = ground.database.app.begin().await.expect("begins");
    assert!(!ownership::hold(&mut late, card.id, epoch).await.expect("asked"));
}

#[tokio::test]
async fn a_write_that_waits_for_a_claim_is_fenced_by_it() {
    let (ground, card) = room().await;
    let epoch = claim(&ground.database.app, "a", card.id).await;
    let identity = node(&ground.database.app, "a", 1, 6_000.0).await;
    let mut claiming = ground.database.app.begin().await.expect("begins");
    ownership::claim(&mut claiming, &identity, card.id).await.expect("its own room");
    let writing: Vec<PortFuture<bool>> = vec![
        {
            let write = facts(&ground.database.app).write(lock(card.id, epoch, 1, 2));
            Box::pin(async move { write.await == Err(WriteError::Fenced) })
        },
        {
            let kept = facts(&ground.database.app).checkpoint(row(card.id, epoch, 1));
            Box::pin(async move { kept.await == Err(WriteError::Fenced) })
        },
    ];
    let writing: Vec<_> = writing.into_iter().map(tokio::spawn).collect();
    let waiting = "select count(*) from pg_locks where not granted";
    while ground.count(waiting).await < 2 {
        tokio::task::yield_now().await;
    }
    claiming.commit().await.expect("commits");
    for written in writing {
        assert!(written.await.expect("no panic"), "fenced");
    }
}

#[tokio::test]
async fn a_room_of_a_live_node_is_not_taken_and_that_of_a_dead_one_is() {
    let (ground, card) = room().await;
    let first = claim(&ground.database.app, "a", card.id).await;
    let other = node(&ground.database.app, "b", 5, 6_000.0).await;
    let mut conn = ground.database.app.acquire().await.expect("a connection");
    let refused = ownership::claim(&mut conn, &other, card.id).await.expect_err("the holder lives");
    assert_eq!(refused.code(), ErrorCode::RoomPaused);
    node(&ground.database.app, "a", 1, -1.0).await;
    let second = ownership::claim(&mut conn, &other, card.id).await.expect("the holder's lease has expired");
    assert!(second > first && second >= now().0 - 60_000);
    // Given back, it is free at once; but not for a server that another one has replaced.
    ownership::release(&mut conn, card.id, second).await.expect("its own room");
    let replaced = node(&ground.database.app, "a", 1, 6_000.0).await;
    ownership::claim(&mut conn, &replaced, card.id).await.expect_err("b has started since");
    let third = ownership::claim(&mut conn, &other, card.id).await.expect("nobody has it");
    assert!(third > second);
    // A holder of the same name with another incarnation is dead; and so is a claimer.
    let next = node(&ground.database.app, "b", 6, 6_000.0).await;
    let fourth = ownership::claim(&mut conn, &next, card.id).await.expect("that incarnation is gone");
    assert!(fourth > third);
    ownership::claim(&mut conn, &other, card.id).await.expect_err("b has another incarnation");
}

#[tokio::test]
async fn an_operation_is_written_once_and_answered_the_same() {
    let (ground, card) = room().await;
    let epoch = claim(&ground.database.app, "a", card.id).await;
    let facts = facts(&ground.database.app);
    let first = facts.write(lock(card.id, epoch, 1, 2)).await.expect("written").expect("a fact");
    assert!(!first.replayed);
    assert_eq!(first.done, Done { epoch, seq: 7, replayed: false });
    let again = facts.write(lock(card.id, epoch, 1, 2)).await.expect("found").expect("a fact");
    assert_eq!(again, Written { replayed: true, ..first.clone() });
    assert_eq!(facts.write(lock(card.id, epoch, 1, 3)).await, Err(WriteError::Conflict));
    // What is refused now is only looked up.
    let refusal = Err(ErrorBody::new(ErrorCode::SeatNotFound));
    let refused = HardWrite { verdict: refusal.clone(), ..lock(card.id, epoch, 1, 2) };
    assert_eq!(facts.write(refused).await, Ok(Some(Written { replayed: true, ..first })));
    let refused = HardWrite { verdict: refusal, ..lock(card.id, epoch, 9, 2) };
    assert_eq!(facts.write(refused).await, Ok(None));
    // The next owner, which stands at another event, finds the first answer too.
    let next = claim(&ground.database.app, "a", card.id).await;
    let again = HardWrite { seq: 99, ..lock(card.id, next, 1, 2) };
    let again = facts.write(again).await.expect("found").expect("a fact");
    assert_eq!((again.done, again.replayed), (Done { epoch, seq: 7, replayed: false }, true));
    assert_eq!(ground.count("select count(*) from room_facts").await, 1);
    assert_eq!(ground.count("select count(*) from room_seat_locks").await, 1);
}

#[tokio::test]
async fn a_changed_record_is_read_by_a_waking_room_and_a_refused_change_writes_nothing() {
    let (ground, card) = room().await;
    let epoch = claim(&ground.database.app, "a", card.id).await;
    let facts = facts(&ground.database.app);
    let write = |op: u128, change: ChangeRoom| {
        let fact = Fact::RoomChanged { change: Box::new(change) };
        let write = HardWrite { verdict: Ok(fact), ..lock(card.id, epoch, op, 0) };
        facts.write(HardWrite { operation: Operation { body_hash: [op as u8; 16], ..write.operation }, ..write })
    };
    let change = ChangeRoom {
        name: Some("Majlis".into()),
        tags: Some(vec!["Oud".into()]),
        capacity: Some(7),
        theme: Some("evening".into()),
        may_chat: Some(Who::Seated),
        ..ChangeRoom::of(card.id, 1)
    };
    write(1, change.clone()).await.expect("written").expect("a fact");
    for (op, refused) in [
        (2, ChangeRoom { theme: Some("emperor".into()), name: Some("No".into()), ..ChangeRoom::of(card.id, 2) }),
        (3, ChangeRoom { background: Some(uuid::Uuid::from_u128(9)), ..ChangeRoom::of(card.id, 2) }),
    ] {
        assert!(matches!(write(op, refused).await, Err(WriteError::Refused(_))));
    }
    assert_eq!(ground.count("select count(*) from room_facts").await, 1);
    // An operation that was refused is not used up.
    write(2, ChangeRoom { announcement: Some("At nine".into()), ..ChangeRoom::of(card.id, 2) }).await.expect("written");
    let identity = node(&ground.database.app, "a", 1, 6_000.0).await;
    let mut tx = Tx::begin(&ground.database.app).await.expect("a transaction");
    let woken = parlor::room::service::wake(&mut tx, &identity, card.id).await.expect("wakes");
    let now = RoomCard {
        version: 3,
        name: "Majlis".into(),
        announcement: "At nine".into(),
        tags: vec!["oud".into()],
        capacity: Some(7),
        theme: Some("evening".into()),
        may_chat: Who::Seated,
        ..card
    };
    assert_eq!((woken.card, woken.capacity), (now, Some(7)));
}

#[tokio::test]
async fn a_waking_room_reads_what_the_facts_have_made() {
    let (ground, card) = room().await;
    let epoch = claim(&ground.database.app, "a", card.id).await;
    let facts = facts(&ground.database.app);
    let until = now().plus_ms(600_000).0;
    let kick = Fact::Kicked { user: user(3), until, reason: "noise".into() };
    let unlock = Fact::SeatUnlocked { seat: 1 };
    let seating = [
        Fact::SeatMuted { seat: 1 },
        Fact::SeatMuted { seat: 7 },
        Fact::SeatMuted { seat: 2 },
        Fact::SeatUnmuted { seat: 2 },
        Fact::SeatLocked { seat: 6 },
        Fact::SeatModeChanged { mode: SeatMode::Apply },
        Fact::LayoutChanged { seats: 5 },
    ];
    let mut last = 0;
    let all = Fact::SeatsLocked { seats: vec![1, 3, 4] };
    let few = Fact::SeatsUnlocked { seats: vec![3, 4, 5] };
    let ban = |until| Fact::Banned { user: user(2), until, reason: "spam".into() };
    let (lifted, unban) =
        (Fact::Banned { user: user(1), until: None, reason: String::new() }, Fact::Unbanned { user: user(1) });
    let facts_in_turn = [
        Fact::SeatLocked { seat: 1 },
        Fact::SeatLocked { seat: 2 },
        all,
        unlock,
        few,
        kick,
        ban(None),
        ban(Some(until)),
        lifted,
        unban,
    ];
    let admins = [(2, true), (3, true), (2, false), (2, true), (3, false)];
    let admins = admins.map(|(number, is_new)| match user(number) {
        user if is_new => Fact::AdminPromoted { user },
        user => Fact::AdminDemoted { user },
    });
    for (op, fact) in facts_in_turn.into_iter().chain(admins).chain(seating).enumerate() {
        let write = HardWrite { verdict: Ok(fact), ..lock(card.id, epoch, op as u128, 0) };
        let operation = Operation { body_hash: [op as u8; 16], ..write.operation };
        last = facts.write(HardWrite { operation, ..write }).await.expect("written").expect("a fact").id;
    }
    facts.checkpoint(row(card.id, epoch, 5)).await.expect("written");
    facts.checkpoint(row(card.id, epoch, 4)).await.expect("late, and of no effect");
    let identity = node(&ground.database.app, "a", 1, 6_000.0).await;
    let mut tx = Tx::begin(&ground.database.app).await.expect("a transaction");
    let woken = parlor::room::service::wake(&mut tx, &identity, card.id).await.expect("wakes");
    assert_eq!((woken.locks, woken.admins, woken.last_fact), (vec![2], vec![user(2)], last));
    assert_eq!(
        (woken.seat_mutes, woken.seat_mode),
        (vec![1], SeatMode::Apply),
        "what is beyond the layout is forgotten"
    );
    let [(kicked, left_ms)] = woken.kicks[..] else { panic!("one kick") };
    assert!(kicked == user(3) && left_ms > 590_000 && left_ms <= 600_000, "{left_ms} ms are left");
    let [(banned, Some(left_ms))] = woken.bans[..] else { panic!("one ban, the later one: {:?}", woken.bans) };
    assert!(banned == user(2) && left_ms > 590_000 && left_ms <= 600_000, "{left_ms} ms are left");
    // The database's clock is set back by a day: both last as long as they were to last.
    ground.superuser("update room_kicks set until = until + interval '1 day'").await;
    ground.superuser("update room_bans set until = until + interval '1 day'").await;
    let again = parlor::room::service::wake(&mut tx, &identity, card.id).await.expect("wakes");
    let lasts = |left_ms: i64| left_ms > 590_000 && left_ms <= 600_000;
    assert!(lasts(again.kicks[0].1) && again.bans[0].1.is_some_and(lasts), "{:?} {:?}", again.kicks, again.bans);
    assert_eq!(woken.checkpoint, Some(row(card.id, epoch, 5).state));
    assert!(woken.epoch > epoch && woken.capacity.is_none());
    assert_eq!(woken.card, RoomCard { seats: 5, ..card });
}

#[tokio::test]
async fn nobody_is_handed_a_room_who_has_as_many_as_a_user_may_have() {
    let (ground, card) = room().await;
    for number in [500_000_101, 500_000_102] {
        ground.open(number, user(2), "theirs").await;
    }
    let epoch = claim(&ground.database.app, "a", card.id).await;
    let facts = facts(&ground.database.app);
    let hand = |op, to| HardWrite {
        verdict: Ok(Fact::OwnerChanged { owner: person(to), former: user(1) }),
        ..lock(card.id, epoch, op, 1)
    };
    let refused = facts.write(hand(1, 2)).await;
    assert!(
        matches!(&refused, Err(WriteError::Refused(refusal)) if refusal.code == ErrorCode::TooManyRooms),
        "{refused:?}"
    );
    assert_eq!(ground.count("select count(*) from room_facts").await, 0);
    facts.write(hand(2, 3)).await.expect("they have none").expect("a fact");
    let handed =
        "select count(*) from rooms r join room_handovers h on h.room_id = r.id where r.owner_id <> h.former_id";
    assert_eq!(ground.count(handed).await, 1);
}

#[tokio::test]
async fn a_room_is_handed_over_ten_times_in_a_day_and_not_more() {
    let (ground, card) = room().await;
    let epoch = claim(&ground.database.app, "a", card.id).await;
    let facts = facts(&ground.database.app);
    let hand_over = |turn: u128| {
        let (owner, former) = if turn.is_multiple_of(2) { (2, 1) } else { (1, 2) };
        let fact = Fact::OwnerChanged { owner: person(owner), former: user(former) };
        facts.write(HardWrite { verdict: Ok(fact), ..lock(card.id, epoch, 100 + turn, 1) })
    };
    for turn in 0..10 {
        hand_over(turn).await.unwrap_or_else(|error| panic!("{turn}: {error}"));
    }
    let Err(WriteError::Refused(refusal)) = hand_over(10).await else { panic!("one too many") };
    assert_eq!((refusal.code, refusal.retry), (ErrorCode::NotPermitted, Retry::Never));
    assert_eq!(ground.count("select count(*) from room_handovers").await, 10);
    assert_eq!(ground.count("select count(*) from room_facts").await, 10);
}
