// An app in TypeScript, which types.test.js compiles and never runs.

import { Client, ParlorError, Session, reduce, emptyRoom, type GiftLine, type ListedRoom, type RoomState } from '@parlor/client';

const session = new Session({ base: 'http://127.0.0.1:8080', device: 'phone' });
await session.signIn({ login: 'demo1@parlor.example', password: 'parlor-demo' });
const client = new Client({ base: 'http://127.0.0.1:8080', device: 'phone', token: session.token });
const room: RoomState = await client.join(104_233_871);
const { receipt } = await client.command('gift.send', { room: room.room, gift: 1, count: 10, to: { seats: [0] } });
const paid: number = receipt;
// @ts-expect-error a seat is a number
await client.command('seat.take', { room: room.room, seat: 'first' } satisfies { room: number; seat: number });
const off: () => void = client.on('gift', ({ gift }) => {
  const line: GiftLine = gift;
  console.log(line.from.name, paid);
});
off();
const { items } = await client.rest.rooms({ q: 'jazz' });
for (const card of items satisfies ListedRoom[]) console.log(card.owner.name, card.people - card.seated, card.on_seats[0]?.name);
// @ts-expect-error one room's card does not say who is in it
console.log((await client.rest.room(104_233_871)).people);
// @ts-expect-error there is no such event
client.on('gifts', () => {});
for await (const { line } of client.events('chat')) console.log(line.text);
for (const seat of reduce(emptyRoom(1), { type: 'joined', data: {} }).seats) console.log(seat.user?.name);
try {
  await client.leave(room.room);
} catch (error) {
  if (error instanceof ParlorError && error.retry === 'later') console.log(error.code, error.op);
}
