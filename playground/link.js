// The state of the connection, and the buttons that cut it.

import { $, tell } from './dom.js';
import { app } from './state.js';

export function drawConnection(state) {
  const text = {
    idle: 'Not connected',
    connecting: 'Connecting…',
    online: 'Online',
    waiting: state.reason === 'cut' ? 'Cut off' : 'Connection lost',
    stopped: state.reason === 'sign_in' ? 'Signed out' : state.reason === 'replaced' ? 'Open elsewhere' : `Stopped: ${state.reason}`,
  }[state.phase];
  $('connection').dataset.phase = state.phase;
  $('connection-text').textContent = text;
  if ($('connection-said').textContent !== text) $('connection-said').textContent = text;
  $('come-back').hidden = state.phase !== 'waiting' && state.phase !== 'stopped';
  for (const id of ['cut-now', 'cut-10']) {
    $(id).hidden = !$('come-back').hidden;
    $(id).disabled = state.phase !== 'online';
  }
  if (state.phase === 'stopped' && state.reason !== 'sign_in') {
    tell(state.reason === 'replaced'
      ? 'Another tab of this device has taken over the connection. Press “Come back now” in its panel to take it back.'
      : `The server closed the connection: ${state.reason}.`);
  }
  drawWait();
}

function drawWait() {
  const state = app.client?.state;
  const left = state?.phase === 'waiting' ? Math.max(0, Math.ceil((state.until - Date.now()) / 1000)) : 0;
  $('connection-wait').textContent = left ? `· ${left} s` : '';
}

export function readyConnection() {
  const cut = (ms) => {
    app.cutAt = Date.now();
    $('visit').hidden = true;
    app.client.cut(ms);
  };
  $('cut-now').addEventListener('click', () => cut(0));
  $('cut-10').addEventListener('click', () => cut(10_000));
  $('come-back').addEventListener('click', () => app.client?.connect());
  addEventListener('online', () => app.client?.wake());
  setInterval(drawWait, 250);
}
