import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Rest, operation } from '../src/index.js';

test('a problem becomes an error with its code, and a failed connection may be tried again', async () => {
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

test('a refused token is renewed once and the request is sent again', async () => {
  const seen = [];
  const call = async (_, { headers }) => {
    seen.push(headers.authorization);
    return headers.authorization === 'Bearer new' ? new Response('{"id":1}') : new Response('{"code":"token_expired","retry":"sign_in"}', { status: 401 });
  };
  const rest = new Rest({ fetch: call, token: async ({ stale }) => ({ token: stale ? 'new' : 'old' }) });
  assert.deepEqual(await rest.me(), { id: 1 });
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
