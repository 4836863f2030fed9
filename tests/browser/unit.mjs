// The playground's client without a browser: `node --test unit.mjs`. A fake WebSocket and a clock that is turned by
// hand stand for the world; nothing here sleeps.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, ParlorError, Rest, backoff, comesBack, emptyRoom, operation, reduce } from '../../playground/client.js';

const ROOM = 104_233_871;
const [amira, omar, lina] = [
  { id: 900_000_001, name: 'Amira' },
  { id: 900_000_002, name: 'Omar' },
  { id: 900_000_003, name: 'Lina' },
];

const event = (seq, type, data, epoch = 5) => ({ room: ROOM, epoch, seq, at: 1000 + seq, type, data });
const chat = (seq, op, text = `line ${op}`) => event(seq, 'chat.posted', { from: omar, op, text });
const gift = (gift_no) => ({ gift_no, receipt: 7000 + gift_no, at: 2000, from: omar, to: [amira], gift: 1, count: 1, total: 1 });
const gifts = (seq, ...numbers) => event(seq, 'gifts.sent', { gifts: numbers.map(gift), coins: numbers.at(-1) });
const snapshot = (more = {}) => ({
  room: { id: ROOM, name: 'Evening', owner: amira, seats: 5 },
  own: { role: 'owner' },
  seats: [0, 1, 2, 3, 4].map((no) => ({ no })),
  seat_version: 1,
  count: 2,
  people: [amira, omar],
  chat: [],
  coins: 0,
  ...more,
});
const joined = (data) => ({ room: ROOM, type: 'joined', data: { room: ROOM, ...data } });
const fresh = (seq = 10, gift_no = 3, more) =>
  reduce(emptyRoom(ROOM), joined({ position: { epoch: 5, seq, gift_no }, recovered: false, snapshot: snapshot(more) }));
const numbers = (state) => state.gifts.map((line) => line.gift_no);
const ops = (state) => state.chat.filter((line) => line.op).map((line) => line.op);

function frozen(value) {
  if (value && typeof value === 'object') Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

// ------------------------------------------------------------------------------------------ the reducer

test('a first visit shows the snapshot and no old gift', () => {
  const state = fresh();
  assert.equal(state.card.name, 'Evening');
  assert.deepEqual(state.position, { epoch: 5, seq: 10, gift_no: 3 });
  assert.deepEqual([state.seats.length, state.people.length, state.gifts.length], [5, 2, 0]);
  assert.equal(state.visit.first, true);
});

test('events apply in their order and the state given is not changed', () => {
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

test('an event at or below the position, or of an older epoch, changes nothing', () => {
  const state = fresh();
  for (const frame of [chat(10, 'x'), chat(3, 'x'), event(11, 'chat.posted', { from: omar, op: 'x', text: '' }, 4)]) {
    assert.equal(reduce(state, frame), state);
  }
  assert.equal(reduce(state, { ...chat(11, 'x'), room: 1 }), state, 'nor one of another room');
  assert.equal(reduce(emptyRoom(ROOM), chat(1, 'x')).chat.length, 0, 'nor one before the join');
});

test('a hole in seq, or a new epoch, is a gap and nothing behind it is shown', () => {
  for (const first of [chat(12, 'b'), event(1, 'chat.posted', { from: omar, op: 'b', text: '' }, 6)]) {
    const state = [first, chat(11, 'a'), chat(12, 'c')].reduce(reduce, fresh());
    assert.equal(state.gap, true);
    assert.deepEqual(ops(state), []);
    assert.deepEqual(state.position, { epoch: 5, seq: 10, gift_no: 3 }, 'the next join asks from here');
  }
});

test('a recovered join brings each missed thing once', () => {
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

test('a recovered join may stand in a new epoch', () => {
  const events = [chat(11, 'a'), event(1, 'chat.posted', { from: omar, op: 'b', text: 'of the new owner' }, 6)];
  const state = reduce(fresh(), joined({ position: { epoch: 6, seq: 1, gift_no: 3 }, recovered: true, events }));
  assert.deepEqual(ops(state), ['a', 'b']);
  assert.deepEqual(ops(reduce(state, event(2, 'chat.posted', { from: omar, op: 'c', text: '' }, 6))), ['a', 'b', 'c']);
});

test('a snapshot keeps the lines that were there, adds the new ones, and shows gifts above the own number', () => {
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

test('a hole in gift_no makes the later gift wait for gift.list', () => {
  let state = reduce(fresh(), gifts(11, 6));
  assert.deepEqual(numbers(state), []);
  state = reduce(state, { room: ROOM, type: 'gifts.page', data: { gifts: [gift(4), gift(5)], more: false } });
  assert.deepEqual(numbers(state), [4, 5, 6]);
});

test('a count comes as a signal where people are too many to name', () => {
  assert.equal(reduce(fresh(), { room: ROOM, type: 'participants.count', data: { count: 812 } }).count, 812);
});

// ------------------------------------------------------------------------------------------- the client

class Clock {
  time = 1_790_000_000_000;
  timers = [];
  now = () => this.time;
  after = (ms, call) => {
    const timer = { at: this.time + ms, call };
    this.timers.push(timer);
    return timer;
  };
  stop = (timer) => {
    this.timers = this.timers.filter((other) => other !== timer);
  };

  async turn(ms) {
    const end = this.time + ms;
    for (;;) {
      await settled();
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.stop(next);
      this.time = Math.max(this.time, next.at);
      next.call();
    }
    this.time = end;
    await settled();
  }
}

/** Every promise that can go on has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

class FakeSocket {
  static all = [];
  sent = [];
  closed = null;

  constructor(url, protocol) {
    Object.assign(this, { url, protocol });
    FakeSocket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code, reason) {
    this.closed = { code, reason };
  }

  // The server's side.
  give(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  end(code = 1006, reason = '') {
    this.onclose?.({ code, reason });
  }

  last(type) {
    return this.sent.findLast((frame) => frame.type === type);
  }
}

const connectedData = (joins) => ({
  session: 's',
  user: amira,
  time: 0,
  ping_ms: 25_000,
  limits: { message_bytes: 65_536, text_chars: 2_000, unanswered_commands: 4, outbox_bytes: 1, grace_ms: 30_000 },
  balances: [{ currency: 'coin', amount: 100, xp: 0, version: 5, exponent: 0 }],
  joins,
});

function world(options = {}) {
  FakeSocket.all = [];
  const clock = new Clock();
  const seen = { states: [], removed: [], refused: [], tokens: 0 };
  const client = new Client({
    url: 'ws://parlor.example/v1/socket',
    device: 'test',
    accessToken: async () => 'access',
    roomToken: async () => `room-${(seen.tokens += 1)}`,
    WebSocket: FakeSocket,
    clock,
    random: () => 1,
    ...options,
  });
  client.on('state', (state) => seen.states.push(state.phase));
  client.on('removed', (removal) => seen.removed.push(removal));
  client.on('refused', (refusal) => seen.refused.push(refusal));
  return { client, clock, seen, sockets: FakeSocket.all, socket: () => FakeSocket.all.at(-1) };
}

const JOINED = { room: ROOM, position: { epoch: 5, seq: 10, gift_no: 3 }, recovered: false, snapshot: snapshot() };

async function inRoom(options) {
  const all = world(options);
  const ready = all.client.join(ROOM);
  await settled();
  all.socket().onopen();
  all.socket().give({ id: all.socket().last('connect').id, data: connectedData([{ data: JOINED }]) });
  await ready;
  return all;
}

/** The next socket opens and its connect is answered with this join. */
async function back({ socket, sockets, clock }, data) {
  await settled();
  for (const before = sockets.length; sockets.length === before; ) await clock.turn(100);
  socket().onopen();
  socket().give({ id: socket().last('connect').id, data: connectedData([data]) });
  await settled();
}

const still = { data: { room: ROOM, position: JOINED.position, recovered: true } };

test('connect carries token, device and joins in its first frame', async () => {
  const { socket } = await inRoom();
  assert.equal(socket().protocol, 'parlor.v1.json');
  const first = socket().sent[0];
  assert.equal(first.type, 'connect');
  assert.deepEqual([first.data.token, first.data.device], ['access', 'test']);
  assert.deepEqual(first.data.joins, [{ room: ROOM, token: 'room-1' }], 'no position on a first visit');
  assert.equal(first.op, undefined);
});

test('a ping is answered with a pong, which has no id', async () => {
  const { socket } = await inRoom();
  socket().give({ type: 'ping' });
  assert.deepEqual(socket().sent.at(-1), { type: 'pong' });
});

test('a lost socket comes back with a new room token and the position of what was shown', async () => {
  const all = await inRoom();
  all.socket().give(chat(11, 'a'));
  all.socket().give(gifts(12, 4));
  all.socket().end();
  assert.equal(all.client.state.phase, 'waiting');
  const events = [chat(13, 'b'), gifts(14, 5)];
  await back(all, { data: { room: ROOM, position: { epoch: 5, seq: 14, gift_no: 5 }, recovered: true, events } });
  const [join] = all.socket().sent[0].data.joins;
  assert.deepEqual(join, { room: ROOM, token: 'room-2', position: { epoch: 5, seq: 12, gift_no: 4 } });
  const state = all.client.room(ROOM);
  assert.deepEqual([ops(state), numbers(state)], [['a', 'b'], [4, 5]]);
});

test('a command whose answer was lost is sent again with the same operation', async () => {
  const all = await inRoom();
  const sent = all.client.command('gift.send', { room: ROOM, gift: 1, count: 1, to: 'all_seats' });
  await settled();
  const first = all.socket().last('gift.send');
  assert.match(first.op, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  all.socket().end();
  await back(all, still);
  const second = all.socket().last('gift.send');
  assert.equal(second.op, first.op);
  assert.notEqual(second.id, first.id);
  all.socket().give({ id: second.id, data: { receipt: 9, gift_no: 4, replayed: true } });
  assert.equal((await sent).receipt, 9);
});

test('what is asked while away waits for the room and is sent once, in order', async () => {
  const all = await inRoom();
  all.client.cut(10_000);
  const [a, b] = ['a', 'b'].map((text) => all.client.command('chat.send', { room: ROOM, text }));
  await back(all, still);
  const lines = all.socket().sent.filter((frame) => frame.type === 'chat.send');
  assert.deepEqual(lines.map((frame) => frame.data.text), ['a', 'b']);
  for (const line of lines) all.socket().give({ id: line.id, data: { epoch: 5, seq: 11 } });
  await Promise.all([a, b]);
});

test('retry now goes at once, later after its time, both with the same operation; never is final', async () => {
  const all = await inRoom();
  const { client, clock } = all;
  const refuse = (code, retry, retry_after_ms) => {
    const frame = all.socket().last('chat.send');
    all.socket().give({ id: frame.id, error: { code, retry, retry_after_ms } });
    return frame;
  };
  const done = client.command('chat.send', { room: ROOM, text: 'hello' }).catch((error) => error);
  await settled();
  const count = () => all.socket().sent.filter((frame) => frame.type === 'chat.send').length;
  const { op } = refuse('internal', 'now');
  await clock.turn(0);
  assert.equal(count(), 2);
  refuse('busy', 'later', 3_000);
  await clock.turn(2_999);
  assert.equal(count(), 2, 'not before its time');
  await clock.turn(1);
  assert.equal(count(), 3);
  assert.equal(refuse('forbidden', 'never').op, op);
  const error = await done;
  assert.ok(error instanceof ParlorError);
  assert.deepEqual([error.code, error.op], ['forbidden', op]);
  await clock.turn(20_000);
  assert.equal(count(), 3);
});

test('a command gives up after so many refusals and names its operation, so that it can be asked again', async () => {
  const all = await inRoom({ settings: { tries: 3 } });
  const done = all.client.command('chat.send', { room: ROOM, text: 'x' }).catch((error) => error);
  for (let time = 0; time < 3; time++) {
    await settled();
    all.socket().give({ id: all.socket().last('chat.send').id, error: { code: 'busy', retry: 'later', retry_after_ms: 500 } });
    await all.clock.turn(5_000);
  }
  const { op } = await done;
  all.client.command('chat.send', { room: ROOM, text: 'x' }, { op });
  await settled();
  assert.equal(all.socket().last('chat.send').op, op);
});

test('no more commands are unanswered than the server allows', async () => {
  const all = await inRoom();
  for (let at = 0; at < 7; at++) all.client.command('chat.send', { room: ROOM, text: `${at}` });
  await settled();
  const sent = () => all.socket().sent.filter((frame) => frame.type === 'chat.send');
  assert.equal(sent().length, 4);
  all.socket().give({ id: sent()[0].id, data: {} });
  await settled();
  assert.deepEqual(sent().map((frame) => frame.data.text), ['0', '1', '2', '3', '4']);
});

test('a gap joins again with the position and drops what comes meanwhile', async () => {
  const all = await inRoom();
  all.socket().give(chat(11, 'a'));
  all.socket().give(chat(13, 'c'));
  await settled();
  const join = all.socket().last('room.join');
  assert.deepEqual(join.data, { room: ROOM, token: 'room-2', position: { epoch: 5, seq: 11, gift_no: 3 } });
  all.socket().give(chat(14, 'd'));
  const events = [chat(12, 'b'), chat(13, 'c'), chat(14, 'd')];
  all.socket().give({ id: join.id, data: { room: ROOM, position: { epoch: 5, seq: 14, gift_no: 3 }, recovered: true, events } });
  all.socket().give(chat(15, 'e')); // right behind the reply
  assert.deepEqual(ops(all.client.room(ROOM)), ['a', 'b', 'c', 'd', 'e']);
  assert.equal(all.sockets.length, 1, 'the socket stays');
});

test('resync joins again; a kick ends the room and not the socket', async () => {
  const all = await inRoom();
  all.socket().give({ user: amira.id, type: 'room.removed', data: { room: ROOM, cause: 'resync' } });
  await settled();
  const join = all.socket().last('room.join');
  all.socket().give({ id: join.id, data: still.data });
  all.socket().give({ user: amira.id, type: 'room.removed', data: { room: ROOM, cause: 'kicked', until: 5 } });
  assert.deepEqual(all.seen.removed, [{ room: ROOM, cause: 'kicked', until: 5 }]);
  assert.equal(all.client.room(ROOM), undefined);
  assert.equal(all.client.state.phase, 'online');
});

test('more_gifts pages through gift.list before later gifts are shown', async () => {
  const all = await inRoom();
  all.socket().end();
  await back(all, {
    data: { room: ROOM, position: { epoch: 6, seq: 1, gift_no: 7 }, recovered: false, snapshot: snapshot(), gifts: [gift(4)], more_gifts: true },
  });
  assert.deepEqual(all.socket().last('gift.list').data, { room: ROOM, after: 4 });
  all.socket().give({ ...gifts(2, 8), epoch: 6 });
  all.socket().give({ id: all.socket().last('gift.list').id, data: { gifts: [gift(5), gift(6)], more: true } });
  assert.deepEqual(all.socket().last('gift.list').data, { room: ROOM, after: 6 });
  all.socket().give({ id: all.socket().last('gift.list').id, data: { gifts: [gift(7)], more: false } });
  assert.deepEqual(numbers(all.client.room(ROOM)), [4, 5, 6, 7, 8]);
  assert.equal(all.socket().sent.filter((frame) => frame.type === 'gift.list').length, 2);
});

test('codes 4000 to 4499 come back, after the time that the notice says; 4500 to 4999 do not', async () => {
  for (const [code, returns] of [[4000, true], [4001, true], [4499, true], [1006, true], [1001, true], [4500, false], [4502, false], [4999, false]]) {
    assert.equal(comesBack(code), returns, String(code));
    const all = await inRoom();
    const sockets = all.sockets.length;
    all.socket().give({ type: 'closing', data: { code, reason: 'why', after_ms: 3_000 } });
    all.socket().end(1006); // the code itself may be lost; the notice said it
    assert.equal(all.client.state.phase, returns ? 'waiting' : 'stopped', String(code));
    assert.equal(all.client.state.reason, 'why');
    await all.clock.turn(3_000);
    assert.equal(all.sockets.length, sockets, 'not before after_ms');
    await all.clock.turn(60_000);
    assert.equal(all.sockets.length > sockets, returns, String(code));
  }
});

test('an expired sign-in stops; connecting again goes on with position and waiting commands', async () => {
  let expired = false;
  const all = await inRoom({
    accessToken: async () => {
      if (expired) throw new ParlorError({ code: 'token_expired', retry: 'sign_in' });
      return 'access';
    },
  });
  expired = true;
  all.socket().end(4501);
  assert.deepEqual([all.client.state.phase, all.client.state.reason], ['stopped', 'sign_in']);
  all.client.command('chat.send', { room: ROOM, text: 'kept' });
  expired = false;
  const returned = back(all, still);
  all.client.connect();
  await returned;
  assert.equal(all.socket().last('chat.send').data.text, 'kept');
});

test('the back-off doubles, has jitter and a ceiling, and begins anew after a socket that lived', async () => {
  assert.deepEqual([0, 1, 2, 3, 20].map((attempt) => backoff(attempt, undefined, () => 1)), [500, 1000, 2000, 4000, 20_000]);
  assert.deepEqual([0, 20].map((attempt) => backoff(attempt, undefined, () => 0)), [250, 10_000]);
  const all = await inRoom();
  const { clock, sockets } = all;
  all.socket().end();
  for (const wait of [500, 1000, 2000, 4000]) {
    const before = sockets.length;
    await clock.turn(wait - 1);
    assert.equal(sockets.length, before, `not before ${wait}`);
    await clock.turn(1);
    assert.equal(sockets.length, before + 1);
    all.socket().end();
  }
  await back(all, still);
  await clock.turn(15_000);
  all.socket().end();
  assert.equal(all.client.state.until - clock.now(), 500);
});

test('a cut stays away as long as asked and hears nothing of the old socket', async () => {
  const all = await inRoom();
  const old = all.socket();
  all.client.cut(10_000);
  assert.notEqual(old.closed.code, 1000, 'one does not leave');
  old.give(chat(11, 'unheard'));
  assert.deepEqual(ops(all.client.room(ROOM)), []);
  all.client.wake();
  await all.clock.turn(9_999);
  assert.equal(all.sockets.length, 1);
  await all.clock.turn(1);
  assert.equal(all.sockets.length, 2);
});

test('silence and an answer that never comes end the socket and it comes back', async () => {
  for (const wait of ['silence', 'reply']) {
    const all = await inRoom({ settings: wait === 'reply' ? { silence_ms: 1e9 } : {} });
    if (wait === 'reply') all.client.command('chat.send', { room: ROOM, text: 'x' });
    await all.clock.turn(wait === 'reply' ? 19_999 : 44_999);
    assert.equal(all.client.state.phase, 'online');
    await all.clock.turn(1);
    assert.equal(all.client.state.phase, 'waiting');
    await back(all, still);
    assert.equal(all.client.state.phase, 'online');
  }
});

test('a join that may be tried again is; one that may not is told and forgotten', async () => {
  const all = await inRoom();
  all.socket().end();
  await back(all, { error: { code: 'room_paused', retry: 'later', retry_after_ms: 500 } });
  assert.equal(all.seen.refused.length, 1);
  await all.clock.turn(500);
  all.socket().give({ id: all.socket().last('room.join').id, error: { code: 'room_token_invalid', retry: 'never' } });
  await all.clock.turn(1_000);
  assert.equal(all.socket().last('room.join').data.token, 'room-4', 'a new token was asked for');
  const waiting = all.client.command('chat.send', { room: ROOM, text: 'x' }).catch((error) => error.code);
  all.socket().give({ id: all.socket().last('room.join').id, error: { code: 'kicked', retry: 'never', until: 9 } });
  assert.equal(all.seen.removed[0].cause, 'kicked');
  await settled();
  all.socket().give({ id: all.socket().last('chat.send').id, error: { code: 'not_in_room', retry: 'never' } });
  assert.equal(await waiting, 'not_in_room');
  await assert.rejects(all.client.command('chat.send', { room: ROOM, text: 'x'.repeat(70_000) }), { code: 'too_large' });
});

test('an older balance is not shown over a newer one', async () => {
  const { client, socket } = await inRoom();
  const tell = (amount, version) => socket().give({ user: amira.id, type: 'balance.changed', data: { currency: 'coin', amount, version } });
  tell(90, 7);
  tell(95, 6);
  assert.deepEqual(client.balances, [{ currency: 'coin', amount: 90, xp: 0, version: 7, exponent: 0 }]);
});

test('close rejects what waits and nothing comes back', async () => {
  const all = await inRoom();
  const waiting = all.client.command('chat.send', { room: ROOM, text: 'x' });
  all.client.cut(1_000);
  all.client.close();
  await assert.rejects(waiting, { code: 'closed' });
  await all.clock.turn(100_000);
  assert.equal(all.sockets.length, 1);
  assert.equal(all.clock.timers.length, 0);
});

test('leaving is said to the server and the room does not come back', async () => {
  const all = await inRoom();
  const left = all.client.leave(ROOM);
  await settled();
  all.socket().give({ id: all.socket().last('room.leave').id, data: {} });
  await left;
  all.socket().end();
  await all.clock.turn(60_000);
  all.socket().onopen();
  assert.equal(all.socket().last('connect').data.joins, undefined);
});

// ------------------------------------------------------------------------------------------------ REST

test('a problem is an error with its code, and a dead network may be tried again', async () => {
  const answer = (status, body) => async () => new Response(body, { status });
  const asked = (call) => new Rest({ fetch: call }).rooms().catch((error) => [error.code, error.retry]);
  assert.deepEqual(await asked(answer(409, '{"code":"account_exists","retry":"never"}')), ['account_exists', 'never']);
  const problem = '{"type":"urn:parlor:error:bad_request","code":"bad_request","retry":"never","errors":[{"field":"name","message":"1 to 60"}]}';
  const { fields } = await new Rest({ fetch: answer(400, problem) }).openRoom({ name: '' }).catch((error) => error);
  assert.deepEqual(fields, [{ field: 'name', message: '1 to 60' }]);
  assert.deepEqual(await asked(answer(401, '')), ['http_401', 'sign_in']);
  assert.deepEqual(await asked(answer(502, '<html>')), ['http_502', 'later']);
  assert.deepEqual(await asked(async () => { throw new TypeError('failed'); }), ['unreachable', 'later']);
  assert.deepEqual(await asked(answer(200, '{"items":[],"next":null}')), { items: [], next: null });
});

test('operations are unique and rise with time', () => {
  const made = [1, 2, 3].map((ms) => operation(1_790_000_000_000 + ms));
  assert.deepEqual([...made].sort(), made);
  assert.equal(new Set(made).size, 3);
});
