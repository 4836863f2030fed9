// The list of rooms, with a search, and the form that opens a new room.

import { $, avatar, cover, doing, fill, h, hue, icon, onSubmit, redraw, submitting } from './dom.js';
import { app, isMe } from './state.js';
import { count, many } from './words.js';

let rooms = [];
let next = null;
let asked = 0; // rises with every request, so that an older answer is not drawn over a newer one

const query = () => $('search').value.trim();
const list = () => document.querySelector('input[name=list]:checked').value;
const go = (id) => (location.hash = `room=${id}`);

/** What an empty list says: what it is, and what can be done. */
const EMPTY = {
  new: ['No room is open yet', 'Open the first one and invite somebody in a second window.'],
  hot: ['No room is live now', 'A room is hot while people are in it.'],
  followed: ['You follow no room', 'Press a room’s name when you are in it, and follow it.'],
  recent: ['You have been in no room of late', 'The rooms that you were let into stand here.'],
  own: ['You own no room', 'Open one: it is yours, and you decide in it.'],
};

function read(cursor) {
  const { rest } = app.client;
  const q = query();
  if (q) return rest.rooms({ q, cursor });
  const own = { followed: rest.followedRooms, recent: rest.recentRooms, own: rest.ownRooms }[list()];
  return own ? own({ cursor }) : rest.rooms({ sort: list(), cursor });
}

export async function drawLobby(cursor) {
  const mine = (asked += 1);
  const q = query();
  $('lobby').setAttribute('aria-busy', 'true');
  await doing(async () => {
    const page = await read(cursor);
    if (mine !== asked) return;
    rooms = cursor ? [...rooms, ...page.items] : page.items;
    next = page.next ?? null;
    // Among new rooms those with somebody in them come first; within both parts the server's order stays.
    const shown = list() === 'new' ? [...rooms.filter((card) => card.people), ...rooms.filter((card) => !card.people)] : rooms;
    const [title, text] = EMPTY[list()];
    fill($('rooms'), shown, (card) => card.id, make, (node, card) => redraw(node, JSON.stringify(card), () => draw(node, card)));
    $('rooms-empty').hidden = rooms.length > 0;
    $('rooms-empty-title').textContent = q ? `No room is called “${q}”` : title;
    $('rooms-empty-text').textContent = q ? 'Try a part of its name, or its number.' : text;
    $('rooms-more').hidden = !next;
    $('rooms-said').textContent = q ? many(rooms.length, 'room') + (next ? ' and more' : '') : '';
  }, undefined, 'lobby');
  if (mine === asked) $('lobby').removeAttribute('aria-busy');
}

function make(card) {
  const node = h('li', {}, h('button', { type: 'button', class: 'room-card', onclick: (event) => enter(card.id, event.currentTarget) }));
  node.style.setProperty('--hue', hue(card.id));
  return node;
}

/** Goes into a room. One that its owner has closed is opened by that. */
function enter(id, button) {
  const card = rooms.find((one) => one.id === id);
  if (card?.closed?.by !== 'owner' || !isMe(card.owner)) return go(id);
  return doing(async () => {
    await app.client.rest.reopenRoom(id);
    go(id);
  }, button);
}

/** Why not everybody is let in, if that is so. */
function tagOf({ closed, privacy, owner }) {
  const said = closed ? (closed.by === 'owner' && isMe(owner) ? 'Closed: press to open it' : 'Closed')
    : { password: 'Password', invited: 'By invitation', hidden: 'In no list' }[privacy];
  return said && h('span', { class: 'gate' }, icon('lock'), said);
}

/** Draws a card: the room, its owner, and who is in it. */
function draw(node, card) {
  const { people, seated, on_seats: faces } = card;
  const more = people - faces.length;
  const crowd = people
    ? h('span', { class: 'crowd' },
        faces.length > 0 && h('span', { class: 'faces', 'aria-hidden': 'true' }, ...faces.map(avatar), more > 0 && h('span', { class: 'avatar more-faces' }, `+${count(more)}`)),
        h('span', { class: 'facts' }, `${count(people)} here · ${seated} of ${card.seats} seats taken`))
    : h('span', { class: 'crowd' }, h('span', { class: 'facts' }, `Nobody here now · ${many(card.seats, 'seat')}`));
  node.firstElementChild.replaceChildren(
    h('span', { class: 'cover', 'aria-hidden': 'true' }, cover(card), people > 0 && h('span', { class: 'live' }, 'Live')),
    h('span', { class: 'text' },
      h('strong', { dir: 'auto' }, h('span', { class: 'sr' }, 'Join '), card.name),
      h('span', { class: 'by' }, avatar(card.owner), h('bdi', {}, card.owner.name), h('span', { class: 'facts' }, `no. ${card.id}`)),
      crowd,
      tagOf(card)));
}

export function readyLobby(isShown) {
  let typing;
  $('search').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => drawLobby(), 200);
  });
  onSubmit('find', () => {
    clearTimeout(typing);
    drawLobby();
  });
  for (const radio of document.querySelectorAll('input[name=list]')) {
    radio.addEventListener('change', () => {
      $('search').value = '';
      drawLobby();
    });
  }
  $('rooms-more').addEventListener('click', () => drawLobby(next));
  for (const id of ['open-room-show', 'open-room-first']) $(id).addEventListener('click', () => $('open-room').showModal());
  onSubmit('open-room-form', async ({ name, seats }, form) => {
    const done = await submitting(form, async () => {
      const card = await app.client.rest.openRoom({ name: name.value.trim(), seats: Number(seats.value) });
      go(card.id);
    });
    if (!done) return;
    form.reset();
    $('open-room').close();
  });
  // While the first page of the list is shown, rooms that others open appear by themselves.
  setInterval(() => {
    if (isShown() && !document.hidden && rooms.length <= 50 && app.client?.state.phase === 'online') drawLobby();
  }, 5000);
}
