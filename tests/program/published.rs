//! Compares the published schema with the whole server: each command is sent once to real rooms and a real ledger, and
//! every frame of the server must fit the schema.

use std::collections::BTreeSet;

use parlor_protocol::chat::{LineNumber, Reaction};
use parlor_protocol::command::{
    Ban, ChangeRoom, CloseRoom, InRoom, Join, Kick, ListGifts, ListPeople, MoveSeat, MoveUser, MuteChat, Nothing,
    OfferSeat, OnAllSeats, OnMap, OnSeat, OnUser, OnUserOnMap, RaiseHand, React, RecallLine, Recipients,
    RefreshSession, SendChat, SendGift, SendImage, SetChatRules, SetLayout, SetSeatMode, Speak, TakeSeat,
};
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::reply::{
    Connected, Done, Empty, GiftPage, GiftReceipt, HandList, Joined, PeoplePage, SessionRefreshed, VoicePass,
};
use parlor_protocol::seating::{MovePolicy, SeatMode};
use parlor_protocol::{Command, Event, GiftId, Signal, UserFrame};
use serde::de::DeserializeOwned;
use tokio::task::block_in_place;

use crate::agreement::uploads;
use crate::support::client::{Client, op};
use crate::support::world::World;

/// Asks, and notes what was answered well.
async fn ask<T: DeserializeOwned>(client: &mut Client, asked: &mut BTreeSet<&'static str>, command: Command) -> T {
    asked.insert(command.kind());
    let what = format!("{command:?}");
    client.ask(command).await.unwrap_or_else(|error| panic!("{what}: {error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_answered_as_the_schema_says() {
    let voice = [("PROVIDER", "livekit"), ("LIVEKIT__ADDRESS", "ws://127.0.0.1:9"), ("LIVEKIT__API_KEY", "key")];
    let plan = voice
        .iter()
        .fold(World::dev().roomy(), |plan, (name, value)| plan.set(&format!("PARLOR__VOICE__{name}"), value));
    let world = plan.set("PARLOR__VOICE__LIVEKIT__API_SECRET", "a-secret-of-32-characters-or-more").await;
    let address = world.address;
    let ((omars, omar), (amiras, amira)) = (world.demo(1).await, world.demo(2).await);
    let room = world.made(&omars, "Majlis").await;
    let mut asked = BTreeSet::new();
    let asked = &mut asked;

    let (mut owner, mut guest) = (Client::open(address).await, Client::open(address).await);
    let token = world.pass(&omars, room).await;
    let join = Join { room, token, position: None };
    let connect = |token, joins| {
        Command::Connect(parlor_protocol::command::Connect { token, device: "test".to_owned(), client: None, joins })
    };
    let connected: Connected = ask(&mut owner, asked, connect(omars.clone(), vec![join])).await;
    assert_eq!((connected.user.id, connected.joins.len()), (omar, 1));
    let until = ask::<Connected>(&mut guest, asked, connect(amiras.clone(), Vec::new())).await.expires_at;
    let token = world.pass(&amiras, room).await;
    let _: Joined = ask(&mut guest, asked, Command::RoomJoin(Join { room, token, position: None })).await;

    let _: Empty = ask(&mut guest, asked, Command::Ping(Nothing {})).await;
    let refresh = Command::SessionRefresh(RefreshSession { token: amiras });
    let refreshed: SessionRefreshed = ask(&mut guest, asked, refresh).await;
    assert_eq!(refreshed.expires_at, until);
    let seat = Command::SeatTake(TakeSeat { room, seat: Some(3), version: None });
    let _: Done = ask(&mut guest, asked, seat).await;
    let again = Command::ChatSend(SendChat::of(room, "مساء الخير 🎁".to_owned()));
    let (op, _) = (op(), asked.insert(again.kind()));
    let first: Done = guest.ask_as(op, &again).await.expect("said");
    let second: Done = guest.ask_as(op, &again).await.expect("said before");
    assert_eq!((first.seq, second.replayed), (second.seq, true));
    let (epoch, seq) = (first.epoch, first.seq);
    let _: Empty = ask(&mut guest, asked, Command::ChatTyping(InRoom { room })).await;
    let _: Empty = ask(&mut guest, asked, Command::MicSpeaking(Speak { room, level: Some(60) })).await;
    let react = React { room, epoch, seq, reaction: Reaction::Rose, on: None };
    let _: Empty = ask(&mut owner, asked, Command::ChatReact(react)).await;
    let image = uploads::ready(&world, &omars, "room_image").await.parse().expect("an id");
    let reply_to = Some(LineNumber { epoch, seq });
    let image = SendImage { room, image, text: "the view".to_owned(), mentions: vec![amira], reply_to };
    let _: Done = ask(&mut owner, asked, Command::ChatImage(image)).await;
    let _: Done = ask(&mut guest, asked, Command::ChatRecall(RecallLine { room, epoch, seq })).await;
    while !matches!(guest.signal().await.1, Signal::ChatReactions { .. }) {}
    let gift = SendGift { room, gift: GiftId::new(1).expect("in range"), count: 10, to: Recipients::AllSeats };
    let receipt: GiftReceipt = ask(&mut owner, asked, Command::GiftSend(gift)).await;
    assert_eq!(receipt.to, [amira]);
    let gifts: GiftPage = ask(&mut owner, asked, Command::GiftList(ListGifts { room, after: 0 })).await;
    assert_eq!(gifts.gifts.len(), 1);
    // Pages show what the room has been told.
    let told = |event: &EventFrame| matches!(event.event, Event::ParticipantsChanged { count: 2, .. }).then_some(());
    owner.event_where("both people", told).await;
    let people: PeoplePage =
        ask(&mut owner, asked, Command::PeopleList(ListPeople { room, after: None, search: String::new() })).await;
    assert_eq!(people.count, 2);
    let _: Done = ask(&mut guest, asked, Command::SeatClaim(InRoom { room })).await;
    let pass: VoicePass = ask(&mut guest, asked, Command::VoiceToken(InRoom { room })).await;
    assert!(pass.may_speak);
    let _: Done = ask(&mut guest, asked, Command::SeatMove(MoveSeat { room, seat: 4, version: None })).await;
    let _: Done = ask(&mut guest, asked, Command::SeatLeave(OnMap { room, version: None })).await;
    let _: Done = ask(&mut owner, asked, Command::SeatLock(OnSeat { room, seat: 3, version: None })).await;
    let _: Done = ask(&mut owner, asked, Command::SeatUnlock(OnSeat { room, seat: 3, version: None })).await;
    let _: Done = ask(&mut owner, asked, Command::SeatLockAll(OnAllSeats { room, version: None })).await;
    let _: Done = ask(&mut owner, asked, Command::SeatUnlockAll(OnAllSeats { room, version: None })).await;
    let (version, user) = (None, amira);
    let offer = || OfferSeat { room, user, seat: Some(2), version };
    let _: Done = ask(&mut owner, asked, Command::SeatMode(SetSeatMode { room, mode: SeatMode::Apply, version })).await;
    let _: Done = ask(&mut guest, asked, Command::HandRaise(RaiseHand { room, seat: Some(2), version })).await;
    let hands: HandList = ask(&mut owner, asked, Command::HandList(InRoom { room })).await;
    assert_eq!((hands.hands[0].user.id, hands.hands[0].seat), (amira, Some(2)));
    let _: Done = ask(&mut guest, asked, Command::HandLower(OnMap { room, version })).await;
    let _: Done = ask(&mut guest, asked, Command::HandRaise(RaiseHand { room, seat: None, version })).await;
    let _: Done = ask(&mut owner, asked, Command::HandRefuse(OnUserOnMap { room, user, version })).await;
    let _: Done = ask(&mut guest, asked, Command::HandRaise(RaiseHand { room, seat: None, version })).await;
    let _: Done = ask(&mut owner, asked, Command::HandApprove(offer())).await;
    let _: Done = ask(&mut guest, asked, Command::MicMute(OnMap { room, version })).await;
    let _: Done = ask(&mut guest, asked, Command::MicUnmute(OnMap { room, version })).await;
    let _: Done = ask(&mut owner, asked, Command::SeatMute(OnSeat { room, seat: 2, version })).await;
    let _: Done = ask(&mut owner, asked, Command::SeatUnmute(OnSeat { room, seat: 2, version })).await;
    let place = MoveUser { room, user, seat: 3, policy: MovePolicy::GiveUp, version };
    let _: Done = ask(&mut owner, asked, Command::SeatMoveUser(place)).await;
    let _: Done = ask(&mut owner, asked, Command::SeatRemoveUser(OnUserOnMap { room, user, version })).await;
    let _: Done = ask(&mut owner, asked, Command::InvitationSend(offer())).await;
    let _: Done = ask(&mut guest, asked, Command::InvitationRefuse(OnMap { room, version })).await;
    let _: Done = ask(&mut owner, asked, Command::InvitationSend(offer())).await;
    let _: Done = ask(&mut guest, asked, Command::InvitationAccept(OnMap { room, version })).await;
    let _: Done = ask(&mut owner, asked, Command::SeatLayout(SetLayout { room, seats: 5, version })).await;
    let _: Done = ask(&mut owner, asked, Command::AdminPromote(OnUser { room, user: amira })).await;
    let _: Done = ask(&mut owner, asked, Command::AdminDemote(OnUser { room, user: amira })).await;
    let change = ChangeRoom { name: Some("مجلس الشعر".to_owned()), ..ChangeRoom::of(room, 1) };
    let _: Done = ask(&mut owner, asked, Command::RoomChange(change)).await;
    let mute = MuteChat { room, user: amira, duration_ms: Some(60_000) };
    let _: Done = ask(&mut owner, asked, Command::ChatMute(mute)).await;
    let _: Done = ask(&mut owner, asked, Command::ChatUnmute(OnUser { room, user: amira })).await;
    let rules = SetChatRules { room, muted: Some(true), slow_mode_s: Some(10) };
    let _: Done = ask(&mut owner, asked, Command::ChatRules(rules)).await;
    let offer = OnUser { room, user: amira };
    let _: Done = ask(&mut owner, asked, Command::OwnershipOffer(offer.clone())).await;
    let _: Done = ask(&mut owner, asked, Command::OwnershipWithdraw(InRoom { room })).await;
    let _: Done = ask(&mut owner, asked, Command::OwnershipOffer(offer.clone())).await;
    let _: Done = ask(&mut guest, asked, Command::OwnershipRefuse(InRoom { room })).await;
    let _: Done = ask(&mut owner, asked, Command::OwnershipOffer(offer)).await;
    let _: Done = ask(&mut guest, asked, Command::OwnershipAccept(InRoom { room })).await;
    // And back again, so that the former owner may kick.
    let _: Done = ask(&mut guest, asked, Command::OwnershipOffer(OnUser { room, user: omar })).await;
    let _: Done = ask(&mut owner, asked, Command::OwnershipAccept(InRoom { room })).await;
    let kick = Kick { room, user: amira, duration_ms: None, reason: "spam".to_owned() };
    let _: Done = ask(&mut owner, asked, Command::RoomKick(kick)).await;
    let kicked = |event: &EventFrame| match event.event {
        Event::ParticipantKicked { user, .. } => Some(user),
        _ => None,
    };
    assert_eq!(owner.event_where("the kick", kicked).await, amira);
    while !matches!(guest.user_frame().await, UserFrame::RoomRemoved { .. }) {}
    let ban = Ban { room, user: amira, duration_ms: Some(60_000), reason: "spam".to_owned() };
    let _: Done = ask(&mut owner, asked, Command::RoomBan(ban)).await;
    let _: Done = ask(&mut owner, asked, Command::RoomUnban(OnUser { room, user: amira })).await;
    let unbanned = |event: &EventFrame| matches!(event.event, Event::ParticipantUnbanned { .. }).then_some(());
    owner.event_where("the end of the ban", unbanned).await;
    let _: Empty = ask(&mut owner, asked, Command::RoomLeave(InRoom { room })).await;
    let token = world.pass(&omars, room).await;
    let _: Joined = ask(&mut owner, asked, Command::RoomJoin(Join { room, token, position: None })).await;
    let _: Done = ask(&mut owner, asked, Command::RoomOpen(InRoom { room })).await;
    let _: Done = ask(&mut owner, asked, Command::RoomClose(CloseRoom { room, reason: "late".to_owned() })).await;

    let all: BTreeSet<_> = Command::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(*asked, all, "each command is asked for here, so that its reply is compared with the schema");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_the_socket_is_there_in_dev_with_what_it_loads_and_nothing_else() {
    let world = World::dev().await;
    let (status, head, page) = block_in_place(|| world.program.ask("GET", "/docs/socket", &[]));
    assert!(status == 200 && page.contains("id=\"command-gift.send\""), "{head}");
    let policy = head.lines().find(|line| line.starts_with("content-security-policy")).expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(
        !page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick"),
        "the policy forbids it"
    );
    for part in page.split('"').filter(|part| part.starts_with('/')) {
        assert_eq!(block_in_place(|| world.program.get(part)).0, 200, "{part}");
    }
    drop(world);
    let world = World::serve().await;
    assert_eq!(block_in_place(|| world.program.get("/docs/socket")).0, 404);
    let (status, document) = block_in_place(|| world.program.get("/v1/asyncapi.json"));
    assert!(status == 200 && document.contains("\"asyncapi\": \"3.0.0\""));
}
