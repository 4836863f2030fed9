//! Tests of what the platform's staff may do in a room without being in it.

use parlor_protocol::UserFrame;
use parlor_protocol::command::Kick;
use uuid::Uuid;

use super::*;
use crate::room::request::StaffAct;

fn staff(world: &mut World, act: StaffAct) -> Result<Outcome, ErrorBody> {
    world.next_op += 1;
    let operation = Operation::of_words(Op(Uuid::from_u128(world.next_op)), user(99), "an act of staff");
    world.ask(&Request::Staff { operation, request: String::new(), act })
}

fn kick_of(number: i64) -> StaffAct {
    StaffAct::Kick(Kick { room: room_id(), user: user(number), duration_ms: None, reason: "spam".into() })
}

#[test]
fn staff_can_kick_even_the_owner_who_may_then_not_join() {
    let mut world = World::with_people(&[1, 2]);
    world.command(1, take(Some(0))).expect("the owner is the host");
    staff(&mut world, kick_of(1)).expect("nobody is above staff");
    assert_eq!(world.seats()[0], None);
    assert!(matches!(world.told.last(), Some(Event::ParticipantKicked { by, .. }) if *by == user(99)));
    assert_eq!(world.join(1).expect_err("kept out").code, ErrorCode::Kicked);
    assert_eq!(staff(&mut world, kick_of(7)).expect_err("not there").code, ErrorCode::UserNotFound);
}

#[test]
fn regression_an_owner_whom_staff_kicked_may_neither_decide_nor_see_anything_until_it_is_over() {
    let mut world = World::with_people(&[1, 2]);
    staff(&mut world, kick_of(1)).expect("nobody is above staff");
    assert_eq!(world.command(1, lock(2)).expect_err("out"), ErrorCode::Kicked);
    assert_eq!(world.ask(&Request::Seats { user: user(1) }).expect_err("out").code, ErrorCode::Kicked);
    world.pass(600_000);
    world.command(1, lock(2)).expect("over");
}

#[test]
fn a_closed_room_is_empty_and_may_be_joined_again() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, take(None)).expect("free");
    world.drop_socket(3);
    staff(&mut world, StaffAct::Close { reason: "a police matter".into() }).expect("done");
    assert!(world.seats().iter().all(Option::is_none) && world.state.presence.len() == 0);
    world.join(2).expect("may come in again");
    assert_eq!(world.state.sight().people, 1);
}

#[test]
fn everybody_who_is_put_out_is_told_why() {
    let world = World::with_people(&[1, 2]);
    let act = StaffAct::Close { reason: "a police matter".into() };
    let operation = Operation::of_words(Op(Uuid::from_u128(1)), user(99), "an act of staff");
    let decision =
        world.state.decide(&Request::Staff { operation, request: "r1".into(), act }, world.now).expect("decided");
    let Outcome::Write(write) = decision.outcome else { panic!("a hard command: {:?}", decision.outcome) };
    assert_eq!(write.by_staff.as_deref(), Some("r1"), "the store writes down by which request");
    let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
    let written = Written { id: 1, fact: write.verdict.expect("a fact"), done, replayed: false };
    let removals = world.state.decide_fact(&operation, &written).removals;
    assert_eq!(removals.len(), 2);
    for removal in removals {
        let UserFrame::RoomRemoved { cause, reason, until, .. } = removal.frame else { panic!("{:?}", removal.frame) };
        assert_eq!((cause, reason.as_str(), until), (RemovalCause::Closed, "a police matter", None));
    }
}

#[test]
fn staff_can_ban_and_mute_whom_the_owner_can_and_the_owner_too() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, promote(2)).expect("the owner may");
    let of = |number| parlor_protocol::command::Ban {
        room: room_id(),
        user: user(number),
        duration_ms: Some(60_000),
        reason: "spam".into(),
    };
    for number in [1, 2, 4] {
        staff(&mut world, StaffAct::Ban(of(number))).expect("nobody is above staff, and nobody need be there");
        assert_eq!(world.join(number).expect_err("banned").code, ErrorCode::Banned);
        if number == 1 {
            assert_eq!(world.command(1, unban(1)), Err(ErrorCode::Banned), "the owner does not lift staff's ban");
        }
        staff(&mut world, StaffAct::Unban { user: user(number) }).expect("it is lifted");
        world.join(number).expect("not banned any more");
    }
    let mute = parlor_protocol::command::MuteChat { room: room_id(), user: user(3), duration_ms: None };
    staff(&mut world, StaffAct::MuteChat(mute)).expect("may");
    assert_eq!(world.command(3, say("hello")), Err(ErrorCode::Muted));
    staff(&mut world, StaffAct::UnmuteChat { user: user(3) }).expect("may");
    world.command(3, say("hello")).expect("may write again");
}
