//! Several devices of a user in one room.

use parlor_protocol::event::RemovalCause;
use parlor_protocol::{ErrorCode, UserFrame};
use uuid::Uuid;

use super::{World, approve, caller, claim, leave_seat, mic, raise, say, take, user};
use crate::delivery::ConnectionId;
use crate::room::request::{Caller, Request};
use crate::room::settings::{Devices, Settings};
use crate::room::state::{Decision, Outcome};
use crate::voice::Rights;

/// The device of this number of user 2.
fn device(number: u64) -> Caller {
    Caller { connection: ConnectionId(100 + number), session: Uuid::from_u128(number.into()), ..caller(2) }
}

fn world(devices: Devices) -> World {
    World::new(Settings { devices, ..Settings::default() })
}

/// Joins, and returns the sockets that are put out for it.
fn joins(world: &mut World, number: u64) -> Result<Vec<u64>, ErrorCode> {
    let request = Request::Join { caller: device(number), position: None };
    let decision: Decision = world.state.decide(&request, world.now).map_err(|error| error.code)?;
    let removals = decision.removals.clone();
    for removal in &removals {
        let UserFrame::RoomRemoved { cause, .. } = removal.frame else { panic!("{:?}", removal.frame) };
        assert_eq!((removal.user, cause), (user(2), RemovalCause::Replaced));
    }
    world.apply(decision);
    Ok(removals.iter().flat_map(|removal| &removal.connections).map(|socket| socket.0 - 100).collect())
}

fn says(world: &mut World, number: u64) -> Result<(), ErrorCode> {
    commands(world, device(number), say("hello"))
}

fn commands(world: &mut World, caller: Caller, command: parlor_protocol::Command) -> Result<(), ErrorCode> {
    world.next_op += 1;
    let operation = super::operation(2, world.next_op, &command);
    let outcome = world.ask(&Request::Command { caller, operation, command }).map_err(|error| error.code)?;
    match outcome {
        Outcome::Answer(answer) => answer.map(drop).map_err(|error| error.code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_device_too_many_puts_out_the_oldest_which_is_told_why_and_may_say_nothing_more() {
    let mut world = world(Devices::Most(2));
    assert_eq!(joins(&mut world, 1), Ok(vec![]));
    assert_eq!(joins(&mut world, 2), Ok(vec![]));
    assert_eq!(joins(&mut world, 3), Ok(vec![1]));
    assert_eq!(joins(&mut world, 3), Ok(vec![]), "who is in it comes back");
    assert_eq!(says(&mut world, 1), Err(ErrorCode::NotInRoom));
    assert_eq!((says(&mut world, 2), says(&mut world, 3)), (Ok(()), Ok(())));
    // What the room hears of the old socket's end changes nothing.
    world.ask(&Request::Dropped { user: user(2), connection: device(1).connection }).expect("never refused");
    assert_eq!(world.state.presence.connections(user(2)).len(), 2);
}

#[test]
fn where_one_device_is_allowed_a_newer_one_replaces_it_or_is_refused() {
    let mut replacing = world(Devices::Replace);
    assert_eq!(joins(&mut replacing, 1), Ok(vec![]));
    assert_eq!(joins(&mut replacing, 2), Ok(vec![1]));
    let mut refusing = world(Devices::Refuse);
    assert_eq!(joins(&mut refusing, 1), Ok(vec![]));
    assert_eq!(joins(&mut refusing, 2), Err(ErrorCode::JoinedElsewhere));
    refusing.ask(&Request::Dropped { user: user(2), connection: device(1).connection }).expect("never refused");
    assert_eq!(joins(&mut refusing, 2), Ok(vec![]), "nobody is there any more");
    for (text, devices) in [
        ("\"replace\"", Devices::Replace),
        ("\"refuse\"", Devices::Refuse),
        ("\"3\"", Devices::Most(3)),
        ("3", Devices::Most(3)),
    ] {
        assert_eq!(serde_json::from_str::<Devices>(text).expect(text), devices);
    }
    for text in ["\"0\"", "0", "\"many\"", "1025"] {
        assert!(serde_json::from_str::<Devices>(text).is_err(), "{text}");
    }
}

#[test]
fn a_seat_is_that_of_the_session_which_took_it_until_another_one_claims_it() {
    let mut world = world(Devices::Most(10));
    for number in 1..=2 {
        joins(&mut world, number).expect("may come in");
    }
    let rights = |world: &mut World, number: u64| {
        let request = Request::Place { user: user(2), session: device(number).session };
        let Outcome::Hears { rights, .. } = world.ask(&request).expect("they are in the room") else { panic!() };
        rights
    };
    assert_eq!(commands(&mut world, device(2), claim()), Err(ErrorCode::NotSeated));
    commands(&mut world, device(1), take(Some(2))).expect("free");
    assert_eq!((rights(&mut world, 1), rights(&mut world, 2)), (Rights::Speak, Rights::Listen));
    commands(&mut world, device(2), claim()).expect("their own seat");
    assert_eq!((rights(&mut world, 1), rights(&mut world, 2)), (Rights::Listen, Rights::Speak));
    commands(&mut world, device(2), mic(true)).expect("their own");
    assert_eq!((rights(&mut world, 1), rights(&mut world, 2)), (Rights::Listen, Rights::Listen));
    commands(&mut world, device(2), mic(false)).expect("their own");

    // It outlives the process, and ends with the seat.
    let checkpoint = world.state.checkpoint(world.now);
    let json = serde_json::to_value(&checkpoint).expect("it is JSON");
    let read: crate::room::state::Checkpoint = serde_json::from_value(json).expect("it is read again");
    let woken = crate::room::state::Woken { epoch: 8, checkpoint: Some(read), ..super::woken() };
    let mut woken = World::waking(woken, Settings::default());
    assert_eq!((rights(&mut woken, 1), rights(&mut woken, 2)), (Rights::Listen, Rights::Speak));
    commands(&mut world, device(1), leave_seat()).expect("it is the user's");
    commands(&mut world, device(1), raise(Some(3))).expect("they may");
    world.command(1, approve(2, None)).expect("the owner may");
    assert_eq!(rights(&mut world, 1), Rights::Speak, "the first that asks has a seat that was given");
    assert_eq!(rights(&mut world, 2), Rights::Listen);
}
