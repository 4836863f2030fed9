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

/** A round picture with the initials of a name, two letters at most. */
export function avatar(person) {
  const parts = (person.name || '?').trim().split(/\s+/);
  const letters = [parts[0], parts.length > 1 && parts.at(-1)].filter(Boolean).map((part) => [...part][0].toUpperCase());
  const node = h('span', { class: 'avatar', 'aria-hidden': 'true', 'data-letters': letters.join('') }); // drawn by CSS, so that the letters are not read as text
  node.style.setProperty('--hue', hue(person.id));
  return node;
}

// -- notices

let timer;
/** Shows a notice at the top of the page; an empty text removes it. */
export function tell(text, kind = 'bad') {
  clearTimeout(timer);
  $('notice').hidden = !text;
  $('notice').dataset.kind = kind;
  $('notice-text').textContent = text ?? '';
  if (text) timer = setTimeout(() => tell(''), 9000);
}

let lost = () => {};
/** Sets what happens when a refusal says that the user must sign in. */
export const onSignIn = (call) => (lost = call);

/** Runs the work of a press. A refusal is shown as a notice; an ended session leads to the sign-in form. */
export async function doing(work, button) {
  button?.setAttribute('aria-busy', 'true');
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ParlorError)) console.error(error);
    if (error.code === 'closed' || error.code === 'left') return undefined;
    if (error.retry === 'sign_in') lost();
    else tell(words(error));
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

/** Runs the work of a form. If it is refused, each field that the refusal names gets its message; all else is a notice. */
export async function submitting(form, work) {
  for (const field of form.elements) fault(field, '');
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
    if (!error.fields?.length || unknown.length) await doing(() => Promise.reject(error));
    return false;
  }
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

/** Makes dialogs close by their buttons, by Escape, and by a press outside of them. */
export function readyDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog && dialog.matches(':modal')) dialog.close();
    });
    for (const button of dialog.querySelectorAll('[data-close]')) button.addEventListener('click', () => dialog.close());
  }
}

export const closeDialogs = () => {
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
};
