// The words and numbers of the wire that the rest of the client shares: sizes, waits, errors, operations. Pure.

/** The subprotocol that this client speaks. */
export const SUBPROTOCOL = 'parlor.v1.json';

/** Sizes and waits, in milliseconds where the name says so. The server's own limits replace those it announces. */
export const DEFAULTS = Object.freeze({
  connect_ms: 10_000, // from the first byte of the handshake to the answer to `connect`
  reply_ms: 20_000, // a command unanswered for so long: the socket is not trusted any more
  silence_ms: 45_000, // nothing came for so long: the socket is dead
  backoff_ms: 500, // the first wait before coming back; doubles
  backoff_max_ms: 20_000,
  stable_ms: 10_000, // a socket that lived so long sets the back-off to its beginning
  renew_before_ms: 60_000, // a token is renewed so long before it expires
  tries: 8, // refusals with `retry: now` or `later` before a command gives up; a lost socket is no refusal
});

/** Commands that change something and so name an operation. */
export const CHANGES = new Set([
  'chat.send',
  'gift.send',
  'room.kick',
  'seat.leave',
  'seat.lock',
  'seat.take',
  'seat.unlock',
]);

/** A refusal: `code` is what a program may look at, `retry` what may be done with the same operation. */
export class ParlorError extends Error {
  /**
   * @param {object} body an error of the wire, or a problem (RFC 9457) of REST
   * @param {number} [status] the HTTP status, where there is one
   */
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

/** The answer was lost with its socket: what was asked may have happened. Never leaves the client. */
export class Lost extends Error {}

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

/** Time as the client sees it; tests bring a clock that is turned by hand. */
export const CLOCK = Object.freeze({
  now: () => Date.now(),
  after: (ms, call) => setTimeout(call, Math.min(ms, 2 ** 31 - 1)), // beyond it a timer would fire at once
  stop: (timer) => clearTimeout(timer),
});
