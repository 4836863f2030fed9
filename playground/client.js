// The small client of Parlor's wire (parlor.v1.json): REST, one socket that comes back by itself, commands as
// promises, and the pure reducer that keeps a room's picture. It touches no page and no storage.

export const SUBPROTOCOL = 'parlor.v1.json';

/** Sizes and waits, in milliseconds where the name says so. The server's own limits replace those it announces. */
export const DEFAULTS = Object.freeze({
  connect_ms: 10_000, // from the first byte of the handshake to the answer to `connect`
  reply_ms: 20_000, // a command unanswered for so long: the socket is not trusted any more
  silence_ms: 45_000, // nothing came for so long: the socket is dead
  backoff_ms: 500, // the first wait before coming back; doubles
  backoff_max_ms: 20_000,
  stable_ms: 10_000, // a socket that lived so long sets the back-off to its beginning
  tries: 8, // refusals with `retry: now` or `later` before a command gives up; a lost socket is no refusal
  chat_lines: 300, // kept in the picture
  gift_lines: 300,
});

// ---------------------------------------------------------------------------------------------- words

/** A refusal of the server: `code` is what a program may look at. */
export class ParlorError extends Error {
  constructor(body, status) {
    super(body.message || body.detail || body.title || body.code || 'error');
    this.name = 'ParlorError';
    this.code = body.code ?? (status ? `http_${status}` : 'unreachable');
    this.retry = body.retry ?? (status && status < 500 ? (status === 401 ? 'sign_in' : 'never') : 'later');
    this.retry_after_ms = body.retry_after_ms;
    this.fields = body.fields ?? body.errors ?? []; // sockets and RFC 9457 name them differently
    this.body = body;
    this.status = status;
  }
}

/** The answer was lost with its socket: what was asked may have happened. */
class Lost extends Error {}

/** A UUID of version 7: the name of one tap, kept over retries and reconnects. */
export function operation(now = Date.now(), random = (bytes) => crypto.getRandomValues(bytes)) {
  const bytes = random(new Uint8Array(16));
  for (let at = 5, rest = now; at >= 0; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Milliseconds before attempt number `attempt` (from 0): exponential, with jitter from a half to the whole. */
export function backoff(attempt, { backoff_ms, backoff_max_ms } = DEFAULTS, random = Math.random) {
  return Math.round(Math.min(backoff_max_ms, backoff_ms * 2 ** Math.min(attempt, 30)) * (0.5 + random() / 2));
}

/** What a close code asks for: 4500 to 4999 do not come back, everything else does. */
export const comesBack = (code) => !(code >= 4500 && code <= 4999);

// ---------------------------------------------------------------------------------------- the picture

/** A room of which nothing is known yet. */
export const emptyRoom = (room) => ({
  room,
  position: null, // {epoch, seq, gift_no}: what was seen last; goes with every join
  card: null,
  own: null,
  seats: [],
  seat_version: 0,
  count: 0,
  people: [],
  chat: [], // {op, at, from, text} and notes {key, at, note, …}, oldest first
  gifts: [], // GiftLine, by gift_no
  coins: 0,
  catching_up: null, // gifts that wait until older ones have been fetched
  gap: false, // an event is missing: join again with the position
  visit: null, // what the last join brought: {recovered, first, events, chat, gifts, seats}
});

/**
 * The next picture of the room. Pure: same state and frame, same answer; the state given is never changed.
 *
 * `frame` is an event or signal as it came, or one of `{type:'joined', data: Joined}`,
 * `{type:'gifts.page', data: GiftPage}`, `{type:'people.page', data: PeoplePage}`.
 */
export function reduce(state, frame) {
  if (frame.room !== undefined && frame.room !== state.room) return state;
  switch (frame.type) {
    case 'joined':
      return joined(state, frame.data);
    case 'gifts.page':
      return giftsPage(state, frame.data);
    case 'people.page':
      return { ...state, people: mergePeople(state.people, frame.data.people), count: frame.data.count };
    default:
  }
  if (frame.seq === undefined) return signal(state, frame);
  const at = state.position;
  if (!at || frame.epoch < at.epoch || (frame.epoch === at.epoch && frame.seq <= at.seq)) return state;
  if (frame.epoch > at.epoch || frame.seq > at.seq + 1) return state.gap ? state : { ...state, gap: true };
  if (state.gap) return state; // what comes behind a gap comes again with the join
  const next = apply(state, frame);
  return { ...next, position: { ...next.position, seq: frame.seq } };
}

function signal(state, frame) {
  return frame.type === 'participants.count' ? { ...state, count: frame.data.count } : state;
}

/** An event's effect, without a look at its number. Events carry the state after them: this is assignment. */
function apply(state, { type, data, at, epoch, seq }) {
  const key = `${epoch}.${seq}`;
  switch (type) {
    case 'participants.changed': {
      const left = new Set(data.left ?? []);
      const stay = state.people.filter((person) => !left.has(person.id));
      return { ...state, people: mergePeople(stay, data.joined ?? []), count: data.count };
    }
    case 'seats.changed': {
      const now = new Map(data.seats.map((seat) => [seat.no, seat]));
      const notes = data.seats.map((seat) => ({
        key: `${key}.${seat.no}`,
        at,
        note: 'seat',
        cause: data.cause,
        seat: seat.no,
        user: seat.user ?? state.seats.find((old) => old.no === seat.no)?.user,
        by: personOf(state, data.by),
      }));
      return {
        ...state,
        seats: state.seats.map((seat) => now.get(seat.no) ?? seat),
        seat_version: data.version,
        chat: addLines(state.chat, notes),
      };
    }
    case 'chat.posted':
      return { ...state, chat: addLines(state.chat, [{ op: data.op, at, from: data.from, text: data.text }]) };
    case 'participant.kicked': {
      const note = {
        key,
        at,
        note: 'kicked',
        user: personOf(state, data.user),
        by: personOf(state, data.by),
        reason: data.reason ?? '',
      };
      const people = state.people.filter((person) => person.id !== data.user);
      return { ...state, people, chat: addLines(state.chat, [note]) };
    }
    case 'gifts.sent':
      return { ...showGifts(state, data.gifts), coins: data.coins };
    default:
      return state; // a newer server's event: its number counts, its content is not for us
  }
}

function joined(state, reply) {
  const before = state.position;
  const first = !before;
  let next = { ...state, gap: false, catching_up: null };
  const late = []; // gifts of missed events: shown in the order of gift_no with those of `gifts`
  if (reply.recovered) {
    for (const event of reply.events ?? []) {
      if (before && event.epoch === before.epoch && event.seq <= before.seq) continue;
      if (event.type === 'gifts.sent') {
        late.push(...event.data.gifts);
        next = { ...next, coins: event.data.coins };
      } else {
        next = apply(next, event);
      }
    }
  } else if (reply.snapshot) {
    const { room, own, seats, seat_version, count, people, chat, coins } = reply.snapshot;
    const lines = chat.map(({ op, at, from, text }) => ({ op, at, from, text }));
    next = { ...next, card: room, own, seats, seat_version, count, people: mergePeople([], people), coins };
    next.chat = addLines(next.chat, lines).sort((a, b) => a.at - b.at);
  }
  next.position = { ...reply.position, gift_no: before?.gift_no ?? undefined };
  const gifts = [...(reply.gifts ?? []), ...late].sort((a, b) => a.gift_no - b.gift_no);
  if (reply.more_gifts) {
    const until = Math.max(...(reply.gifts ?? []).map((gift) => gift.gift_no), before?.gift_no ?? 0);
    next = append(next, gifts.filter((gift) => gift.gift_no <= until));
    next.catching_up = gifts.filter((gift) => gift.gift_no > until);
  } else {
    next = append(next, gifts);
    next.position = { ...next.position, gift_no: highest(next.position.gift_no, reply.position.gift_no) };
  }
  next.visit = {
    first,
    recovered: reply.recovered,
    events: reply.events?.length ?? 0,
    chat: fresh(state.chat, next.chat, (line) => line.op),
    gifts: next.gifts.length ? fresh(state.gifts, next.gifts, (gift) => gift.gift_no) : 0,
    seats: reply.recovered ? (reply.events ?? []).filter((event) => event.type === 'seats.changed').length : null,
  };
  return next;
}

/** Gifts of an event: shown at once, unless older ones are missing; then they wait behind `gift.list`. */
function showGifts(state, gifts) {
  if (state.catching_up) return { ...state, catching_up: [...state.catching_up, ...gifts] };
  const own = state.position?.gift_no;
  const above = gifts.filter((gift) => own === undefined || own === null || gift.gift_no > own);
  const dense = own === undefined || own === null || above.every((gift, at) => gift.gift_no === own + 1 + at);
  return dense ? append(state, above) : { ...state, catching_up: above };
}

function giftsPage(state, page) {
  if (!state.catching_up) return state;
  const next = append(state, page.gifts);
  if (page.more && page.gifts.length) return next;
  return { ...append(next, state.catching_up), catching_up: null };
}

/** The one place where a gift comes into the picture: nothing at or below the own number, each number once. */
function append(state, gifts) {
  let own = state.position?.gift_no;
  const shown = [];
  for (const gift of [...gifts].sort((a, b) => a.gift_no - b.gift_no)) {
    if (own !== undefined && own !== null && gift.gift_no <= own) continue;
    shown.push(gift);
    own = gift.gift_no;
  }
  if (!shown.length) return state;
  const all = [...state.gifts, ...shown].slice(-DEFAULTS.gift_lines);
  return { ...state, gifts: all, position: { ...state.position, gift_no: own } };
}

/** Lines behind those that are there: one operation once, one note once. */
function addLines(lines, more) {
  const known = new Set(lines.map((line) => line.op ?? line.key));
  const added = more.filter((line) => !known.has(line.op ?? line.key) && known.add(line.op ?? line.key));
  return added.length ? [...lines, ...added].slice(-DEFAULTS.chat_lines) : [...lines];
}

function mergePeople(people, more) {
  const all = new Map([...people, ...more].map((person) => [person.id, person]));
  return [...all.values()].sort((a, b) => a.id - b.id);
}

const personOf = (state, id) =>
  id === undefined
    ? undefined
    : (state.people.find((person) => person.id === id) ??
      state.seats.find((seat) => seat.user?.id === id)?.user ?? { id, name: `user ${id}` });

const highest = (a, b) => (a === undefined || a === null ? b : b === undefined || b === null ? a : Math.max(a, b));

function fresh(before, after, name) {
  const known = new Set(before.map(name));
  return after.filter((line) => name(line) !== undefined && !known.has(name(line))).length;
}

// ------------------------------------------------------------------------------------------------ REST

/** `fetch` with the token, JSON both ways, and problems as `ParlorError`. */
export class Rest {
  constructor({ base = '', fetch: call = (...rest) => fetch(...rest), token = () => null } = {}) {
    Object.assign(this, { base, call, token });
  }

  async ask(method, path, body) {
    const headers = { accept: 'application/json' };
    const token = this.token();
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let answer;
    try {
      answer = await this.call(this.base + path, { method, headers, body: body && JSON.stringify(body), cache: 'no-store' });
    } catch (error) {
      throw new ParlorError({ code: 'unreachable', retry: 'later', message: String(error.message ?? error) });
    }
    const text = await answer.text();
    let data = {};
    try {
      data = text ? JSON.parse(text) : {};
    } catch {
      data = { message: text.slice(0, 200) };
    }
    if (!answer.ok) throw new ParlorError(data, answer.status);
    return data;
  }

  register = (account) => this.ask('POST', '/v1/auth/register', account);
  login = (account) => this.ask('POST', '/v1/auth/login', account);
  logout = () => this.ask('POST', '/v1/auth/logout');
  me = () => this.ask('GET', '/v1/me');
  openRoom = (room) => this.ask('POST', '/v1/rooms', room);
  rooms = (cursor) => this.ask('GET', `/v1/rooms${query({ limit: 50, cursor })}`);
  room = (id) => this.ask('GET', `/v1/rooms/${id}`);
  roomToken = (id) => this.ask('POST', `/v1/rooms/${id}/token`);
  gifts = () => this.ask('GET', '/v1/gifts');
  wallet = () => this.ask('GET', '/v1/wallet');
  entries = (currency, cursor) => this.ask('GET', `/v1/wallet/entries${query({ currency, cursor })}`);
}

function query(fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

// ---------------------------------------------------------------------------------------------- socket

/** Commands that change something and so name an operation. */
const CHANGES = new Set(['room.kick', 'seat.take', 'seat.leave', 'seat.lock', 'seat.unlock', 'chat.send', 'gift.send']);

/**
 * One socket that comes back. Needs `url`, `device`, `accessToken()` and `roomToken(room)` (both may be async and
 * may throw `ParlorError`); the rest is for tests.
 *
 * `on(name, call)`: `state` {phase: idle|connecting|online|waiting|stopped, …}, `connected` (the reply), `balances`
 * (array), `room` {state, before, frame}, `refused` {room, error, wait} (a join that is tried again), `removed`
 * {room, cause, …} (put out, or never let in), `frame` {out, text}.
 */
export class Client {
  #options;
  #settings;
  #clock;
  #random;
  #listeners = new Map();
  #state = { phase: 'idle' };
  #socket = null;
  #turn = 0; // rises with every socket and every loss: what belongs to an older one is dropped
  #attempt = 0;
  #onlineSince = 0;
  #closing = null;
  #timers = {};
  #nextId = 1;
  #asked = new Map(); // id -> {done, timer}
  #waiters = [];
  #rooms = new Map(); // id -> {id, state, live, joining, tries, resolve, reject}
  #balances = new Map();
  #unanswered = 64;
  #messageBytes = 64 * 1024;

  constructor(options) {
    this.#options = options;
    this.#settings = { ...DEFAULTS, ...options.settings };
    this.#clock = options.clock ?? {
      now: () => Date.now(),
      after: (ms, call) => setTimeout(call, ms),
      stop: (timer) => clearTimeout(timer),
    };
    this.#random = options.random ?? Math.random;
  }

  get state() {
    return this.#state;
  }

  get balances() {
    return [...this.#balances.values()];
  }

  room(id) {
    return this.#rooms.get(id)?.state;
  }

  on(name, call) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(call);
    return () => this.#listeners.get(name).delete(call);
  }

  #emit(name, value) {
    for (const call of this.#listeners.get(name) ?? []) call(value);
  }

  /** Connects, or comes back at once when waiting; after `stopped` it starts anew with what it knows. */
  connect() {
    if (this.#state.phase === 'connecting' || this.#state.phase === 'online') return;
    this.#open();
  }

  /** Ends for good: nothing comes back, what is unanswered is rejected. The server lets go of place and seat. */
  close() {
    const socket = this.#drop({ phase: 'idle', closed: true });
    socket?.close(1000, 'bye');
    for (const room of this.#rooms.values()) room.reject(new ParlorError({ code: 'closed', retry: 'never' }));
    this.#rooms.clear();
  }

  /** Drops the socket without a word of leaving, and stays away for `away_ms`. Nothing that comes meanwhile is read. */
  cut(away_ms = 0) {
    if (this.#state.phase === 'idle' || this.#state.phase === 'stopped') return;
    const socket = this.#drop({ phase: 'waiting', reason: 'cut', until: this.#clock.now() + away_ms });
    socket?.close(3001, 'cut'); // not 1000: that would say that one leaves
    this.#timers.back = this.#clock.after(away_ms, () => this.#open());
  }

  /** The network is back: no need to wait out the back-off. */
  wake() {
    if (this.#state.phase === 'waiting' && this.#state.reason !== 'cut' && !this.#closing?.after_ms) this.#open();
  }

  /** Comes into a room and stays in it over reconnects, until `leave` or until put out. Resolves with the first picture. */
  join(id) {
    const known = this.#rooms.get(id);
    if (known) return known.ready;
    const room = { id, state: emptyRoom(id), live: false, joining: false, tries: 0 };
    room.ready = new Promise((resolve, reject) => Object.assign(room, { resolve, reject }));
    room.ready.catch(() => {}); // `removed` tells it as well
    this.#rooms.set(id, room);
    if (this.#state.phase === 'online') this.#join(room);
    else if (this.#state.phase === 'idle') this.connect();
    return room.ready;
  }

  /** Leaves a room at once. Without a socket it is only forgotten, and the server's grace period ends it. */
  async leave(id) {
    const room = this.#rooms.get(id);
    this.#rooms.delete(id);
    room?.reject(new ParlorError({ code: 'left', retry: 'never' }));
    if (room && this.#state.phase === 'online') await this.command('room.leave', { room: id });
  }

  /**
   * Asks for something and resolves with the reply's data. What changes something carries one operation, kept over
   * lost sockets and over refusals that may be tried again, so it happens once however often it is sent.
   */
  async command(type, data, { op = CHANGES.has(type) ? operation(this.#clock.now()) : undefined } = {}) {
    for (let refused = 0; ; ) {
      while (!this.#isReady(type === 'room.leave' ? undefined : data?.room)) {
        if (this.#state.closed) throw new ParlorError({ code: 'closed', retry: 'never' });
        await new Promise((resolve) => this.#waiters.push(resolve));
      }
      try {
        return await new Promise((resolve, reject) => {
          this.#ask(type, data, op, (error, answer) => (error ? reject(error) : resolve(answer)));
        });
      } catch (error) {
        if (error instanceof Lost) {
          if (type === 'room.leave') return {};
          continue;
        }
        refused += 1;
        error.op = op;
        const room = this.#rooms.get(data?.room);
        if (error.code === 'not_in_room' && room?.live) this.#join(room); // the server knows better: come in again
        const again = error.retry === 'now' || error.retry === 'later';
        if (!again || refused >= this.#settings.tries) throw error;
        const least = error.retry === 'now' && refused === 1 ? 0 : Math.max(error.retry_after_ms ?? 0, this.#wait(refused - 1));
        await new Promise((resolve) => this.#clock.after(least, resolve));
      }
    }
  }

  // -- the socket's life

  async #open() {
    this.#drop({ phase: 'connecting', attempt: this.#attempt });
    this.#closing = null;
    const turn = this.#turn;
    const rooms = [...this.#rooms.values()];
    let token;
    let joins;
    try {
      token = await this.#options.accessToken();
      joins = await Promise.all(rooms.slice(0, 4).map((room) => this.#joinData(room)));
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error.retry === 'sign_in') this.#stop('sign_in', error);
      else this.#comeBack(error.code ?? 'unreachable', error.retry_after_ms);
      return;
    }
    if (turn !== this.#turn) return;
    joins = joins.filter(Boolean);

    const Socket = this.#options.WebSocket ?? WebSocket;
    const socket = new Socket(this.#options.url, SUBPROTOCOL);
    this.#socket = socket;
    this.#timers.connect = this.#clock.after(this.#settings.connect_ms, () => this.#lose('connect_timeout'));
    socket.onopen = () => {
      const { device, client } = this.#options;
      this.#ask('connect', { token, device, client, joins: joins.length ? joins : undefined }, undefined, (error, data) => {
        if (error) this.#refused(error);
        else this.#connected(data, joins);
      });
    };
    socket.onmessage = ({ data }) => this.#read(data);
    socket.onclose = ({ code, reason }) => this.#ended(code, reason);
    socket.onerror = () => {}; // `close` follows and says the same
  }

  #connected(data, joins) {
    this.#clock.stop(this.#timers.connect);
    this.#onlineSince = this.#clock.now();
    this.#unanswered = data.limits?.unanswered_commands ?? this.#unanswered;
    this.#messageBytes = data.limits?.message_bytes ?? this.#messageBytes;
    this.#set({ phase: 'online', ping_ms: data.ping_ms });
    this.#emit('connected', data);
    this.#balance(data.balances ?? []);
    joins.forEach(({ room: id }, at) => {
      const room = this.#rooms.get(id);
      const result = data.joins?.[at];
      if (!room || !result) return;
      if (result.data) this.#joined(room, result.data);
      else this.#joinRefused(room, new ParlorError(result.error));
    });
    for (const room of this.#rooms.values()) if (!room.live && !room.joining && !room.timer) this.#join(room);
    this.#go();
  }

  #refused(error) {
    if (error instanceof Lost) return;
    if (error.retry === 'sign_in' || error.retry === 'never') this.#stop(error.retry === 'sign_in' ? 'sign_in' : error.code, error);
    else this.#lose(error.code, error.retry_after_ms);
  }

  #ended(code, reason) {
    const notice = this.#closing;
    const said = notice?.code ?? code;
    if (comesBack(said)) this.#lose(notice?.reason || reason || `closed ${code}`, notice?.after_ms, said);
    else this.#stop(said === 4501 ? 'sign_in' : notice?.reason || reason || `closed ${said}`, undefined, said);
  }

  #lose(reason, after_ms, code) {
    const socket = this.#drop({ phase: 'waiting', reason, code });
    socket?.close(3000, 'lost');
    this.#comeBack(reason, after_ms, code);
  }

  #comeBack(reason, after_ms, code) {
    if (this.#onlineSince && this.#clock.now() - this.#onlineSince >= this.#settings.stable_ms) this.#attempt = 0;
    this.#onlineSince = 0;
    const wait = (after_ms ?? 0) + this.#wait(this.#attempt);
    this.#attempt += 1;
    this.#set({ phase: 'waiting', reason, code, attempt: this.#attempt, until: this.#clock.now() + wait });
    this.#timers.back = this.#clock.after(wait, () => this.#open());
  }

  #stop(reason, error, code) {
    this.#drop({ phase: 'stopped', reason, error, code })?.close(3000, 'stopped');
  }

  /** Lets go of the socket, of every timer and of every open answer. Returns the socket, which nobody hears any more. */
  #drop(state) {
    const socket = this.#socket;
    this.#socket = null;
    this.#turn += 1;
    for (const timer of Object.values(this.#timers)) this.#clock.stop(timer);
    this.#timers = {};
    if (socket) socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    for (const room of this.#rooms.values()) {
      this.#clock.stop(room.timer);
      Object.assign(room, { live: false, joining: false, paging: false, timer: undefined });
    }
    this.#set(state);
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { done, timer } of asked) {
      this.#clock.stop(timer);
      done(new Lost('the socket is gone'));
    }
    this.#go();
    return socket;
  }

  #set(state) {
    this.#state = state;
    this.#emit('state', state);
  }

  #wait(attempt) {
    return backoff(attempt, this.#settings, this.#random);
  }

  // -- frames

  #send(frame) {
    const text = JSON.stringify(frame);
    this.#emit('frame', { out: true, text });
    this.#socket.send(text);
  }

  #ask(type, data, op, done) {
    if (!this.#socket) return done(new Lost('no socket'));
    const id = this.#nextId++;
    const frame = { id, op, type, data: data ?? {} };
    if (new TextEncoder().encode(JSON.stringify(frame)).length > this.#messageBytes) {
      return done(new ParlorError({ code: 'too_large', retry: 'never' }));
    }
    const timer = this.#clock.after(this.#settings.reply_ms, () => this.#lose('no_reply'));
    this.#asked.set(id, { done, timer });
    this.#send(frame);
  }

  #read(text) {
    this.#emit('frame', { out: false, text });
    this.#clock.stop(this.#timers.silence);
    this.#timers.silence = this.#clock.after(this.#settings.silence_ms, () => this.#lose('silent'));
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // a form of frame that this client does not know
    }
    if ('id' in frame) this.#answer(frame);
    else if (frame.type === 'ping') this.#send({ type: 'pong' });
    else if (frame.type === 'closing') this.#closing = frame.data;
    else if (frame.user !== undefined) this.#userFrame(frame);
    else if (frame.room !== undefined) this.#roomFrame(frame);
  }

  #answer({ id, data, error }) {
    const asked = this.#asked.get(id);
    if (!asked) return; // `id: null`: a frame of ours that could not be read; its command times out
    this.#asked.delete(id);
    this.#clock.stop(asked.timer);
    asked.done(error ? new ParlorError(error) : null, data ?? {});
    this.#go();
  }

  #userFrame({ type, data }) {
    if (type === 'balance.changed') this.#balance([data]);
    if (type !== 'room.removed') return;
    const room = this.#rooms.get(data.room);
    if (!room || room.joining) return;
    if (data.cause === 'resync') this.#join(room);
    else this.#forget(room, data);
  }

  #roomFrame(frame) {
    const room = this.#rooms.get(frame.room);
    if (!room?.live) return;
    this.#change(room, frame);
    if (room.state.gap) this.#join(room);
  }

  /** Balances are hints with a version: an older one is never shown over a newer one. */
  #balance(balances) {
    let changed = false;
    for (const balance of balances) {
      const known = this.#balances.get(balance.currency);
      if (known && balance.version < known.version) continue;
      this.#balances.set(balance.currency, { ...known, ...balance });
      changed = true;
    }
    if (changed) this.#emit('balances', this.balances);
  }

  // -- rooms

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
    const turn = this.#turn;
    Object.assign(room, { live: false, joining: true, paging: false });
    let data;
    try {
      data = await this.#joinData(room);
    } catch (error) {
      if (turn === this.#turn) this.#joinRefused(room, error);
      return;
    }
    if (!data || turn !== this.#turn || this.#rooms.get(room.id) !== room) return;
    this.#ask('room.join', data, undefined, (error, reply) => {
      if (error instanceof Lost || this.#rooms.get(room.id) !== room) return;
      if (error) this.#joinRefused(room, error);
      else this.#joined(room, reply);
    });
  }

  #joined(room, data) {
    Object.assign(room, { live: true, joining: false, tries: 0 });
    this.#change(room, { room: room.id, type: 'joined', data });
    room.resolve(room.state);
    this.#go();
  }

  #joinRefused(room, error) {
    room.joining = false;
    if (error.retry === 'sign_in') return this.#stop('sign_in', error);
    room.tries += 1;
    const again = error.retry === 'never' ? error.code === 'room_token_invalid' && room.tries < 3 : true;
    if (!again) return this.#forget(room, { room: room.id, cause: error.code, error });
    const wait = Math.max(error.retry_after_ms ?? 0, this.#wait(room.tries - 1));
    this.#emit('refused', { room: room.id, error, wait });
    room.timer = this.#clock.after(wait, () => {
      room.timer = undefined;
      if (this.#state.phase === 'online' && this.#rooms.get(room.id) === room) this.#join(room);
    });
  }

  #forget(room, removal) {
    this.#clock.stop(room.timer);
    this.#rooms.delete(room.id);
    room.reject(removal.error ?? new ParlorError({ code: removal.cause, retry: 'never' }));
    this.#emit('removed', removal);
    this.#go();
  }

  #change(room, frame) {
    const before = room.state;
    room.state = reduce(before, frame);
    if (room.state !== before) this.#emit('room', { state: room.state, before, frame });
    if (room.state.catching_up && !room.paging) this.#page(room);
  }

  /** Older gifts first: pages of `gift.list` until there are no more, then those that waited. */
  #page(room) {
    room.paging = true;
    const turn = this.#turn;
    const data = { room: room.id, after: room.state.position?.gift_no ?? 0 };
    this.#ask('gift.list', data, undefined, (error, page) => {
      if (turn !== this.#turn || !room.live) return;
      if (error && error.retry !== 'never') {
        room.timer = this.#clock.after(Math.max(error.retry_after_ms ?? 0, this.#wait(0)), () => {
          room.timer = undefined;
          if (turn === this.#turn && room.live) this.#page(room);
        });
        return;
      }
      room.paging = false;
      this.#change(room, { room: room.id, type: 'gifts.page', data: error ? { gifts: [], more: false } : page });
    });
  }

  /** A page of the people that the snapshot did not name, into the picture. */
  async people(id) {
    const after = this.room(id)?.people.at(-1)?.id;
    const page = await this.command('people.list', { room: id, after });
    const room = this.#rooms.get(id);
    if (room) this.#change(room, { room: id, type: 'people.page', data: page });
    return page;
  }

  // -- waiting for a socket, a room and room among the unanswered

  #isReady(id) {
    if (this.#state.phase !== 'online' || this.#asked.size >= this.#unanswered) return false;
    return id === undefined || !this.#rooms.has(id) || this.#rooms.get(id).live;
  }

  #go() {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
