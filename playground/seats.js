// The seats of the room, who is speaking, and the sheet with what can be done with a seat.

import { drawAsked } from './asked.js';
import { $, avatar, doing, fill, h, icon, redraw } from './dom.js';
import { openPerson } from './people.js';
import { openProfile } from './profile.js';
import { app, decides, isMe, role } from './state.js';
import { placeName, seatPhrase } from './words.js';

const SPEAKS_MS = 2500;
const WAITING = 8; // places that are drawn before the room's seats are known
const speaking = new Map(); // user -> timer
let opened = null; // the number of the seat whose sheet is open

const applies = () => app.room?.state?.seat_mode === 'apply' && !decides();
const seatOf = (no) => app.room?.state?.seats.find((seat) => seat.no === no);
const own = () => app.room?.state?.seats.find((seat) => isMe(seat.user));
// The host's seat is the owner's; where users apply, the owner and the admins alone take a seat by themselves.
const isOpen = (seat) => !seat.user && !seat.locked && (seat.no !== 0 || role() === 'owner');
const mayTake = (seat) => isOpen(seat) && !own() && !applies();
const mayAsk = (seat) => isOpen(seat) && !own() && applies();
const mayMove = (seat) => isOpen(seat) && Boolean(own()) && !applies();

/** Draws places without people, until the room's state arrives. */
export function clearSeats() {
  $('seats').dataset.count = WAITING;
  $('seats').replaceChildren(...Array.from({ length: WAITING }, () =>
    h('li', { class: 'ghost', 'aria-hidden': 'true' }, h('span', { class: 'seat' }, h('span', { class: 'avatar' }), h('span', { class: 'name' }, '\u00a0')))));
}

export function drawSeats(state) {
  const seated = Boolean(own());
  const make = (seat) =>
    h('li', { 'data-seat': seat.no }, h('button', { type: 'button', class: 'seat', onclick: () => pressSeat(seat.no) }));
  $('seats').dataset.count = state.seats.length;
  fill($('seats'), state.seats, (seat) => seat.no, make, (node, seat) =>
    redraw(node, JSON.stringify([seat, seated, role(), applies()]), () => drawSeat(node.firstElementChild, seat)));
  drawAsked(state);
  if ($('seat-sheet').open) drawSheet();
}

function drawSeat(button, seat) {
  const { no, user, locked, muted, self_muted: quiet } = seat;
  const take = mayTake(seat) || mayAsk(seat);
  button.className = `seat ${user ? (isMe(user) ? 'own' : 'taken') : locked ? 'free locked' : 'free'}${muted || quiet ? ' silent' : ''}`;
  button.disabled = !user && !take && !hasSheet(seat);
  const face = user ? avatar(user) : h('span', { class: 'avatar', 'aria-hidden': 'true' }, icon(locked ? 'lock' : take ? 'plus' : 'mic'));
  const badge = no === 0 && user ? h('span', { class: 'host', 'aria-hidden': 'true' }) : null;
  const mark = muted || quiet ? h('span', { class: 'mark', 'aria-hidden': 'true' }, icon('mute')) : null;
  button.replaceChildren(h('span', { class: 'face' }, face, badge, mark), h('span', { class: 'name', dir: 'auto' }, user ? user.name : no === 0 ? 'Host' : placeName(no)));
  const does = user ? (isMe(user) ? `${user.name}, you` : user.name) : locked ? 'locked' : take && !hasSheet(seat) ? 'free: take it' : 'free';
  button.setAttribute('aria-label', `${placeName(no)}, ${does}${muted || quiet ? ', muted' : ''}`);
  button.title = user ? user.name : locked ? 'Locked' : mayAsk(seat) ? 'Ask for this seat' : take ? 'Take this seat' : 'Free';
  if (hasSheet(seat)) button.setAttribute('aria-haspopup', 'dialog');
  else button.removeAttribute('aria-haspopup');
  if (user) button.dataset.user = user.id;
  else delete button.dataset.user;
}

/** Whether a press opens a sheet. A free seat with one choice only is taken at once. */
const hasSheet = (seat) => Boolean(seat.user) || (decides() && seat.no !== 0) || mayAsk(seat) || mayMove(seat);

function pressSeat(no) {
  const seat = seatOf(no);
  if (!seat) return undefined;
  if (seat.user && !isMe(seat.user)) return openPerson(seat.user);
  if (!hasSheet(seat)) return command('seat.take', no);
  opened = no;
  drawSheet();
  return $('seat-sheet').showModal();
}

const command = (type, seat) => doing(() => app.client.command(type, { room: app.room.id, seat }));

/** The choices of the open seat, as the seat is now. */
function drawSheet() {
  const seat = seatOf(opened);
  if (!seat) return $('seat-sheet').close();
  const { no, user, locked, muted, self_muted: quiet } = seat;
  const label = seatPhrase(no);
  const choices = [];
  if (isMe(user)) {
    const turn = quiet ? ['mic', 'Turn my microphone on', 'mic.unmute'] : ['mute', 'Turn my microphone off', 'mic.mute'];
    choices.push([turn[0], turn[1], () => doing(() => app.client.command(turn[2], { room: app.room.id }))]);
    choices.push(['user', 'Show my profile', openProfile], ['stand', `Leave ${label}`, () => doing(() => app.client.command('seat.leave', { room: app.room.id })), 'danger']);
  } else if (user) {
    choices.push(['user', `Show ${user.name}`, () => openPerson(user)]);
  } else {
    if (mayTake(seat)) choices.push(['mic', `Take ${label}`, () => command('seat.take', no)]);
    if (mayMove(seat)) choices.push(['mic', `Move to ${label}`, () => command('seat.move', no)]);
    if (mayAsk(seat)) choices.push(['hand', `Ask for ${label}`, () => command('hand.raise', no)]);
    if (decides() && no !== 0) choices.push(locked ? ['unlock', `Unlock ${label}`, () => command('seat.unlock', no)] : ['lock', `Lock ${label}`, () => command('seat.lock', no)]);
  }
  if (decides()) choices.push(muted ? ['mic', `Unmute ${label}`, () => command('seat.unmute', no)] : ['mute', `Mute ${label}`, () => command('seat.mute', no)]);
  const unheard = isMe(user) && muted ? ' It is muted by the room: nobody hears you.' : '';
  const said = isMe(user) ? `You sit here.${unheard}` : user ? `${user.name} sits here.` : locked ? 'It is locked: nobody can take it.' : own() ? 'It is free. You have a seat already.' : 'It is free.';
  redraw($('seat-sheet'), JSON.stringify([seat, said, choices.map(([, text]) => text)]), () => {
    $('seat-face').replaceChildren(user ? avatar(user) : h('span', { class: 'avatar blank', 'aria-hidden': 'true' }, icon(locked ? 'lock' : 'mic')));
    $('seat-title').textContent = placeName(no);
    $('seat-text').textContent = said;
    $('seat-acts').replaceChildren(...choices.map(([symbol, text, act, kind = '']) =>
      h('button', { type: 'button', class: `act ${kind}`, onclick: () => ($('seat-sheet').close(), act()) }, icon(symbol), h('span', { dir: 'auto' }, text))));
  });
  return undefined;
}

/** Marks a seat as speaking. There is no voice yet, so the author of a chat line counts as speaking. */
export function speak(user) {
  const button = $('seats').querySelector(`[data-user="${user}"]`);
  if (!button) return;
  clearTimeout(speaking.get(user));
  button.classList.add('speaking');
  speaking.set(user, setTimeout(() => button.classList.remove('speaking'), SPEAKS_MS));
}

export function readySeats() {
  $('seat-sheet').addEventListener('close', () => delete $('seat-sheet').dataset.stamp);
}
