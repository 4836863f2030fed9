import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ParlorError, backoff, comesBack } from '../src/index.js';
import { FakeSocket, JOINED, START, back, inRoom, settled, still, world } from './world.js';
import { ROOM, amira, chat, gift, gifts, numbers, ops, snapshot } from './words.js';

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

test('commands given while away wait for the room and are sent once, in order', async () => {
  const all = await inRoom();
  all.client.cut(10_000);
  const [a, b] = ['a', 'b'].map((text) => all.client.command('chat.send', { room: ROOM, text }));
  await back(all, still);
  const lines = all.socket().sent.filter((frame) => frame.type === 'chat.send');
  assert.deepEqual(lines.map((frame) => frame.data.text), ['a'], 'the second follows the answer to the first');
  all.socket().give({ id: lines[0].id, data: { epoch: 5, seq: 11 } });
  await a;
  await settled();
  assert.equal(all.socket().last('chat.send').data.text, 'b');
  all.socket().give({ id: all.socket().last('chat.send').id, data: { epoch: 5, seq: 12 } });
  await b;
});

test('retry now sends again at once, later after its time, both with the same operation; never is final', async () => {
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

test('a command gives up after some refusals and names its operation, so that it can be sent again', async () => {
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
  for (let at = 0; at < 7; at++) all.client.command('people.list', { room: ROOM, after: at });
  await settled();
  const sent = () => all.socket().sent.filter((frame) => frame.type === 'people.list');
  assert.equal(sent().length, 4);
  all.socket().give({ id: sent()[0].id, data: {} });
  await settled();
  assert.deepEqual(sent().map((frame) => frame.data.after), [0, 1, 2, 3, 4]);
});

test('after a gap the client joins again with the position and drops what comes meanwhile', async () => {
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

test('the client comes back later when the server refuses new sockets, by the handshake or by connect', async () => {
  const all = await inRoom();
  const { clock, sockets } = all;
  // Before the load: the socket is lost. Then a handshake that is answered 503, of which a page sees 1006 alone.
  all.socket().end(1006);
  await clock.turn(500);
  assert.equal(sockets.length, 2);
  all.socket().end(1006);
  assert.equal(all.client.state.phase, 'waiting');
  await clock.turn(999);
  assert.equal(sockets.length, 2, 'not before the second back-off');
  await clock.turn(1);
  // One that goes through, and hears it from connect.
  all.socket().onopen();
  all.socket().give({ id: all.socket().last('connect').id, error: { code: 'busy', retry: 'later', retry_after_ms: 5_000 } });
  all.socket().give({ type: 'closing', data: { code: 4004, reason: 'busy' } });
  all.socket().end(4004);
  assert.deepEqual([all.client.state.phase, all.client.state.reason], ['waiting', 'busy']);
  await clock.turn(5_000 + 2_000 - 1);
  assert.equal(sockets.length, 3, 'not before the server\'s time and the third back-off');
  await back(all, still);
  assert.equal(sockets.length, 4);
  assert.equal(all.client.state.phase, 'online');
  assert.equal(comesBack(4004), true);
});

test('an expired session stops the client; connecting again continues with position and waiting commands', async () => {
  let expired = false;
  const all = await inRoom({
    token: async () => {
      if (expired) throw new ParlorError({ code: 'token_expired', retry: 'sign_in' });
      return 'access';
    },
  });
  expired = true;
  all.socket().end(4501);
  await all.clock.turn(1_000);
  assert.deepEqual([all.client.state.phase, all.client.state.reason], ['stopped', 'sign_in']);
  all.client.command('chat.send', { room: ROOM, text: 'kept' });
  expired = false;
  const returned = back(all, still);
  all.client.connect();
  await returned;
  assert.equal(all.socket().last('chat.send').data.text, 'kept');
});

test('a refused token is replaced once, then the user must sign in', async () => {
  const asked = [];
  const all = await inRoom({ token: async ({ stale }) => (asked.push(stale), stale ? 'renewed' : 'access') });
  all.socket().end(4501);
  await all.clock.turn(1_000);
  assert.deepEqual(asked, [undefined, 'access']);
  all.socket().onopen();
  const first = all.socket().last('connect');
  assert.equal(first.data.token, 'renewed');
  all.socket().give({ id: first.id, error: { code: 'unauthenticated', retry: 'sign_in' } });
  await all.clock.turn(60_000);
  assert.deepEqual([all.client.state.phase, all.client.state.reason], ['stopped', 'sign_in']);
  assert.equal(all.sockets.length, 2);
});

test('the open socket gets a new token a minute before the old one expires', async () => {
  const tokens = [];
  const all = await inRoom({
    settings: { silence_ms: 1e9, reply_ms: 1e9 },
    token: async ({ stale }) => {
      if (!tokens.length || stale) tokens.push(`token-${tokens.length + 1}`);
      return tokens.at(-1);
    },
  });
  await all.clock.turn(839_000);
  assert.equal(all.socket().last('session.refresh'), undefined);
  await all.clock.turn(1_000);
  const refresh = all.socket().last('session.refresh');
  assert.deepEqual(refresh.data, { token: 'token-2' });
  all.socket().give({ id: refresh.id, data: { expires_at: START + 1_740_000 } });
  assert.equal(all.client.state.phase, 'online');
  assert.equal(all.sockets.length, 1);
  await all.clock.turn(900_000);
  assert.deepEqual(all.socket().last('session.refresh').data, { token: 'token-3' });
});

test('the back-off doubles, has jitter and a maximum, and is reset by a socket that stayed open', async () => {
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

test('a cut client stays away as long as asked and ignores the old socket', async () => {
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

test('after silence, or a reply that never comes, the client reconnects', async () => {
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

test('a join is tried again if it may be, else it is reported and forgotten', async () => {
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

test('close rejects waiting commands and does not reconnect', async () => {
  const all = await inRoom();
  const waiting = all.client.command('chat.send', { room: ROOM, text: 'x' });
  all.client.cut(1_000);
  all.client.close();
  await assert.rejects(waiting, { code: 'closed' });
  await all.clock.turn(100_000);
  assert.equal(all.sockets.length, 1);
  assert.equal(all.clock.timers.length, 0);
});

test('the notice that the session expires makes the client send a new token once', async () => {
  const all = await inRoom({ token: async ({ stale }) => (stale ? `after ${stale}` : 'access') });
  all.socket().give({ type: 'session_expiring', data: { expires_at: 1 } });
  all.socket().give({ type: 'session_expiring', data: { expires_at: 1 } });
  await settled();
  assert.deepEqual(all.socket().sent.filter((frame) => frame.type === 'session.refresh').map((frame) => frame.data), [{ token: 'after access' }]);
});

test('a session that was ended elsewhere stops the client, which asks for no token', async () => {
  for (const code of [4503, 4505]) {
    const all = await inRoom();
    all.socket().give({ type: 'closing', data: { code, reason: 'signed_out' } });
    all.socket().end(code);
    assert.deepEqual([all.client.state.phase, all.client.state.reason, all.client.state.code], ['stopped', 'sign_in', code]);
  }
});

test('each line and each gift is reported once, over gaps and resumes, and none of a first visit', async () => {
  const all = await inRoom();
  const told = [];
  all.client.on('chat', ({ line }) => told.push(line.op));
  all.client.on('gift', ({ gift: { gift_no } }) => told.push(gift_no));
  all.socket().give(chat(11, 'a'));
  all.socket().give(gifts(12, 4));
  all.socket().end();
  const events = [chat(11, 'a'), gifts(12, 4), chat(13, 'b'), gifts(14, 5)];
  await back(all, { data: { room: ROOM, position: { epoch: 5, seq: 14, gift_no: 5 }, recovered: true, events } });
  assert.deepEqual(told, ['a', 4, 'b', 5]);
});

test('a loop reads events in order, ends with the client, and fails rather than lose one', async () => {
  const all = await inRoom();
  const lines = all.client.events('chat');
  const all_of = (async () => {
    const seen = [];
    for await (const { line } of lines) seen.push(line.op);
    return seen;
  })();
  for (const [at, op] of ['a', 'b', 'c'].entries()) all.socket().give(chat(11 + at, op));
  await settled();
  const slow = all.client.events('balances');
  for (let at = 0; at <= 10_000; at++) {
    all.socket().give({ user: amira.id, type: 'balance.changed', data: { currency: 'coin', amount: at, version: 10 + at } });
  }
  for (let at = 0; at < 10_000; at++) await slow.next();
  await assert.rejects(slow.next(), /10000 events of balances wait/);
  all.client.close();
  assert.deepEqual(await all_of, ['a', 'b', 'c']);
  const stop = new AbortController();
  const aborted = all.client.events('state', { signal: stop.signal }).next();
  stop.abort();
  assert.equal((await aborted).done, true);
});

test('leave tells the server, and the room is not joined again', async () => {
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

test('a WebSocket constructor that throws does not leave the client connecting for ever', async () => {
  let broken = true;
  class Throws extends FakeSocket {
    constructor(...given) {
      if (broken) throw Object.assign(new Error('no sockets left'), { name: 'QuotaExceededError' });
      super(...given);
    }
  }
  const all = world({ WebSocket: Throws });
  const ready = all.client.join(ROOM);
  await settled();
  assert.deepEqual([all.client.state.phase, all.client.state.reason, all.client.state.error.message], ['waiting', 'no_socket', 'no sockets left']);
  await all.clock.turn(500);
  assert.deepEqual([all.client.state.phase, all.client.state.attempt], ['waiting', 2], 'it tried again, and waits longer');
  broken = false;
  await back(all, { data: JOINED });
  assert.equal((await ready).room, ROOM);

  const url = 'no address at all';
  const never = world({ url, WebSocket: class { constructor() { throw new SyntaxError(`invalid URL: ${url}`); } } });
  never.client.connect();
  await settled();
  assert.deepEqual([never.client.state.phase, never.client.state.reason], ['stopped', 'bad_url'], 'it will never be one');
  assert.equal(never.clock.timers.length, 0);
});

test('without any WebSocket connect throws at once, where the mistake was made', () => {
  const kept = globalThis.WebSocket;
  delete globalThis.WebSocket;
  try {
    assert.throws(() => world({ WebSocket: undefined }).client.connect(), /there is no WebSocket here/);
  } finally {
    if (kept) globalThis.WebSocket = kept;
  }
});

test('a source of tokens that never answers, throws or gives nothing is asked again', async () => {
  for (const source of [() => new Promise(() => {}), () => { throw new Error('no'); }, () => undefined, () => ({}), () => '']) {
    let asked = 0;
    const all = world({ token: (...given) => ((asked += 1), asked === 1 ? source() : `good ${given.length}`) });
    all.client.connect();
    await all.clock.turn(45_000);
    assert.equal(all.socket().url, 'ws://parlor.example/v1/socket', String(source));
    assert.ok(asked >= 2);
  }
});

test('lines leave in the order of the taps, whatever the first of them waits for', async () => {
  const all = await inRoom();
  const taken = [];
  /** The server takes what has come; the answer to each command is chosen by `answer`. */
  const serve = async (answer) => {
    await settled();
    for (const frame of all.socket().sent.filter(({ type, id }) => type === 'chat.send' && !served.has(`${all.sockets.length} ${id}`))) {
      served.add(`${all.sockets.length} ${frame.id}`);
      const error = answer(frame);
      if (!error) taken.push(frame.data.text);
      all.socket().give(error ? { id: frame.id, error } : { id: frame.id, data: { epoch: 5, seq: 11 } });
    }
    await settled();
  };
  const served = new Set();
  const say = (text) => all.client.command('chat.send', { room: ROOM, text });
  const lines = ['0', '1', '2'].map(say);
  lines[2].catch(() => {}); // it is given up below
  await serve(() => undefined);
  await serve(({ data }) => (data.text === '1' ? { code: 'rate_limited', retry: 'later', retry_after_ms: 3_000 } : undefined));
  lines.push(...['3', '4'].map(say));
  await serve(() => undefined);
  assert.deepEqual(taken, ['0'], 'all wait behind the one that was refused');
  const gift = all.client.command('gift.send', { room: ROOM, gift: 1, count: 1, to: 'all_seats' });
  const seat = all.client.command('seat.take', { room: ROOM, seat: 1 });
  await settled();
  for (const type of ['gift.send', 'seat.take']) all.socket().give({ id: all.socket().last(type).id, data: {} });
  await Promise.all([gift, seat]); // no gift and no seat waits because of too many lines
  await all.clock.turn(3_000);
  await serve(() => undefined);
  await serve(({ data }) => (data.text === '2' ? { code: 'internal', retry: 'now' } : undefined));
  await all.clock.turn(0);
  await serve(({ data }) => (data.text === '2' ? { code: 'forbidden', retry: 'never' } : undefined));
  assert.equal((await lines[2].catch((error) => error)).code, 'forbidden');
  // '3' is on its way when the socket is lost, and '5' is given while there is none.
  await settled();
  assert.equal(all.socket().last('chat.send').data.text, '3');
  all.client.cut(1_000);
  lines.push(say('5'));
  await back(all, still);
  for (let round = 0; round < 4; round++) await serve(() => undefined);
  await Promise.all(lines.toSpliced(2, 1));
  assert.deepEqual(taken, ['0', '1', '3', '4', '5']);
});

test('a line that comes again after a crash of the server, hundreds of lines later, is shown and told once', async () => {
  const all = await inRoom();
  const told = [];
  all.client.on('chat', ({ line }) => told.push(line.op));
  for (let at = 0; at < 900; at++) all.socket().give(chat(11 + at, `op-${at}`));
  all.socket().end();
  const lines = ['op-0', 'op-1', 'op-899'].map((op) => ({ op, at: 5_000, from: amira, text: op }));
  await back(all, { data: { room: ROOM, position: { epoch: 6, seq: 1, gift_no: 3 }, recovered: false, snapshot: snapshot({ chat: lines }) } });
  all.socket().give({ ...chat(2, 'op-2'), epoch: 6 });
  all.socket().give({ ...chat(3, 'new'), epoch: 6 });
  assert.equal(told.length, 901);
  assert.equal(new Set(told).size, 901);
  assert.equal(told.at(-1), 'new');
  const shown = ops(all.client.room(ROOM));
  assert.equal(new Set(shown).size, shown.length);
});

test('the lines of a snapshot come behind those that are known, whatever the server\'s clock says', async () => {
  const all = await inRoom();
  all.socket().give({ ...chat(11, 'before'), at: 9_000_000 });
  all.socket().end();
  const lines = [{ op: 'before', at: 9_000_000, from: amira, text: 'x' }, { op: 'after', at: 2_000, from: amira, text: 'y' }];
  await back(all, { data: { room: ROOM, position: { epoch: 6, seq: 1, gift_no: 3 }, recovered: false, snapshot: snapshot({ chat: lines }) } });
  assert.deepEqual(ops(all.client.room(ROOM)), ['before', 'after']);
});

test('a resume that another device\'s newer choice forbids is told once and not tried again', async () => {
  const all = await inRoom();
  all.socket().end();
  await back(all, { error: { code: 'joined_elsewhere', retry: 'never' } });
  assert.deepEqual(all.seen.removed.map(({ room, cause }) => [room, cause]), [[ROOM, 'joined_elsewhere']]);
  await all.clock.turn(30_000);
  assert.equal(all.socket().last('room.join'), undefined);
  all.client.join(ROOM);
  await settled();
  assert.equal(all.socket().last('room.join').data.position, undefined, 'the user\'s own choice has no position');
});

test('joining another room is leaving the first, also for this client', async () => {
  const all = await inRoom();
  const other = all.client.join(ROOM + 1);
  await settled();
  all.socket().give({ id: all.socket().last('room.join').id, data: { ...JOINED, room: ROOM + 1, snapshot: snapshot() } });
  await other;
  assert.equal(all.client.room(ROOM), undefined);
  assert.deepEqual(all.seen.removed, [{ room: ROOM, cause: 'joined_elsewhere' }]);
});
