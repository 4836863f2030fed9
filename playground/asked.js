// The bar over the stage's gifts: what the user is asked, what they have asked for, and who asks them for a seat.

import { $, avatar, doing, h, redraw, untell } from './dom.js';
import { app, isMe, settles } from './state.js';
import { many, personName, seatPhrase } from './words.js';

/** What the bar is about, the most urgent first; null if there is nothing. */
function subject(state) {
  const mine = ({ user }) => isMe(user);
  const invited = state.invitations.find(mine);
  if (invited) return { kind: 'invited', ...invited };
  if (isMe(state.offer?.user)) return { kind: 'offered', ...state.offer };
  const raised = state.hands.find(mine);
  if (raised) return { kind: 'raised', ...raised };
  const [first, ...more] = settles() ? state.hands : [];
  return first ? { kind: 'asks', more: more.length, ...first } : null;
}

export function drawAsked(state) {
  const about = subject(state);
  redraw($('asked'), JSON.stringify([about, about?.kind === 'invited' && personName(about.by)]), () => {
    $('asked').hidden = !about;
    if (about?.kind === 'invited') untell('news'); // that somebody has refused a seat is no longer true
    $('asked').dataset.kind = about?.kind ?? '';
    const { text, acts } = about ? told(about) : { text: [], acts: [] };
    $('asked-text').replaceChildren(...text);
    $('asked-acts').replaceChildren(...acts);
  });
}

function told({ kind, user, by, seat, more }) {
  const to = seat === undefined ? 'a seat' : seatPhrase(seat);
  const act = (text, type, kindly = '', data = {}) =>
    h('button', { type: 'button', class: kindly, onclick: (event) => answer(event.currentTarget, type, data) }, text);
  switch (kind) {
    case 'invited':
      return {
        text: [h('bdi', {}, personName(by)), ` invites you to ${to}.`],
        acts: [act('No, thanks', 'invitation.refuse', 'glass'), act('Take it', 'invitation.accept', 'on')],
      };
    case 'offered':
      return {
        text: [h('bdi', {}, app.room.state.card.owner.name), ' offers you this room: it would be yours.'],
        acts: [act('No, thanks', 'ownership.refuse', 'glass'), act('Own it', 'ownership.accept', 'on')],
      };
    case 'raised':
      return { text: [`You have asked for ${to}.`], acts: [act('Ask no more', 'hand.lower', 'glass')] };
    default:
      return {
        text: [avatar(user), h('span', {}, h('bdi', {}, user.name), ` asks for ${to}${more ? `, and ${many(more, 'other asks', 'others ask')} too` : ''}.`)],
        acts: [act('Refuse', 'hand.refuse', 'glass', { user: user.id }), act('Give it', 'hand.approve', 'on', { user: user.id })],
      };
  }
}

/** The buttons of the bar are pressed once; when the answer has come, the bar is about something else. */
function answer(pressed, type, data) {
  const { room } = app;
  return doing(() => app.client.command(type, { room: room.id, ...data }), pressed);
}
