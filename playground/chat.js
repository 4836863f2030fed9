// The room's chat: its lines, notes about the room, and the user's lines that are still being sent.

import { operation } from './client/index.js';
import { $, avatar, doing, fill, h, onSubmit } from './dom.js';
import { app, isMe } from './state.js';
import { remark, time } from './words.js';

const SAME_MS = 120_000;
const outbox = new Map(); // op -> text

export function clearChat() {
  outbox.clear();
  for (const id of ['lines', 'outbox']) $(id).replaceChildren();
}

export function drawChat(state) {
  const make = (line) => {
    if (line.note) return h('div', { class: 'line note', 'data-note': line.cause ?? line.note, dir: 'auto' }, remark(line));
    return h('div', { class: `line${isMe(line.from) ? ' own' : ''}`, 'data-op': line.op },
      avatar(line.from),
      h('div', { class: 'body' },
        h('span', { class: 'by' }, h('strong', { dir: 'auto' }, line.from.name), ` ${time(line.at)}`),
        h('span', { class: 'text', dir: 'auto' }, line.text)));
  };
  // Lines that one person writes one after the other stand under one name.
  const same = new Set(state.chat.filter((line, at) => {
    const before = state.chat[at - 1];
    return line.from && before?.from?.id === line.from.id && line.at - before.at < SAME_MS;
  }));
  fill($('lines'), state.chat, (line) => line.op ?? line.key, make, (node, line) => node.classList.toggle('same', same.has(line)));
  $('lines-empty').hidden = state.chat.length > 0;
  for (const line of state.chat) outbox.delete(line.op);
  drawOutbox();
}

function drawOutbox() {
  fill($('outbox'), [...outbox], ([op]) => op, ([, text]) => h('li', { dir: 'auto' }, `Sending: ${text}`));
}

export function readyChat() {
  onSubmit('say', ({ text }) => {
    const said = text.value.trim();
    if (!said || !app.room) return;
    const op = operation();
    const room = app.room.id;
    text.value = '';
    outbox.set(op, said);
    drawOutbox();
    doing(async () => {
      try {
        await app.client.command('chat.send', { room, text: said }, { op });
      } catch (error) {
        if (!text.value) text.value = said;
        throw error;
      } finally {
        outbox.delete(op);
        drawOutbox();
      }
    });
  });
}
