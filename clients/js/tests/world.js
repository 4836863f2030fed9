// A fake WebSocket and a clock that tests advance themselves. Nothing here sleeps.

import { Client } from '../src/index.js';
import { ROOM, amira, snapshot } from './words.js';

export const START = 1_790_000_000_000;

/** `time` is the device's time of day, which a test may set as it likes; timers go by `elapsed`, which only goes forward. */
export class Clock {
  time = START;
  elapsed = 5_000;
  timers = [];
  now = () => this.time;
  ticks = () => this.elapsed;
  after = (ms, call) => {
    const timer = { at: this.elapsed + ms, call };
    this.timers.push(timer);
    return timer;
  };
  stop = (timer) => {
    this.timers = this.timers.filter((other) => other !== timer);
  };

  async turn(ms) {
    const end = this.elapsed + ms;
    for (;;) {
      await settled();
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.stop(next);
      this.#to(Math.max(this.elapsed, next.at));
      next.call();
    }
    this.#to(end);
    await settled();
  }

  #to(elapsed) {
    this.time += elapsed - this.elapsed;
    this.elapsed = elapsed;
  }
}

/** Waits until every promise that can continue has continued. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export class FakeSocket {
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

export const connectedData = (joins) => ({
  session: 's',
  user: amira,
  time: START,
  expires_at: START + 900_000,
  ping_ms: 25_000,
  limits: { message_bytes: 65_536, text_chars: 2_000, unanswered_commands: 4, outbox_bytes: 1, grace_ms: 30_000 },
  balances: [{ currency: 'coin', amount: 100, xp: 0, version: 5, exponent: 0 }],
  joins,
});

export function world(options = {}) {
  FakeSocket.all = [];
  const clock = new Clock();
  const seen = { states: [], removed: [], refused: [], tokens: 0 };
  const client = new Client({
    url: 'ws://parlor.example/v1/socket',
    device: 'test',
    token: async () => 'access',
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

export const JOINED = { room: ROOM, position: { epoch: 5, seq: 10, gift_no: 3 }, recovered: false, snapshot: snapshot() };

export async function inRoom(options) {
  const all = world(options);
  const ready = all.client.join(ROOM);
  await settled();
  all.socket().onopen();
  all.socket().give({ id: all.socket().last('connect').id, data: connectedData([{ data: JOINED }]) });
  await ready;
  return all;
}

/** Lets the next socket open and answers its `connect` with this join. */
export async function back({ socket, sockets, clock }, data) {
  await settled();
  for (const before = sockets.length; sockets.length === before; ) await clock.turn(100);
  socket().onopen();
  socket().give({ id: socket().last('connect').id, data: connectedData([data]) });
  await settled();
}

export const still = { data: { room: ROOM, position: JOINED.position, recovered: true } };
