// The view of a room: its head, its sheet, what is said while the user waits to be let in, and why they left it.

import { $, clearFaults, cover, doing, h, hue, onSubmit, tell } from './dom.js';
import { clearChat, drawChat } from './chat.js';
import { clearGifts, drawGifts, showGifts } from './gifts.js';
import { openMeasures } from './measures.js';
import { newsFor } from './news.js';
import { drawPeople, drawPerson } from './people.js';
import { clearSeats, drawSeats, speak } from './seats.js';
import { app, decides, isMe } from './state.js';
import { count, many, named, until as untilWords, words } from './words.js';

const VISIT_MS = 8000;
let visiting; // the timer that hides what a return has brought

/** Draws an empty room until its first state has arrived. */
export function enterRoom() {
  for (const id of ['people', 'effects']) $(id).replaceChildren();
  $('room-name').textContent = 'Joining…';
  $('room-facts').textContent = `no. ${app.room.id}`;
  $('people-count').textContent = '…';
  $('view-room').style.setProperty('--hue', hue(app.room.id));
  hideVisit();
  clearSeats();
  clearChat();
  clearGifts();
  drawWaits();
  if (app.room.state) drawRoom();
}

/** Draws a new state of the room. */
export function roomChanged({ state, before, frame }) {
  if (app.room?.id !== state.room) return;
  app.room.state = state;
  const { visit } = state;
  if (frame.type === 'joined') {
    app.room.waits = null;
    drawWaits();
    if (visit.first) silently(['lines', 'gifts']);
  }
  drawRoom();
  if (frame.type === 'joined' && !visit.first) drawVisit(visit);
  showGifts(state, before);
  const news = newsFor(state, before, frame);
  if (news) tell(news.text, 'news', news.kind);
  if (!before.position || frame.type === 'joined') return;
  for (const line of state.chat.slice(-5)) if (line.op && !before.chat.includes(line)) speak(line.from.id);
}

/** Keeps screen readers from announcing old lines one by one. */
function silently(ids) {
  for (const id of ids) $(id).setAttribute('aria-live', 'off');
  setTimeout(() => ids.forEach((id) => $(id).setAttribute('aria-live', 'polite')), 500);
}

function drawRoom() {
  const { state } = app.room;
  if (!state.card) return;
  $('room-name').textContent = state.card.name;
  document.title = `${state.card.name} · playground`;
  $('room-facts').replaceChildren(
    h('span', { class: 'wide' }, 'by ', h('bdi', {}, named(state.card.owner)), ' · '),
    `no. ${state.room} · ${many(state.coins, 'coin')} given`,
  );
  drawSeats(state);
  drawPeople(state);
  drawPerson(state);
  drawChat(state);
  drawGifts(state);
  if ($('room-sheet').open) drawSheet(state);
}

// -- waiting to be let in

/** The room does not let the user in for now; the client tries again by itself. */
export function joinRefused({ room, error, wait }) {
  if (app.room?.id !== room) return;
  app.room.waits = { error, until: Date.now() + wait };
  drawWaits();
}

/** Says what the user waits for. There is nothing to write or to give before the room has let them in. */
function drawWaits() {
  const { waits, state, asks } = app.room ?? {};
  const inside = Boolean(state?.card);
  document.body.classList.toggle('outside', !inside);
  drawPassword(inside ? null : asks);
  $('room-wait').hidden = (inside && !waits) || Boolean(!inside && asks);
  $('room-show').disabled = $('people-show').disabled = !inside;
  if ($('room-wait').hidden) return;
  if (!inside && waits) $('room-name').textContent = waits.error.code === 'room_full' ? 'The room is full' : 'Not in yet';
  const title = waits ? words(waits.error) : 'Joining the room…';
  if ($('room-wait-title').textContent !== title) $('room-wait-title').textContent = title;
  const left = waits ? Math.max(1, Math.ceil((waits.until - Date.now()) / 1000)) : 0;
  const text = !waits ? 'One moment.'
    : waits.error.code === 'room_full' ? 'You come in as soon as somebody leaves. Stay here, or look for another room.'
    : `Trying again in ${left} s.`;
  if ($('room-wait-text').textContent !== text) $('room-wait-text').textContent = text;
}

// -- a room with a password

/** The room asks for its password: shows the field for it, and, if one was given, that it was wrong. */
export function askPassword({ wrong }) {
  app.room.asks = { wrong };
  app.room.waits = null;
  drawWaits();
  $('password').elements.password.focus();
  const { id } = app.room;
  app.client.rest.room(id).then((card) => {
    if (app.room?.id === id && app.room.asks) $('room-name').textContent = card.name;
  }, () => {}); // without its name the room asks all the same
}

function drawPassword(asks) {
  $('password').hidden = !asks;
  if (!asks) return;
  clearFaults($('password'));
  if (!asks.wrong) return;
  $('password').querySelector('.form-fault').textContent = 'The password is wrong.';
  $('password').elements.password.select();
}

// -- what a return has brought

/** Says for some seconds what was missed while the connection was lost. */
function drawVisit(visit) {
  const away = app.lostAt ? ` after ${Math.round((Date.now() - app.lostAt) / 1000)} s` : '';
  app.lostAt = 0;
  const parts = [
    visit.chat && many(visit.chat, 'line'),
    visit.gifts && many(visit.gifts, 'gift'),
    visit.seats && many(visit.seats, 'seat change'),
  ].filter(Boolean);
  const how = visit.recovered ? 'every missed event was sent again' : 'the whole room was sent again';
  $('visit').textContent = parts.length ? `Back${away} with ${parts.join(', ')}: ${how}.` : `Back${away}. You missed nothing.`;
  $('visit').hidden = false;
  clearTimeout(visiting);
  visiting = setTimeout(hideVisit, parts.length ? VISIT_MS : VISIT_MS / 2);
}

function hideVisit() {
  clearTimeout(visiting);
  $('visit').hidden = true;
  $('visit').textContent = '';
}

// -- the room's sheet

function drawSheet({ room, card, count: people, seats, coins }) {
  $('room-sheet-cover').textContent = cover(card);
  $('room-sheet').style.setProperty('--hue', hue(room));
  $('room-sheet-title').textContent = card.name;
  $('room-sheet-by').replaceChildren('by ', h('bdi', {}, named(card.owner)), ` · no. ${room}`);
  const taken = seats.filter((seat) => seat.user).length;
  const facts = [['People here', count(people)], ['Seats taken', `${taken} of ${seats.length}`], ['Coins given here', count(coins)]];
  if (card.announcement) facts.unshift(['Announcement', card.announcement]);
  const open = { password: 'Who knows the password', invited: 'Who is invited', hidden: 'Who knows its number' }[card.privacy];
  if (open) facts.push(['Who comes in', open]);
  for (const id of ['room-rules', 'room-measures']) $(id).hidden = !decides();
  $('room-sheet-facts').replaceChildren(...facts.map(([word, value]) => h('div', {}, h('dt', {}, word), h('dd', { dir: 'auto' }, String(value)))));
}

/** Whether the user follows the room is not in its state: the list of followed rooms has it. */
async function drawFollow() {
  $('room-follow').hidden = true;
  const { items } = await app.client.rest.followedRooms({ limit: 100 });
  const follows = items.some((card) => card.id === app.room?.id);
  $('room-follow').setAttribute('aria-pressed', String(follows));
  $('room-follow-text').textContent = follows ? 'You follow the room' : 'Follow the room';
  $('room-follow').hidden = false;
}

export function readyRoom() {
  $('room-show').addEventListener('click', () => {
    if (!app.room?.state?.card) return;
    $('room-link-text').textContent = 'Copy the room’s link';
    $('room-link-said').textContent = '';
    drawSheet(app.room.state);
    $('room-sheet').showModal();
    drawFollow().catch(() => {}); // without it the rest of the sheet is still of use
  });
  $('room-follow').addEventListener('click', (event) => doing(async () => {
    const follows = $('room-follow').getAttribute('aria-pressed') === 'true';
    await (follows ? app.client.rest.unfollowRoom(app.room.id) : app.client.rest.followRoom(app.room.id));
    await drawFollow();
  }, event.currentTarget));
  $('room-measures').addEventListener('click', () => {
    $('room-sheet').close();
    openMeasures();
  });
  onSubmit('password', ({ password }) => {
    if (!password.value) return;
    app.room.shown = { password: password.value };
    app.room.asks = null;
    drawWaits();
    app.client.join(app.room.id).catch(() => {}); // `removed` has shown why
  });
  $('room-link').addEventListener('click', () => doing(async () => {
    const { card } = app.room.state;
    // Into a room that does not let everybody in, the owner's link does.
    const secret = ['password', 'invited'].includes(card.privacy) && isMe(card.owner) ? `&link=${(await app.client.rest.makeLink(app.room.id)).link}` : '';
    const address = `${location.origin}/#room=${app.room.id}${secret}`;
    // A page over plain http from another host has no access to the clipboard: then the address itself is shown.
    const copied = await navigator.clipboard?.writeText(address).then(() => true, () => false);
    $('room-link-text').textContent = $('room-link-said').textContent = copied ? 'Copied' : address;
  }));
  setInterval(() => app.room?.waits && drawWaits(), 500);
}

/** Says why the user is no longer in the room. */
export function tellRemoved({ cause, until, reason, error: refused }, otherwise) {
  const why = reason ? ` “${reason}”` : '';
  const told = {
    kicked: `You were kicked out of the room${untilWords(until)}.${why}`,
    banned: `You were banned from the room${untilWords(until)}.${why}`,
    joined_elsewhere: 'You have joined another room on another device.',
    left: 'You have left the room on another device.',
    closed: `The room was closed.${why}`,
  };
  const outside = { not_permitted: 'Only invited users come into this room. Ask its owner for an invitation.' };
  tell((refused ? outside[cause] : told[cause]) ?? otherwise, 'removed');
}
