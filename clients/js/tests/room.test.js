import assert from 'node:assert/strict';
import { test } from 'node:test';

import { emptyRoom, reduce, roleOf } from '../src/index.js';
import { ROOM, amira, chat, event, fresh, frozen, gift, gifts, joined, lina, numbers, omar, ops, snapshot } from './words.js';

test('a first visit shows the snapshot and no old gift', () => {
  const state = fresh();
  assert.equal(state.card.name, 'Evening');
  assert.deepEqual(state.position, { epoch: 5, seq: 10, gift_no: 3 });
  assert.deepEqual([state.seats.length, state.people.length, state.gifts.length], [5, 2, 0]);
  assert.equal(state.visit.first, true);
});

test('events are applied in their order and the given state is not changed', () => {
  const frames = [
    event(11, 'participants.changed', { joined: [lina], count: 3 }),
    event(12, 'seats.changed', { seats: [{ no: 1, user: omar }], version: 2, cause: 'taken' }),
    chat(13, 'a'),
    gifts(14, 4, 5),
    event(15, 'seats.changed', { seats: [{ no: 1 }], version: 3, cause: 'left' }),
    event(16, 'participant.kicked', { user: lina.id, by: amira.id, until: 9, reason: 'noise' }),
    event(17, 'participants.changed', { left: [lina.id], count: 2 }),
    event(18, 'something.new', { of: 'a newer server' }),
  ];
  const state = frames.reduce((before, frame) => reduce(frozen(before), frozen(frame)), fresh());
  assert.deepEqual(state.position, { epoch: 5, seq: 18, gift_no: 5 });
  assert.deepEqual(state.people, [amira, omar]);
  assert.deepEqual([state.count, state.coins, state.seat_version], [2, 5, 3]);
  assert.deepEqual(state.seats[1], { no: 1 });
  assert.deepEqual(numbers(state), [4, 5]);
  assert.deepEqual(state.chat.map((line) => line.note ?? line.op), ['seat', 'a', 'seat', 'kicked']);
  assert.equal(state.chat[2].user.name, 'Omar', 'who stood up is named, though the seat no longer does');
  assert.equal(state.gap, false);
});

test('who decides in the room, how seats are given and the rules of the chat follow the events', () => {
  const hand = (person) => ({ user: person, until: 9 });
  const invitation = { user: lina, by: amira.id, until: 9 };
  const frames = [
    event(11, 'admins.changed', { admins: [omar.id], user: omar.id, by: amira.id }),
    event(12, 'seat_mode.changed', { mode: 'apply', by: omar.id }),
    event(13, 'hand.raised', { hand: hand(lina) }),
    event(14, 'hand.raised', { hand: hand(omar) }),
    event(15, 'hand.settled', { user: lina.id, outcome: 'refused', by: omar.id }),
    event(16, 'invitation.sent', { invitation }),
    event(17, 'layout.changed', { seats: [{ no: 0, user: lina }, { no: 1 }], version: 7, by: amira.id }),
    event(18, 'chat.rules_changed', { rules: { slow_mode_s: 5 }, by: omar.id }),
    event(19, 'participant.banned', { user: 77, by: omar.id, reason: 'spam' }),
  ];
  const state = frames.reduce((before, frame) => reduce(frozen(before), frozen(frame)), fresh());
  assert.deepEqual([state.seat_mode, state.hands, state.invitations], ['apply', [hand(omar)], [invitation]]);
  assert.deepEqual([state.seats.length, state.seat_version, state.chat_rules], [2, 7, { slow_mode_s: 5 }]);
  const owner = state.card.owner.id;
  assert.deepEqual([owner, omar.id, lina.id, 77].map((id) => roleOf(state, id)), ['owner', 'admin', 'host', 'listener']);
  assert.equal(state.chat.at(-1).note, 'banned');
  const over = [
    event(20, 'invitation.ended', { user: lina.id, outcome: 'refused' }),
    event(21, 'ownership.changed', { owner: omar, cause: 'accepted' }),
    event(22, 'room.changed', { room: { ...state.card, owner: omar, name: 'Night' }, by: omar.id }),
  ].reduce(reduce, state);
  assert.deepEqual([over.invitations, roleOf(over, omar.id), over.card.name], [[], 'owner', 'Night']);
});

test('what is decided about people and rules is noted with who did it, and who is muted is known', () => {
  const frames = [
    event(11, 'admins.changed', { admins: [omar.id], user: omar.id, by: amira.id }),
    event(12, 'chat.muted', { user: lina.id, by: omar.id, until: 9 }),
    event(13, 'seat_mode.changed', { mode: 'apply', by: omar.id }),
    event(14, 'chat.rules_changed', { rules: { slow_mode_s: 5 }, by: omar.id }),
    event(15, 'chat.muted', { user: omar.id, by: amira.id }),
    event(16, 'admins.changed', { admins: [], user: omar.id, by: amira.id }),
    event(17, 'chat.unmuted', { user: lina.id, by: amira.id }),
    event(18, 'ownership.changed', { owner: omar, cause: 'offered', offer: { user: lina, until: 9 } }),
    event(19, 'ownership.changed', { owner: lina, cause: 'accepted' }),
  ];
  const state = frames.reduce((before, frame) => reduce(frozen(before), frozen(frame)), fresh());
  assert.deepEqual(state.mutes, { [lina.id]: 0, [omar.id]: null });
  const said = state.chat.map(({ note, by, user, until }) => [note, by?.name, user?.id, until]);
  assert.deepEqual(said, [
    ['promoted', 'Amira', omar.id, undefined],
    ['muted', 'Omar', lina.id, 9],
    ['seat_mode', 'Omar', undefined, undefined],
    ['rules', 'Omar', undefined, undefined],
    ['muted', 'Amira', omar.id, undefined],
    ['demoted', 'Amira', omar.id, undefined],
    ['unmuted', 'Amira', lina.id, undefined],
    ['owner', undefined, lina.id, undefined],
  ]);
  const again = reduce(state, joined({ position: { epoch: 6, seq: 1, gift_no: 3 }, recovered: false, snapshot: snapshot() }));
  assert.deepEqual(again.mutes, {}, 'a snapshot says who is muted by itself');
});

test('a recalled line keeps its author and nothing of what was in it, whether by an event or by a snapshot', () => {
  const lines = [
    event(11, 'chat.posted', { from: omar, op: 'a', text: 'a secret', mentions: [lina.id] }),
    event(12, 'chat.posted', { from: lina, op: 'b', text: 'hello' }),
    { room: ROOM.id, type: 'chat.reactions', data: { lines: [{ epoch: 5, seq: 12, counts: [{ reaction: 'like', count: 2 }] }] } },
  ].reduce((before, frame) => reduce(frozen(before), frozen({ ...frame, room: ROOM })), fresh());
  assert.deepEqual(lines.chat[1].reactions, [{ reaction: 'like', count: 2 }]);
  const gone = { op: 'a', at: 1011, from: omar, text: '', epoch: 5, seq: 11, recalled: true };
  const told = reduce(frozen(lines), frozen(event(13, 'chat.recalled', { epoch: 5, seq: 11, by: amira.id })));
  assert.deepEqual([told.chat[0], told.chat[1].text], [gone, 'hello']);
  const chat = [{ ...gone }, { op: 'b', at: 1012, from: lina, text: 'hello', epoch: 5, seq: 12 }];
  const again = reduce(frozen(lines), joined({ position: { epoch: 6, seq: 1, gift_no: 3 }, recovered: false, snapshot: snapshot({ chat }) }));
  assert.deepEqual([again.chat[0], again.chat.length], [gone, 2], 'a client that was away hears of it by the snapshot');
});

test('a user who moves is on the other seat only, and is told of once', () => {
  const seated = reduce(fresh(), event(11, 'seats.changed', { seats: [{ no: 1, user: omar }], version: 2, cause: 'taken' }));
  const state = reduce(seated, event(12, 'seats.changed', { seats: [{ no: 1 }, { no: 3, user: omar }], version: 3, cause: 'moved' }));
  assert.deepEqual(state.seats.filter((seat) => seat.user).map((seat) => seat.no), [3]);
  const notes = state.chat.filter((line) => line.cause === 'moved').map(({ seat, user }) => [seat, user.name]);
  assert.deepEqual(notes, [[3, 'Omar']]);
});

test('a user with another name or picture has it on the seat, in the list and as the owner, and old lines keep theirs', () => {
  const before = [
    event(11, 'seats.changed', { seats: [{ no: 1, user: omar }], version: 2, cause: 'taken' }),
    event(12, 'chat.posted', { from: omar, op: 'a', text: 'hello' }),
  ].reduce(reduce, fresh());
  const person = { id: omar.id, name: 'Omar K', picture: 7 };
  const state = reduce(frozen(before), frozen(event(13, 'person.changed', { person })));
  assert.deepEqual(state.seats[1], { no: 1, user: person });
  assert.deepEqual(state.people, [amira, person]);
  assert.equal(state.chat.at(-1).from.name, 'Omar');
  assert.equal(state.seat_version, before.seat_version, 'nobody has moved');
  const owner = { ...state.card.owner, name: 'The host' };
  assert.deepEqual(reduce(state, event(14, 'person.changed', { person: owner })).card.owner, owner);
  const stranger = event(14, 'person.changed', { person: { id: 1, name: 'Nobody' } });
  const { people, seats, card, chat: lines } = reduce(state, stranger);
  assert.deepEqual({ people, seats, card, lines }, { people: state.people, seats: state.seats, card: state.card, lines: state.chat });
});

test('an event at or below the position, or of an older epoch, changes nothing', () => {
  const state = fresh();
  for (const frame of [chat(10, 'x'), chat(3, 'x'), event(11, 'chat.posted', { from: omar, op: 'x', text: '' }, 4)]) {
    assert.equal(reduce(state, frame), state);
  }
  assert.equal(reduce(state, { ...chat(11, 'x'), room: 1 }), state, 'nor one of another room');
  assert.equal(reduce(emptyRoom(ROOM), chat(1, 'x')).chat.length, 0, 'nor one before the join');
});

test('a missing seq, or a new epoch, is a gap, and nothing after it is shown', () => {
  for (const first of [chat(12, 'b'), event(1, 'chat.posted', { from: omar, op: 'b', text: '' }, 6)]) {
    const state = [first, chat(11, 'a'), chat(12, 'c')].reduce(reduce, fresh());
    assert.equal(state.gap, true);
    assert.deepEqual(ops(state), []);
    assert.deepEqual(state.position, { epoch: 5, seq: 10, gift_no: 3 }, 'the next join asks from here');
  }
});

test('a recovered join adds each missed event once', () => {
  const before = [chat(11, 'a'), gifts(12, 4)].reduce(reduce, fresh());
  const events = [
    gifts(12, 4), // seen
    chat(13, 'b'),
    gifts(14, 4, 5), // an owner may repeat, no screen does
    event(15, 'seats.changed', { seats: [{ no: 2, user: omar }], version: 2, cause: 'taken' }),
    gifts(16, 6),
    chat(17, 'a'), // the same operation
  ];
  const state = reduce(before, joined({ position: { epoch: 5, seq: 17, gift_no: 6 }, recovered: true, events }));
  assert.deepEqual(numbers(state), [4, 5, 6]);
  assert.deepEqual(ops(state), ['a', 'b']);
  assert.equal(state.seats[2].user.id, omar.id);
  assert.deepEqual(state.position, { epoch: 5, seq: 17, gift_no: 6 });
  assert.deepEqual(state.visit, { first: false, recovered: true, events: 6, chat: 1, gifts: 2, seats: 1 });
  assert.equal(reduce(state, chat(17, 'z')), state, 'a replay of what came is nothing new');
  assert.deepEqual(ops(reduce(state, chat(18, 'c'))), ['a', 'b', 'c']);
});

test('a recovered join may be in a new epoch', () => {
  const events = [chat(11, 'a'), event(1, 'chat.posted', { from: omar, op: 'b', text: 'of the new owner' }, 6)];
  const state = reduce(fresh(), joined({ position: { epoch: 6, seq: 1, gift_no: 3 }, recovered: true, events }));
  assert.deepEqual(ops(state), ['a', 'b']);
  assert.deepEqual(ops(reduce(state, event(2, 'chat.posted', { from: omar, op: 'c', text: '' }, 6))), ['a', 'b', 'c']);
});

test('a snapshot keeps known lines, adds new ones, and shows gifts above the own number', () => {
  const before = [chat(11, 'a'), gifts(12, 4)].reduce(reduce, fresh());
  const lines = ['a', 'b'].map((op, at) => ({ op, at: 1011 + at, from: omar, text: op }));
  const reply = {
    position: { epoch: 6, seq: 2, gift_no: 6 },
    recovered: false,
    snapshot: snapshot({ chat: lines, count: 9 }),
    gifts: [gift(4), gift(5), gift(6)],
  };
  const state = reduce({ ...before, gap: true }, joined(reply));
  assert.deepEqual([ops(state), numbers(state)], [['a', 'b'], [4, 5, 6]]);
  assert.deepEqual([state.count, state.gap, state.position.gift_no], [9, false, 6]);
  assert.deepEqual(state.visit, { first: false, recovered: false, events: 0, chat: 1, gifts: 2, seats: null });
});

test('with more_gifts the gifts of later events wait for the pages', () => {
  const reply = { position: { epoch: 6, seq: 2, gift_no: 9 }, recovered: false, snapshot: snapshot(), gifts: [gift(4), gift(5)], more_gifts: true };
  let state = reduce(fresh(), joined(reply));
  assert.deepEqual(numbers(state), [4, 5]);
  assert.equal(state.position.gift_no, 5, 'a cut now asks for the rest again');
  state = reduce(state, { ...gifts(3, 10), epoch: 6 });
  assert.deepEqual(numbers(state), [4, 5], 'number 10 waits');
  assert.equal(state.position.seq, 3);
  state = reduce(state, { room: ROOM, type: 'gifts.page', data: { gifts: [gift(6), gift(7)], more: true } });
  state = reduce(state, { room: ROOM, type: 'gifts.page', data: { gifts: [gift(8), gift(9), gift(10)], more: false } });
  assert.deepEqual(numbers(state), [4, 5, 6, 7, 8, 9, 10]);
  assert.equal(state.catching_up, null);
});

test('a missing gift_no makes the later gift wait for gift.list', () => {
  let state = reduce(fresh(), gifts(11, 6));
  assert.deepEqual(numbers(state), []);
  state = reduce(state, { room: ROOM, type: 'gifts.page', data: { gifts: [gift(4), gift(5)], more: false } });
  assert.deepEqual(numbers(state), [4, 5, 6]);
});

test('the count comes as a signal if there are too many people to name', () => {
  assert.equal(reduce(fresh(), { room: ROOM, type: 'participants.count', data: { count: 812 } }).count, 812);
});
