//! Measures the rules of a room, decide and then evolve, with a thousand people in the room.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use parlor::delivery::ConnectionId;
use parlor::kit::clock::Timestamp;
use parlor::kit::operation::Operation;
use parlor::room::words::{Entry, Lists, WordAct};
use parlor::room::{Caller, Request, RoomState, Settings, Woken};
use parlor_protocol::command::{OnMap, SendChat, TakeSeat};
use parlor_protocol::room::{Person, RoomCard};
use parlor_protocol::{Coins, Command, Op, RoomId, UserId};
use uuid::Uuid;

const PEOPLE: i64 = 1_000;
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn room() -> RoomId {
    RoomId::new(104_233_871).expect("in range")
}

fn caller(number: i64) -> Caller {
    let user = Person::named(UserId::new(100_000_000 + number).expect("in range"), format!("user {number}"));
    Caller { user, connection: ConnectionId(number.unsigned_abs()), session: uuid::Uuid::nil() }
}

fn request(number: i64, op: u128, command: Command) -> Request {
    let caller = caller(number);
    let operation = Operation::of_command(Op(Uuid::from_u128(op)), caller.user.id, &command);
    Request::Command { caller, operation, command }
}

/// Decides a request and applies its changes, as the actor does.
fn step(state: &mut RoomState, request: &Request) {
    let decision = state.decide(request, NOW).expect("it is allowed");
    for change in &decision.changes {
        state.evolve(change, NOW);
    }
    black_box(decision.outcome);
}

fn full() -> RoomState {
    let woken = Woken {
        card: RoomCard::named(room(), "a room".to_owned(), caller(1).user, 8),
        capacity: Some(2_000),
        epoch: 7,
        locks: Vec::new(),
        admins: Vec::new(),
        seat_mutes: Vec::new(),
        seat_mode: parlor_protocol::seating::SeatMode::Free,
        kicks: Vec::new(),
        bans: Vec::new(),
        mutes: Vec::new(),
        chat_rules: parlor_protocol::room::ChatRules::default(),
        last_fact: 0,
        committed: 0,
        coins: Coins(0),
        checkpoint: None,
    };
    let mut state = RoomState::wake(woken, Settings::default(), NOW);
    for number in 1..=PEOPLE {
        step(&mut state, &Request::Join { caller: caller(number), position: None });
    }
    state
}

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("room");
    group.bench_function("decide and evolve a chat command", |bencher| {
        let mut state = full();
        let mut op = 0;
        let next = || {
            op += 1;
            let chat = SendChat::of(room(), "good evening everybody".to_owned());
            request(1 + (op % PEOPLE as u128) as i64, op, Command::ChatSend(chat))
        };
        bencher.iter_batched(next, |request| step(&mut state, &request), BatchSize::SmallInput);
    });
    group.bench_function("decide and evolve a chat command with 10,000 filtered words", |bencher| {
        let mut state = full();
        // Words of eight letters that look as if they were drawn by lot.
        let letter =
            |word: u64, at: u64| char::from(b'a' + (word.wrapping_mul(2_654_435_761 + at * 40_503) >> 7) as u8 % 26);
        let entry = |word| Entry {
            language: "en".to_owned(),
            word: (0..8).map(|at| letter(word, at)).collect(),
            act: WordAct::Mask,
        };
        let entries: Vec<_> = (1..=10_000).map(entry).collect();
        state.use_words(Arc::new(Lists::of(&entries).expect("a filter").expect("words")));
        let mut op = 0;
        let next = || {
            op += 1;
            let chat = SendChat::of(room(), "good evening everybody".to_owned());
            request(1 + (op % PEOPLE as u128) as i64, op, Command::ChatSend(chat))
        };
        bencher.iter_batched(next, |request| step(&mut state, &request), BatchSize::SmallInput);
    });
    group.bench_function("decide and evolve a seat command", |bencher| {
        let mut state = full();
        let mut op = 0;
        // In turns a user takes the seat and leaves it again.
        let next = || {
            op += 1;
            let command = if op % 2 == 1 {
                Command::SeatTake(TakeSeat { room: room(), seat: Some(3), version: None })
            } else {
                Command::SeatLeave(OnMap { room: room(), version: None })
            };
            request(1 + ((op - 1) / 2 % PEOPLE as u128) as i64, op, command)
        };
        bencher.iter_batched(next, |request| step(&mut state, &request), BatchSize::PerIteration);
    });
    group.finish();
}
