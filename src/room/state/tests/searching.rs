//! Searches among the people of a room.

use parlor_protocol::room::{Person, RoomRole};

use super::{caller, take, user};
use crate::room::request::{Answer, Caller, Request};
use crate::room::state::Outcome;
use crate::room::state::tests::World;

#[test]
fn people_are_found_by_the_beginning_of_their_name_or_by_their_id_and_have_their_role() {
    let mut world = World::with_people(&[]);
    let named = |number, name: &str| Caller { user: Person::named(user(number), name.to_owned()), ..caller(number) };
    for (number, name) in [(2, "Ámina"), (3, "AMIR Ali"), (4, "Samir"), (5, "أَمِيرة")] {
        world.ask(&Request::Join { caller: named(number, name), position: None }).expect("may come in");
    }
    world.pass(1_000);
    world.command(3, take(Some(2))).expect("free");
    let found = |world: &mut World, search: &str, after| {
        let request = Request::People { user: user(2), after, search: search.to_owned() };
        let Outcome::Answer(Ok(Answer::People(page))) = world.ask(&request).expect("may look") else { panic!() };
        page.people.into_iter().map(|there| (there.person.id, there.role)).collect::<Vec<_>>()
    };
    let speaks = Some(RoomRole::Speaker);
    assert_eq!(found(&mut world, "ami", None), [(user(2), None), (user(3), speaks)]);
    assert_eq!(found(&mut world, "ami", Some(user(2))), [(user(3), speaks)]);
    assert_eq!(found(&mut world, "amir a", None), [(user(3), speaks)]);
    assert_eq!(found(&mut world, "أمي", None), [(user(5), None)], "marks do not count");
    assert_eq!(found(&mut world, &user(4).to_string(), None), [(user(4), None)]);
    assert_eq!(found(&mut world, "nobody", None), []);
}
