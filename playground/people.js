// The list of people in the room, and the dialog of one of them.

import { roleOf } from './client/index.js';
import { $, avatar, doing, fill, h, icon, onSubmit, redraw } from './dom.js';
import { openGifts } from './gifts.js';
import { lockSeatOf } from './seats.js';
import { app, decides, isMe, role } from './state.js';
import { placeName } from './words.js';

export function drawPeople(state) {
  const seats = new Map(state.seats.filter((seat) => seat.user).map((seat) => [seat.user.id, seat.no]));
  $('people-count').textContent = String(state.count);
  const make = (person) => h('li', { 'data-user': person.id }, h('button', { type: 'button', onclick: () => openPerson(person) }));
  fill($('people'), state.people, (person) => person.id, make, (node, person) => {
    const tags = [
      isMe(person) && 'you',
      person.id === state.card?.owner.id && 'owner',
      state.admins.includes(person.id) && 'admin',
      state.hands.some((hand) => hand.user.id === person.id) && 'asks for a seat',
      seats.has(person.id) && (seats.get(person.id) === 0 ? 'host’s seat' : `seat ${seats.get(person.id)}`),
    ].filter(Boolean);
    redraw(node, JSON.stringify([person.name, person.picture, tags]), () => {
      const button = node.firstElementChild;
      button.disabled = isMe(person);
      button.replaceChildren(avatar(person), h('span', { class: 'name', dir: 'auto' }, person.name), h('span', { class: 'tag' }, tags.join(' · ')));
    });
  });
  $('people-more').hidden = state.people.length >= state.count;
}

export function openPerson(person) {
  $('people-sheet').close();
  $('person-face').replaceChildren(avatar(person));
  $('person-name').textContent = person.name;
  $('person-number').textContent = `User ${person.id}`;
  $('person').dataset.user = person.id;
  const seat = app.room?.state.seats.find((other) => other.user?.id === person.id);
  $('person-lock').hidden = !decides() || !seat?.no; // the host's seat cannot be locked
  drawActs(person, seat);
  $('person-lock-text').textContent = seat ? `Take off ${placeName(seat.no).toLowerCase()} and lock it` : '';
  $('kick').hidden = !decides() || roleOf(app.room.state, person.id) === 'owner';
  $('kick').reset();
  $('person').showModal();
}

/** What the owner and the admins can decide about a person, as the person is now. */
function drawActs(person, seat) {
  const { state } = app.room;
  const acts = [];
  const about = (type, more = {}) => () => doing(() => app.client.command(type, { room: app.room.id, user: person.id, ...more }));
  if (role() === 'owner' && !isMe(person)) {
    const is_admin = state.admins.includes(person.id);
    acts.push(is_admin ? ['user', 'Make no longer an admin', about('admin.demote')] : ['user', 'Make an admin', about('admin.promote')]);
  }
  if (decides() && state.hands.some((hand) => hand.user.id === person.id)) {
    acts.push(['hand', 'Give the seat that was asked for', about('hand.approve')], ['close', 'Refuse the raised hand', about('hand.refuse')]);
  }
  if (decides() && !seat && !isMe(person)) acts.push(['mic', 'Invite to a seat', about('invitation.send')]);
  if (decides() && seat && roleOf(state, person.id) !== 'owner') {
    const [symbol, text, type] = seat.muted ? ['mic', 'Unmute the seat', 'seat.unmute'] : ['mute', 'Mute the seat', 'seat.mute'];
    acts.push([symbol, text, () => doing(() => app.client.command(type, { room: app.room.id, seat: seat.no }))]);
  }
  if (decides() && seat && !isMe(person)) acts.push(['stand', 'Take off the seat', about('seat.remove_user')]);
  if (decides() && roleOf(state, person.id) !== 'owner' && !isMe(person)) {
    acts.push(['mute', 'Mute in the chat for ten minutes', about('chat.mute', { duration_ms: 600_000 })]);
  }
  const button = ([symbol, text, act]) =>
    h('button', { type: 'button', class: 'act', onclick: () => ($('person').close(), act()) }, icon(symbol), h('span', {}, text));
  $('person-more').replaceChildren(...acts.map(button));
}

export function readyPeople() {
  $('people-show').addEventListener('click', () => $('people-sheet').showModal());
  $('people-more').addEventListener('click', (event) => doing(() => app.client.people(app.room.id), event.currentTarget));
  $('person-gift').addEventListener('click', () => {
    $('person').close();
    openGifts(Number($('person').dataset.user));
  });
  $('person-lock').addEventListener('click', () => {
    $('person').close();
    lockSeatOf(Number($('person').dataset.user));
  });
  onSubmit('kick', ({ reason }) => {
    const user = Number($('person').dataset.user);
    $('person').close();
    doing(() => app.client.command('room.kick', { room: app.room.id, user, reason: reason.value.trim() || undefined }));
  });
}
