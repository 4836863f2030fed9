// The REST addresses that an app needs besides the socket. Requests and answers are JSON, problems become `ParlorError`,
// and a token that the server refuses is renewed once.

import { judge, unreachable } from './answer.js';
import { CLOCK, DEFAULTS, ParlorError } from './wire.js';

// What the data of the answers must fit, else they are not Parlor's.
const USER = { id: 'number', name: 'string' };
const WELCOME = { access_token: 'string', expires_at: 'number', refresh_token: 'string', user: USER };
const ROOM = { id: 'number', name: 'string', seats: 'number' };
const PAGE = { items: [] };
const DONE = { epoch: 'number', seq: 'number' };
const NOTHING = null;

export class Rest {
  #base;
  #fetch;
  #token;
  #clock;
  #answer_ms;

  /**
   * @param {object} [options]
   * @param {string} [options.base] the server's origin, as `https://parlor.example`; absent: the page's own
   * @param {typeof fetch} [options.fetch]
   * @param {import('./index.d.ts').TokenSource} [options.token] absent: only addresses that need no token
   * @param {number} [options.answer_ms] the longest wait for a whole answer
   */
  constructor({ base = '', fetch: call = (...rest) => fetch(...rest), token, clock = CLOCK, answer_ms = DEFAULTS.answer_ms } = {}) {
    this.#base = base.replace(/\/$/, '');
    this.#fetch = call;
    this.#token = token;
    this.#clock = clock;
    this.#answer_ms = answer_ms;
  }

  /** Another `Rest` of the same server, with this token. */
  as(token) {
    const [clock, answer_ms] = [this.#clock, this.#answer_ms];
    return new Rest({ base: this.#base, fetch: this.#fetch, token: () => token, clock, answer_ms });
  }

  /**
   * Calls any address. Resolves with the JSON of the answer (`{}` if it has none), rejects with `ParlorError`. An answer
   * whose data does not fit `shape` is not Parlor's.
   */
  async ask(method, path, body, shape) {
    const token = await bare(this.#token?.({}));
    try {
      return await this.#once(method, path, body, shape, token);
    } catch (error) {
      if (error.retry !== 'sign_in' || !token) throw error;
      const renewed = await bare(this.#token({ stale: token })); // refused before anything was done, so it is safe to send it again
      if (!renewed || renewed === token) throw error;
      return this.#once(method, path, body, shape, renewed);
    }
  }

  async #once(method, path, body, shape, token) {
    const headers = { accept: 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const abort = new AbortController();
    // A redirect is not followed, because it would take the token to an address that nobody has given.
    const { signal } = abort;
    const init = { method, headers, body: body && JSON.stringify(body), cache: 'no-store', redirect: 'manual', signal };
    let timer;
    const late = new Promise((_, reject) => {
      timer = this.#clock.after(this.#answer_ms, () => {
        reject(unreachable(new Error(`no answer within ${this.#answer_ms} ms`)));
        abort.abort();
      });
    });
    const asked = (async () => judge(await this.#fetch(this.#base + path, init), shape))();
    asked.catch(() => {}); // it may still fail when nobody waits for it any more
    try {
      return await Promise.race([asked, late]);
    } catch (error) {
      throw error instanceof ParlorError ? error : unreachable(error);
    } finally {
      this.#clock.stop(timer);
    }
  }

  // Accounts. `Session` stores the answers of the first three.
  register = (account) => this.ask('POST', '/v1/auth/register', account, WELCOME);
  login = (account) => this.ask('POST', '/v1/auth/login', account, WELCOME);
  refresh = (refresh_token) => this.ask('POST', '/v1/auth/refresh', { refresh_token }, WELCOME);
  logout = () => this.ask('POST', '/v1/auth/logout', undefined, NOTHING);
  me = () => this.ask('GET', '/v1/me', undefined, USER);
  sessions = (cursor) => this.ask('GET', `/v1/me/sessions${query({ cursor })}`, undefined, PAGE);
  endSession = (id) => this.ask('DELETE', `/v1/me/sessions/${id}`, undefined, NOTHING);
  endOtherSessions = () => this.ask('DELETE', '/v1/me/sessions', undefined, NOTHING);
  changeMe = (profile) => this.ask('PATCH', '/v1/me', profile, USER);
  users = (q, cursor) => this.ask('GET', `/v1/users${query({ q, cursor })}`, undefined, PAGE);

  // Rooms.
  openRoom = (room) => this.ask('POST', '/v1/rooms', room, ROOM);
  rooms = ({ q, sort, country, tag, cursor, limit = 50 } = {}) =>
    this.ask('GET', `/v1/rooms${query({ q, sort, country, tag, limit, cursor })}`, undefined, PAGE);
  ownRooms = (asked) => this.#roomsOf('', asked);
  followedRooms = (asked) => this.#roomsOf('/followed', asked);
  recentRooms = (asked) => this.#roomsOf('/recent', asked);
  adminRooms = (asked) => this.#roomsOf('/admin', asked);
  #roomsOf = (which, { cursor, limit = 50 } = {}) => this.ask('GET', `/v1/me/rooms${which}${query({ limit, cursor })}`, undefined, PAGE);
  room = (id) => this.ask('GET', `/v1/rooms/${id}`, undefined, ROOM);
  roomToken = (id, shown) => this.ask('POST', `/v1/rooms/${id}/token`, shown, { token: 'string', expires_at: 'number' });
  followRoom = (id) => this.ask('PUT', `/v1/rooms/${id}/follow`, undefined, NOTHING);
  unfollowRoom = (id) => this.ask('DELETE', `/v1/rooms/${id}/follow`, undefined, NOTHING);
  setPrivacy = (id, privacy) => this.ask('PUT', `/v1/rooms/${id}/privacy`, privacy, DONE);
  makeLink = (id, minutes) => this.ask('POST', `/v1/rooms/${id}/links`, { minutes }, { link: 'string', expires_at: 'number' });
  reopenRoom = (id) => this.ask('DELETE', `/v1/rooms/${id}/closing`, undefined, DONE);
  bans = (id, cursor) => this.ask('GET', `/v1/rooms/${id}/bans${query({ cursor })}`, undefined, PAGE);
  mutes = (id, cursor) => this.ask('GET', `/v1/rooms/${id}/mutes${query({ cursor })}`, undefined, PAGE);

  // Gifts and money.
  gifts = () => this.ask('GET', '/v1/gifts', undefined, { version: 'number', gifts: [] });
  wallet = () => this.ask('GET', '/v1/wallet', undefined, { balances: [] });
  entries = ({ currency, cursor, limit } = {}) => this.ask('GET', `/v1/wallet/entries${query({ currency, limit, cursor })}`, undefined, PAGE);
}

/** The token itself: a source may give it alone, or with the time at which it expires. */
export async function bare(given) {
  const token = await given;
  return typeof token === 'object' ? token?.token : token;
}

function query(fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}
