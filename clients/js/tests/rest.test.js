import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Rest, operation } from '../src/index.js';
import { problem } from './words.js';

test('a problem becomes an error with its code, and a failed connection may be tried again', async () => {
  const asked = (call) => new Rest({ fetch: call }).rooms().catch((error) => [error.code, error.retry]);
  assert.deepEqual(await asked(async () => problem(409, 'account_exists', 'never')), ['account_exists', 'never']);
  const wrong = [{ field: 'name', message: '1 to 60' }];
  const { fields } = await new Rest({ fetch: async () => problem(400, 'bad_request', 'never', { fields: wrong }) }).openRoom({ name: '' }).catch((error) => error);
  assert.deepEqual(fields, wrong);
  assert.deepEqual(await asked(async () => problem(418, 'of_a_newer_server', 'never')), ['of_a_newer_server', 'never']);
  assert.deepEqual(await asked(async () => { throw new TypeError('failed'); }), ['unreachable', 'later']);
  assert.deepEqual(await asked(async () => Response.json({ items: [], next: null })), { items: [], next: null });
});

test('an answer that is not Parlor\'s says its status, is never read, and its wait is kept within a minute', async () => {
  const given = (status, headers) => async () => new Response('<html>FOREIGN', { status, headers: { 'content-type': 'text/html', ...headers } });
  const asked = (...answer) => new Rest({ fetch: given(...answer) }).rooms().catch((error) => error);
  const busy = await asked(503, { 'retry-after': '7' });
  assert.deepEqual([busy.code, busy.retry, busy.status, busy.retry_after_ms], ['unreachable', 'later', 503, 7_000]);
  assert.equal(busy.message, 'something else than Parlor has answered (HTTP 503)');
  assert.equal((await asked(429, { 'retry-after': '86400' })).retry_after_ms, 60_000);
  for (const wait of ['Wed, 21 Oct 2015 07:28:00 GMT', '-5', '1e9', '']) {
    assert.equal((await asked(429, { 'retry-after': wait })).retry_after_ms, undefined, wait);
  }
});

test('a refused token is renewed once and the request is sent again', async () => {
  const seen = [];
  const call = async (_, { headers }) => {
    seen.push(headers.authorization);
    return headers.authorization === 'Bearer new' ? Response.json({ id: 1, name: 'Amira' }) : problem(401, 'token_expired', 'sign_in');
  };
  const rest = new Rest({ fetch: call, token: async ({ stale }) => ({ token: stale ? 'new' : 'old' }) });
  assert.deepEqual(await rest.me(), { id: 1, name: 'Amira' });
  assert.deepEqual(seen, ['Bearer old', 'Bearer new']);
  const stubborn = new Rest({ fetch: call, token: () => 'old' });
  await assert.rejects(stubborn.me(), { code: 'token_expired' });
  assert.equal(seen.length, 3, 'the same token is not sent twice');
});

test('operations are unique and rise with time', () => {
  const made = [1, 2, 3].map((ms) => operation(1_790_000_000_000 + ms));
  assert.deepEqual([...made].sort(), made);
  assert.equal(new Set(made).size, 3);
});
