// The state of the connection: a pill that is always there, a line with what can be done while there is none, and the
// buttons that cut it.

import { $ } from './dom.js';
import { app, isMe } from './state.js';

const PATIENCE_MS = 700; // a cut that is mended within this time is told by the pill alone

let phase = 'idle';
let patience;

export function drawConnection(state) {
  const text = {
    idle: 'Not connected',
    connecting: 'Connecting',
    online: 'Online',
    waiting: 'Offline',
    stopped: state.reason === 'replaced' ? 'Elsewhere' : 'Offline',
  }[state.phase];
  const before = phase;
  phase = state.phase;
  if (before === 'online' && phase !== 'online') app.lostAt = Date.now();
  $('connection').dataset.phase = $('link').dataset.phase = phase;
  $('connection-text').textContent = text;
  if ($('connection-said').textContent !== text) $('connection-said').textContent = text;
  $('come-back').hidden = phase !== 'waiting' && phase !== 'stopped';
  for (const id of ['cut-now', 'cut-10']) {
    $(id).hidden = !$('come-back').hidden;
    $(id).disabled = phase !== 'online';
  }
  clearTimeout(patience);
  if (phase === 'online' || phase === 'idle' || signedOut()) $('link').hidden = true;
  else if ($('link').hidden) patience = setTimeout(drawLink, phase === 'stopped' ? 0 : PATIENCE_MS);
  drawWait();
}

const sits = () => app.room?.state?.seats.some((seat) => isMe(seat.user));
const signedOut = () => !app.client || app.client.state.reason === 'sign_in';

function drawLink() {
  $('link').hidden = signedOut();
  drawWait();
}

/** Says what the connection waits for, with the seconds that are left. */
function drawWait() {
  if ($('link').hidden) return;
  const { phase: now, reason, until } = app.client?.state ?? {};
  const left = now === 'waiting' ? Math.max(0, Math.ceil((until - Date.now()) / 1000)) : 0;
  const what = {
    connecting: 'Connecting to the server…',
    waiting: reason === 'cut' ? 'You cut the connection.' : 'The connection is lost.',
    stopped: reason === 'replaced' ? 'Another tab of this device has taken over.' : `The server closed the connection: ${reason}.`,
  }[now];
  const text = now === 'waiting' ? `${sits() ? 'Your seat is kept for now. ' : ''}Next try ${left ? `in ${left} s` : 'now'}.` : '';
  for (const [id, said] of [['link-what', what ?? ''], ['link-text', text]]) if ($(id).textContent !== said) $(id).textContent = said;
  $('link-now').hidden = now === 'connecting';
  $('link-now').textContent = now === 'stopped' ? 'Use it here' : 'Try now';
}

export function readyConnection() {
  const cut = (ms) => app.client.cut(ms);
  $('cut-now').addEventListener('click', () => cut(0));
  $('cut-10').addEventListener('click', () => cut(10_000));
  for (const id of ['come-back', 'link-now']) $(id).addEventListener('click', () => app.client?.connect());
  addEventListener('online', () => app.client?.wake());
  setInterval(drawWait, 250);
}
