// What others have decided about the user, said for some seconds where the user looks. What concerns everybody stands in the
// chat; this file touches no elements.

import { app, isMe } from './state.js';
import { clock, named, personName, seatPhrase } from './words.js';

/** A sentence for what this frame means to the user, with whether it is bad; undefined if it means nothing special. */
export function newsFor(state, before, { type, data }) {
  if (!before.position) return undefined;
  const me = app.user?.id;
  switch (type) {
    case 'hand.settled': {
      if (data.user !== me) return undefined;
      if (data.outcome === 'refused') return bad(`${personName(data.by)} has refused you a seat.`);
      if (data.outcome === 'expired') return bad('Nobody has answered your hand. You can raise it again.');
      return undefined;
    }
    case 'invitation.ended': {
      const sent = before.invitations.find((one) => one.user.id === data.user);
      if (data.user === me && data.outcome === 'expired') return bad('The invitation is over.');
      if (sent?.by !== me || data.user === me) return undefined;
      if (data.outcome === 'refused') return bad(`${named(sent.user)} does not want to take a seat.`);
      if (data.outcome === 'expired') return bad(`${named(sent.user)} has not answered your invitation.`);
      return undefined;
    }
    case 'chat.muted':
      return data.user === me ? bad(`${personName(data.by)} has muted you in the chat${data.until ? ` until ${clock(data.until)}` : ''}.`) : undefined;
    case 'chat.unmuted':
      return data.user === me ? good('You may write in the chat again.') : undefined;
    case 'admins.changed': {
      if (data.user !== me || data.by === me) return undefined;
      return data.admins.includes(me) ? good(`${personName(data.by)} has made you an admin of this room.`) : bad('You are no longer an admin of this room.');
    }
    case 'ownership.changed':
      return ownership(state, before, data, me);
    case 'seats.changed':
      return data.by !== undefined && data.by !== me ? seat(before, data) : undefined;
    case 'layout.changed': {
      const sat = before.seats.find((one) => isMe(one.user));
      return sat && !data.seats.some((one) => isMe(one.user)) ? bad(`The room has ${data.seats.length} seats now, so you have lost yours.`) : undefined;
    }
    default:
      return undefined;
  }
}

function seat(before, { seats, cause, by }) {
  const now = seats.find((one) => isMe(one.user));
  const was = before.seats.find((one) => isMe(one.user));
  if (was && !now && seats.some((one) => one.no === was.no)) return bad(`${personName(by)} has taken ${seatPhrase(was.no)} from you.`);
  if (!now) return undefined;
  if (['placed', 'swapped'].includes(cause)) return good(`${personName(by)} has moved you to ${seatPhrase(now.no)}.`);
  if (cause === 'approved') return good(`${personName(by)} has given you ${seatPhrase(now.no)}.`);
  if (cause === 'muted') return bad(`${personName(by)} has muted your seat: nobody hears you.`);
  if (cause === 'unmuted') return good(`${personName(by)} has unmuted your seat.`);
  return undefined;
}

function ownership(state, before, { owner, cause }, me) {
  const { offer } = before;
  if (cause === 'accepted') return owner.id === me ? good('This room is yours now.') : undefined;
  if (before.card?.owner.id === me && offer) {
    const how = { refused: 'does not want the room', expired: 'has not answered your offer', gone: 'has left, so the offer is over' }[cause];
    return how ? bad(`${named(offer.user)} ${how}.`) : undefined;
  }
  return offer?.user.id === me && ['expired', 'withdrawn'].includes(cause) ? bad('The room is no longer offered to you.') : undefined;
}

const good = (text) => ({ text, kind: 'good' });
const bad = (text) => ({ text, kind: 'bad' });
