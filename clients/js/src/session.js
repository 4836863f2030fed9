// A session that lasts: stores the tokens where the app says, renews the access token before it expires, and throws
// `retry: 'sign_in'` when the user must sign in. `session.token` is a source of tokens for `Client` and `Rest`.

import { Rest } from './rest.js';
import { CLOCK, DEFAULTS, ParlorError } from './wire.js';

/** Keeps a session in memory only: it ends with the program. */
export function memory() {
  let value = null;
  return { read: () => value, write: (next) => (value = next) };
}

/**
 * Keeps a session in a browser's `sessionStorage` (one per tab) or `localStorage` (one for all tabs).
 * @param {Storage} storage
 */
export function webStorage(storage, name = 'parlor.session') {
  return {
    read: () => {
      try {
        return JSON.parse(storage.getItem(name));
      } catch {
        return null; // written by something else
      }
    },
    write: (value) => (value ? storage.setItem(name, JSON.stringify(value)) : storage.removeItem(name)),
  };
}

export class Session {
  #rest;
  #storage;
  #now;
  #renew_before_ms;
  #kept = null; // {access_token, expires_at, refresh_token, user}
  #renewing = null;

  /**
   * @param {object} options
   * @param {string} [options.base] the server's origin; absent: the page's own
   * @param {string} options.device the permanent name of this device
   * @param {{read(): any, write(value: any): any}} [options.storage] absent: `memory()`; may be async
   * @param {typeof fetch} [options.fetch]
   * @param {() => number} [options.now]
   */
  constructor({ base, device, storage = memory(), fetch: call, now = CLOCK.now, renew_before_ms = DEFAULTS.renew_before_ms }) {
    this.#rest = new Rest({ base, fetch: call });
    this.#storage = storage;
    this.#now = now;
    this.#renew_before_ms = renew_before_ms;
    this.device = device;
  }

  /** The signed-in user, or null. */
  get user() {
    return this.#kept?.user ?? null;
  }

  /** Reads the stored session. Resolves with the signed-in user, or null. */
  async restore() {
    this.#kept = (await this.#storage.read()) ?? null;
    return this.user;
  }

  /** Signs in. `login` is the e-mail address or phone number. Resolves with the user. */
  signIn = async ({ login, password }) => this.#keep(await this.#rest.login({ login, password, device: this.device }));

  /** Registers and signs in. `account` is `{email or phone, password, name}`. */
  register = async (account) => this.#keep(await this.#rest.register({ ...account, device: this.device }));

  /** Signs out here at once, and on the server as soon as it can be reached. */
  async signOut() {
    const token = this.#kept?.access_token;
    await this.#forget();
    // If the server cannot be reached now, its session expires by itself.
    if (token) await this.#rest.as(token).logout().catch(() => {});
  }

  /**
   * The source of tokens. `stale` is a token that the server refused; then the answer is another one, or an error with
   * `retry: 'sign_in'`.
   * @returns {Promise<{token: string, expires_at?: number}>}
   */
  token = async ({ stale } = {}) => {
    if (!this.#kept) throw signInFirst();
    const { access_token, expires_at, refresh_token } = this.#kept;
    const left_ms = (expires_at ?? Infinity) - this.#now();
    const holds = access_token !== stale && left_ms > 0;
    if (holds && (left_ms > this.#renew_before_ms || !refresh_token)) return this.#current();
    if (!refresh_token) throw signInFirst();
    try {
      this.#renewing ??= this.#renew(access_token).finally(() => (this.#renewing = null));
      await this.#renewing;
    } catch (error) {
      if (error.retry === 'sign_in' || !holds) throw error; // otherwise the server did not answer, and the old token is used until it expires
    }
    if (!this.#kept) throw signInFirst(); // signed out meanwhile
    return this.#current();
  };

  #current = () => ({ token: this.#kept.access_token, expires_at: this.#kept.expires_at });

  async #renew(old) {
    const other = await this.#storage.read();
    if (other && other.access_token !== old && other.user?.id === this.#kept?.user.id) {
      this.#kept = other; // another tab has renewed it
      return;
    }
    try {
      const answer = await this.#rest.refresh(this.#kept.refresh_token);
      if (this.#kept) await this.#keep({ user: this.#kept.user, ...answer });
    } catch (error) {
      if (error.retry !== 'sign_in' && error.retry !== 'never') throw error;
      await this.#forget(); // it was used up, revoked, or is too old
      throw signInFirst();
    }
  }

  async #keep({ access_token, expires_at, refresh_token, user }) {
    this.#kept = { access_token, expires_at, refresh_token, user };
    await this.#storage.write(this.#kept);
    return user;
  }

  async #forget() {
    this.#kept = null;
    await this.#storage.write(null);
  }
}

const signInFirst = () => new ParlorError({ code: 'unauthenticated', retry: 'sign_in', message: 'sign in first' });
