// deploy/nginx.conf as it is shipped, but for its ports and times: it starts by itself, answers what it must answer in the form
// of the server's own refusals, and a client behind it lives through a restart of the server.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import WebSocket from 'ws';

import { isRefusal } from '../src/answer.js';
import { Client, Rest, Session } from '../src/index.js';
import { codesOf } from '../scripts/types.mjs';
import { PROGRAM, startServer, until } from './program.js';

const read = (path) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const CODES = codesOf(JSON.parse(await read('protocol/schema/parlor.v1.schema.json')));
const NGINX = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'].map((folder) => join(folder, 'nginx')).find(existsSync);
const skip = NGINX ? false : 'nginx is not installed';

/** A port that nobody listens on. */
async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts nginx with the shipped file. `replaced` are texts of the file, each of which must be there once. */
async function startNginx(t, replaced, compose) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-nginx-'));
  await chmod(folder, 0o755);
  const port = await freePort();
  let conf = await read('deploy/nginx.conf');
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  const changes = { 'listen 80;': `listen 127.0.0.1:${port};`, 'http {': `http {\naccess_log off;\n${folders.join('\n')}`, ...replaced };
  for (const [text, other] of Object.entries(changes)) {
    assert.equal(conf.split(text).length, 2, `once in nginx.conf: ${text}`);
    conf = conf.replace(text, other);
  }
  await writeFile(join(folder, 'nginx.conf'), conf);
  if (compose) {
    await mkdir(join(folder, 'parlor.d'));
    await writeFile(join(folder, 'parlor.d', 'compose.conf'), await read('deploy/nginx.compose.conf'));
  }
  const own = `daemon off; pid ${folder}/pid;`;
  const child = spawn(NGINX, ['-e', `${folder}/error.log`, '-p', folder, '-c', join(folder, 'nginx.conf'), '-g', own], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  child.stderr.on('data', (chunk) => said.push(String(chunk)));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  await until(() => new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => (socket.destroy(), resolve()));
    socket.on('error', () => reject(new Error(`nginx does not listen: ${said.join('')}`)));
  }));
  return { port, base: `http://127.0.0.1:${port}` };
}

/** Writes to nginx as nobody's client would, and reads until the connection ends. */
function raw(port, text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    const end = () => {
      socket.destroy();
      const [head, body = ''] = answer.split('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1]), type: /content-type: (.*)/i.exec(head)?.[1], body });
    };
    socket.on('error', reject).on('close', end).on('data', (chunk) => {
      answer += chunk;
      const [head, body] = answer.split('\r\n\r\n');
      if (body?.length >= Number(/content-length: (\d+)/i.exec(head)?.[1])) end();
    });
  });
}

function isProblem({ status, type, body }, wanted, code) {
  assert.deepEqual([status, type], [wanted, 'application/problem+json'], body);
  const problem = JSON.parse(body);
  assert.ok(isRefusal(problem, status) && CODES.has(problem.code), body);
  assert.equal(problem.code, code);
}

const seen = async (answer) => ({ status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() });

test('nginx starts by itself, and while the server is away it says busy', { skip, timeout: 60_000 }, async (t) => {
  const { base, port } = await startNginx(t, { '127.0.0.1:8080': `127.0.0.1:${await freePort()}` });
  for (const [method, path] of [['GET', '/healthz'], ['POST', '/v1/auth/refresh'], ['GET', '/v1/rooms'], ['DELETE', '/v1/me/sessions']]) {
    const answer = await fetch(base + path, { method });
    assert.equal(answer.headers.get('retry-after'), '2');
    isProblem(await seen(answer), 503, 'busy');
  }
  const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  const handshake = raw(port, `GET /v1/socket HTTP/1.1\r\nhost: x\r\n${upgrade}\r\n`);
  await assert.rejects(new Rest({ base }).gifts(), { code: 'busy', retry: 'later', retry_after_ms: 2_000, status: 503 });
  isProblem(await handshake, 503, 'busy');
});

test('nginx starts by itself where the server is known by a name, as in compose.yaml', { skip, timeout: 60_000 }, async (t) => {
  const { base } = await startNginx(t, {}, true);
  isProblem(await seen(await fetch(`${base}/healthz`)), 503, 'busy');
  const compose = await read('compose.yaml');
  assert.match(compose, /\.\/deploy\/nginx\.conf:\/etc\/nginx\/nginx\.conf:ro/);
  assert.match(compose, /\.\/deploy\/nginx\.compose\.conf:\/etc\/nginx\/parlor\.d\/compose\.conf:ro/);
  assert.match(await read('deploy/nginx.compose.conf'), /set \$parlor parlor:8080;/);
});

test('what nginx refuses by itself is a problem with a stable code', { skip, timeout: 60_000 }, async (t) => {
  const silent = net.createServer((socket) => socket.on('error', () => {}));
  await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const { port, base } = await startNginx(t, {
    '127.0.0.1:8080': `127.0.0.1:${silent.address().port}`,
    'proxy_read_timeout 60s;': 'proxy_read_timeout 1s;',
    'client_body_timeout 20s;': 'client_body_timeout 1s;',
  });
  isProblem(await seen(await fetch(`${base}/v1/rooms`)), 503, 'timeout'); // the server does not answer
  isProblem(await raw(port, `POST /v1/uploads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${12 << 20}\r\n\r\n`), 413, 'too_large');
  isProblem(await raw(port, `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`), 400, 'bad_request');
  isProblem(await raw(port, 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n'), 400, 'bad_request'); // no host
  isProblem(await raw(port, `GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`), 400, 'bad_request');
  isProblem(await raw(port, 'TRACE / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), 405, 'method_not_allowed');
  isProblem(await seen(await fetch(`${base}/.problem/busy`)), 404, 'not_found');
  const slow = await raw(port, 'POST /v1/rooms HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{"name"');
  if (slow.body) isProblem(slow, 503, 'timeout');
  else assert.equal(slow.type, undefined, 'closed without a word');
});

test('docs/proxies.md says what nginx.conf answers to each status', async () => {
  const [conf, page] = await Promise.all([read('deploy/nginx.conf'), read('docs/proxies.md')]);
  const told = {};
  for (const [, statuses, status, code, seconds] of page.matchAll(/^\| ([\d, ]+) \| (\d+) `(\w+)`(?:, `Retry-After: (\d+)`)?/gm)) {
    for (const one of statuses.split(', ')) told[one] = [status, code, seconds];
  }
  const done = {};
  for (const [, statuses, as, code] of conf.matchAll(/^ *error_page ([\d ]+?)(?: =(\d+))? \/\.problem\/(\w+);$/gm)) {
    const [, block] = new RegExp(`location = /\\.problem/${code} \\{([^}]*)`).exec(conf);
    const [, status] = /return (\d+) /.exec(block);
    for (const one of statuses.split(' ')) {
      assert.equal(as ?? one, status, `error_page ${one}`);
      done[one] = [status, code, /Retry-After (\d+)/.exec(block)?.[1]];
    }
  }
  assert.ok(Object.keys(done).length > 10);
  assert.deepEqual(told, done);
});

test('the times and sizes of nginx.conf fit the server\'s settings', async () => {
  const [conf, settings] = await Promise.all([read('deploy/nginx.conf'), read('docs/settings.md')]);
  const setting = (name) => Number(new RegExp(`\\| \`${name}\` \\| \`(\\d+)\``).exec(settings)[1]);
  const seconds = (name) => [...conf.matchAll(new RegExp(`\\b${name} (\\d+)s;`, 'g'))].map(([, value]) => Number(value) * 1_000);
  assert.ok(seconds('keepalive_timeout')[0] < setting('gateway.keep_alive_ms'), 'nginx gives up an idle connection before the server does');
  const [request, socket] = seconds('proxy_read_timeout');
  assert.ok(request > setting('http.timeout_ms') && socket > setting('gateway.silence_ms'));
  assert.ok(Number(/client_max_body_size (\d+)m;/.exec(conf)[1]) * (1 << 20) > setting('media.proof_bytes'));
});

test('a client behind nginx lives through a restart of the server', { skip: skip || (PROGRAM ? false : 'no server was built: set PARLOR_BIN'), timeout: 240_000 }, async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'parlor-'));
  t.after(() => rm(data, { recursive: true, force: true }));
  const port = await freePort();
  const { base } = await startNginx(t, { '127.0.0.1:8080': `127.0.0.1:${port}` });
  let server = await startServer({ port, data });
  t.after(() => server.stop());
  const session = new Session({ base, device: 'behind-nginx' });
  await session.signIn({ login: 'demo1@parlor.example', password: 'parlor-demo' });
  const client = new Client({ base, device: 'behind-nginx', token: session.token, WebSocket, settings: { backoff_ms: 100, backoff_max_ms: 500 } });
  t.after(() => client.close());
  const stopped = [];
  const removed = [];
  client.on('state', (state) => state.phase === 'stopped' && stopped.push(state));
  client.on('removed', (removal) => removed.push(removal));
  const { id: room } = await client.rest.openRoom({ name: 'Behind nginx', seats: 8 });
  await client.join(room);
  await client.command('seat.take', { room, seat: 0 });
  const { token } = await session.token();
  await server.stop();
  await until(() => assert.equal(client.state.phase, 'waiting'));
  for (let time = 0; time < 5; time++) {
    const error = await session.token({ stale: token }).catch((error) => error);
    assert.deepEqual([error.code, error.retry, error.status], ['busy', 'later', 503]);
    assert.doesNotMatch(error.message, /html|nginx/i);
    assert.equal(session.user.name, 'Amira');
  }
  const line = client.command('chat.send', { room, text: 'said while it was away' });
  server = await startServer({ port, data });
  await line;
  await until(() => assert.equal(client.room(room).chat.at(-1).text, 'said while it was away'));
  assert.equal(client.room(room).seats[0].user.id, session.user.id, 'the seat waited');
  assert.deepEqual([stopped, removed], [[], []]);
  assert.notEqual((await session.token({ stale: token })).token, token);
});
