// The list of people in the room, and the dialog of one of them.

import { roleOf } from './client/index.js';
import { $, avatar, doing, fill, h, icon, redraw } from './dom.js';
import { openGifts } from './gifts.js';
import { openMove, openPutOut } from './measures.js';
import { app, decides, isMe, role, settles } from './state.js';
import { seatPhrase } from './words.js';

const MUTE_MS = 600_000;

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
  drawActs(person);
  $('person').showModal();
}

/** Draws the open sheet of a person anew: what can be decided changes while it is open. */
export function drawPerson({ people, seats }) {
  if (!$('person').open) return;
  const id = Number($('person').dataset.user);
  const person = people.find((one) => one.id === id) ?? seats.find((seat) => seat.user?.id === id)?.user;
  if (person) drawActs(person);
}

/** What can be decided about a person, as the person is now: about their seat, their words, and their place in the room. */
function drawActs(person) {
  const { state } = app.room;
  const seat = state.seats.find((other) => other.user?.id === person.id);
  const is = roleOf(state, person.id);
  const about = (type, more = {}) => () => doing(() => app.client.command(type, { room: app.room.id, user: person.id, ...more }));
  const onSeat = (type) => () => doing(() => app.client.command(type, { room: app.room.id, seat: seat.no }));
  // Admins decide nothing against the owner or each other.
  const below = !isMe(person) && is !== 'owner' && (role() === 'owner' || (role() === 'admin' && is !== 'admin'));
  const groups = [[], [], []];
  const [seats, words, place] = groups;
  if (settles() && state.hands.some((hand) => hand.user.id === person.id)) {
    seats.push(['hand', 'Give the seat that was asked for', about('hand.approve')], ['close', 'Refuse the raised hand', about('hand.refuse')]);
  } else if (settles() && !seat && !isMe(person)) {
    const invited = state.invitations.some((one) => one.user.id === person.id);
    seats.push(['mic', invited ? 'Invite to a seat once more' : 'Invite to a seat', about('invitation.send')]);
  }
  if (seat && (below || (role() === 'owner' && isMe(person)))) {
    seats.push(seat.muted ? ['mic', 'Unmute the seat', onSeat('seat.unmute')] : ['mute', 'Mute the seat', onSeat('seat.mute')]);
  }
  if (seat && below) {
    seats.push(['swap', 'Move to another seat', () => openMove(person)], ['stand', `Take off ${seatPhrase(seat.no)}`, about('seat.remove_user')]);
    if (seat.no !== 0) seats.push(['lock', `Take off ${seatPhrase(seat.no)} and lock it`, onSeat('seat.lock')]); // the host's seat cannot be locked
  }
  if (below) {
    words.push(state.mutes[person.id] === undefined || state.mutes[person.id] === 0
      ? ['chat', 'Mute in the chat for ten minutes', about('chat.mute', { duration_ms: MUTE_MS })]
      : ['chat', 'Let write in the chat again', about('chat.unmute')]);
  }
  if (role() === 'owner' && !isMe(person)) {
    place.push(is === 'admin' ? ['user', 'Make no longer an admin', about('admin.demote')] : ['user', 'Make an admin', about('admin.promote')]);
    place.push(state.offer?.user.id === person.id
      ? ['star', 'Take back the offer of the room', about('ownership.withdraw')]
      : ['star', 'Offer the room', about('ownership.offer')]);
  }
  if (below) place.push(['ban', 'Kick or ban', () => openPutOut(person), 'danger']);
  const button = ([symbol, text, act, kind = '']) =>
    h('button', { type: 'button', class: `act ${kind}`, onclick: () => ($('person').close(), act()) }, icon(symbol), h('span', {}, text));
  const shown = groups.filter((acts) => acts.length);
  redraw($('person-acts'), JSON.stringify([person.id, seat?.no, shown]), () =>
    $('person-acts').replaceChildren(...shown.map((acts) => h('div', { class: 'group' }, ...acts.map(button)))));
}

export function readyPeople() {
  $('people-show').addEventListener('click', () => $('people-sheet').showModal());
  $('people-more').addEventListener('click', (event) => doing(() => app.client.people(app.room.id), event.currentTarget));
  $('person-gift').addEventListener('click', () => {
    $('person').close();
    openGifts(Number($('person').dataset.user));
  });
}
