// Signing in: as a demo user, with an account, or by registering a new one.

import { $, doing, h, avatar, onSubmit, submitting } from './dom.js';
import { DEMO, session } from './state.js';

/** Makes the forms work. `entered()` is called when a user has signed in. */
export function readySignIn(entered) {
  const enter = async (account) => {
    await session.signIn(account);
    await entered();
  };
  DEMO.forEach((person, at) => {
    const press = (event) => doing(() => enter(person), event.currentTarget);
    const face = avatar({ id: at * 3 + 1, name: person.name });
    $('demo').append(h('button', { type: 'button', class: 'person', onclick: press }, face, h('span', {}, person.name), h('small', {}, `Demo ${at + 1}`)));
  });
  onSubmit('sign-in', async ({ login, password }, form) => {
    const button = form.querySelector('[type=submit]');
    button.disabled = true;
    if (await submitting(form, () => enter({ login: login.value.trim(), password: password.value }))) form.reset();
    button.disabled = false;
  });
  onSubmit('register', async ({ name, login, password }, form) => {
    const contact = login.value.trim();
    const account = { name: name.value.trim(), password: password.value };
    const button = form.querySelector('[type=submit]');
    button.disabled = true;
    const done = await submitting(form, async () => {
      await session.register(!/^[+\d]/.test(contact) ? { ...account, email: contact } : { ...account, phone: contact });
      await entered();
    });
    if (done) form.reset();
    button.disabled = false;
  });
  for (const tab of document.querySelectorAll('#way-in [role=tab]')) {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', ({ key }) => {
      if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
      const other = [...document.querySelectorAll('#way-in [role=tab]')].find((one) => one !== tab);
      choose(other);
      other.focus();
    });
  }
}

function choose(chosen) {
  for (const tab of document.querySelectorAll('#way-in [role=tab]')) {
    tab.setAttribute('aria-selected', String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    $(tab.getAttribute('aria-controls')).hidden = tab !== chosen;
  }
}
