// People, events and snapshots of one room, for the tests.

import { emptyRoom, reduce } from '../src/index.js';

export const ROOM = 104_233_871;
export const [amira, omar, lina] = [
  { id: 900_000_001, name: 'Amira' },
  { id: 900_000_002, name: 'Omar' },
  { id: 900_000_003, name: 'Lina' },
];

export const event = (seq, type, data, epoch = 5) => ({ room: ROOM, epoch, seq, at: 1000 + seq, type, data });
export const chat = (seq, op, text = `line ${op}`) => event(seq, 'chat.posted', { from: omar, op, text });
export const gift = (gift_no) => ({ gift_no, receipt: 7000 + gift_no, at: 2000, from: omar, to: [amira], gift: 1, count: 1, total: 1 });
export const gifts = (seq, ...numbers) => event(seq, 'gifts.sent', { gifts: numbers.map(gift), coins: numbers.at(-1) });
export const snapshot = (more = {}) => ({
  room: { id: ROOM, name: 'Evening', owner: amira, seats: 5 },
  own: { role: 'owner' },
  seats: [0, 1, 2, 3, 4].map((no) => ({ no })),
  seat_version: 1,
  count: 2,
  people: [amira, omar],
  chat: [],
  coins: 0,
  ...more,
});
export const joined = (data) => ({ room: ROOM, type: 'joined', data: { room: ROOM, ...data } });
export const fresh = (seq = 10, gift_no = 3, more) =>
  reduce(emptyRoom(ROOM), joined({ position: { epoch: 5, seq, gift_no }, recovered: false, snapshot: snapshot(more) }));
export const numbers = (state) => state.gifts.map((line) => line.gift_no);
export const ops = (state) => state.chat.filter((line) => line.op).map((line) => line.op);

export function frozen(value) {
  if (value && typeof value === 'object') Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

/** A refusal of REST, as the server writes it. */
export function problem(status, code, retry, more = {}) {
  const body = { type: `urn:parlor:error:${code}`, title: code, status, code, retry, ...more };
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/problem+json' } });
}
