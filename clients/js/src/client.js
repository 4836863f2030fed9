// A user's connection to Parlor: joins rooms again after a reconnect, makes commands take effect once, and keeps the newest
// balances. It uses neither a page nor a storage.

import { Connection } from './connection.js';
import { Listeners } from './listeners.js';
import { fits } from './answer.js';
import { Rest, bare } from './rest.js';
import { emptyRoom, reduce } from './room.js';
import { CLOCK, Lost, ParlorError, QUEUES, operation, within } from './wire.js';

/** Rooms that one `connect` may join; the others follow one by one. */
const CONNECT_JOINS = 4;

/** How long a socket waits for the room tokens of its joins; a room whose token comes later is joined on the open socket. */
const PATIENCE_MS = 5_000;

export class Client {
  /** REST with the same token. */
  rest;
  #options;
  #connection;
  #listeners = new Listeners();
  #token = null; // the one of the present socket
  #stale; // a token that the server refused
  #renewal = null; // the timer
  #renewing = false;
  #ends = Infinity; // the tick at which the token of the open socket expires
  #server = null; // {time, at}: the server's time, and the tick at which it came
  #queues = new Map(); // queue and room -> the end of the last command in it
  #waiters = [];
  #rooms = new Map(); // id -> {id, state, live, joining, tries, timer, paging, resolve, reject, ready}
  #balances = new Map();

  /** @param {import('./index.d.ts').ClientOptions} options */
  constructor(options) {
    const base = options.base ?? globalThis.location?.origin ?? '';
    const { fetch: call, token, clock = CLOCK, settings } = options;
    this.rest = new Rest({ base: options.base, fetch: call, token, clock, answer_ms: settings?.answer_ms });
    this.#options = {
      url: `${base.replace(/\/$/, '').replace(/^http/, 'ws')}/v1/socket`,
      roomToken: async (room) => (await this.rest.roomToken(room)).token,
      ...options,
    };
    this.#connection = new Connection(this.#options, {
      hello: () => this.#hello(),
      online: (reply, hello) => this.#online(reply, hello),
      refused: () => this.#refused(),
      dropped: () => this.#dropped(),
      moved: () => this.#go(),
      state: (state) => this.#listeners.emit('state', state),
      frame: (frame) => this.#read(frame),
      raw: (frame) => this.#listeners.emit('frame', frame),
    });
  }

  /** The state of the connection. */
  get state() {
    return this.#connection.state;
  }

  /** The newest balance of each currency. */
  get balances() {
    return [...this.#balances.values()];
  }

  /** The server's time in Unix milliseconds, whatever the time of day of this device is; null before the first `connect`. */
  get time() {
    return this.#server && this.#server.time + Math.round(this.#connection.clock.ticks() - this.#server.at);
  }

  /** The state of a joined room, or undefined. */
  room(id) {
    return this.#rooms.get(id)?.state;
  }

  /** Calls `listener` with each event of this name, until the returned function is called. */
  on(name, listener) {
    return this.#listeners.on(name, listener);
  }

  /** The events of this name in order, for `for await`; ends with the loop, with `signal`, or with the client. */
  events(name, options) {
    return this.#listeners.iterate(name, options);
  }

  // -- the connection

  /** Connects; if the client waits to reconnect, at once. After `stopped` it continues with what it knows. */
  connect() {
    this.#connection.connect();
  }

  /** Closes the client for good: unanswered commands are rejected, and the server gives up the place and seat. */
  close() {
    this.#connection.close();
    for (const room of this.#rooms.values()) room.reject(new ParlorError({ code: 'closed', retry: 'never' }));
    this.#rooms.clear();
    this.#listeners.end();
  }

  /** Drops the socket without leaving and stays away for `away_ms`, to try out what a reconnect does. */
  cut(away_ms = 0) {
    this.#connection.cut(away_ms);
  }

  /** Reconnects at once instead of waiting for the back-off; call it when the network is back. */
  wake() {
    this.#connection.wake();
  }

  async #hello() {
    await this.#source({ stale: this.#stale });
    const rooms = [...this.#rooms.values()].slice(0, CONNECT_JOINS);
    const { clock } = this.#connection;
    // A room whose token does not come now is joined on the open socket, and so does not hold up the others.
    const joining = rooms.map((room) => within(clock, PATIENCE_MS, this.#joinData(room)).catch((error) => {
      if (error.retry === 'sign_in') throw error;
    }));
    const joins = (await Promise.all(joining)).filter(Boolean);
    const { device, client } = this.#options;
    return { token: this.#token, device, client, joins: joins.length ? joins : undefined };
  }

  async #source(asked) {
    const token = await bare(this.#options.token(asked));
    if (!fits(token, 'string')) throw new ParlorError({ code: 'no_token', retry: 'later', message: 'the source gave no token' });
    this.#token = token;
  }

  #online(reply, { joins = [] }) {
    this.#stale = undefined;
    this.#server = { time: reply.time, at: this.#connection.clock.ticks() };
    this.#renewLater(reply);
    this.#listeners.emit('connected', reply);
    this.#balance(reply.balances ?? []);
    joins.forEach(({ room: id }, at) => {
      const room = this.#rooms.get(id);
      const result = reply.joins?.[at];
      if (!room || !result) return;
      if (result.data) this.#joined(room, result.data);
      else this.#joinRefused(room, new ParlorError(result.error));
    });
    for (const room of this.#rooms.values()) if (!room.live && !room.joining && !room.timer) this.#join(room);
    this.#go();
  }

  /** The server refused the token: asks the source for another one, once. */
  #refused() {
    if (!this.#token || this.#stale !== undefined) {
      this.#stale = undefined;
      return false;
    }
    this.#stale = this.#token;
    return true;
  }

  #dropped() {
    const { clock } = this.#connection;
    clock.stop(this.#renewal);
    for (const room of this.#rooms.values()) {
      clock.stop(room.timer);
      Object.assign(room, { live: false, joining: false, paging: false, timer: undefined });
    }
  }

  /**
   * Renews the token a minute before it expires, unless the server's notice comes first. Both times are the server's; what is
   * between them is counted in ticks.
   */
  #renewLater({ expires_at }) {
    const { clock, settings } = this.#connection;
    const left_ms = expires_at - this.time;
    this.#ends = clock.ticks() + left_ms;
    const wait = left_ms - Math.min(settings.renew_before_ms, left_ms / 2);
    clock.stop(this.#renewal);
    this.#renewal = clock.after(Math.max(wait, 1_000), () => this.#renew());
  }

  /** Gives the open socket a new token. If there is none, it tries again until the old one expires, and the socket with it. */
  async #renew(failures = 0) {
    if (this.#renewing) return;
    this.#renewing = true;
    const { turn, clock } = this.#connection;
    clock.stop(this.#renewal);
    const old = this.#token;
    try {
      await this.#source({});
      if (this.#token === old) await this.#source({ stale: old });
      // Either a new socket has used the token already, or there is no new token.
      if (turn !== this.#connection.turn || this.#token === old) return;
      const reply = await this.command('session.refresh', { token: this.#token });
      if (turn === this.#connection.turn && fits(reply, { expires_at: 'number' })) this.#renewLater(reply);
    } catch (error) {
      this.#listeners.emit('unrenewed', error);
      const wait = Math.max(error.retry_after_ms ?? 0, this.#connection.wait(failures));
      const again = error.retry === 'later' && turn === this.#connection.turn && clock.ticks() + wait < this.#ends;
      if (again) this.#renewal = clock.after(wait, () => this.#renew(failures + 1));
    } finally {
      this.#renewing = false;
    }
  }

  // -- commands

  /**
   * Sends a command and resolves with the data of its reply. A command that changes something has one operation, kept over
   * lost sockets and over refusals that may be tried again, so it takes effect once however often it is sent. Whatever it
   * has to wait for, no later command of its queue and room is sent before it is answered.
   */
  async command(type, data, { op = QUEUES[type] && operation(this.#connection.clock.now()) } = {}) {
    if (!QUEUES[type]) return this.#send(type, data, op);
    const queue = `${QUEUES[type]} ${data?.room}`;
    const before = this.#queues.get(queue);
    const sent = (async () => {
      await before;
      return this.#send(type, data, op);
    })();
    const end = sent.then(() => {}, () => {}).then(() => {
      if (this.#queues.get(queue) === end) this.#queues.delete(queue);
    });
    this.#queues.set(queue, end);
    return sent;
  }

  async #send(type, data, op) {
    const { clock, settings } = this.#connection;
    for (let refused = 0; ; ) {
      while (!this.#isReady(type === 'room.leave' ? undefined : data?.room)) {
        if (this.state.closed) throw new ParlorError({ code: 'closed', retry: 'never' });
        await new Promise((resolve) => this.#waiters.push(resolve));
      }
      try {
        return await new Promise((resolve, reject) => {
          this.#connection.ask(type, data, op, (error, answer) => (error ? reject(error) : resolve(answer)));
        });
      } catch (error) {
        if (error instanceof Lost) {
          if (type === 'room.leave' || type === 'session.refresh') return {}; // it has no meaning on another socket
          continue;
        }
        refused += 1;
        error.op = op;
        const room = this.#rooms.get(data?.room);
        if (error.code === 'not_in_room' && room?.live) this.#join(room); // the server has dropped the user: join again
        const again = error.retry === 'now' || error.retry === 'later';
        if (!again || refused >= settings.tries) throw error;
        const pause = Math.max(error.retry_after_ms ?? 0, this.#connection.wait(refused - 1));
        await new Promise((resolve) => clock.after(error.retry === 'now' && refused === 1 ? 0 : pause, resolve));
      }
    }
  }

  /** Reads another page of people, beyond those of the snapshot, into the room's state. */
  async people(id) {
    const after = this.room(id)?.people.at(-1)?.id;
    const page = await this.command('people.list', { room: id, after });
    const room = this.#rooms.get(id);
    if (room) this.#change(room, { room: id, type: 'people.page', data: page });
    return page;
  }

  // Commands wait for a socket, for the room, and while as many as allowed are unanswered.

  #isReady(id) {
    if (!this.#connection.isReady) return false;
    return id === undefined || !this.#rooms.has(id) || this.#rooms.get(id).live;
  }

  #go() {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  // -- frames from the server

  #read(frame) {
    if (frame.user !== undefined) this.#userFrame(frame);
    else if (frame.room !== undefined) this.#roomFrame(frame);
    else {
      if (frame.type === 'session_expiring') this.#renew();
      this.#listeners.emit('notice', frame);
    }
  }

  #userFrame(frame) {
    const { type, data } = frame;
    if (type === 'balance.changed') this.#balance([data]);
    if (type === 'room.removed') {
      const room = this.#rooms.get(data.room);
      if (!room || room.joining) return;
      if (data.cause === 'resync') this.#join(room);
      else this.#forget(room, data);
    }
    this.#listeners.emit('user', frame);
  }

  #roomFrame(frame) {
    const room = this.#rooms.get(frame.room);
    if (!room?.live) return;
    this.#change(room, frame);
    if (room.state.gap) this.#join(room);
  }

  /** Takes balances; an older version never replaces a newer one. */
  #balance(balances) {
    let changed = false;
    for (const balance of balances) {
      const known = this.#balances.get(balance.currency);
      if (known && balance.version < known.version) continue;
      this.#balances.set(balance.currency, { ...known, ...balance });
      changed = true;
    }
    if (changed) this.#listeners.emit('balances', this.balances);
  }

  // -- rooms

  /** Joins a room and stays in it over reconnects, until `leave` or until removed. Resolves with the room's first state. */
  join(id) {
    const known = this.#rooms.get(id);
    if (known) return known.ready;
    const room = { id, state: emptyRoom(id), live: false, joining: false, tries: 0 };
    room.ready = new Promise((resolve, reject) => Object.assign(room, { resolve, reject }));
    room.ready.catch(() => {}); // the event `removed` reports it as well
    this.#rooms.set(id, room);
    if (this.state.phase === 'online') this.#join(room);
    else if (this.state.phase === 'idle') this.connect();
    return room.ready;
  }

  /** Leaves a room at once. Without a socket the client only forgets it, and the server's grace period ends the stay. */
  async leave(id) {
    const room = this.#rooms.get(id);
    this.#connection.clock.stop(room?.timer);
    this.#rooms.delete(id);
    room?.reject(new ParlorError({ code: 'left', retry: 'never' }));
    if (room && this.state.phase === 'online') await this.command('room.leave', { room: id });
  }

  async #joinData(room) {
    try {
      const token = await this.#options.roomToken(room.id);
      return { room: room.id, token, position: room.state.position ?? undefined };
    } catch (error) {
      if (error.retry !== 'never') throw error;
      this.#forget(room, { room: room.id, cause: error.code, error });
      return null;
    }
  }

  async #join(room) {
    if (room.joining) return;
    const { turn } = this.#connection;
    Object.assign(room, { live: false, joining: true, paging: false });
    let data;
    try {
      data = await this.#joinData(room);
    } catch (error) {
      if (turn === this.#connection.turn) this.#joinRefused(room, error);
      return;
    }
    if (!data || turn !== this.#connection.turn || this.#rooms.get(room.id) !== room) return;
    this.#connection.ask('room.join', data, undefined, (error, reply) => {
      if (error instanceof Lost || this.#rooms.get(room.id) !== room) return;
      if (error) this.#joinRefused(room, error);
      else this.#joined(room, reply);
    });
  }

  #joined(room, data) {
    Object.assign(room, { live: true, joining: false, tries: 0 });
    this.#change(room, { room: room.id, type: 'joined', data });
    room.resolve(room.state);
    // A user is in one room at a time: by this join they have left the other one.
    for (const other of this.#rooms.values()) {
      if (other !== room && other.live) this.#forget(other, { room: other.id, cause: 'joined_elsewhere' });
    }
    this.#go();
  }

  #joinRefused(room, error) {
    if (this.#rooms.get(room.id) !== room) return; // left meanwhile
    const { clock } = this.#connection;
    room.joining = false;
    if (error.retry === 'sign_in') return this.#connection.stop('sign_in', error);
    room.tries += 1;
    const again = error.retry !== 'never' || (error.code === 'room_token_invalid' && room.tries < 3);
    if (!again) return this.#forget(room, { room: room.id, cause: error.code, error });
    const wait = Math.max(error.retry_after_ms ?? 0, this.#connection.wait(room.tries - 1));
    this.#listeners.emit('refused', { room: room.id, error, wait });
    room.timer = clock.after(wait, () => {
      room.timer = undefined;
      if (this.state.phase === 'online' && this.#rooms.get(room.id) === room) this.#join(room);
    });
  }

  #forget(room, removal) {
    this.#connection.clock.stop(room.timer);
    this.#rooms.delete(room.id);
    room.reject(removal.error ?? new ParlorError({ code: removal.cause, retry: 'never' }));
    this.#listeners.emit('removed', removal);
    this.#go();
  }

  #change(room, frame) {
    const before = room.state;
    room.state = reduce(before, frame);
    if (room.state !== before) this.#tell(room.state, before, frame);
    if (room.state.catching_up && !room.paging) this.#page(room);
  }

  /** Each line and each gift that is new in the picture is told once; on a first visit nothing is new. */
  #tell(state, before, frame) {
    this.#listeners.emit('room', { state, before, frame });
    if (!before.position) return;
    const known = new Set(before.chat);
    for (const line of state.chat) if (line.op && !known.has(line)) this.#listeners.emit('chat', { room: state.room, line });
    const shown = before.gifts.at(-1)?.gift_no ?? 0;
    for (const gift of state.gifts) if (gift.gift_no > shown) this.#listeners.emit('gift', { room: state.room, gift });
  }

  /** Older gifts first: pages of `gift.list` until there are no more, then those that waited. */
  #page(room) {
    room.paging = true;
    const { turn, clock } = this.#connection;
    const data = { room: room.id, after: room.state.position?.gift_no ?? 0 };
    this.#connection.ask('gift.list', data, undefined, (error, page) => {
      if (turn !== this.#connection.turn || !room.live) return;
      if (error && error.retry !== 'never') {
        room.timer = clock.after(Math.max(error.retry_after_ms ?? 0, this.#connection.wait(0)), () => {
          room.timer = undefined;
          if (turn === this.#connection.turn && room.live) this.#page(room);
        });
        return;
      }
      room.paging = false;
      this.#change(room, { room: room.id, type: 'gifts.page', data: error ? { gifts: [], more: false } : page });
    });
  }
}
