// Small tools for the page: elements, lists that keep their nodes, forms, notices, dialogs.

import { ParlorError } from './client/index.js';
import { words } from './words.js';

export const $ = (id) => document.getElementById(id);

/** Makes an element. Absent and false fields are left out; `onclick` and the like become listeners. */
export function h(tag, fields = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An icon of the sheet in index.html. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'ico');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Makes the children of `list` match `items`. Nodes of items that stay are kept, and so is the focus. */
export function fill(list, items, key, make, update) {
  const keys = new Set(items.map((item) => String(key(item))));
  const known = new Map();
  for (const node of [...list.children]) {
    if (keys.has(node.dataset.key)) known.set(node.dataset.key, node);
    else node.remove();
  }
  let next = list.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const node = known.get(name) ?? make(item);
    node.dataset.key = name;
    update?.(node, item);
    if (node === next) next = next.nextElementSibling;
    else list.insertBefore(node, next);
  }
}

/** Redraws the inside of a node only if `stamp` has changed. */
export function redraw(node, stamp, draw) {
  if (node.dataset.stamp === stamp) return;
  node.dataset.stamp = stamp;
  draw();
}

/** Keeps a list scrolled to its end, unless the user has scrolled up. */
export function toEnd(list, change) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  change();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

const HUES = [255, 275, 295, 315, 340, 5, 25, 165, 195, 220, 240];
/** A hue for a user or room: always the same for an id, from a set of colours that go together. */
export const hue = (id) => String(HUES[id % HUES.length]);

/** The letter that stands for a room's picture. */
export const cover = (card) => [...(card.name.trim() || '?')][0].toUpperCase();

/** A person's round picture; behind it, or without one, the initials of the name, two letters at most. */
export function avatar(person) {
  const parts = (person.name || '?').trim().split(/\s+/);
  const letters = [parts[0], parts.length > 1 && parts.at(-1)].filter(Boolean).map((part) => [...part][0].toUpperCase());
  const node = h('span', { class: 'avatar', 'aria-hidden': 'true', 'data-letters': letters.join('') }); // drawn by CSS, so that the letters are not read as text
  node.style.setProperty('--hue', hue(person.id));
  if (person.picture !== undefined) {
    const picture = h('img', { src: `/v1/users/${person.id}/avatar?v=${person.picture}`, alt: '', loading: 'lazy' });
    picture.addEventListener('error', () => picture.remove());
    node.append(picture);
  }
  return node;
}

/** Whether a length that grows to the right grows to the left here. */
export const fromRight = () => getComputedStyle(document.documentElement).direction === 'rtl';

// -- notices

const NOTICE_MS = 9000;
let timer;
let told; // the cause of the notice that is shown

/**
 * Shows a notice at the top of the page. It belongs to its cause and goes with it (`untell`): `act`, what the user has
 * just tried; `news`, what others have decided about the user; `lobby`, the list of rooms; `removed`, why the user is in
 * the lobby; `link`, the connection. The first three also go after some seconds. `kind` is `good` or `bad`.
 */
export function tell(text, cause = 'act', kind = 'bad') {
  clearTimeout(timer);
  told = cause;
  const open = [...document.querySelectorAll('dialog:modal')].at(-1);
  (open ?? document.body).append($('notice')); // above an open dialog
  $('notice').hidden = false;
  $('notice').dataset.kind = kind;
  $('notice-text').textContent = text;
  if (['act', 'news', 'lobby'].includes(cause)) timer = setTimeout(() => untell(), NOTICE_MS);
}

/** Removes the notice if its cause is one of these, or in any case if none is named. */
export function untell(...causes) {
  if (causes.length && !causes.includes(told)) return;
  clearTimeout(timer);
  told = undefined;
  $('notice').hidden = true;
  $('notice-text').textContent = '';
}

let lost = () => {};
/** Sets what happens when a refusal says that the user must sign in. */
export const onSignIn = (call) => (lost = call);

/**
 * Runs the work of a press. A refusal is shown as a notice, which goes when the user tries something else; an ended
 * session leads to the sign-in form. Work that repeats itself has a cause of its own, whose notice goes when it works.
 */
export async function doing(work, button, cause = 'act') {
  button?.setAttribute('aria-busy', 'true');
  if (button) button.disabled = true;
  if (cause === 'act') untell('act', 'news');
  try {
    const value = await work();
    untell(cause);
    return value;
  } catch (error) {
    if (!(error instanceof ParlorError)) console.error(error);
    if (error.code === 'closed' || error.code === 'left') return undefined;
    if (error.retry === 'sign_in') lost();
    else tell(words(error), cause);
    return undefined;
  } finally {
    if (button) button.disabled = false;
    button?.removeAttribute('aria-busy');
  }
}

// -- forms and dialogs

export const onSubmit = (id, work) =>
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    work(event.target.elements, event.target);
  });

/**
 * Runs the work of a form, whose button is off meanwhile. If it is refused, each field that the refusal names gets its
 * message; all else is said in the form's own place for it, or by a notice.
 */
export async function submitting(form, work) {
  const button = form.querySelector('[type=submit]');
  clearFaults(form);
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  try {
    await work();
    return true;
  } catch (error) {
    const unknown = [];
    for (const { field, message } of error.fields ?? []) {
      const named = form.elements.namedItem(field) ?? form.elements.namedItem(form.dataset[field] ?? '');
      if (named instanceof Element) fault(named, message);
      else unknown.push(error);
    }
    form.querySelector('[aria-invalid=true]')?.focus();
    if (error.fields?.length && !unknown.length) return false;
    const place = form.querySelector('.form-fault');
    if (place && error instanceof ParlorError && error.retry !== 'sign_in') place.textContent = words(error);
    else await doing(() => Promise.reject(error));
    return false;
  } finally {
    button.disabled = false;
    button.removeAttribute('aria-busy');
  }
}

/** Removes everything that the last try of a form was told. */
export function clearFaults(form) {
  for (const field of form.elements) fault(field, '');
  const place = form.querySelector('.form-fault');
  if (place) place.textContent = '';
}

function fault(field, message) {
  const place = field.closest('label');
  if (!place) return;
  place.querySelector('.fault')?.remove();
  field.removeAttribute('aria-invalid');
  field.removeAttribute('aria-describedby');
  if (!message) return;
  const id = `fault-${field.form.id}-${field.name}`;
  place.append(h('span', { class: 'fault', id }, message));
  field.setAttribute('aria-invalid', 'true');
  field.setAttribute('aria-describedby', id);
}

/** Makes what a form was told go when its field, or any field of it, is changed. */
export function readyForms() {
  addEventListener('input', ({ target }) => {
    if (!target.form) return;
    fault(target, '');
    const place = target.form.querySelector('.form-fault');
    if (place) place.textContent = '';
  });
}

/** Makes dialogs close by their buttons, by Escape, and by a press outside of them. */
export function readyDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.addEventListener('close', () => {
      if (dialog.contains($('notice'))) document.body.append($('notice'));
    });
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog && dialog.matches(':modal')) dialog.close();
    });
    for (const button of dialog.querySelectorAll('[data-close]')) button.addEventListener('click', () => dialog.close());
  }
}

export const closeDialogs = () => {
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
};
