// The state that the parts of the page share: the signed-in user, the client, the room, and the catalogue of gifts.

import { Session, operation, roleOf, webStorage } from './client/index.js';

const kept = sessionStorage.getItem('parlor.device');
const device = kept ?? `web-${operation()}`;
if (!kept) sessionStorage.setItem('parlor.device', device);

/** Each tab has a session of its own, so that two windows can be two users. */
export const session = new Session({ device, storage: webStorage(sessionStorage), devices: webStorage(localStorage, 'parlor.devices') });

/**
 * `client` is set while a user is signed in; `room` {id, state, waits, asks, shown} while they are in a room or joining it, where
 * `waits` is {error, until} while the room does not let them in, `asks` {wrong} while it wants to see a password, and `shown` what
 * they have to show: {password} or {link}. `isDev`: the server has demo users. `lostAt`: when the
 * connection was lost.
 */
export const app = { client: null, room: null, catalogue: new Map(), user: null, isDev: false, lostAt: 0 };

/** What the user is in the room now. */
export const role = () => (app.room?.state ? roleOf(app.room.state, app.user?.id) : 'listener');

/** Whether the user decides in the room: as its owner, or as an admin. */
export const decides = () => ['owner', 'admin'].includes(role());

/** Whether the user settles hands and invites: as the owner, as an admin, or on the host's seat. */
export const settles = () => decides() || role() === 'host';

/** The user of this id, as far as the page knows them. */
export function personOf(id) {
  const { people = [], seats = [], card, chat = [] } = app.room?.state ?? {};
  const known = [app.user, card?.owner, ...people, ...seats.map((seat) => seat.user), ...chat.flatMap((line) => [line.from, line.user, line.by])];
  return known.find((person) => person?.id === id);
}

export const isMe = (person) => person !== undefined && person !== null && person.id === app.user?.id;
