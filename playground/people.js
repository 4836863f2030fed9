// The list of people in the room, and the dialog of one of them.

import { $, avatar, doing, fill, h, onSubmit, redraw } from './dom.js';
import { openGifts } from './gifts.js';
import { lockSeatOf } from './seats.js';
import { app, isMe } from './state.js';
import { placeName } from './words.js';

export function drawPeople(state) {
  const seats = new Map(state.seats.filter((seat) => seat.user).map((seat) => [seat.user.id, seat.no]));
  $('people-count').textContent = String(state.count);
  const make = (person) => h('li', { 'data-user': person.id }, h('button', { type: 'button', onclick: () => openPerson(person) }));
  fill($('people'), state.people, (person) => person.id, make, (node, person) => {
    const tags = [
      isMe(person) && 'you',
      person.id === state.card?.owner.id && 'owner',
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
  const owner = app.room?.state.own?.role === 'owner';
  const seat = app.room?.state.seats.find((other) => other.user?.id === person.id);
  $('person-acts').hidden = !owner || !seat?.no; // the host's seat cannot be locked
  $('person-lock-text').textContent = seat ? `Take off ${placeName(seat.no).toLowerCase()} and lock it` : '';
  $('kick').hidden = !owner;
  $('kick').reset();
  $('person').showModal();
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
