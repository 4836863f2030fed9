// One socket at a time, with automatic reconnects: its phases, back-off, silence, pings and unanswered commands. It knows
// only the envelope of frames; rooms and the types of frames are the business of `Client`.

import { fits, foreign, refusal } from './answer.js';
import { CLOCK, DEFAULTS, Lost, ParlorError, SUBPROTOCOL, backoff, comesBack } from './wire.js';

/** The close codes after which the user must sign in: unauthenticated, signed out, token reused. */
const SIGN_IN = new Set([4501, 4503, 4505]);

/** What the reply to `connect` must fit, else whoever took the socket is not Parlor. */
const CONNECTED = { session: 'string', user: { id: 'number', name: 'string' }, expires_at: 'number', time: 'number' };

export class Connection {
  state = { phase: 'idle' };
  turn = 0; // rises with every new and every lost socket; what belongs to an older turn is dropped
  settings;
  clock;
  #options;
  #hooks;
  #random;
  #socket = null;
  #attempt = 0;
  #onlineSince = null; // the tick
  #spoken = false; // whether Parlor has spoken on this socket; nobody else can stop the client by a close code
  #closing = null;
  #timers = {};
  #nextId = 1;
  #asked = new Map(); // id -> {done, timer}
  #unanswered = 64;
  #messageBytes = 64 * 1024;

  /**
   * @param {object} options of the client: `url`, `WebSocket`, `settings`, `clock`, `random`
   * @param {object} hooks `hello()` returns the data of `connect` and may throw; `refused(error)` returns true to reconnect
   *   at once; `online(reply, data)`, `dropped()`, `moved()`, `state(state)`, `frame(frame)`, `raw({out, text})`
   */
  constructor(options, hooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.settings = { ...DEFAULTS, ...options.settings };
    this.clock = options.clock ?? CLOCK;
    this.#random = options.random ?? Math.random;
  }

  /** Whether one more command may be sent. */
  get isReady() {
    return this.state.phase === 'online' && this.#asked.size < this.#unanswered;
  }

  /** Milliseconds before attempt number `attempt`. */
  wait(attempt) {
    return backoff(attempt, this.settings, this.#random);
  }

  get #Socket() {
    return this.#options.WebSocket ?? globalThis.WebSocket;
  }

  // -- the socket's life

  connect() {
    if (this.state.phase === 'connecting' || this.state.phase === 'online') return;
    if (!this.#Socket) throw new TypeError('there is no WebSocket here: give one as an option (`ws` of npm fits)');
    this.#open();
  }

  close() {
    this.#drop({ phase: 'idle', closed: true })?.close(1000, 'bye');
  }

  cut(away_ms) {
    if (this.state.phase === 'idle' || this.state.phase === 'stopped') return;
    const socket = this.#drop({ phase: 'waiting', reason: 'cut', until: this.clock.now() + away_ms });
    socket?.close(3001, 'cut'); // not 1000, which would leave the room
    this.#timers.back = this.clock.after(away_ms, () => this.#open());
  }

  wake() {
    if (this.state.phase === 'waiting' && this.state.reason !== 'cut' && !this.#closing?.after_ms) this.#open();
  }

  /** Stops until `connect` is called, because the user has to do something first. */
  stop(reason, error, code) {
    this.#drop({ phase: 'stopped', reason, error, code })?.close(3000, 'stopped');
  }

  async #open() {
    this.#drop({ phase: 'connecting', attempt: this.#attempt });
    this.#closing = null;
    const turn = this.turn;
    // A source of tokens that never answers must not stop the client for ever.
    this.#timers.connect = this.clock.after(2 * this.settings.answer_ms, () => this.#lose('no_token'));
    let hello;
    try {
      hello = await this.#hooks.hello();
    } catch (error) {
      if (turn !== this.turn) return;
      if (error.retry === 'sign_in') this.stop('sign_in', error);
      else this.#lose(error.code ?? 'unreachable', error.retry_after_ms);
      return;
    }
    if (turn !== this.turn) return;
    this.clock.stop(this.#timers.connect);

    let socket;
    try {
      socket = new this.#Socket(this.#options.url, SUBPROTOCOL);
    } catch (error) {
      // An address that cannot be one never will be; whatever else hinders the socket may pass.
      if (error.name === 'SyntaxError') this.stop('bad_url', error);
      else this.#lose('no_socket', undefined, undefined, error);
      return;
    }
    this.#socket = socket;
    this.#spoken = false;
    this.#timers.connect = this.clock.after(this.settings.connect_ms, () => this.#lose('connect_timeout'));
    socket.onopen = () => {
      if (socket.protocol && socket.protocol !== SUBPROTOCOL) return this.#lose('foreign');
      this.ask('connect', hello, undefined, (error, reply) => {
        if (!error && !fits(reply, CONNECTED)) error = foreign();
        this.#spoken = !(error instanceof Lost) && error?.code !== 'unreachable';
        if (error) this.#refused(error);
        else this.#online(reply, hello);
      });
    };
    socket.onmessage = ({ data }) => this.#read(data);
    socket.onclose = ({ code, reason }) => this.#ended(code, reason);
    socket.onerror = () => {}; // `close` follows
  }

  #online(reply, hello) {
    this.clock.stop(this.#timers.connect);
    this.#onlineSince = this.clock.ticks();
    this.#unanswered = reply.limits?.unanswered_commands ?? this.#unanswered;
    this.#messageBytes = reply.limits?.message_bytes ?? this.#messageBytes;
    this.#set({ phase: 'online', ping_ms: reply.ping_ms });
    this.#hooks.online(reply, hello);
  }

  #refused(error) {
    if (error instanceof Lost) return;
    if (error.retry === 'sign_in' && this.#hooks.refused(error)) this.#lose(error.code);
    else if (error.retry === 'sign_in' || error.retry === 'never') this.stop(error.retry === 'sign_in' ? 'sign_in' : error.code, error);
    else this.#lose(error.code, error.retry_after_ms);
  }

  #ended(code, reason) {
    const notice = this.#closing;
    const said = notice?.code ?? code;
    const why = notice?.reason || reason || `closed ${said}`;
    if (comesBack(said) || !this.#spoken) this.#lose(why, notice?.after_ms, said);
    else if (said === 4501 && this.#hooks.refused({ code: why })) this.#lose(why, undefined, said);
    else this.stop(SIGN_IN.has(said) ? 'sign_in' : why, undefined, said);
  }

  #lose(reason, after_ms, code, error) {
    this.#drop({ phase: 'waiting', reason, code, error })?.close(3000, 'lost');
    if (this.#onlineSince !== null && this.clock.ticks() - this.#onlineSince >= this.settings.stable_ms) this.#attempt = 0;
    this.#onlineSince = null;
    const wait = (after_ms ?? 0) + this.wait(this.#attempt);
    this.#attempt += 1;
    this.#set({ phase: 'waiting', reason, code, error, attempt: this.#attempt, until: this.clock.now() + wait });
    this.#timers.back = this.clock.after(wait, () => this.#open());
  }

  /** Drops the socket, every timer and every unanswered command. Returns the socket, which has no listeners any more. */
  #drop(state) {
    const socket = this.#socket;
    this.#socket = null;
    this.turn += 1;
    for (const timer of Object.values(this.#timers)) this.clock.stop(timer);
    this.#timers = {};
    // A socket that is closed while it connects may still fail, and some implementations throw an unheard error.
    if (socket) Object.assign(socket, { onopen: null, onmessage: null, onclose: null, onerror: () => {} });
    this.#hooks.dropped();
    this.#set(state);
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { done, timer } of asked) {
      this.clock.stop(timer);
      done(new Lost('the socket is gone'));
    }
    this.#hooks.moved();
    return socket;
  }

  #set(state) {
    this.state = state;
    this.#hooks.state(state);
  }

  // -- frames

  /** Sends a command on this socket once. `done(error, data)` is called once, with `Lost` if the socket is lost first. */
  ask(type, data, op, done) {
    if (!this.#socket) return done(new Lost('no socket'));
    const id = this.#nextId++;
    const text = JSON.stringify({ id, op, type, data: data ?? {} });
    if (new TextEncoder().encode(text).length > this.#messageBytes) {
      return done(new ParlorError({ code: 'too_large', retry: 'never' }));
    }
    const timer = this.clock.after(this.settings.reply_ms, () => this.#lose('no_reply'));
    this.#asked.set(id, { done, timer });
    this.#send(text);
  }

  #send(text) {
    this.#hooks.raw({ out: true, text });
    this.#socket.send(text);
  }

  #read(text) {
    this.#hooks.raw({ out: false, text });
    this.clock.stop(this.#timers.silence);
    this.#timers.silence = this.clock.after(this.settings.silence_ms, () => this.#lose('silent'));
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // a frame that this client cannot read
    }
    if (typeof frame !== 'object' || frame === null) return;
    if ('id' in frame) this.#answer(frame);
    else if (frame.type === 'ping') this.#send('{"type":"pong"}');
    else if (frame.type === 'closing' && fits(frame.data, { code: 'number' })) {
      this.#closing = frame.data;
      this.#spoken = true;
    } else if (typeof frame.type === 'string') this.#hooks.frame(frame);
  }

  #answer({ id, data, error }) {
    const asked = this.#asked.get(id);
    if (!asked) return; // with `id: null` the server could not read a frame; its command times out
    this.#asked.delete(id);
    this.clock.stop(asked.timer);
    asked.done(error ? refusal(error) : null, data ?? {});
    this.#hooks.moved();
  }
}
