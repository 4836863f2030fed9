//! Tests of what admins may do, and of how somebody becomes one.

use super::*;

/// A room with its owner 1, the admins 2 and 3, and user 4.
fn with_admins() -> World {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    world.command(1, promote(2)).expect("the owner may");
    world.command(1, promote(3)).expect("the owner may");
    world
}

#[test]
fn the_owner_promotes_and_demotes_by_one_event_that_names_all_admins() {
    let mut world = with_admins();
    let told = |world: &World| world.told.last().cloned();
    let event = |admins: &[i64], number| Event::AdminsChanged {
        admins: admins.iter().copied().map(user).collect(),
        user: user(number),
        by: user(1),
    };
    assert_eq!(told(&world), Some(event(&[2, 3], 3)));
    assert_eq!(world.state.snapshot(user(4)).admins, [user(2), user(3)]);
    assert_eq!(world.state.own_place(user(2)).role, RoomRole::Admin);
    world.command(1, demote(2)).expect("the owner may");
    assert_eq!(told(&world), Some(event(&[3], 2)));
    assert_eq!(world.state.own_place(user(2)).role, RoomRole::Listener);
    let seq = world.state.seq();
    world.command(1, promote(3)).expect("is one already");
    assert_eq!(world.state.seq(), seq, "nothing is left to do");
}

#[test]
fn only_the_owner_makes_admins_from_outside_too_and_only_of_users_in_the_room() {
    let mut world = with_admins();
    for number in [2, 4] {
        assert_eq!(world.command(number, promote(4)), Err(ErrorCode::Forbidden));
        assert_eq!(world.command(number, demote(3)), Err(ErrorCode::Forbidden));
    }
    assert_eq!(world.command(1, promote(1)), Err(ErrorCode::Forbidden));
    assert_eq!(world.command(1, promote(9)), Err(ErrorCode::UserNotFound));
    assert_eq!(world.command(1, demote(4)), Err(ErrorCode::UserNotFound));
    world.ask(&Request::Leave { user: user(1) }).expect("never refused");
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    world.command(1, demote(2)).expect("neither of them has to be there");
}

#[test]
fn one_admin_more_than_the_bound_is_refused_until_another_one_is_demoted() {
    let mut world = with_admins();
    assert_eq!(world.command(1, promote(4)), Err(ErrorCode::TooManyAdmins));
    world.command(2, demote(2)).expect("an admin may step down");
    assert_eq!(world.command(2, demote(2)), Err(ErrorCode::Forbidden), "nobody steps down twice");
    world.command(1, promote(4)).expect("there is room for one");
}

#[test]
fn an_admin_locks_and_kicks_but_not_the_owner_or_another_admin() {
    let mut world = with_admins();
    for (number, seat) in [(1, 0), (3, 1), (4, 2), (2, 3)] {
        world.command(number, take(Some(seat))).expect("free");
    }
    for seat in [0, 1] {
        assert_eq!(world.command(2, lock(seat)), Err(ErrorCode::Forbidden), "{seat}");
    }
    for number in [1, 2, 3] {
        assert_eq!(world.command(2, kick(number)), Err(ErrorCode::Forbidden), "{number}");
    }
    world.command(2, lock_all()).expect("an admin may");
    assert_eq!(world.seats(), [Some(1), Some(3), None, None, None], "they and the host's seat stay");
    let locked: Vec<bool> = world.state.seats.all().iter().map(|seat| seat.locked).collect();
    assert_eq!(locked, [false, false, true, true, true]);
    world.command(2, unlock_all()).expect("an admin may");
    world.command(2, kick(4)).expect("an admin may");
    world.command(1, lock(1)).expect("the owner is above the admins");
    world.command(1, kick(3)).expect("the owner is above the admins");
}

#[test]
fn an_admin_outside_the_room_has_no_rights_in_it_and_is_still_above_other_admins() {
    let mut world = with_admins();
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    for command in [lock(1), kick(4), demote(2), take(None)] {
        assert_eq!(world.command(2, command), Err(ErrorCode::NotInRoom));
    }
    assert!(world.ask(&Request::Seats { user: user(2) }).is_err());
    assert!(world.state.role(user(2)).is_admin() && !may(Role::Admin, Act::kick(world.state.role(user(2)))));
}

#[test]
fn who_sits_where_makes_hosts_and_speakers_of_those_who_are_neither_owner_nor_admin() {
    let mut world = with_admins();
    world.command(4, take(Some(1))).expect("free");
    world.command(2, take(Some(2))).expect("free");
    let roles = |world: &World| [1, 2, 4].map(|number| world.state.own_place(user(number)).role);
    assert_eq!(roles(&world), [RoomRole::Owner, RoomRole::Admin, RoomRole::Speaker]);
    assert_eq!(world.command(2, take(Some(0))), Err(ErrorCode::Forbidden), "the host's seat is the owner's");
}

#[test]
fn admins_are_admins_after_a_restart_even_if_the_checkpoint_does_not_know_them() {
    let world = with_admins();
    let stored = vec![user(2), user(3), user(1)];
    let checkpoint = Some(world.state.checkpoint(world.now));
    let next = World::waking(Woken { epoch: 8, admins: stored, checkpoint, ..woken() }, Settings::default());
    assert_eq!(next.state.snapshot(user(4)).admins, [user(2), user(3)], "the owner is none");
    assert_eq!(next.state.own_place(user(3)).role, RoomRole::Admin);
}
