// The rules of the room: who takes a seat, who writes, who comes in. Admins set those of seats and chat, the owner all.

import { $, clearFaults, doing, onSubmit, submitting } from './dom.js';
import { app, role } from './state.js';

let shown = {}; // what the form showed when it was opened: only what was changed is sent

/** The rules that are in force, as the form has them. */
const inForce = ({ seat_mode, seats, chat_rules, card }) => ({
  mode: seat_mode,
  seats: String(seats.length),
  muted: chat_rules.muted ? 'yes' : '',
  slow: String(chat_rules.slow_mode_s ?? 0),
  name: card.name,
  announcement: card.announcement ?? '',
  privacy: card.privacy,
  version: card.version,
});

const ours = (form) => Object.fromEntries(['mode', 'seats', 'muted', 'slow', 'name', 'announcement', 'privacy'].map((name) => [name, form.elements[name].value]));

export function openRules() {
  const form = $('rules-form');
  form.reset();
  clearFaults(form);
  const { version, ...rules } = inForce(app.room.state);
  const { slow } = form.elements;
  if (![...slow.options].some((option) => option.value === rules.slow)) slow.add(new Option(`A line every ${rules.slow} s`, rules.slow));
  for (const [name, value] of Object.entries(rules)) form.elements[name].value = value;
  for (const node of form.querySelectorAll('.owners')) node.hidden = role() !== 'owner';
  drawPassword();
  shown = { ...ours(form), version }; // an announcement of several lines is one line in its field
  $('rules').showModal();
}

function drawPassword() {
  const { privacy, password } = $('rules-form').elements;
  $('rules-password').hidden = privacy.value !== 'password';
  const has = app.room.state.card.privacy === 'password';
  password.placeholder = has ? 'The old one stays if this is empty' : '';
}

/** Sends what was changed, one rule after another; a rule that is refused leaves the ones before it in force. */
async function save(now, password) {
  const room = app.room.id;
  const send = (type, data) => app.client.command(type, { room, ...data });
  const differs = (...names) => names.some((name) => now[name] !== shown[name]);
  if (differs('mode')) await send('seat.mode', { mode: now.mode });
  if (differs('muted', 'slow')) await send('chat.rules', { muted: now.muted === 'yes', slow_mode_s: Number(now.slow) });
  if (role() !== 'owner') return;
  if (differs('seats')) await send('seat.layout', { seats: Number(now.seats) });
  let { version } = shown;
  if (differs('name', 'announcement')) {
    await send('room.change', { version, name: now.name.trim(), announcement: now.announcement.trim() });
    version += 1;
  }
  if (differs('privacy') || password) await app.client.rest.setPrivacy(room, { version, privacy: now.privacy, password: password || undefined });
}

export function readyRules() {
  $('room-rules').addEventListener('click', () => {
    $('room-sheet').close();
    openRules();
  });
  $('rules-form').elements.privacy.addEventListener('change', drawPassword);
  onSubmit('rules-form', async ({ password }, form) => {
    const secret = $('rules-password').hidden ? '' : password.value;
    if (await submitting(form, () => save(ours(form), secret))) $('rules').close();
    else if (app.room?.state) shown = inForce(app.room.state); // what was not refused is in force
  });
  $('room-close').addEventListener('click', (event) =>
    doing(async () => {
      await app.client.command('room.close', { room: app.room.id });
    }, event.currentTarget));
}
