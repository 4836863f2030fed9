// Judges who has answered, the one place that does. Between a phone and the server there are captive portals, balancers and
// proxies, which answer with any status and any body. Only what has the form of an answer of Parlor's counts as one; after
// everything else the same request may be sent again later, and none of its text is passed on.

import { ParlorError } from './wire.js';

const RETRIES = new Set(['never', 'now', 'later', 'sign_in']);

/** The longest wait that is taken from somebody else's `Retry-After`. */
const FOREIGN_WAIT_MS = 60_000;

/**
 * Whether a value has at least this shape: the name of a type (a string must not be empty, a number must be finite), `[]` for
 * a list, or an object with the shapes of its fields.
 */
export function fits(value, shape) {
  if (shape === 'string') return typeof value === 'string' && value !== '';
  if (shape === 'number') return Number.isFinite(value);
  if (Array.isArray(shape)) return Array.isArray(value);
  return isObject(value) && Object.entries(shape).every(([name, field]) => fits(value[name], field));
}

/** Whether it is a refusal of Parlor's by its form: an error of the wire, or with `status` a problem (RFC 9457) of REST. */
export function isRefusal(body, status) {
  if (!isObject(body) || typeof body.code !== 'string' || !RETRIES.has(body.retry)) return false;
  return status === undefined || (status >= 400 && body.status === status && body.type === `urn:parlor:error:${body.code}`);
}

/** The refusal as an error; if it does not have the form of one of Parlor's, an error that says `later`. */
export const refusal = (body) => (isRefusal(body) ? new ParlorError(body) : foreign());

/** The error for an answer that is not Parlor's. */
export function foreign(status, retry_after_ms) {
  const message = `something else than Parlor has answered${status ? ` (HTTP ${status})` : ''}`;
  return new ParlorError({ code: 'unreachable', retry: 'later', message, retry_after_ms }, status);
}

/** The error for no answer at all. */
export function unreachable(cause) {
  const error = new ParlorError({ code: 'unreachable', retry: 'later', message: 'the server cannot be reached' });
  return Object.assign(error, { cause });
}

/**
 * Reads the answer to a request. Resolves with its data, `{}` if it has none, or rejects with a `ParlorError`. The body of an
 * answer that is not Parlor's is not even read.
 * @param {Response} answer
 * @param {object | null} [shape] what the data must fit; null: there must be none; absent: any JSON, or none
 */
export async function judge(answer, shape) {
  const { status } = answer;
  const other = () => foreign(status, waitOf(answer));
  const type = (answer.headers.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
  const is_good = status >= 200 && status < 300;
  const is_empty = (status === 202 || status === 204) && type === '';
  if (type !== (is_good ? 'application/json' : 'application/problem+json') && !is_empty) {
    answer.body?.cancel?.().catch(() => {});
    throw other();
  }
  const text = await answer.text();
  if (is_empty) {
    if (text !== '' || shape) throw other();
    return {};
  }
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw other();
  }
  if (!is_good && isRefusal(data, status)) throw new ParlorError(data, status);
  if (!is_good || typeof data !== 'object' || data === null || shape === null || (shape && !fits(data, shape))) throw other();
  return data;
}

/** The wait of a `Retry-After` in seconds. A date is not used, because it would be compared with this device's clock. */
function waitOf(answer) {
  const seconds = answer.headers.get('retry-after')?.trim();
  return /^\d{1,9}$/.test(seconds ?? '') ? Math.min(Number(seconds) * 1_000, FOREIGN_WAIT_MS) : undefined;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
