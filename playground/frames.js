// The list of the socket's frames, newest last, for developers who learn the protocol. It can be paused and filtered, and
// each frame can be opened and copied.

import { $, fill, h, toEnd } from './dom.js';

const KEPT = 300;
const frames = []; // {no, out, at, type, text}
const asked = new Map(); // id -> the command's type, which is shown with its reply
let waiting = 0; // frames that arrived while the list is paused
let no = 0;

/** Adds a frame from the client's `frame` event. */
export function logFrame({ out, text }) {
  const hidden = text.replace(/"((?:refresh_)?token)":"[^"]*"/g, '"$1":"…"');
  frames.push({ no: (no += 1), out, at: Date.now(), type: kind(out, hidden), text: hidden });
  if (frames.length > KEPT) frames.shift();
  if (paused()) waiting += 1;
  draw();
}

function kind(out, text) {
  try {
    const frame = JSON.parse(text);
    if (out && frame.id !== undefined) asked.set(frame.id, frame.type);
    if (frame.type) return frame.type;
    const type = asked.get(frame.id) ?? 'a frame';
    asked.delete(frame.id);
    return `${frame.error ? 'error' : 'reply'} to ${type}`;
  } catch {
    return 'not JSON';
  }
}

const paused = () => $('pause').getAttribute('aria-pressed') === 'true';

function draw() {
  if ($('wire').hidden || paused()) return drawCount();
  const { text, way } = $('filter').elements;
  const wanted = text.value.trim().toLowerCase();
  const shown = frames.filter(
    (frame) => (!way.value || frame.out === (way.value === 'out')) && (!wanted || `${frame.type} ${frame.text}`.toLowerCase().includes(wanted)),
  );
  toEnd($('frames'), () => fill($('frames'), shown, (frame) => frame.no, make));
  drawCount(shown.length);
}

function drawCount(shown = $('frames').childElementCount) {
  const filtered = shown < frames.length ? `${shown} of the last ${frames.length} frames.` : `The last ${frames.length} frames.`;
  $('frames-count').textContent = paused() ? `Paused, ${waiting} more frames.` : frames.length ? filtered : 'No frames yet.';
}

function make({ out, at, type, text }) {
  const body = h('div', { class: 'opened' });
  const details = h('details', {},
    h('summary', {},
      h('span', { class: 'way', 'aria-hidden': 'true' }, out ? '↑' : '↓'), h('span', { class: 'sr' }, out ? 'Sent ' : 'Received '),
      h('span', { class: 'type' }, type),
      h('time', {}, new Date(at).toISOString().slice(11, 23))),
    body);
  details.addEventListener('toggle', () => {
    if (!details.open || body.childElementCount) return;
    const pretty = JSON.stringify(JSON.parse(text), null, 2);
    body.append(h('pre', { tabindex: 0, 'aria-label': `${type} as JSON` }, pretty), h('button', { type: 'button', class: 'plain', onclick: (event) => copy(pretty, event.currentTarget) }, 'Copy'));
  });
  return h('li', { class: out ? 'out' : 'in' }, details);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page over plain http from another host has no access to the clipboard, so the text is selected for copying.
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = 'Selected: press Ctrl+C';
    return;
  }
  button.textContent = 'Copied';
  setTimeout(() => (button.textContent = 'Copy'), 1500);
}

function show(open) {
  $('wire').hidden = !open;
  document.body.classList.toggle('with-wire', open);
  $('connection').setAttribute('aria-expanded', String(open));
  if (!open) return $('connection').focus();
  draw();
  $('frames').scrollTop = $('frames').scrollHeight;
  $('wire-title').focus();
}

/** Hides the panel without moving the focus, when the user has signed out. */
export function closeFrames() {
  $('wire').hidden = true;
  document.body.classList.remove('with-wire');
  $('connection').setAttribute('aria-expanded', 'false');
}

export function readyFrames() {
  $('connection').addEventListener('click', () => show($('wire').hidden));
  $('wire-hide').addEventListener('click', () => show(false));
  $('wire').addEventListener('keydown', ({ key, target }) => key === 'Escape' && !target.value && show(false));
  $('filter').addEventListener('input', draw);
  $('filter').addEventListener('submit', (event) => event.preventDefault());
  $('pause').addEventListener('click', () => {
    $('pause').setAttribute('aria-pressed', String(!paused()));
    $('pause').textContent = paused() ? 'Resume' : 'Pause';
    waiting = 0;
    draw();
  });
  $('clear').addEventListener('click', () => {
    frames.length = waiting = 0;
    $('frames').replaceChildren();
    draw();
  });
}
