import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Session, memory, webStorage } from '../src/index.js';
import { problem } from './words.js';
import { Clock, START, settled } from './world.js';

const user = { id: 900_000_001, name: 'Amira' };
const HOLDS_MS = 900_000;

/** A fake server that rotates refresh tokens, and the session of one device. */
function world() {
  const all = { clock: new Clock(), made: 0, refreshes: [], answer: null, signedOut: [] };
  const welcome = () => {
    all.made += 1;
    const expires_at = START + all.clock.elapsed + HOLDS_MS; // the server's clock is right
    return { access_token: `access-${all.made}`, expires_at, expires_in_ms: HOLDS_MS, refresh_token: `refresh-${all.made}`, user };
  };
  all.fetch = async (address, { body, headers }) => {
    if (address.endsWith('/logout')) {
      all.signedOut.push(headers.authorization);
      return new Response(null, { status: 204 });
    }
    if (!address.endsWith('/refresh')) return Response.json(welcome());
    all.refreshes.push(JSON.parse(body).refresh_token);
    return all.answer?.() ?? Response.json(welcome());
  };
  all.storage = memory();
  all.another = () => new Session({ base: 'http://parlor', device: 'test', storage: all.storage, fetch: all.fetch, clock: all.clock, random: () => 1 });
  all.session = all.another();
  return all;
}
const refused = (...what) => () => problem(...what);
const signedIn = async (all = world()) => {
  await all.session.signIn({ login: 'amira@parlor.example', password: 'quiet lantern' });
  return all;
};

test('a token is used until a minute before it expires, then it is renewed and stored', async () => {
  const all = await signedIn();
  assert.deepEqual(await all.session.token(), { token: 'access-1', expires_at: START + 5_000 + HOLDS_MS });
  await all.clock.turn(839_000);
  assert.equal((await all.session.token()).token, 'access-1');
  await all.clock.turn(1_000);
  assert.equal((await all.session.token()).token, 'access-2');
  assert.deepEqual(all.refreshes, ['refresh-1']);
  assert.equal(all.storage.read().refresh_token, 'refresh-2', 'the used one is gone');
});

test('several requests at once cause one renewal', async () => {
  const all = await signedIn();
  await all.clock.turn(850_000);
  const tokens = await Promise.all([1, 2, 3].map(() => all.session.token()));
  assert.deepEqual(tokens.map(({ token }) => token), ['access-2', 'access-2', 'access-2']);
  assert.equal(all.refreshes.length, 1);
});

test('a token that the server refused is renewed even if it has not expired', async () => {
  const all = await signedIn();
  assert.equal((await all.session.token({ stale: 'access-1' })).token, 'access-2');
  assert.equal((await all.session.token({ stale: 'access-1' })).token, 'access-2', 'an older refusal is of no matter');
  assert.equal(all.refreshes.length, 1);
});

test('without an answer the old token is used until it expires, and the same refresh token is sent again', async () => {
  const all = await signedIn();
  all.answer = refused(503, 'busy', 'later');
  await all.clock.turn(850_000);
  assert.equal((await all.session.token()).token, 'access-1');
  await all.clock.turn(60_000);
  await assert.rejects(all.session.token(), { code: 'busy' });
  assert.equal(all.session.user.name, 'Amira', 'nobody is signed out by an overload');
  all.answer = null;
  assert.equal((await all.session.token()).token, 'access-2');
  assert.deepEqual(new Set(all.refreshes), new Set(['refresh-1']));
});

test('a refused refresh token ends the session', async () => {
  const all = await signedIn();
  all.answer = refused(401, 'unauthenticated', 'sign_in');
  await all.clock.turn(850_000);
  await assert.rejects(all.session.token(), { retry: 'sign_in' });
  assert.deepEqual([all.session.user, all.storage.read()], [null, null]);
  await assert.rejects(all.session.token(), { retry: 'sign_in' });
});

test('a stored session is restored, and a renewal by another tab is used', async () => {
  const all = await signedIn();
  const tab = all.another();
  assert.equal((await tab.restore()).name, 'Amira');
  await all.clock.turn(850_000);
  await tab.token();
  assert.equal((await all.session.token()).token, 'access-2');
  assert.equal(all.refreshes.length, 1);
});

test('the signed-in user may get another name, also while a token is renewed', async () => {
  const all = await signedIn();
  const person = { id: user.id, name: 'Amira K', picture: 7 };
  await all.session.changed({ id: 1, name: 'Somebody else' });
  assert.deepEqual(all.session.user, user);
  const renewed = all.session.token({ stale: 'access-1' });
  await all.session.changed(person);
  assert.deepEqual([all.session.user, all.storage.read().user], [person, person]);
  assert.equal((await renewed).token, 'access-2', 'its answer is kept');
  assert.equal(all.storage.read().refresh_token, 'refresh-2');
});

test('signing out forgets the session at once and tells the server with the last token', async () => {
  const all = await signedIn();
  await all.session.signOut();
  assert.deepEqual([all.session.user, all.storage.read()], [null, null]);
  assert.deepEqual(all.signedOut, ['Bearer access-1']);
  await assert.rejects(all.session.token(), { retry: 'sign_in' });
});

test('without refresh tokens the access token is used until the server refuses it', async () => {
  const all = world();
  all.storage.write({ access_token: 'only', expires_at: START + 1_000, user });
  await all.session.restore();
  await all.clock.turn(1_000_000);
  assert.equal((await all.session.token()).token, 'only');
  await assert.rejects(all.session.token({ stale: 'only' }), { retry: 'sign_in' });
});

test('a browser\'s storage holds JSON, and anything else in it means no session', () => {
  const values = new Map();
  const storage = webStorage({
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => values.set(name, value),
    removeItem: (name) => values.delete(name),
  });
  assert.equal(storage.read(), null);
  storage.write({ user });
  assert.deepEqual(storage.read(), { user });
  values.set('parlor.session', '{junk');
  assert.equal(storage.read(), null);
  storage.write(null);
  assert.equal(values.size, 0);
});

test('a device shows at the next sign-in that it was signed in, for the same login only', async () => {
  const logins = [];
  const fetch = async (address, { body }) => {
    if (address.endsWith('/logout')) return new Response(null, { status: 204 });
    logins.push(JSON.parse(body));
    const device_token = `device-${logins.length}`;
    return Response.json({ access_token: 'access', expires_at: START, expires_in_ms: HOLDS_MS, refresh_token: 'refresh', device_token, user });
  };
  const devices = memory();
  const session = () => new Session({ base: 'http://parlor', device: 'test', devices, fetch, clock: new Clock() });
  const first = session();
  await first.register({ email: 'amira@parlor.example', password: 'quiet lantern', name: 'Amira' });
  await first.signOut();
  const again = session();
  await again.signIn({ login: 'omar@parlor.example', password: 'quiet lantern' });
  await again.signIn({ login: 'amira@parlor.example', password: 'quiet lantern' });
  assert.deepEqual(logins.map(({ device_token }) => device_token), [undefined, undefined, 'device-1']);
  assert.equal(await session().deviceToken('amira@parlor.example'), 'device-3');
  for (let number = 0; number < 5; number += 1) await again.signIn({ login: `${number}@parlor.example`, password: 'quiet lantern' });
  assert.equal(await session().deviceToken('amira@parlor.example'), undefined, 'it remembers five');
});
