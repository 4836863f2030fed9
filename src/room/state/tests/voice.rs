//! What the voice vendor must know of everybody.

use parlor_protocol::Event;
use parlor_protocol::room::SeatCause;

use super::{World, kick, layout, leave_seat, lock, mic, mute_seat, person, take, user};
use crate::kit::clock::Timestamp;
use crate::room::facts::Fact;
use crate::room::request::Request;
use crate::room::state::Change;
use crate::voice::{Rights, Standing};

const SPEAK: Standing = Standing::In(Rights::Speak);
const LISTEN: Standing = Standing::In(Rights::Listen);

#[test]
fn only_who_sits_and_is_muted_by_nobody_speaks_and_who_is_put_out_is_barred_until_their_time() {
    let mut world = World::with_people(&[2]);
    let stands = |world: &World| world.state.standing(user(2), world.now);
    assert_eq!(stands(&world), LISTEN);
    world.command(2, take(Some(3))).expect("free");
    assert_eq!(stands(&world), SPEAK);
    world.command(2, mic(true)).expect("their own");
    assert_eq!(stands(&world), LISTEN);
    world.command(2, mic(false)).expect("their own");
    world.command(1, mute_seat(3)).expect("the owner may");
    assert_eq!(stands(&world), LISTEN);
    world.command(2, leave_seat()).expect("their seat");
    world.command(2, take(Some(4))).expect("free");
    assert_eq!(stands(&world), SPEAK, "the mute was the seat's");
    world.ask(&Request::Leave { user: user(2) }).expect("they may");
    assert_eq!(stands(&world), Standing::Out);
    world.join(2).expect("they may");
    world.command(1, kick(2)).expect("the owner may");
    let Standing::Barred { until: Some(until) } = stands(&world) else { panic!("{:?}", stands(&world)) };
    assert!(until > world.now);
    assert_eq!(world.state.standing(user(2), until), Standing::Out);
}

#[test]
fn a_change_concerns_who_sat_there_and_who_sits_there_now() {
    let mut world = World::with_people(&[2, 3]);
    world.command(2, take(Some(3))).expect("free");
    let concerned = |change: &Change| {
        let mut users = Vec::new();
        world.state.concerned(change, &mut users);
        users
    };
    let mut seat = world.state.seats.seat(3).expect("it is there").clone();
    seat.user = Some(person(3));
    let swapped = Event::SeatsChanged { seats: vec![seat], version: 9, cause: SeatCause::Placed, by: None };
    assert_eq!(concerned(&Change::Event(swapped)), [user(3), user(2)]);
    let smaller = Event::LayoutChanged { seats: Vec::new(), version: 9, by: user(1) };
    assert_eq!(concerned(&Change::Event(smaller)), [user(2)]);
    assert_eq!(concerned(&Change::Departed { user: user(3) }), [user(3)]);
}

#[test]
fn a_fact_is_written_with_what_it_takes_from_whom() {
    let mut world = World::with_people(&[2, 3]);
    world.command(1, layout(8)).expect("the owner may");
    world.command(2, take(Some(3))).expect("free");
    world.command(3, take(Some(7))).expect("free");
    let foreseen = |world: &World, fact: &Fact| world.state.foreseen(fact);
    assert_eq!(foreseen(&world, &Fact::SeatMuted { seat: 3 }), [(user(2), LISTEN)]);
    assert_eq!(foreseen(&world, &Fact::SeatLocked { seat: 7 }), [(user(3), LISTEN)]);
    assert_eq!(foreseen(&world, &Fact::SeatsLocked { seats: vec![1, 3] }), [(user(2), LISTEN)]);
    assert_eq!(foreseen(&world, &Fact::LayoutChanged { seats: 5 }), [(user(3), LISTEN)]);
    assert_eq!(foreseen(&world, &Fact::SeatUnmuted { seat: 3 }), [], "what is given comes behind");
    let until = world.now.plus_ms(60_000);
    let kicked = Fact::Kicked { user: user(2), until: until.0, reason: String::new() };
    assert_eq!(foreseen(&world, &kicked), [(user(2), Standing::Barred { until: Some(until) })]);
    let banned = Fact::Banned { user: user(9), until: None, reason: String::new() };
    assert_eq!(foreseen(&world, &banned), [(user(9), Standing::Barred { until: None })]);
    assert_eq!(foreseen(&world, &Fact::Unbanned { user: user(9) }), [(user(9), Standing::Out)]);
    assert_eq!(foreseen(&world, &Fact::Unbanned { user: user(2) }), [], "who is in the room was not banned");
    let closed = foreseen(&world, &Fact::Closed { reason: String::new() });
    assert_eq!(closed, [2, 3].map(|number| (user(number), Standing::Out)));
    world.command(1, lock(7)).expect("the owner may");
    assert_eq!(foreseen(&world, &Fact::SeatLocked { seat: 7 }), [], "nobody sits there any more");
}

#[test]
fn whom_the_vendor_knows_from_before_the_wake_is_awaited_as_a_listener_and_then_out() {
    let (before, world) = (super::woken(), World::with_people(&[]));
    let woken = crate::room::state::Woken { checkpoint: Some(world.state.checkpoint(world.now)), ..before };
    let state = crate::room::state::RoomState::wake(woken, crate::room::settings::Settings::default(), world.now);
    assert_eq!(state.standing(user(2), world.now), Standing::Out);
    assert_eq!(state.standing_since_wake(user(2), world.now), LISTEN);
    let settled = Timestamp(world.now.0 + 30_000);
    assert_eq!(state.standing_since_wake(user(2), settled), Standing::Out);
}
