// The user's own profile and sessions, with a form to change them.

import { $, avatar, doing, h, onSubmit, submitting } from './dom.js';
import { app, session } from './state.js';

const FACTS = { signature: 'Signature', birthday: 'Birthday', email: 'E-mail', phone: 'Phone' };
const FREE = ['bio', 'country', 'language']; // may be left empty

let me = {};

function draw(profile) {
  me = profile;
  $('profile-face').replaceChildren(avatar(me));
  $('profile-title').textContent = me.name;
  $('profile-number').textContent = `User ${me.id}`;
  const facts = Object.entries(FACTS).filter(([key]) => typeof me[key] === 'string' && me[key]);
  $('profile-facts').replaceChildren(...facts.map(([key, word]) => h('div', {}, h('dt', {}, word), h('dd', { dir: 'auto' }, me[key]))));
  $('profile-facts').hidden = !facts.length;
  $('profile-form').elements.name.value = me.name;
  for (const field of FREE) $('profile-form').elements[field].value = me[field] ?? '';
}

/** Draws the user's sessions, newest first. */
async function drawSessions() {
  const { items } = await app.client.rest.sessions();
  $('devices').hidden = false;
  $('sessions').replaceChildren(...items.map((one) =>
    h('li', {},
      h('span', { class: 'grow' }, short(one.device), h('small', { class: 'muted' }, `last used ${new Date(one.last_used_at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}`)),
      one.current
        ? h('span', { class: 'current' }, 'This one')
        : h('button', { type: 'button', class: 'plain', 'aria-label': `End ${short(one.device)}`, onclick: (event) => end(one.id, event.currentTarget) }, 'End'))));
}

/** A short name for a device: this page's devices have long ids, of which only the end is shown. */
const short = (device) => (device.startsWith('web-') ? `Browser ${device.slice(-4)}` : device);

const end = (id, button) =>
  doing(async () => {
    await app.client.rest.endSession(id);
    await drawSessions();
  }, button);

export function openProfile() {
  $('profile-result').textContent = '';
  draw(session.user ?? app.user);
  $('profile').showModal();
  doing(async () => draw(await app.client.rest.me()));
  $('devices').hidden = true;
  drawSessions().catch(() => {}); // without the sessions the rest of the profile is still of use
}

export function readyProfile(signOut) {
  $('me').addEventListener('click', openProfile);
  $('sign-out').addEventListener('click', () => {
    $('profile').close();
    signOut();
  });
  onSubmit('profile-form', (fields, form) =>
    submitting(form, async () => {
      const changed = { name: fields.name.value.trim() };
      for (const field of FREE) changed[field] = fields[field].value.trim() || null;
      draw(await app.client.rest.changeMe(changed));
      $('profile-result').textContent = 'Saved.';
    }),
  );
}
