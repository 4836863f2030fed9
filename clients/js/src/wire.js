// What the parts of the client share about the protocol: sizes, waits, errors, operations. It does no I/O.

/** The subprotocol that this client speaks. */
export const SUBPROTOCOL = 'parlor.v1.json';

/** Sizes and waits, in milliseconds if the name ends in `_ms`. The limits that the server announces replace them. */
export const DEFAULTS = Object.freeze({
  connect_ms: 10_000, // from the first byte of the handshake to the answer to `connect`
  reply_ms: 20_000, // after this time without a reply the socket counts as lost
  answer_ms: 20_000, // after this time without the whole answer a request of REST counts as unanswered
  silence_ms: 45_000, // after this time without a frame the socket counts as lost
  backoff_ms: 500, // the first wait before coming back; doubles
  backoff_max_ms: 20_000,
  stable_ms: 10_000, // a socket that was online for this long resets the back-off
  renew_before_ms: 60_000, // a token is renewed this long before it expires
  tries: 8, // refusals with `retry: now` or `later` before a command gives up; a lost socket is no refusal
});

/**
 * The commands that change something, and therefore name an operation, each with the queue that it waits in: the commands of
 * one queue and room take effect in the order in which they were given. A queue is one of the server's rates, so that no
 * line of chat waits because there were too many gifts.
 */
export const QUEUES = Object.freeze({
  'admin.demote': 'seat',
  'admin.promote': 'seat',
  'chat.image': 'chat',
  'chat.recall': 'seat',
  'chat.send': 'chat',
  'gift.send': 'gift',
  'chat.mute': 'seat',
  'chat.rules': 'seat',
  'chat.unmute': 'seat',
  'hand.approve': 'seat',
  'hand.lower': 'seat',
  'hand.raise': 'seat',
  'hand.refuse': 'seat',
  'invitation.accept': 'seat',
  'invitation.refuse': 'seat',
  'invitation.send': 'seat',
  'mic.mute': 'seat',
  'mic.unmute': 'seat',
  'room.ban': 'seat',
  'ownership.accept': 'seat',
  'ownership.offer': 'seat',
  'ownership.refuse': 'seat',
  'ownership.withdraw': 'seat',
  'room.change': 'seat',
  'room.close': 'seat',
  'room.kick': 'seat',
  'room.open': 'seat',
  'room.unban': 'seat',
  'seat.claim': 'seat',
  'seat.layout': 'seat',
  'seat.leave': 'seat',
  'seat.lock': 'seat',
  'seat.lock_all': 'seat',
  'seat.mode': 'seat',
  'seat.move': 'seat',
  'seat.move_user': 'seat',
  'seat.mute': 'seat',
  'seat.remove_user': 'seat',
  'seat.take': 'seat',
  'seat.unlock': 'seat',
  'seat.unlock_all': 'seat',
  'seat.unmute': 'seat',
});

/** A refusal. Programs decide by `code`; `retry` says what may be done with the same operation. */
export class ParlorError extends Error {
  /**
   * @param {object} body an error of the wire, or a problem (RFC 9457) of REST
   * @param {number} [status] the HTTP status of a REST answer
   */
  constructor(body, status) {
    super(body.message || body.detail || body.title || body.code || 'error');
    this.name = 'ParlorError';
    this.code = body.code ?? 'unreachable';
    this.retry = body.retry ?? 'later';
    this.retry_after_ms = body.retry_after_ms >= 0 ? body.retry_after_ms : undefined;
    this.fields = body.fields ?? [];
    this.body = body;
    this.status = status;
  }
}

/** The reply was lost with its socket, so the command may have taken effect. This error never leaves the client. */
export class Lost extends Error {}

/** A new operation: a UUID of version 7, made for one tap and kept over retries and reconnects. */
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

/** Whether a client reconnects after this close code: not after 4500 to 4999, after every other code. */
export const comesBack = (code) => !(code >= 4500 && code <= 4999);

/**
 * The client's clock; tests use one that they advance themselves. `now` is the device's time of day, which may be wrong and
 * may jump: it makes ids and says when something was stored. Whatever is decided by time is counted in `ticks`,
 * milliseconds that only go forward.
 */
export const CLOCK = Object.freeze({
  now: () => Date.now(),
  ticks: () => performance.now(),
  after: (ms, call) => setTimeout(call, Math.min(ms, 2 ** 31 - 1)), // beyond it a timer would fire at once
  stop: (timer) => clearTimeout(timer),
});

/** What the promise gives, or undefined after this time. */
export async function within(clock, ms, promise) {
  let timer;
  const late = new Promise((resolve) => (timer = clock.after(ms, resolve)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clock.stop(timer);
  }
}
