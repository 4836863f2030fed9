//! The server's clock is set back and forward while people are in a room, and over a restart.

use parlor::kit::clock::Timestamp;
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::reply::{GiftReceipt, Joined};
use parlor_protocol::{Command, Event, GiftId, RoomId, UserId};

use super::servers_clock::ServersClock;
use crate::support::client::Client;
use crate::support::world::World;

const DAY: i64 = 86_400;

/// How far the clock is ahead, one after the other: back by 90 s, an hour and a day, and forward by as much.
const STEPS: [i64; 8] = [-90, -3_600, -DAY, 0, 90, 3_600, DAY, -DAY];

/// A room with its owner, who is given gifts, and somebody who gives them.
struct Scene {
    world: World,
    clock: ServersClock,
    room: RoomId,
    owner: (UserId, Client),
    sender: (UserId, Client),
    watcher: UserId,
    /// The number of the last gift.
    gifts: i64,
}

/// The numbers of the gifts of an event, and the time of the last one.
fn shown(event: &EventFrame) -> Option<(Vec<i64>, i64)> {
    match &event.event {
        Event::GiftsSent { gifts, .. } => {
            Some((gifts.iter().map(|gift| gift.gift_no).collect(), gifts.last().expect("never empty").at))
        }
        _ => None,
    }
}

/// The numbers of all gifts that a join brings, in the order in which a client shows them.
fn brought(joined: &Joined) -> Vec<i64> {
    assert!(!joined.more_gifts);
    let events = joined.events.iter().map(|event| serde_json::from_str::<EventFrame>(event.get()).expect("an event"));
    let missed = events.filter_map(|event| shown(&event)).flat_map(|(numbers, _)| numbers);
    joined.gifts.iter().map(|gift| gift.gift_no).chain(missed).collect()
}

impl Scene {
    async fn new() -> Option<Self> {
        let clock = ServersClock::new()?;
        let world = World::dev().roomy().lease(1_000).set_all(clock.environment()).await;
        let (token, owner) = world.demo(1).await;
        let room = world.made(&token, "A room").await;
        let (sender, watcher) = (world.demo(2).await.1, world.demo(3).await.1);
        let [owners, senders] = [world.in_room(owner, room).await, world.in_room(sender, room).await];
        Some(Self { world, clock, room, owner: (owner, owners), sender: (sender, senders), watcher, gifts: 0 })
    }

    /// The watcher's socket, in the room, where the one before stood.
    async fn watch(&self, before: Option<Client>) -> (Client, Joined) {
        let at = self.clock.now();
        let token = self.world.token_as_of(self.watcher, at).await;
        let mut client = Client::open(self.world.address).await;
        if let Some(before) = before {
            client.stand_where(before.cut());
        }
        client.connect(&token, "watcher").await.expect("the token is good by the server's clock");
        let pass = self.world.room_token_as_of(self.watcher, self.room, at);
        let joined = client.join(self.room, &pass).await.expect("may come in");
        (client, joined)
    }

    async fn give(&mut self) {
        let send = SendGift {
            room: self.room,
            gift: GiftId::new(1).expect("the Rose"),
            count: 1,
            to: Recipients::Users(vec![self.owner.0]),
        };
        let receipt: GiftReceipt = self.sender.1.ask(Command::GiftSend(send)).await.expect("paid");
        self.gifts += 1;
        assert_eq!(receipt.gift_no, self.gifts);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_gift_is_shown_and_a_rejoin_is_whole_whatever_step_the_servers_clock_makes() {
    let Some(mut scene) = Scene::new().await else { return };
    let (mut watcher, _) = scene.watch(None).await;
    for step in STEPS {
        scene.clock.set(step);
        scene.give().await;
        let (numbers, at) = watcher.event_where("the gift on a screen", shown).await;
        assert_eq!(numbers, [scene.gifts], "the clock is at {step} s");
        let off = Timestamp(at).ms_since(scene.clock.now()).max(scene.clock.now().ms_since(Timestamp(at)));
        assert!(off < 60_000, "the server goes by the clock of the test: {off} ms");
        scene.owner.1.event_where("the gift on the receiver's screen", shown).await;

        // Two more while the watcher is away.
        let stood = watcher.position(scene.room).and_then(|position| position.gift_no);
        assert_eq!(stood, Some(scene.gifts));
        let last = scene.gifts;
        for _ in 0..2 {
            scene.give().await;
            scene.owner.1.event_where("a gift on the receiver's screen", shown).await;
        }
        let joined;
        (watcher, joined) = scene.watch(Some(watcher)).await;
        assert_eq!(brought(&joined), [last + 1, last + 2], "the clock is at {step} s");
        assert_eq!(joined.position.gift_no, Some(scene.gifts));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_at_another_time_brings_every_gift_to_whoever_comes_back() {
    let Some(mut scene) = Scene::new().await else { return };
    let (mut watcher, _) = scene.watch(None).await;
    for (turn, step) in [-3_600, DAY, -DAY, 0].into_iter().enumerate() {
        let before = scene.gifts;
        for _ in 0..3 {
            scene.give().await;
        }
        // The watcher has seen the first of them.
        watcher.event_where("the first gift", shown).await;
        let stood = watcher.position(scene.room).and_then(|position| position.gift_no).expect("it stands somewhere");
        assert!(stood > before);
        if turn % 2 == 0 {
            scene.world.kill().await
        } else {
            scene.world.stop().await
        }
        scene.clock.set(step);
        scene.world.start_again().await;
        let joined;
        (watcher, joined) = scene.watch(Some(watcher)).await;
        assert!(!joined.recovered, "it is another epoch");
        assert_eq!(brought(&joined), (stood + 1..=before + 3).collect::<Vec<_>>(), "the clock is at {step} s");
        // And those that are given from now on are shown.
        let (owner, at) = (scene.owner.0, scene.clock.now());
        for (user, device) in [(owner, "owner"), (scene.sender.0, "sender")] {
            let token = scene.world.token_as_of(user, at).await;
            let mut client = Client::open(scene.world.address).await;
            client.connect(&token, device).await.expect("the token is good");
            let pass = scene.world.room_token_as_of(user, scene.room, at);
            client.join(scene.room, &pass).await.expect("may come in");
            if user == owner { scene.owner.1 = client } else { scene.sender.1 = client }
        }
        scene.give().await;
        assert_eq!(watcher.event_where("a new gift", shown).await.0, [scene.gifts], "the clock is at {step} s");
    }
}
