// The playground: a page that uses the client of clients/js. It keeps no state of a room of its own but draws the state
// that the client holds. This file handles signing in and out, and decides which of the three views is shown.

import { Client } from './client/index.js';
import { readyChat } from './chat.js';
import { $, avatar, closeDialogs, doing, onSignIn, readyDialogs, readyForms, tell, untell } from './dom.js';
import { closeFrames, logFrame, readyFrames } from './frames.js';
import { readCatalogue, readyGifts } from './gifts.js';
import { drawConnection, readyConnection } from './link.js';
import { drawLobby, readyLobby } from './lobby.js';
import { readyMeasures } from './measures.js';
import { readyPeople } from './people.js';
import { readyProfile } from './profile.js';
import { askPassword, enterRoom, joinRefused, readyRoom, roomChanged, tellRemoved } from './room.js';
import { readyRules } from './rules.js';
import { readySignIn } from './signin.js';
import { readySeats } from './seats.js';
import { app, session } from './state.js';
import { drawBalances, readyWallet } from './wallet.js';
import { words } from './words.js';

// -- signing in and out

/** A user has signed in. The same user as before continues with the same client; another one gets a new client. */
async function entered() {
  untell();
  if (app.client && app.user?.id !== session.user.id) endClient();
  app.user = session.user;
  if (!app.client) startClient();
  app.client.connect();
  show();
  await readCatalogue();
  route();
}

function startClient() {
  app.client = new Client({
    device: session.device,
    token: session.token,
    roomToken: async (id) => (await app.client.rest.roomToken(id, app.room?.id === id ? app.room.shown : undefined)).token,
    client: { name: 'playground', version: '1', platform: 'web' },
  });
  app.client.on('state', (state) => {
    drawConnection(state);
    if (state.phase === 'stopped' && state.reason === 'sign_in') signInAgain();
    if (state.phase === 'stopped' && state.reason === 'suspended') suspended();
  });
  app.client.on('balances', drawBalances);
  app.client.on('room', roomChanged);
  app.client.on('removed', removed);
  app.client.on('refused', joinRefused);
  app.client.on('user', ({ type, data }) => type === 'person.changed' && changed(data.person));
  app.client.on('frame', logFrame);
}

function endClient() {
  app.client?.close();
  app.client = app.room = null;
}

/** The session has ended. The client is kept, and continues when the same user has signed in again. */
function signInAgain() {
  if (!app.user || $('view-sign-in').hidden === false) return;
  session.signOut();
  closeDialogs();
  tell('Your session has ended. Please sign in again to continue where you were.', 'session');
  show();
}

/** The account is suspended: shows why and until when, and signs out. */
async function suspended() {
  const why = await app.client.rest.me().then(() => undefined, (error) => error);
  signOut();
  closeDialogs();
  tell(why?.code === 'suspended' ? words(why) : 'This account is suspended.', 'session');
}

function signOut() {
  endClient();
  session.signOut();
  app.user = null;
  untell();
  history.replaceState(null, '', '#');
  show();
}

// -- the views

const address = () => /^#room=(\d+)(?:&link=(\w+))?$/.exec(location.hash);
const wanted = () => Number(address()?.[1]) || null;

function route() {
  if (!session.user) return show();
  const id = wanted();
  if (app.room && app.room.id !== id) {
    const left = app.room.id;
    app.room = null;
    doing(() => app.client.leave(left));
  }
  const comes = id && !app.room;
  if (comes) {
    untell('act', 'lobby', 'removed');
    const link = address()[2];
    app.room = { id, state: null, waits: null, asks: null, shown: link && { link } };
  }
  show();
  if (comes) app.client.join(id).catch(() => {}); // `removed` has shown why
}

function drawMe() {
  $('me-name').textContent = session.user.name;
  $('me-face').replaceChildren(avatar(session.user));
}

/** The user has another name or picture, by this page or another device. */
function changed(person) {
  session.changed(person);
  app.user = session.user;
  if (app.user) drawMe();
}

let shown = '';
function show() {
  const inside = Boolean(session.user);
  const view = !inside ? 'sign-in' : app.room ? 'room' : 'rooms';
  for (const name of ['sign-in', 'rooms', 'room']) $(`view-${name}`).hidden = name !== view;
  document.body.dataset.view = view;
  if (!inside) drawConnection({ phase: 'idle' });
  $('me').hidden = $('connection').hidden = !inside;
  $('purse').hidden = !inside || !app.client?.balances.length;
  if (inside) {
    drawMe();
  } else {
    closeFrames();
  }
  document.title = `${(view === 'room' && app.room.state?.card?.name) || 'Parlor'} · playground`;
  if (view === shown) return;
  const first = shown === '';
  shown = view;
  untell('act', 'lobby');
  if (!first) {
    scrollTo(0, 0);
    $('main').focus({ preventScroll: true });
  }
  closeDialogs();
  if (view === 'rooms') drawLobby();
  if (view === 'room') enterRoom();
}

function removed(removal) {
  if (app.room?.id !== removal.room) return;
  if (removal.cause === 'wrong_password') {
    const wrong = Boolean(app.room.shown?.password);
    Object.assign(app.room, { state: null, shown: undefined });
    return askPassword({ wrong });
  }
  app.room = null;
  if (wanted() === removal.room) history.replaceState(null, '', '#');
  show();
  tellRemoved(removal, removal.error ? words(removal.error) : removal.cause);
}

// -- start

onSignIn(signInAgain);
readyDialogs();
readyForms();
readySignIn(entered);
readyLobby(() => shown === 'rooms');
readyRoom();
readySeats();
readyRules();
readyMeasures();
readyPeople();
readyChat();
readyGifts(signInAgain);
readyWallet();
readyProfile(signOut);
readyConnection();
readyFrames();
addEventListener('hashchange', route);
for (const id of ['home', 'leave', 'room-leave']) {
  $(id).addEventListener('click', (event) => {
    event.preventDefault();
    location.hash = '';
  });
}
$('skip').addEventListener('click', (event) => {
  event.preventDefault();
  $('main').focus();
});
$('notice-close').addEventListener('click', () => untell());

if (await session.restore()) await entered();
else show();
