// The room's chat: its lines, notes about the room, and the user's lines that are still being sent.

import { operation } from './client/index.js';
import { $, avatar, doing, fill, h, onSubmit, redraw } from './dom.js';
import { app, decides, isMe } from './state.js';
import { count, remark, time, until, who } from './words.js';

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
      h('div', { class: 'body' }, h('span', { class: 'by' }, h('strong', { dir: 'auto' }, line.from.name), ` ${time(line.at)}`)));
  };
  // Lines that one person writes one after the other stand under one name.
  const same = new Set(state.chat.filter((line, at) => {
    const before = state.chat[at - 1];
    return line.from && before?.from?.id === line.from.id && line.at - before.at < SAME_MS;
  }));
  fill($('lines'), state.chat, (line) => line.op ?? line.key, make, (node, line) => {
    node.classList.toggle('same', same.has(line));
    if (!line.note) drawLine(node.querySelector('.body'), line);
  });
  $('lines-empty').hidden = state.chat.length > 0;
  for (const line of state.chat) outbox.delete(line.op);
  drawOutbox();
  drawComposer(state);
}

/** Why the user may not write now, as the field says; nothing if they may. Owner and admins may always write. */
function silence({ card, chat_rules, mutes, own, seats }) {
  if (decides()) return '';
  const known = mutes[app.user.id]; // since the join; what was before, the snapshot says
  const [muted, end] = known === undefined ? [own?.chat_muted, own?.chat_muted_until] : [known !== 0, known];
  if (muted && !(end && end < Date.now())) return `You are muted in this chat${until(end)}.`;
  if (chat_rules.muted) return 'Only the owner and the admins write now.';
  if (card.may_chat === 'admins') return 'Only the owner and the admins write here.';
  if (card.may_chat === 'seated' && !seats.some((seat) => isMe(seat.user))) return 'Take a seat to write here.';
  return '';
}

const slow = () => (decides() ? 0 : (app.room?.state?.chat_rules.slow_mode_s ?? 0));

function drawComposer(state) {
  const why = silence(state);
  const { text } = $('say').elements;
  const hint = slow() ? `A line every ${slow()} s` : 'Say something';
  if (text.placeholder !== hint) text.placeholder = hint;
  text.closest('label').hidden = $('say').querySelector('[type=submit]').hidden = Boolean(why);
  $('hush').hidden = !why;
  if ($('hush').textContent !== why) $('hush').textContent = why;
}

/** Draws what a line says, as it is now: it may have been recalled since, and got reactions. */
function drawLine(body, line) {
  const { text, recalled, reactions = [] } = line;
  const may = mayRecall(line);
  redraw(body, JSON.stringify([recalled, reactions, may]), () => {
    for (const old of body.querySelectorAll('.text, .reactions')) old.remove();
    const said = recalled ? h('span', { class: 'text gone' }, isMe(line.from) ? 'You recalled this line' : 'This line was recalled')
      : may ? h('button', { type: 'button', class: 'text', dir: 'auto', 'aria-haspopup': 'dialog', onclick: () => openLine(line) }, text)
      : h('span', { class: 'text', dir: 'auto' }, text);
    const below = reactions.map(({ reaction, count: users }) => h('span', {}, REACTIONS[reaction] ?? reaction, ` ${count(users)}`));
    body.append(said, ...(below.length && !recalled ? [h('span', { class: 'reactions' }, ...below)] : []));
  });
}

const REACTIONS = { like: '👍', love: '❤️', laugh: '😂', wow: '😮', sad: '😢', angry: '😡', thanks: '🙏', clap: '👏', fire: '🔥', party: '🎉', rose: '🌹', dislike: '👎' };

// The server counts the time; a line that is offered for recall for a little too long is refused with a sentence.
const RECALL_MS = 120_000;

/** Whether the user may recall a line: their own for two minutes, as the owner or an admin any. */
function mayRecall({ from, seq, at, recalled }) {
  if (seq === undefined || recalled) return false;
  return decides() || (isMe(from) && (app.client.time ?? Date.now()) - at < RECALL_MS);
}

let opened = null; // the line whose sheet is open

function openLine(line) {
  opened = line;
  $('line-by').replaceChildren(h('bdi', {}, who(line.from)), ` · ${time(line.at)}`);
  $('line-text').textContent = line.text;
  $('line-sheet').showModal();
}

function drawOutbox() {
  fill($('outbox'), [...outbox], ([op]) => op, ([, text]) => h('li', { dir: 'auto' }, `${slow() ? `Sent as soon as slow mode lets it, a line every ${slow()} s` : 'Sending'}: ${text}`));
}

export function readyChat() {
  $('line-recall').addEventListener('click', () => {
    $('line-sheet').close();
    const { epoch, seq } = opened;
    doing(() => app.client.command('chat.recall', { room: app.room.id, epoch, seq }, { op: operation() }));
  });
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
