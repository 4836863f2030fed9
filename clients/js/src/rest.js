// The REST addresses that an app needs besides the socket. Requests and answers are JSON, problems become `ParlorError`,
// and a token that the server refuses is renewed once.

import { ParlorError } from './wire.js';

export class Rest {
  #base;
  #fetch;
  #token;

  /**
   * @param {object} [options]
   * @param {string} [options.base] the server's origin, as `https://parlor.example`; absent: the page's own
   * @param {typeof fetch} [options.fetch]
   * @param {import('./index.d.ts').TokenSource} [options.token] absent: only addresses that need no token
   */
  constructor({ base = '', fetch: call = (...rest) => fetch(...rest), token } = {}) {
    this.#base = base.replace(/\/$/, '');
    this.#fetch = call;
    this.#token = token;
  }

  /** Another `Rest` of the same server, with this token. */
  as(token) {
    return new Rest({ base: this.#base, fetch: this.#fetch, token: () => token });
  }

  /** Calls any address. Resolves with the JSON of the answer (`{}` if it has none), rejects with `ParlorError`. */
  async ask(method, path, body) {
    const token = await bare(this.#token?.({}));
    try {
      return await this.#once(method, path, body, token);
    } catch (error) {
      if (error.retry !== 'sign_in' || !token) throw error;
      const renewed = await bare(this.#token({ stale: token })); // refused before anything was done, so it is safe to send it again
      if (!renewed || renewed === token) throw error;
      return this.#once(method, path, body, renewed);
    }
  }

  async #once(method, path, body, token) {
    const headers = { accept: 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let answer;
    let text;
    try {
      const init = { method, headers, body: body && JSON.stringify(body), cache: 'no-store' };
      answer = await this.#fetch(this.#base + path, init);
      text = await answer.text();
    } catch (error) {
      throw new ParlorError({ code: 'unreachable', retry: 'later', message: String(error.message ?? error) });
    }
    let data = {};
    try {
      data = text ? JSON.parse(text) : {};
    } catch {
      data = { message: text.slice(0, 200) };
    }
    if (!answer.ok) throw new ParlorError(data, answer.status);
    return data;
  }

  // Accounts. `Session` stores the answers of the first three.
  register = (account) => this.ask('POST', '/v1/auth/register', account);
  login = (account) => this.ask('POST', '/v1/auth/login', account);
  refresh = (refresh_token) => this.ask('POST', '/v1/auth/refresh', { refresh_token });
  logout = () => this.ask('POST', '/v1/auth/logout');
  me = () => this.ask('GET', '/v1/me');
  sessions = (cursor) => this.ask('GET', `/v1/me/sessions${query({ cursor })}`);
  endSession = (id) => this.ask('DELETE', `/v1/me/sessions/${id}`);
  endOtherSessions = () => this.ask('DELETE', '/v1/me/sessions');
  changeMe = (profile) => this.ask('PATCH', '/v1/me', profile);
  users = (q, cursor) => this.ask('GET', `/v1/users${query({ q, cursor })}`);

  // Rooms.
  openRoom = (room) => this.ask('POST', '/v1/rooms', room);
  rooms = ({ q, cursor, limit = 50 } = {}) => this.ask('GET', `/v1/rooms${query({ q, limit, cursor })}`);
  room = (id) => this.ask('GET', `/v1/rooms/${id}`);
  roomToken = (id) => this.ask('POST', `/v1/rooms/${id}/token`);

  // Gifts and money.
  gifts = () => this.ask('GET', '/v1/gifts');
  wallet = () => this.ask('GET', '/v1/wallet');
  entries = ({ currency, cursor, limit } = {}) => this.ask('GET', `/v1/wallet/entries${query({ currency, limit, cursor })}`);
}

/** The token itself: a source may give it alone, or with the time at which it expires. */
async function bare(given) {
  const token = await given;
  return typeof token === 'object' ? token?.token : token;
}

function query(fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}
