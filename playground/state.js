// The state that the parts of the page share: the signed-in user, the client, the room, and the catalogue of gifts.

import { Session, operation, webStorage } from './client/index.js';

/** The demo users of `parlor dev`. */
export const DEMO = ['Amira', 'Omar', 'Layla', 'Yusuf'].map((name, at) => ({
  name,
  login: `demo${at + 1}@parlor.example`,
  password: 'parlor-demo',
}));

const kept = sessionStorage.getItem('parlor.device');
const device = kept ?? `web-${operation()}`;
if (!kept) sessionStorage.setItem('parlor.device', device);

/** Each tab has a session of its own, so that two windows can be two users. */
export const session = new Session({ device, storage: webStorage(sessionStorage) });

/** `client` is set while a user is signed in, `room` {id, state} while they are in a room or joining it. */
export const app = { client: null, room: null, catalogue: new Map(), user: null };

export const isMe = (person) => person !== undefined && person !== null && person.id === app.user?.id;
