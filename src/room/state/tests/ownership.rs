//! Tests of a room that is handed over.

use parlor_protocol::room::{OwnershipCause, OwnershipOffer};

use super::*;

fn told(world: &World) -> Option<(i64, Option<i64>, OwnershipCause)> {
    match world.told.last() {
        Some(Event::OwnershipChanged { owner, offer, cause }) => {
            Some((owner.id.number(), offer.as_ref().map(|offer| offer.user.id.number()), *cause))
        }
        _ => None,
    }
}

#[test]
fn an_offer_that_is_accepted_makes_the_user_the_owner_and_the_former_one_a_user_like_others() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, promote(2)).expect("the owner may");
    world.command(1, take(Some(0))).expect("the host's");
    world.command(1, offer(2)).expect("the owner may");
    assert_eq!(told(&world), Some((1, Some(2), OwnershipCause::Offered)));
    let open = OwnershipOffer { user: person(2), until: world.now.plus_ms(300_000).0 };
    assert_eq!(world.state.snapshot(user(3)).offer, Some(open));
    assert_eq!(world.command(3, accept_offer()), Err(ErrorCode::InvitationOver), "it is to somebody else");
    let seq = world.state.seq();
    let done = world.command(2, accept_offer()).expect("it is to them");
    assert_eq!((done.seq, world.state.seq()), (seq, seq + 2), "no admin any more, then the owner");
    assert_eq!(told(&world), Some((2, None, OwnershipCause::Accepted)));
    let role = |number| world.state.own_place(user(number)).role;
    assert_eq!([role(1), role(2), role(3)], [RoomRole::Host, RoomRole::Owner, RoomRole::Listener]);
    let snapshot = world.state.snapshot(user(3));
    assert_eq!((snapshot.room.owner, snapshot.admins, snapshot.offer), (person(2), vec![], None));
    assert_eq!(world.command(1, lock(1)), Err(ErrorCode::Forbidden));
    world.command(2, kick(1)).expect("the new owner may");
    let order = world.order(2, Recipients::Users(vec![user(3)])).expect("an order");
    assert_eq!(order.owner, user(2), "the owner's share of gifts is theirs from now on");
}

#[test]
fn only_the_owner_offers_and_only_to_another_user_in_the_room() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, promote(2)).expect("the owner may");
    for command in [offer(3), withdraw_offer()] {
        assert_eq!(world.command(2, command), Err(ErrorCode::Forbidden));
    }
    assert_eq!(world.command(1, offer(1)), Err(ErrorCode::BadRequest));
    assert_eq!(world.command(1, offer(9)), Err(ErrorCode::UserNotFound));
    assert_eq!(world.command(1, withdraw_offer()), Err(ErrorCode::InvitationOver));
    assert_eq!(world.command(2, refuse_offer()), Err(ErrorCode::InvitationOver));
    assert_eq!(world.command(1, accept_offer()), Err(ErrorCode::Forbidden));
}

#[test]
fn an_offer_ends_by_a_refusal_a_withdrawal_a_later_one_its_time_and_when_its_user_leaves() {
    let mut world = World::with_people(&[1, 2, 3]);
    for (number, command, cause) in
        [(2, refuse_offer(), OwnershipCause::Refused), (1, withdraw_offer(), OwnershipCause::Withdrawn)]
    {
        world.command(1, offer(2)).expect("the owner may");
        world.command(number, command).expect("it is open");
        assert_eq!(told(&world), Some((1, None, cause)));
    }
    world.command(1, offer(2)).expect("the owner may");
    world.command(1, offer(3)).expect("the owner may");
    assert_eq!(world.command(2, accept_offer()), Err(ErrorCode::InvitationOver), "it was replaced");
    world.pass(299_999);
    assert!(world.state.offer.is_some());
    world.pass(1);
    assert_eq!(told(&world), Some((1, None, OwnershipCause::Expired)));
    world.command(1, offer(3)).expect("the owner may");
    world.ask(&Request::Leave { user: user(3) }).expect("never refused");
    assert_eq!((world.state.offer.clone(), world.command(3, accept_offer())), (None, Err(ErrorCode::NotInRoom)));
}

#[test]
fn an_offer_outlives_a_restart_unless_it_was_accepted() {
    let mut world = World::with_people(&[1, 2]);
    world.command(1, offer(2)).expect("the owner may");
    world.pass(100_000);
    let checkpoint = Some(world.state.checkpoint(world.now));
    let again = Woken { epoch: 8, checkpoint: checkpoint.clone(), ..woken() };
    let mut next = World::waking(again, Settings::default());
    next.join(2).expect("may come in");
    let until = next.state.offer.as_ref().map(|offer| offer.until);
    assert_eq!(until, Some(next.now.plus_ms(200_000).0));
    next.command(2, accept_offer()).expect("it is open");
    // The checkpoint is older than the fact.
    let card = RoomCard { owner: person(2), ..woken().card };
    let next = World::waking(Woken { epoch: 9, card, checkpoint, ..woken() }, Settings::default());
    assert_eq!((next.state.offer.clone(), next.state.card().owner.id), (None, user(2)));
}

#[test]
fn regression_no_offer_comes_back_to_who_may_not_join_or_from_a_former_owner() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, offer(2)).expect("the owner may");
    let kept = Some(world.state.checkpoint(world.now));
    let of_owner = |number| RoomCard { owner: person(number), ..woken().card };
    let closed = RoomCard { closed: Some(Closed { by: ClosedBy::Staff, reason: String::new() }), ..woken().card };
    for (card, bans, kicks, open) in [
        (woken().card, vec![], vec![], true),
        (woken().card, vec![(user(2), None)], vec![], false),
        (woken().card, vec![], vec![(user(2), 60_000)], false),
        (closed, vec![], vec![], false),
        (of_owner(3), vec![], vec![], false),
    ] {
        let next = Woken { epoch: 8, card, bans, kicks, checkpoint: kept.clone(), ..woken() };
        let next = World::waking(next, Settings::default());
        assert_eq!(next.state.offer.is_some(), open, "{:?}", next.state.card());
        assert_eq!(next.state.people(), u32::from(open), "who has an offer is awaited, and nobody else");
    }
}

#[test]
fn regression_an_offer_is_decided_in_turn_with_what_the_store_is_writing() {
    for command in [offer(2), withdraw_offer(), refuse_offer(), accept_offer()] {
        let caller = Caller { user: person(1), connection: ConnectionId::NONE, session: uuid::Uuid::nil() };
        let operation = Operation::of_words(Op(uuid::Uuid::from_u128(1)), user(1), "an offer");
        assert!(RoomState::is_hard(&Request::Command { caller, operation, command }));
    }
}
