// Signing in: as a demo user where the server has some, with an account, by registering a new one, or with a new password
// after a code.

import { Rest } from './client/index.js';
import { $, avatar, clearFaults, doing, h, onSubmit, submitting } from './dom.js';
import { app, session } from './state.js';

/** Makes the forms work. `entered()` is called when a user has signed in. */
export function readySignIn(entered) {
  const enter = async (account) => {
    await session.signIn(account);
    await entered();
  };
  offerDemo(enter);
  onSubmit('sign-in', async ({ login, password }, form) => {
    const done = await submitting(form, () => enter({ login: login.value.trim(), password: password.value }));
    if (done) form.reset();
    else password.select();
  });
  onSubmit('register', async ({ name, login, password }, form) => {
    const contact = login.value.trim();
    const account = { name: name.value.trim(), password: password.value };
    const done = await submitting(form, async () => {
      await session.register(!/^[+\d]/.test(contact) ? { ...account, email: contact } : { ...account, phone: contact });
      await entered();
    });
    if (done) form.reset();
  });
  readyReset(enter);
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

/** Offers the demo users that the server names; only `parlor dev` has some. */
async function offerDemo(enter) {
  const answer = await fetch('/playground/demo.json').catch(() => null);
  const people = answer?.ok ? await answer.json().catch(() => []) : [];
  app.isDev = people.length > 0;
  $('way-demo').hidden = !app.isDev;
  $('demo').replaceChildren(...people.map((person, at) => {
    const press = (event) => doing(() => enter(person), event.currentTarget);
    const face = avatar({ id: at * 3 + 1, name: person.name });
    return h('button', { type: 'button', class: 'person', onclick: press }, face, h('span', {}, person.name), h('small', {}, `Demo ${at + 1}`));
  }));
}

function choose(chosen) {
  for (const tab of document.querySelectorAll('#way-in [role=tab]')) {
    tab.setAttribute('aria-selected', String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    $(tab.getAttribute('aria-controls')).hidden = tab !== chosen;
  }
  for (const form of document.querySelectorAll('#way-in form')) clearFaults(form);
}

// -- a forgotten password

function readyReset(enter) {
  const rest = new Rest();
  let contact = '';
  const show = (open) => {
    $('panel-reset').hidden = !open;
    document.querySelector('#way-in .tabs').hidden = open;
    $('panel-sign-in').hidden = open;
  };
  const step = (second) => {
    $('reset-ask').hidden = second;
    $('reset').hidden = !second;
    (second ? $('reset') : $('reset-ask')).elements[0].focus();
  };
  $('forgot').addEventListener('click', () => {
    for (const form of [$('reset-ask'), $('reset')]) clearFaults(form);
    $('reset-ask').elements.contact.value = $('sign-in').elements.login.value;
    show(true);
    step(false);
  });
  const back = () => {
    show(false);
    choose($('tab-sign-in'));
    $('sign-in').elements.login.focus();
  };
  $('reset-back').addEventListener('click', back);
  $('reset-other').addEventListener('click', () => step(false));
  onSubmit('reset-ask', async (fields, form) => {
    contact = fields.contact.value.trim();
    const done = await submitting(form, () => rest.ask('POST', '/v1/auth/codes', { contact, purpose: 'reset' }, null));
    if (!done) return;
    $('reset').reset();
    $('reset-sent').textContent = `If ${contact} has an account, a code is on its way. It is valid for ten minutes.${app.isDev ? ' This server writes its codes to its log.' : ''}`;
    step(true);
  });
  onSubmit('reset', async ({ code, password }, form) => {
    const chosen = password.value;
    const done = await submitting(form, async () => {
      await rest.ask('POST', '/v1/auth/password', { contact, code: code.value.trim(), password: chosen }, null);
      await enter({ login: contact, password: chosen });
      show(false);
    });
    if (done) form.reset();
  });
}
