// The device's time of day is a minute, fourteen minutes or a day wrong, from the start, from some moment on, over a restart,
// or again and again. Nothing may depend on it: no token is renewed without end, nobody is signed out.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Session, memory } from '../src/index.js';
import { ROOM, chat } from './words.js';
import { Clock, START, back, connectedData, inRoom, settled, still } from './world.js';

const MINUTE = 60_000;
const HOLDS_MS = 15 * MINUTE;
const WRONG = [MINUTE, 14 * MINUTE, 24 * 60 * MINUTE].flatMap((ms) => [ms, -ms]);
const user = { id: 900_000_001, name: 'Amira' };

/** A server whose clock is right, and the sessions of one device. */
function world(wrong_ms) {
  const clock = new Clock();
  clock.time += wrong_ms;
  const all = { clock, refreshes: 0, issued: new Map(), storage: memory() };
  const welcome = () => {
    const access_token = `access-${all.issued.size}`;
    all.issued.set(access_token, clock.elapsed + HOLDS_MS);
    const expires_at = START + clock.elapsed + HOLDS_MS;
    return Response.json({ access_token, expires_at, expires_in_ms: HOLDS_MS, refresh_token: `refresh-${all.issued.size}`, user });
  };
  const call = async (address) => {
    if (address.endsWith('/refresh')) all.refreshes += 1;
    return welcome();
  };
  all.start = () => (all.session = new Session({ base: 'http://parlor', device: 'phone', storage: all.storage, fetch: call, clock }));
  all.start();
  /** What a request does: it asks for a token, and if the server refuses that, for another one. */
  all.request = async () => {
    const accepts = (token) => all.issued.get(token) > clock.elapsed;
    const { token } = await all.session.token();
    const other = accepts(token) ? token : (await all.session.token({ stale: token })).token;
    assert.ok(accepts(other), 'the server accepts the token');
  };
  return all;
}

const HAPPENS = {
  'from the start': () => {},
  'after ten minutes': (all, minute, wrong) => minute === 10 && (all.clock.time += wrong),
  'again and again': (all, minute, wrong) => minute % 3 === 0 && (all.clock.time += minute % 2 ? wrong : -wrong),
  'over a restart': async (all, minute, wrong) => {
    if (minute !== 10 && minute !== 50) return;
    all.clock.time += minute === 10 ? wrong : -wrong;
    all.start();
    assert.equal((await all.session.restore()).id, user.id);
  },
};

for (const [when, happens] of Object.entries(HAPPENS)) {
  test(`a session lasts with few renewals while the time of day is wrong ${when}`, async () => {
    for (const wrong of WRONG) {
      const all = world(when === 'from the start' ? wrong : 0);
      await all.session.signIn({ login: 'amira@parlor.example', password: 'quiet lantern' });
      for (let minute = 0; minute < 120; minute++) {
        await happens(all, minute, wrong);
        await all.request();
        await all.clock.turn(MINUTE);
      }
      assert.equal(all.session.user?.id, user.id);
      // One every fourteen minutes, and one more after each restart, when only the server knows how old the token is.
      assert.ok(all.refreshes >= 7 && all.refreshes <= 11, `${wrong} ms wrong: ${all.refreshes} renewals in two hours`);
    }
  });
}

test('a token of a session that was stored without its age is used until the server refuses it', async () => {
  const all = world(0);
  await all.session.signIn({ login: 'amira@parlor.example', password: 'quiet lantern' });
  const { expires_in_ms, received_at, ...older } = all.storage.read();
  assert.deepEqual([expires_in_ms, received_at], [HOLDS_MS, START]);
  all.storage.write(older);
  all.start();
  await all.session.restore();
  for (let minute = 0; minute < 30; minute++) {
    await all.request();
    await all.clock.turn(MINUTE);
  }
  assert.equal(all.refreshes, 2);
});

test('an open socket gets its new token by the server\'s time, and `time` is that time', async () => {
  for (const wrong of [0, ...WRONG]) {
    let made = 0;
    const all = await inRoom({ settings: { silence_ms: 1e9, reply_ms: 1e9 }, token: async ({ stale }) => (stale ? `token-${(made += 1)}` : `token-${made}`) });
    all.clock.time += wrong;
    await all.clock.turn(839_000);
    all.clock.time -= 3 * wrong;
    assert.equal(all.socket().last('session.refresh'), undefined, `${wrong}`);
    await all.clock.turn(1_000);
    const asked = all.socket().last('session.refresh');
    assert.deepEqual(asked.data, { token: 'token-1' }, `${wrong}`);
    assert.equal(all.client.time, START + 840_000);
    all.socket().give({ id: asked.id, data: { expires_at: START + 840_000 + 900_000 } });
    await all.clock.turn(839_000);
    assert.deepEqual([made, all.client.state.phase], [1, 'online'], 'one renewal, not one a second');
  }
});

test('a token that holds for less than two minutes is renewed at its half, not without end', async () => {
  let made = 0;
  const all = await inRoom({ settings: { silence_ms: 1e9 }, token: async ({ stale }) => (stale ? `token-${(made += 1)}` : `token-${made}`) });
  all.socket().end();
  await settled();
  for (const before = all.sockets.length; all.sockets.length === before; ) await all.clock.turn(100);
  all.socket().onopen();
  const connected = { ...connectedData([still]), expires_at: START + 40_000 };
  all.socket().give({ id: all.socket().last('connect').id, data: connected });
  await all.clock.turn(19_900);
  assert.equal(all.socket().last('session.refresh'), undefined);
  await all.clock.turn(200);
  assert.equal(all.socket().last('session.refresh').data.token, 'token-1');
});

test('waits are counted in ticks: a time of day that jumps neither shortens nor prolongs them', async () => {
  for (const wrong of WRONG) {
    const all = await inRoom();
    await all.clock.turn(9_000);
    all.clock.time += wrong;
    all.socket().end(); // not stable yet: the back-off goes on
    await all.clock.turn(499);
    assert.equal(all.sockets.length, 1);
    await all.clock.turn(1);
    assert.equal(all.sockets.length, 2);
    all.socket().end();
    await all.clock.turn(999);
    assert.equal(all.sockets.length, 2, 'the second wait is the longer one');
    await back(all, still);
    const line = all.client.command('chat.send', { room: ROOM, text: 'x' });
    await settled();
    const first = all.socket().last('chat.send');
    all.socket().give({ id: first.id, error: { code: 'rate_limited', retry: 'later', retry_after_ms: 4_000 } });
    await settled();
    all.clock.time -= wrong;
    await all.clock.turn(3_999);
    assert.equal(all.socket().last('chat.send').id, first.id);
    await all.clock.turn(1);
    const second = all.socket().last('chat.send');
    assert.deepEqual([second.op, second.id !== first.id], [first.op, true]);
    all.socket().give({ id: second.id, data: { epoch: 5, seq: 11 } });
    await line;
    all.socket().give(chat(11, second.op));
    assert.equal(all.client.room(ROOM).chat.length, 1);
  }
});
