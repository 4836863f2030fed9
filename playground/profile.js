// One's own profile: what the server knows, and what may be changed.

import { $, avatar, doing, h, onSubmit, submitting } from './dom.js';
import { app, session } from './state.js';

const FACTS = { signature: 'Signature', country: 'Country', language: 'Language', birthday: 'Birthday', email: 'E-mail', phone: 'Phone' };

let me = {};

function draw(profile) {
  me = profile;
  $('profile-face').replaceChildren(avatar(me));
  $('profile-title').textContent = me.name;
  $('profile-number').textContent = `User ${me.id}`;
  const facts = Object.entries(FACTS).filter(([key]) => typeof me[key] === 'string' && me[key]);
  $('profile-facts').replaceChildren(...facts.map(([key, word]) => h('div', {}, h('dt', {}, word), h('dd', { dir: 'auto' }, me[key]))));
  $('profile-facts').hidden = !facts.length;
  $('profile-form').hidden = !('signature' in me); // a server that knows no more than a name lets nothing be changed
  $('profile-form').elements.name.value = me.name;
  $('profile-form').elements.bio.value = me.bio ?? '';
}

export function readyProfile(signOut, renamed) {
  $('me').addEventListener('click', () => {
    $('profile-result').textContent = '';
    draw(session.user ?? app.user);
    $('profile').showModal();
    doing(async () => draw(await app.client.rest.me()));
  });
  $('sign-out').addEventListener('click', () => {
    $('profile').close();
    signOut();
  });
  onSubmit('profile-form', ({ name, bio }, form) =>
    submitting(form, async () => {
      const changed = { name: name.value.trim(), bio: bio.value.trim() };
      draw({ ...me, ...changed, ...(await app.client.rest.changeMe(changed)) });
      renamed(me);
      $('profile-result').textContent = 'Saved. Rooms show it when you come in the next time.';
    }),
  );
}
