// What the page's parts share: who is signed in, the client, the room one is in, the catalogue.

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

/** One sign-in a tab, so that two windows are two people. */
export const session = new Session({ device, storage: webStorage(sessionStorage) });

/** `client` is there while somebody is signed in, `room` {id, state} while in a room or on the way into it. */
export const app = { client: null, room: null, catalogue: new Map(), user: null };

export const isMe = (person) => person !== undefined && person !== null && person.id === app.user?.id;
