// What is decided about a person in sheets of their own: kicked or banned, moved to another seat; and who is banned or muted.

import { $, avatar, clearFaults, doing, h, onSubmit, submitting } from './dom.js';
import { app } from './state.js';
import { named, placeName, until } from './words.js';

const DAY_MS = 86_400_000;
/** The choices of “For how long”: the command, its data, and what the button says. */
const TERMS = {
  kick: ['room.kick', {}, 'Kick out for ten minutes'],
  day: ['room.ban', { duration_ms: DAY_MS }, 'Ban for a day'],
  month: ['room.ban', { duration_ms: 30 * DAY_MS }, 'Ban for 30 days'],
  ever: ['room.ban', {}, 'Ban until it is lifted'],
};

let about = null; // the person of the open sheet

const term = () => TERMS[$('put-out-form').elements.how.value];

/** Opens the sheet in which it is said for how long and why the person is put out. */
export function openPutOut(person) {
  about = person;
  $('put-out-form').reset();
  clearFaults($('put-out-form'));
  $('put-out-title').replaceChildren('Put ', h('bdi', {}, person.name), ' out of the room');
  [, , $('put-out-now').textContent] = term();
  $('put-out').showModal();
}

// -- moving a person

const seats = () => app.room?.state?.seats ?? [];
const target = () => seats().find((seat) => seat.no === Number($('move-form').elements.seat.value));

/** Opens the sheet in which a seat is chosen for a person who sits on one. */
export function openMove(person) {
  about = person;
  $('move-form').reset();
  clearFaults($('move-form'));
  $('move-title').replaceChildren('Move ', h('bdi', {}, person.name));
  const own = seats().find((seat) => seat.user?.id === person.id)?.no;
  const open = seats().filter((seat) => seat.no !== own && !seat.locked);
  const option = ({ no, user }) => h('option', { value: no }, user ? `${placeName(no)}, where ${user.name} sits` : `${placeName(no)}, free`);
  const free = open.find((seat) => !seat.user && seat.no !== 0) ?? open.find((seat) => seat.no !== 0) ?? open[0];
  $('move-form').elements.seat.replaceChildren(...open.map(option));
  $('move-form').elements.seat.value = free?.no ?? '';
  drawPolicy();
  $('move').showModal();
}

function drawPolicy() {
  const there = target()?.user;
  $('move-policy').hidden = !there;
  if (!there) return;
  $('move-sits').replaceChildren(h('bdi', {}, there.name), ' sits there');
  $('move-kick').replaceChildren(h('span', {}, h('bdi', {}, there.name), ' loses the seat'));
}

// -- who is banned or muted

export async function openMeasures() {
  $('measures-list').replaceChildren();
  $('measures-empty').hidden = true;
  $('measures').showModal();
  await drawMeasures();
}

async function drawMeasures() {
  const room = app.room.id;
  await doing(async () => {
    const [bans, mutes] = await Promise.all([app.client.rest.bans(room), app.client.rest.mutes(room)]);
    const rows = [...bans.items.map((one) => row(room, one, 'Banned', 'room.unban', 'Lift the ban of')),
      ...mutes.items.map((one) => row(room, one, 'Muted in the chat', 'chat.unmute', 'Let write again:'))];
    $('measures-list').replaceChildren(...rows);
    $('measures-empty').hidden = rows.length > 0;
  });
}

function row(room, one, what, type, label) {
  const lift = async (event) => {
    const lifted = await doing(() => app.client.command(type, { room, user: one.user.id }), event.currentTarget);
    if (!lifted) return;
    await drawMeasures();
    ($('measures-list').querySelector('button') ?? $('measures').querySelector('[data-close]')).focus();
  };
  const why = one.reason ? [': ', h('q', { dir: 'auto' }, one.reason)] : [];
  return h('li', {},
    avatar(one.user),
    h('span', { class: 'grow' }, h('bdi', {}, one.user.name),
      h('small', { class: 'muted' }, `${what}${until(one.until)} by `, h('bdi', {}, named(one.by)), ...why)),
    h('button', { type: 'button', class: 'plain', 'aria-label': `${label} ${one.user.name}`, onclick: lift }, 'Lift'));
}

export function readyMeasures() {
  $('put-out-form').elements.how.addEventListener('change', () => ([, , $('put-out-now').textContent] = term()));
  onSubmit('put-out-form', async ({ reason }, form) => {
    const [type, data] = term();
    const said = reason.value.trim() || undefined;
    const done = await submitting(form, () => app.client.command(type, { room: app.room.id, user: about.id, reason: said, ...data }));
    if (done) $('put-out').close();
  });
  $('move-form').addEventListener('change', drawPolicy);
  onSubmit('move-form', async ({ seat, policy }, form) => {
    const how = target()?.user ? policy.value : 'give_up';
    const done = await submitting(form, () =>
      app.client.command('seat.move_user', { room: app.room.id, user: about.id, seat: Number(seat.value), policy: how }));
    if (done) $('move').close();
  });
}
