// Who answers is not always who was asked. Every status, content type, body and break that a captive portal, balancer or proxy
// can give, for each call of the client: nobody is signed out, no room is forgotten, no foreign text gets into a message, and
// when the way is free again, the client goes on with what it had.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';

import { Client, ParlorError, Rest, Session, memory } from '../src/index.js';
import { FOREIGN, PEOPLE, ROOM, startFaithful, startMiddlebox } from './middlebox.js';
import { until } from './program.js';

const TIMEOUT = { timeout: 240_000 };
let server;
let box;
before(async () => {
  server = await startFaithful();
  box = await startMiddlebox(server.port);
});
after(() => {
  box.stop();
  server.stop();
});

// -- what may come

const STATUSES = [
  200, 201, 202, 203, 204, 206, 300, 304, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 413, 418, 421, 422, 425, 429, 431, 451, 499,
  500, 502, 503, 504, 511, 520, 530,
];
const TYPES = [undefined, 'text/html; charset=utf-8', 'application/json', 'application/problem+json'];
const problem = (status, more) => JSON.stringify({ type: 'about:blank', title: FOREIGN, detail: FOREIGN, status, ...more });
const BODIES = {
  nothing: () => '',
  html: () => `<!doctype html><title>${FOREIGN}</title><p>${FOREIGN}`,
  'some json': (status) => ['{}', '[]', 'null', '7', '"x"', `{"access_token":"${FOREIGN}"`][status % 6],
  'half a welcome': () => JSON.stringify({ access_token: FOREIGN, refresh_token: FOREIGN, token: '', items: {}, id: 'x', user: null }),
  'a code alone': () => JSON.stringify({ code: 'unauthenticated', retry: 'sign_in', message: FOREIGN, detail: FOREIGN }),
  'somebody else\'s problem': (status) => problem(status, { code: 'room_not_found', retry: 'never' }),
  'a problem of another answer': (status) => problem(status === 401 ? 403 : 401, { type: 'urn:parlor:error:unauthenticated', code: 'unauthenticated', retry: 'sign_in' }),
};
/** The breaks of a connection: each gets the request and the response, of which `socket` is the raw connection. */
const BREAKS = {
  'a reset': (_, { socket }) => socket.resetAndDestroy(),
  'an end without an answer': (_, { socket }) => socket.end(),
  'half a head': (_, { socket }) => socket.end('HTTP/1.1 200 OK\r\ncontent-ty'),
  'no HTTP at all': (_, { socket }) => socket.end(`${FOREIGN} 220 mail.example ESMTP\r\n`),
  'half a body': (_, { socket }) => socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"access_token":"${FOREIGN}`),
  'a torn chunk': (_, { socket }) => socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"access_token":"${FOREIGN}`),
  'junk as gzip': (_, response) => response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(FOREIGN),
  'another protocol': (_, { socket }) => socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  silence: () => {},
  'a head and silence': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders(),
  'a body that never ends': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  },
};

// -- each call

const path = (method, pattern) => (request) => request.method === method && pattern.test(request.url);
const rest = (name, method, pattern, ...given) => ({
  name,
  on: path(method, pattern),
  nothing: ['logout', 'endSession', 'endOtherSessions', 'followRoom', 'unfollowRoom'].includes(name),
  run: async (base, { answer_ms }) => {
    const client = new Rest({ base, token: () => server.grant().access_token, answer_ms });
    await isLater(client[name](...given));
  },
});
const CALLS = [
  {
    name: 'the refresh of a session',
    on: path('POST', /refresh$/),
    run: async (base, { answer_ms, lift }) => {
      const granted = server.grant();
      const storage = memory();
      storage.write(granted);
      const session = new Session({ base, device: 'phone', storage, answer_ms });
      await session.restore();
      await isLater(session.token({ stale: granted.access_token }));
      assert.equal(session.user.id, PEOPLE.id, 'still signed in');
      assert.equal(storage.read().refresh_token, granted.refresh_token, 'nothing was stored over the token');
      assert.equal((await session.token()).token, granted.access_token, 'the old token serves to its end');
      if (!server.holds(granted.refresh_token)) return; // the break came behind the server
      lift();
      assert.match((await session.token({ stale: granted.access_token })).token, /^access-/);
      assert.notEqual(storage.read().refresh_token, granted.refresh_token);
    },
  },
  ...['signIn', 'register'].map((name) => ({
    name,
    on: path('POST', /(login|register)$/),
    run: async (base, { answer_ms }) => {
      const storage = memory();
      const session = new Session({ base, device: 'phone', storage, answer_ms });
      await isLater(session[name]({ login: 'a@parlor.example', password: 'quiet lantern' }));
      assert.deepEqual([session.user, storage.read()], [null, null]);
    },
  })),
  {
    name: 'signOut',
    on: path('POST', /logout$/),
    nothing: true,
    run: async (base, { answer_ms }) => {
      const storage = memory();
      storage.write(server.grant());
      const session = new Session({ base, device: 'phone', storage, answer_ms });
      await session.restore();
      await session.signOut();
      assert.deepEqual([session.user, storage.read()], [null, null]);
    },
  },
  rest('me', 'GET', /me$/),
  rest('changeMe', 'PATCH', /me$/, { name: 'Amira' }),
  rest('sessions', 'GET', /sessions$/),
  rest('endSession', 'DELETE', /sessions/, 'session-1'),
  rest('endOtherSessions', 'DELETE', /sessions$/),
  rest('users', 'GET', /users/, 'a'),
  rest('openRoom', 'POST', /rooms$/, { name: 'Evening' }),
  rest('rooms', 'GET', /rooms/),
  rest('room', 'GET', /rooms/, ROOM.id),
  rest('roomToken', 'POST', /token$/, ROOM.id),
  rest('ownRooms', 'GET', /me\/rooms/),
  rest('followedRooms', 'GET', /followed/),
  rest('recentRooms', 'GET', /recent/),
  rest('adminRooms', 'GET', /admin/),
  rest('followRoom', 'PUT', /follow$/, ROOM.id),
  rest('unfollowRoom', 'DELETE', /follow$/, ROOM.id),
  rest('setPrivacy', 'PUT', /privacy$/, ROOM.id, { version: 1, privacy: 'hidden' }),
  rest('makeLink', 'POST', /links$/, ROOM.id),
  rest('reopenRoom', 'DELETE', /closing$/, ROOM.id),
  rest('bans', 'GET', /bans/, ROOM.id),
  rest('mutes', 'GET', /mutes/, ROOM.id),
  rest('gifts', 'GET', /gifts$/),
  rest('wallet', 'GET', /wallet$/),
  rest('entries', 'GET', /entries/),
];

async function isLater(promise) {
  const error = await promise.then((data) => assert.fail(`it was taken for an answer: ${JSON.stringify(data)}`), (error) => error);
  if (error.code === 'ERR_ASSERTION') throw error;
  assert.ok(error instanceof ParlorError, String(error));
  assert.deepEqual([error.code, error.retry], ['unreachable', 'later']);
  assert.ok(!`${error.message}${JSON.stringify(error)}`.includes(FOREIGN), error.message);
}

/** Runs all cases, some at a time. What fails is named by its case. */
async function all(cases, at_once = 16) {
  const queue = cases.entries();
  await Promise.all(Array.from({ length: at_once }, async () => {
    for (const [, { name, run }] of queue) {
      await run().catch((error) => {
        error.message = `${name}: ${error.message}`;
        throw error;
      });
    }
  }));
}

let number = 0;
/** A case of a call: the middlebox answers it by `answer` until it is lifted. */
const caseOf = (call, name, answer, answer_ms = 30_000) => ({
  name: `${call.name}, answered with ${name}`,
  run: async () => {
    const rule = { on: call.on, answer };
    const base = box.case(`${(number += 1)}`, rule);
    await call.run(base, { answer_ms, lift: () => (rule.on = undefined) });
    assert.ok(rule.answered > 0, 'the middlebox was asked');
  },
});

const answers = STATUSES.flatMap((status) => TYPES.flatMap((type) => Object.entries(BODIES).map(([name, body]) => ({ status, type, name, body }))));

for (const call of CALLS) {
  test(`${call.name}: no status, content type and body of somebody else's is taken for Parlor's`, TIMEOUT, async () => {
    // An empty 202 or 204 is what Parlor itself answers to these calls, so nobody can tell who has sent it.
    const alike = ({ status, type, name }) => call.nothing && (status === 202 || status === 204) && !type && (name === 'nothing' || status === 204);
    const cases = answers.filter((one) => !alike(one)).map(({ status, type, name, body }) =>
      caseOf(call, `${status} ${type} ${name}`, (_, response) => {
        response.writeHead(status, type ? { 'content-type': type } : {}).end(body(status));
      }));
    assert.ok(cases.length > 900);
    await all(cases);
  });

  test(`${call.name}: no break of the connection is final`, TIMEOUT, async () => {
    await all(Object.entries(BREAKS).map(([name, answer]) => caseOf(call, name, answer, /silence|ends/.test(name) ? 300 : undefined)));
  });
}

test('a redirect is not followed, so no token goes to an address that nobody has given', TIMEOUT, async () => {
  let asked = 0;
  const portal = http.createServer((_, response) => {
    asked += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...server.grant(), ...ROOM, items: [] }));
  });
  await new Promise((resolve) => portal.listen(0, '127.0.0.1', resolve));
  const location = `http://127.0.0.1:${portal.address().port}/login`;
  await all(CALLS.flatMap((call) => [301, 302, 303, 307, 308].map((status) =>
    caseOf(call, String(status), (_, response) => response.writeHead(status, { location }).end(FOREIGN)))));
  portal.close();
  assert.equal(asked, 0);
});

test('only a refusal of Parlor\'s own ends a session', async () => {
  const ends = { unauthenticated: [401, 'sign_in'], suspended: [403, 'never'], bad_request: [400, 'never'] };
  const stays = { busy: [503, 'later'], rate_limited: [429, 'later'], internal: [500, 'later'], not_found: [404, 'never'], forbidden: [403, 'never'], code_of_tomorrow: [410, 'sign_in'] };
  for (const [code, [status, retry]] of Object.entries({ ...ends, ...stays })) {
    const body = problem(status, { type: `urn:parlor:error:${code}`, code, retry });
    const rule = { on: path('POST', /refresh$/), answer: (_, response) => response.writeHead(status, { 'content-type': 'application/problem+json' }).end(body) };
    const base = box.case(`own-${code}`, rule);
    const granted = server.grant();
    const storage = memory();
    storage.write(granted);
    const session = new Session({ base, device: 'phone', storage });
    await session.restore();
    const error = await session.token({ stale: granted.access_token }).catch((error) => error);
    assert.deepEqual([error.code, error.retry], [code, code in ends ? 'sign_in' : 'later'], code);
    assert.deepEqual([Boolean(session.user), Boolean(storage.read())], [code in stays, code in stays], code);
  }
});

test('a refresh that is answered with another user\'s session, as by a wrong cache, is nobody\'s', async () => {
  const other = { ...server.grant(), user: { id: 900_000_002, name: 'Omar' } };
  const rule = { on: path('POST', /refresh$/), answer: (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(other)) };
  const granted = server.grant();
  const storage = memory();
  storage.write(granted);
  const session = new Session({ base: box.case('cache', rule), device: 'phone', storage });
  await session.restore();
  await isLater(session.token({ stale: granted.access_token }));
  assert.deepEqual([session.user.id, storage.read().refresh_token], [PEOPLE.id, granted.refresh_token]);
});

// -- a client in a room

/** A client that is in a room, and loses its socket when the middlebox begins to answer. `patience_ms` if it is silent. */
async function inRoom(rule, patience_ms = 30_000) {
  const active = {};
  const base = box.case(`${(number += 1)}`, active);
  const session = new Session({ base, device: 'phone' });
  await session.signIn({ login: 'a@parlor.example', password: 'quiet lantern' });
  const settings = { backoff_ms: 5, backoff_max_ms: 20, connect_ms: patience_ms, answer_ms: patience_ms };
  const client = new Client({ base, device: 'phone', token: session.token, WebSocket, settings });
  const seen = { stopped: [], removed: [], online: 0 };
  client.on('removed', (removal) => seen.removed.push(removal));
  client.on('state', (state) => (state.phase === 'stopped' ? seen.stopped.push(state) : (seen.online += state.phase === 'online')));
  await client.join(ROOM.id);
  Object.assign(active, rule);
  client.cut();
  return { client, session, seen, rule: active };
}

/** Its way is blocked some times, then it is free again. */
async function goesOn(one, times, blocked = async () => {}) {
  try {
    await blocked();
    await isBack(one, times);
  } finally {
    one.client.close();
  }
}

async function isBack({ client, session, seen, rule }, times) {
  await until(() => assert.ok(rule.answered >= times, `answered ${rule.answered} times`), 20_000);
  Object.assign(rule, { on: undefined, handshake: undefined });
  await until(() => assert.equal(client.state.phase, 'online'), 20_000);
  const before = seen.online;
  const { position } = client.room(ROOM.id);
  assert.deepEqual(position, { epoch: 5, seq: 10, gift_no: 3 }, 'the room was not forgotten');
  await client.command('chat.send', { room: ROOM.id, text: 'I am here' }); // it waits until the room is joined again
  assert.deepEqual([seen.stopped, seen.removed, session.user?.id], [[], [], PEOPLE.id]);
  assert.ok(before >= 2);
}

test('a room whose token somebody else refuses is not forgotten, and does not keep the socket away', TIMEOUT, async () => {
  const some = answers.filter(({ status, name }) => [200, 204, 401, 403, 404, 410, 429, 451, 503, 511].includes(status) && ['html', 'a code alone', 'somebody else\'s problem'].includes(name));
  const cases = some.map(({ status, type, name, body }) => ({
    name: `the room token, answered with ${status} ${type} ${name}`,
    run: async () => {
      const answer = (_, response) => response.writeHead(status, type ? { 'content-type': type } : {}).end(body(status));
      const one = await inRoom({ on: path('POST', /token$/), answer });
      await goesOn(one, 2, () => until(() => assert.equal(one.client.state.phase, 'online'), 20_000));
    },
  }));
  const broken = Object.entries(BREAKS).map(([name, answer]) => ({
    name: `the room token, ${name}`,
    run: async () => goesOn(await inRoom({ on: path('POST', /token$/), answer }, /silence|ends/.test(name) ? 500 : undefined), 2),
  }));
  await all([...cases, ...broken], 8);
});

const accept = (request) => createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const upgraded = (request, ...lines) => ['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: upgrade', `sec-websocket-accept: ${accept(request)}`, ...lines, '', ''].join('\r\n');
const speaks = 'sec-websocket-protocol: parlor.v1.json';
/** A short frame of a server: text, or a close with a code. */
const frame = (opcode, payload) => (payload.length < 126 ? Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]) : Buffer.concat([Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 255]), payload]));
const text = (words) => frame(1, Buffer.from(words));
const closing = (code) => frame(8, Buffer.from([code >> 8, code & 255]));

test('no answer to a handshake and no foreign socket stops the client', TIMEOUT, async () => {
  const handshakes = {};
  for (const status of STATUSES) {
    for (const name of ['html', 'a code alone', 'somebody else\'s problem']) {
      handshakes[`${status} ${name}`] = (_, socket) => {
        const body = BODIES[name](status);
        socket.end(`HTTP/1.1 ${status} X\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      };
    }
  }
  for (const status of [301, 302, 303, 307, 308]) {
    handshakes[`${status} elsewhere`] = (_, socket) => socket.end(`HTTP/1.1 ${status} X\r\nlocation: http://127.0.0.1:1/login\r\n\r\n`);
  }
  for (const name of ['a reset', 'an end without an answer', 'half a head', 'no HTTP at all', 'silence']) {
    handshakes[name] = (request, socket) => BREAKS[name](request, { socket });
  }
  handshakes['a wrong key'] = (request, socket) => socket.write(upgraded(request, speaks).replace(accept(request), 'x'));
  handshakes['no subprotocol'] = (request, socket) => socket.write(upgraded(request));
  handshakes['another subprotocol'] = (request, socket) => socket.write(upgraded(request, 'sec-websocket-protocol: graphql-ws'));
  handshakes['a silent socket'] = (request, socket) => socket.write(upgraded(request, speaks));
  for (const code of [1000, 1001, 1002, 1008, 1011, 1012, 1013, 3000, 4000, 4401, 4500, 4501, 4502, 4503, 4504, 4505, 4999]) {
    handshakes[`a close with ${code}`] = (request, socket) => {
      socket.write(upgraded(request, speaks));
      socket.end(closing(code));
    };
  }
  const foreign = [FOREIGN, '<html>', 'null', '7', '"x"', '[]', '{}', '{"id":1}', '{"id":1,"data":{}}', '{"id":1,"data":null}', '{"id":1,"error":"no"}',
    '{"id":1,"error":{"code":"blocked"}}', '{"id":1,"error":{"retry":"never"}}', `{"id":1,"error":{"code":7,"retry":"never","message":"${FOREIGN}"}}`,
    '{"type":"closing"}', '{"type":"closing","data":{"reason":"x"}}', '{"user":1}', '{"room":1,"type":7}', '{"id":1,"data":{"session":"s","user":{"id":"1"}}}'];
  for (const words of foreign) {
    handshakes[`the words ${words}`] = (request, socket) => {
      socket.write(upgraded(request, speaks));
      socket.once('data', () => socket.end(Buffer.concat([text(words), closing(4503)])));
    };
  }
  await all(Object.entries(handshakes).map(([name, handshake]) => ({
    name: `a handshake, answered with ${name}`,
    run: async () => goesOn(await inRoom({ handshake }, /silen|words/.test(name) ? 500 : undefined), 2),
  })), 16);
});
