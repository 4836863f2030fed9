// A small server that answers as Parlor does, and a middlebox in front of it. The middlebox passes on what it is not told to
// answer itself; each case has an address of its own, `<origin>/case/<name>`, so that many run at once.

import http from 'node:http';
import net from 'node:net';
import { WebSocketServer } from 'ws';

import { snapshot } from './words.js';

export const PEOPLE = { id: 900_000_001, name: 'Amira' };
export const ROOM = { id: 104_233_871, name: 'Evening', seats: 8, owner: PEOPLE };
/** A word of every foreign body, which no message may repeat. */
export const FOREIGN = 'CAPTIVE-PORTAL';

const HOUR = 3_600_000;
const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

/** Answers sessions, rooms and sockets like the server: a refresh token works once, and using it again ends its session. */
export async function startFaithful() {
  const access = new Map(); // token -> session
  const refresh = new Map(); // token -> {session, used}
  const ended = new Set();
  let made = 0;
  const grant = (session = `session-${(made += 1)}`) => {
    made += 1;
    const [access_token, refresh_token] = [`access-${made}`, `refresh-${made}`];
    access.set(access_token, session);
    refresh.set(refresh_token, { session, used: false });
    return { access_token, expires_at: Date.now() + HOUR, expires_in_ms: HOUR, refresh_token, refresh_expires_at: Date.now() + 9 * HOUR, user: PEOPLE };
  };
  const json = (response, status, data) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(data));
  const problem = (response, status, code, retry) => {
    const body = { type: `urn:parlor:error:${code}`, title: code, status, code, retry };
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
  };
  const known = (token) => access.has(token) && !ended.has(access.get(token));

  const server = http.createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const path = request.url.split('?')[0];
    const asked = `${request.method} ${path.replace(/\d{3,}|session-\d+/, '{id}')}`;
    if (asked === 'POST /v1/auth/login') return json(response, 200, grant());
    if (asked === 'POST /v1/auth/register') return json(response, 201, grant());
    if (asked === 'POST /v1/auth/refresh') {
      const old = refresh.get(JSON.parse(text).refresh_token);
      if (old?.used) ended.add(old.session);
      if (!old || ended.has(old.session)) return problem(response, 401, 'unauthenticated', 'sign_in');
      old.used = true;
      return json(response, 200, grant(old.session));
    }
    if (!known(request.headers.authorization?.slice('Bearer '.length))) return problem(response, 401, 'unauthenticated', 'sign_in');
    switch (asked) {
      case 'POST /v1/auth/logout':
      case 'DELETE /v1/me/sessions':
      case 'DELETE /v1/me/sessions/{id}':
        return response.writeHead(204).end();
      case 'GET /v1/me':
      case 'PATCH /v1/me':
        return json(response, 200, PEOPLE);
      case 'GET /v1/rooms/{id}':
        return json(response, 200, ROOM);
      case 'POST /v1/rooms':
        return json(response, 201, ROOM);
      case 'POST /v1/rooms/{id}/token':
        return json(response, 200, { token: 'room-token', expires_at: Date.now() + HOUR });
      case 'GET /v1/gifts':
        return json(response, 200, { version: 1, gifts: [] });
      case 'GET /v1/wallet':
        return json(response, 200, { balances: [] });
      case 'GET /v1/me/sessions':
      case 'GET /v1/users':
      case 'GET /v1/rooms':
      case 'GET /v1/wallet/entries':
        return json(response, 200, { items: [] });
      default:
        return problem(response, 404, 'not_found', 'never');
    }
  });
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'parlor.v1.json' });
  sockets.on('connection', (socket) => socket.on('message', (text) => {
    const { id, type, data } = JSON.parse(text);
    const joined = (join) => ({ room: join.room, position: { epoch: 5, seq: 10, gift_no: 3 }, recovered: Boolean(join.position), ...(join.position ? {} : { snapshot: snapshot() }) });
    if (type === 'connect' && !known(data.token)) {
      socket.send(JSON.stringify({ id, error: { code: 'unauthenticated', retry: 'sign_in' } }));
      return socket.close(4501);
    }
    const answer = { connect: () => connected(data.joins?.map((join) => ({ data: joined(join) }))), 'room.join': () => joined(data) }[type]?.();
    socket.send(JSON.stringify({ id, data: answer ?? {} }));
  }));
  const connected = (joins) => ({ session: 's', user: PEOPLE, expires_at: Date.now() + HOUR, time: Date.now(), ping_ms: 25_000, limits: {}, balances: [], joins });
  const port = await listening(server);
  return {
    port,
    grant,
    /** Whether the refresh token could still be used. */
    holds: (token) => refresh.get(token)?.used === false && !ended.has(refresh.get(token).session),
    stop: () => {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * A middlebox in front of `port`. `case(name, {on, answer, handshake})` gives the base address of a case: requests for which
 * `on(request)` holds get `answer(request, response)`, handshakes get `handshake(request, socket)`. `lift()` ends both.
 */
export async function startMiddlebox(port) {
  const cases = new Map();
  const agent = new http.Agent({ keepAlive: true });
  const caseOf = (request) => {
    const [, name, path] = /^\/case\/([^/]+)(\/.*)$/.exec(request.url);
    return [cases.get(name), path];
  };
  const box = http.createServer((request, response) => {
    const [rule, path] = caseOf(request);
    if (rule?.on?.(request)) {
      rule.answered += 1;
      request.resume();
      return rule.answer(request, response);
    }
    const { method, headers } = request;
    const far = http.request({ port, host: '127.0.0.1', path, method, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    far.on('error', () => response.destroy());
    return request.pipe(far);
  });
  const open = new Set();
  box.on('upgrade', (request, socket, head) => {
    const [rule, path] = caseOf(request);
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    if (rule?.handshake) {
      rule.answered += 1;
      return rule.handshake(request, socket);
    }
    const far = net.connect(port, '127.0.0.1', () => {
      const lines = request.rawHeaders.flatMap((name, at, all) => (at % 2 ? [] : [`${name}: ${all[at + 1]}`]));
      far.write([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
      far.write(head);
    });
    far.on('error', () => {}).on('close', () => socket.destroy());
    socket.on('close', () => far.destroy());
    return socket.pipe(far).pipe(socket);
  });
  const own = await listening(box);
  return {
    case: (name, rule) => {
      cases.set(name, Object.assign(rule, { answered: 0 }));
      return `http://127.0.0.1:${own}/case/${name}`;
    },
    stop: () => {
      for (const socket of open) socket.destroy();
      agent.destroy();
      box.close();
      box.closeAllConnections();
    },
  };
}
