// A session that lasts: stores the tokens where the app says, renews the access token before it expires, and throws
// `retry: 'sign_in'` when the user must sign in. `session.token` is a source of tokens for `Client` and `Rest`.
//
// Only Parlor itself ends a session: after any other answer, or none, the refresh token is kept and sent again later. How long
// a token holds is counted from its arrival, so that the device's time of day may be wrong and may jump.

import { fits, foreign } from './answer.js';
import { Rest } from './rest.js';
import { CLOCK, DEFAULTS, ParlorError, backoff, within } from './wire.js';

/** What Parlor answers if a refresh token is of no use any more. */
const ENDS = new Set(['unauthenticated', 'token_expired', 'suspended', 'bad_request']);

/** How long a request waits for a renewal while the old token still holds. */
const PATIENCE_MS = 3_000;

/** With how many logins a device remembers that it was signed in. */
const LOGINS = 5;

const STORED = { access_token: 'string', user: { id: 'number', name: 'string' } };

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
  #devices;
  #clock;
  #random;
  #renew_before_ms;
  #kept = null; // {access_token, expires_at, expires_in_ms, received_at, refresh_token, user}
  #holds = null; // {ms, since, sure}: for how long the access token holds from the tick `since` on
  #renewing = null;
  #failures = 0;
  #again = 0; // no renewal before this tick while the old token holds

  /**
   * @param {object} options
   * @param {string} [options.base] the server's origin; absent: the page's own
   * @param {string} options.device the permanent name of this device
   * @param {{read(): any, write(value: any): any}} [options.storage] absent: `memory()`; may be async
   * @param {{read(): any, write(value: any): any}} [options.devices] keeps, over signing out, what shows the server at the
   *   next sign-in that this device was signed in before; absent: `memory()`; may be async
   * @param {typeof fetch} [options.fetch]
   */
  constructor({ base, device, storage = memory(), devices = memory(), fetch: call, clock = CLOCK, random, renew_before_ms = DEFAULTS.renew_before_ms, answer_ms }) {
    this.#rest = new Rest({ base, fetch: call, clock, answer_ms });
    this.#storage = storage;
    this.#devices = devices;
    this.#clock = clock;
    this.#random = random;
    this.#renew_before_ms = renew_before_ms;
    this.device = device;
  }

  /** The signed-in user, or null. */
  get user() {
    return this.#kept?.user ?? null;
  }

  /** Reads the stored session. Resolves with the signed-in user, or null. */
  async restore() {
    this.#use(await this.#storage.read());
    return this.user;
  }

  /** Signs in. `login` is the e-mail address or phone number. Resolves with the user. */
  signIn = async ({ login, password }) => {
    const device_token = (await this.#knownAs())[login];
    const answer = await this.#rest.login({ login, password, device: this.device, device_token });
    await this.#knows(login, answer.device_token);
    return this.#keep(answer);
  };

  /** Registers and signs in. `account` is `{email or phone, password, name}`. */
  register = async (account) => {
    const answer = await this.#rest.register({ ...account, device: this.device });
    await this.#knows(account.email ?? account.phone, answer.device_token);
    return this.#keep(answer);
  };

  /**
   * What shows the server that this device was signed in with `login` before, for `device_token` of other requests; or
   * undefined.
   */
  deviceToken = async (login) => (await this.#knownAs())[login];

  async #knownAs() {
    try {
      const known = await this.#devices.read();
      return known && typeof known === 'object' ? known : {};
    } catch {
      return {};
    }
  }

  async #knows(login, device_token) {
    if (typeof device_token !== 'string') return;
    const others = Object.entries(await this.#knownAs()).filter(([name]) => name !== login);
    try {
      await this.#devices.write(Object.fromEntries([...others.slice(1 - LOGINS), [login, device_token]]));
    } catch {
      // A storage that is full or forbidden: the device is a stranger at the next sign-in.
    }
  }

  /** The signed-in user has this name and picture from now on, as a frame `person.changed` says. */
  async changed(person) {
    if (this.#kept?.user.id !== person.id) return;
    this.#kept.user = person; // the same object, which a renewal that is under way still knows as its own
    await this.#write();
  }

  /** Signs out here at once, and tells the server. If it cannot be reached now, its session expires by itself. */
  async signOut() {
    const token = this.#kept?.access_token;
    await this.#forget();
    if (token) await this.#rest.as(token).logout().catch(() => {});
  }

  /**
   * The source of tokens. `stale` is a token that the server refused; then the answer is another one, or an error with
   * `retry: 'sign_in'`.
   * @returns {Promise<{token: string, expires_at?: number}>}
   */
  token = async ({ stale } = {}) => {
    if (!this.#kept) throw signInFirst();
    const { access_token, refresh_token } = this.#kept;
    const left_ms = this.#left();
    const serves = access_token !== stale && (left_ms > 0 || !this.#holds.sure);
    const is_fresh = left_ms > Math.min(this.#renew_before_ms, this.#holds.ms / 2);
    const waits = !refresh_token || this.#clock.ticks() < this.#again;
    if (serves && (is_fresh || waits)) return this.#current();
    if (!refresh_token) throw signInFirst();
    this.#renewing ??= this.#renew(access_token).finally(() => (this.#renewing = null));
    try {
      await (serves ? within(this.#clock, PATIENCE_MS, this.#renewing) : this.#renewing);
    } catch (error) {
      if (error.retry === 'sign_in' || !serves) throw error; // otherwise the old token serves to its end
    }
    if (!this.#kept) throw signInFirst(); // signed out meanwhile
    return this.#current();
  };

  #current = () => ({ token: this.#kept.access_token, expires_at: this.#kept.expires_at });

  #left = () => this.#holds.ms - (this.#clock.ticks() - this.#holds.since);

  async #renew(old) {
    const mine = this.#kept;
    const other = await this.#storage.read();
    if (fits(other, STORED) && other.access_token !== old && other.user.id === mine.user.id) {
      if (this.#kept === mine) this.#use(other); // another tab has renewed it
      return;
    }
    let answer;
    try {
      answer = await this.#rest.refresh(mine.refresh_token);
      if (answer.user.id !== mine.user.id) throw foreign(); // from a cache that took one user for another
    } catch (error) {
      if (error instanceof ParlorError && ENDS.has(error.code)) {
        if (this.#kept === mine) await this.#forget();
        error.retry = 'sign_in';
        throw error;
      }
      this.#again = this.#clock.ticks() + Math.max(error.retry_after_ms ?? 0, backoff(this.#failures++, undefined, this.#random));
      if (error.retry !== 'now') error.retry = 'later';
      throw error;
    }
    if (this.#kept === mine) await this.#keep(answer);
  }

  async #keep({ access_token, expires_at, expires_in_ms, refresh_token, user }) {
    this.#use({ access_token, expires_at, expires_in_ms, received_at: this.#clock.now(), refresh_token, user });
    this.#holds.sure = Number.isFinite(expires_in_ms);
    await this.#write();
    return user;
  }

  async #write() {
    try {
      await this.#storage.write(this.#kept);
    } catch {
      // A storage that is full or forbidden: the session lasts as long as the program.
    }
  }

  /**
   * Goes on with a stored session. How old it is can only be told by the device's time of day, so the server judges: the
   * token is used until it refuses it.
   */
  #use(stored) {
    this.#kept = fits(stored, STORED) ? stored : null;
    const { expires_in_ms, received_at } = this.#kept ?? {};
    const known = Number.isFinite(expires_in_ms) && Number.isFinite(received_at);
    const age_ms = known ? Math.max(0, this.#clock.now() - received_at) : 0;
    const ms = known ? expires_in_ms : Infinity;
    this.#holds = { ms, since: this.#clock.ticks() - age_ms, sure: false };
    this.#failures = this.#again = 0;
  }

  async #forget() {
    this.#kept = null;
    await this.#storage.write(null);
  }
}

const signInFirst = () => new ParlorError({ code: 'unauthenticated', retry: 'sign_in', message: 'sign in first' });
