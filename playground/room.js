// The view of a room: its head, its seats, and who is speaking.

import { $, avatar, doing, fill, h, hue, icon, redraw, tell } from './dom.js';
import { clearChat, drawChat } from './chat.js';
import { clearGifts, drawGifts, showGifts } from './gifts.js';
import { drawPeople, openPerson } from './people.js';
import { app, isMe } from './state.js';
import { many, named } from './words.js';

const SPEAKS_MS = 2500;
const speaking = new Map(); // user -> timer

/** Draws an empty room until its first state has arrived. */
export function enterRoom() {
  for (const id of ['seats', 'people', 'effects']) $(id).replaceChildren();
  $('room-name').textContent = 'Joining…';
  $('room-facts').textContent = `no. ${app.room.id}`;
  $('people-count').textContent = '…';
  $('visit').hidden = true;
  clearChat();
  clearGifts();
  if (app.room.state) drawRoom();
}

/** Draws a new state of the room. */
export function roomChanged({ state, before, frame }) {
  if (app.room?.id !== state.room) return;
  app.room.state = state;
  const { visit } = state;
  if (frame.type === 'joined' && visit.first) silently(['lines', 'gifts']);
  drawRoom();
  if (frame.type === 'joined' && !visit.first) drawVisit(visit);
  showGifts(state, before);
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
  $('room-name').textContent = state.card?.name ?? '';
  document.title = `${state.card?.name ?? 'Parlor'} · playground`;
  $('room-facts').replaceChildren(
    h('span', { class: 'wide' }, 'by ', h('bdi', {}, named(state.card?.owner)), ' · '),
    `no. ${state.room} · ${many(state.coins, 'coin')} given`,
  );
  $('view-room').style.setProperty('--hue', hue(state.room));
  drawSeats(state);
  drawPeople(state);
  drawChat(state);
  drawGifts(state);
}

function drawVisit(visit) {
  const away = app.cutAt ? ` after ${Math.round((Date.now() - app.cutAt) / 1000)} s` : '';
  app.cutAt = 0;
  const parts = [many(visit.chat, 'line'), many(visit.gifts, 'gift')];
  if (visit.seats !== null) parts.push(many(visit.seats, 'seat change'));
  const how = visit.recovered ? 'every missed event was sent again' : 'the whole room was sent again';
  $('visit').textContent = `Back${away} with ${parts.join(', ')}: ${how}.`;
  $('visit').hidden = false;
}

// -- seats

function drawSeats(state) {
  const owner = state.own?.role === 'owner';
  const seated = state.seats.some((seat) => isMe(seat.user));
  const make = (seat) =>
    h('li', { 'data-seat': seat.no },
      h('button', { type: 'button', class: 'seat', onclick: () => pressSeat(seat.no) }),
      h('button', { type: 'button', class: 'lock', onclick: () => pressLock(seat.no) }));
  $('seats').dataset.count = state.seats.length;
  fill($('seats'), state.seats, (seat) => seat.no, make, (node, seat) =>
    redraw(node, JSON.stringify([seat, seated, owner]), () => drawSeat(node, seat, { seated, owner })));
}

function drawSeat(node, { no, user, locked }, { seated, owner }) {
  const [button, lock] = node.children;
  const place = no === 0 ? 'Host' : `Seat ${no}`;
  const open = !user && !locked && !seated && (no !== 0 || owner); // the host's seat is the owner's
  button.className = `seat ${user ? (isMe(user) ? 'own' : 'taken') : locked ? 'free locked' : 'free'}`;
  button.disabled = !user && !open;
  const face = user ? avatar(user) : h('span', { class: 'avatar', 'aria-hidden': 'true' }, icon(locked ? 'lock' : open ? 'plus' : 'mic'));
  const badge = no === 0 && user ? h('span', { class: 'host', 'aria-hidden': 'true' }) : null;
  button.replaceChildren(h('span', { class: 'face' }, face, badge), h('span', { class: 'name', dir: 'auto' }, user ? user.name : place));
  const does = user ? (isMe(user) ? `${user.name}, you: leave the seat` : user.name) : locked ? 'locked' : open ? 'free: take it' : 'free';
  button.setAttribute('aria-label', `${place}, ${does}`);
  button.title = user ? (isMe(user) ? 'Leave the seat' : user.name) : locked ? 'Locked' : open ? 'Take this seat' : 'Free';
  if (user) button.dataset.user = user.id;
  else delete button.dataset.user;
  lock.hidden = !owner || no === 0;
  lock.replaceChildren(icon(locked ? 'unlock' : 'lock'));
  lock.title = locked ? 'Unlock' : 'Lock';
  lock.setAttribute('aria-label', `${locked ? 'Unlock' : 'Lock'} ${place.toLowerCase()}`);
}

function pressSeat(no) {
  const seat = app.room.state.seats.find((other) => other.no === no);
  if (seat.user && !isMe(seat.user)) return openPerson(seat.user);
  const data = { room: app.room.id };
  return doing(() => (seat.user ? app.client.command('seat.leave', data) : app.client.command('seat.take', { ...data, seat: no })));
}

function pressLock(no) {
  const seat = app.room.state.seats.find((other) => other.no === no);
  return doing(() => app.client.command(seat.locked ? 'seat.unlock' : 'seat.lock', { room: app.room.id, seat: no }));
}

/** Marks a seat as speaking. There is no voice yet, so the author of a chat line counts as speaking. */
function speak(user) {
  const button = $('seats').querySelector(`[data-user="${user}"]`);
  if (!button) return;
  clearTimeout(speaking.get(user));
  button.classList.add('speaking');
  speaking.set(user, setTimeout(() => button.classList.remove('speaking'), SPEAKS_MS));
}

/** Says why the user is no longer in the room. */
export function tellRemoved({ cause, until, reason }, otherwise) {
  const told = {
    kicked: `You were kicked out of the room${until ? ` until ${new Date(until).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}` : ''}.${reason ? ` “${reason}”` : ''}`,
    joined_elsewhere: 'You have joined another room on another device.',
    left: 'You have left the room on another device.',
    closed: `The staff closed the room.${reason ? ` “${reason}”` : ''} You may join it again.`,
  };
  tell(told[cause] ?? otherwise);
}
