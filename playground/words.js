// The texts of the page: numbers, money, times, gifts, refusals. This file touches no elements.

import { app, isMe, personOf } from './state.js';

const ICONS = {
  rose: '🌹', clap: '👏', heart: '❤️', coffee: '☕️', lollipop: '🍭', star: '⭐️', balloon: '🎈', rainbow: '🌈',
  perfume: '🧴', teddy: '🧸', ring: '💍', bouquet: '💐', fireworks: '🎆', car: '🚗', yacht: '🛥️', unicorn: '🦄',
  castle: '🏰', plane: '✈️', planet: '🪐', rocket: '🚀', lion: '🦁', galaxy: '🌌', crown: '👑', lantern: '🏮',
};

const WORDS = {
  unreachable: 'The server cannot be reached. Is it running?',
  invalid_credentials: 'The login or the password is wrong.',
  account_exists: 'An account with this e-mail address or phone number exists already.',
  insufficient_funds: 'Not enough coins.',
  gift_to_self: 'You cannot send a gift to yourself.',
  no_receivers: 'Nobody else is on a seat to receive it.',
  seat_taken: 'Somebody else has taken the seat.',
  seat_locked: 'The seat is locked.',
  already_seated: 'You already sit on a seat.',
  seat_not_found: 'There is no such seat any more.',
  not_seated: 'They no longer sit on a seat.',
  forbidden: 'You may not do that here.',
  not_in_room: 'They are no longer in the room.',
  too_many_admins: 'The room has as many admins as it may have. Make one of them a user like others first.',
  queue_full: 'Too many hands are raised already. Wait a moment.',
  too_late: 'Your own lines can be recalled for two minutes, and this one is older.',
  room_list_full: 'The list of bans and mutes is full. Lift one first.',
  room_changed: 'Somebody has changed the room meanwhile. Look at its rules again.',
  seats_changed: 'The seats have changed meanwhile. Look again.',
  room_not_found: 'There is no such room.',
  room_full: 'The room is full.',
  room_paused: 'The room is paused for a moment.',
  slow_mode: 'This room is in slow mode. Wait a moment.',
  text_refused: 'There is a word in this line that is not allowed here. It is still in the field: change it.',
  not_permitted: 'This room does not let you do that.',
  wrong_password: 'The password is wrong.',
  room_closed: 'The room is closed.',
  invitation_over: 'The invitation is over.',
  joined_elsewhere: 'You have joined another room on another device.',
  rate_limited: 'That was too often. Wait a moment.',
  code_invalid: 'The code is wrong or too old. Check it, or send another one.',
  busy: 'The server has too much to do. Try again in a moment.',
  store_unavailable: 'The server cannot reach its store. Try again in a moment.',
};

const number = new Intl.NumberFormat('en');

export const count = (value) => number.format(value);
export const many = (value, one, more = `${one}s`) => `${number.format(value)} ${value === 1 ? one : more}`;

/** Formats minor units exactly, without binary fractions. */
export function money(amount, exponent = 0) {
  const unit = 10 ** exponent;
  const whole = number.format(Math.trunc(Math.abs(amount) / unit));
  const part = exponent ? String(Math.abs(amount) % unit).padStart(exponent, '0').replace(/0+$/, '') : '';
  return `${amount < 0 ? '−' : ''}${whole}${part && `.${part}`}`;
}

export const time = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
export const day = (at) => new Date(at).toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
export const second = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const clock = (at) => new Date(at).toLocaleString([], Math.abs(at - Date.now()) < 64_800_000 ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' });
/** “ until 14:05”, or nothing if it does not end by itself. */
export const until = (at) => (at ? ` until ${clock(at)}` : '');

export const named = (person) => (person ? person.name : 'somebody');
export const who = (person) => (isMe(person) ? 'You' : named(person));
/** The name of the user of this id. */
export const personName = (id) => personOf(id)?.name ?? (id === undefined ? 'Somebody' : `User ${id}`);

export const giftName = (id) => app.catalogue.get(id)?.name_en ?? `Gift ${id}`;
export const giftIcon = (id) => ICONS[giftName(id).toLowerCase()] ?? '🎁';

/** The text for a refusal; a code without a text of its own is shown behind the server's message. */
export function words(error) {
  if (error.code === 'insufficient_funds' && error.body?.shortfall) {
    return `Not enough coins: you need ${money(error.body.shortfall)} more.`;
  }
  if (error.code === 'suspended') {
    const until = error.body?.until ? ` until ${new Date(error.body.until).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}` : '';
    return `This account is suspended${until}.${error.body?.reason ? ` “${error.body.reason}”` : ''}`;
  }
  if (error.code === 'kicked' || error.code === 'banned') {
    const what = error.code === 'kicked' ? 'were kicked out of' : 'are banned from';
    return `You ${what} this room${until(error.body?.until)}.${error.body?.reason ? ` “${error.body.reason}”` : ''}`;
  }
  if (error.code === 'muted') return error.body?.until ? `You are muted in the chat${until(error.body.until)}.` : 'You may not write in this chat at the moment.';
  if (error.code === 'hand_settled') return settled(error.body?.settled);
  if (error.code === 'room_closed') return error.message && error.message !== 'room_closed' ? `The room is closed: ${error.message}.`.replace(/\.\.$/, '.') : 'The room is closed.';
  if (error.code === 'wrong_password') return 'The password is wrong.';
  if (error.fields?.length) return error.fields.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return WORDS[error.code] ?? `${error.message || 'It did not work'} (${error.code ?? 'fault of the page'})`;
}

/** What became of a hand that somebody else has settled. */
function settled({ outcome, by } = {}) {
  const who_else = by === undefined ? 'Somebody else' : personName(by);
  const said = {
    approved: `${who_else} has given them a seat already.`,
    refused: `${who_else} has refused this hand already.`,
    lowered: 'They no longer ask for a seat.',
    expired: 'The hand was up for too long, and is down again.',
    seated: 'They have a seat already.',
    gone: 'They have left the room.',
  };
  return said[outcome] ?? 'This hand is no longer raised.';
}

/** The name of a seat, as a label. */
export const placeName = (seat) => (seat === 0 ? 'Host’s seat' : `Seat ${seat}`);
/** The name of a seat within a sentence. */
export const seatPhrase = (seat) => (seat === 0 ? 'the host’s seat' : `seat ${seat}`);

/** The text of a note about the room, which is shown between the chat lines. */
export function remark({ note, cause, seat, user, by, reason, until: end, rules, mode, seats }) {
  const place = seatPhrase;
  const by_whom = isMe(by) ? 'you' : named(by);
  const were = isMe(user) ? 'were' : 'was';
  const others = {
    kicked: () => `${who(user)} ${were} kicked out of the room by ${by_whom}${reason ? `: “${reason}”` : ''}`,
    banned: () => `${who(by)} banned ${isMe(user) ? 'you' : named(user)} from the room${until(end)}${reason ? `: “${reason}”` : ''}`,
    unbanned: () => `${who(by)} lifted the ban of ${named(user)}`,
    muted: () => `${who(by)} muted ${isMe(user) ? 'you' : named(user)} in the chat${until(end)}`,
    unmuted: () => `${who(user)} may write again`,
    promoted: () => `${who(user)} became an admin`,
    demoted: () => `${who(user)} ${isMe(user) ? 'are' : 'is'} no longer an admin`,
    owner: () => `The room belongs to ${isMe(user) ? 'you' : named(user)} now`,
    rules: () => {
      const slow = rules.slow_mode_s ? `everybody may write a line every ${rules.slow_mode_s} s` : 'everybody may write';
      return `By ${by_whom}: ${rules.muted ? 'only the owner and the admins may write' : slow}`;
    },
    seat_mode: () => `By ${by_whom}: ${mode === 'apply' ? 'whoever wants a seat asks for it' : 'everybody may take a free seat'}`,
    layout: () => `The room has ${seats} seats now`,
    record: () => `${who(by)} changed the room’s record`,
  };
  if (others[note]) return others[note]();
  const said = {
    taken: `${who(user)} took ${place(seat)}`,
    moved: `${who(user)} moved to ${place(seat)}`,
    left: `${who(user)} left ${place(seat)}`,
    gone: `${who(user)} left the room and ${place(seat)}`,
    kicked: `${who(user)} lost ${place(seat)}`,
    banned: `${who(user)} lost ${place(seat)}`,
    removed: `${who(by)} took ${place(seat)} from ${isMe(user) ? 'you' : named(user)}`,
    approved: `${who(user)} took ${place(seat)}`,
    invited: `${who(user)} took ${place(seat)}`,
    placed: `${who(by)} moved ${isMe(user) ? 'you' : named(user)} to ${place(seat)}`,
    swapped: `${who(by)} moved ${isMe(user) ? 'you' : named(user)} to ${place(seat)}`,
    muted: `${who(by)} muted ${place(seat)}`,
    unmuted: `${who(by)} unmuted ${place(seat)}`,
    self_muted: `${who(user)} muted the microphone`,
    self_unmuted: `${who(user)} unmuted the microphone`,
    locked: `${place(seat)} was locked`,
    unlocked: `${place(seat)} was unlocked`,
  }[cause] ?? `${place(seat)} changed`;
  return said[0].toUpperCase() + said.slice(1);
}

/** A sentence for an entry of the wallet. `name(id)` gives a user's name, or what stands for it. */
export function explain({ kind, currency, amount, gift, coin_transfer: sent, coin_request: asked }, name) {
  if (!gift) {
    if (kind === 'grant') return 'Welcome coins';
    if (sent) {
      if (amount > 0) return `${name(sent.from)} sent you ${many(sent.amount, 'coin')}`;
      // The entry is what left the wallet: what arrives, and the fee.
      const fee = sent.fee > 0 ? `, and paid a fee of ${many(sent.fee, 'coin')}` : '';
      return `You sent ${name(sent.to)} ${many(sent.amount, 'coin')}${fee}`;
    }
    if (asked) return amount < 0 ? `You approved the coins that ${name(asked.to)} asked for` : `${name(asked.from)} approved the coins that you asked for`;
    return kind.replaceAll('_', ' ');
  }
  const what = `${gift.count === 1 ? 'a' : number.format(gift.count)} ${giftName(gift.gift)}${gift.count === 1 ? '' : 's'}`.replace(/^a ([AEIOU])/, 'an $1');
  const to = gift.to.length === 1 ? name(gift.to[0]) : `${gift.to.length} people`;
  switch (gift.role) {
    case 'sender':
      return `You gave ${to} ${what}${gift.to.length > 1 ? ' each' : ''}`;
    case 'receiver':
      return `${name(gift.from)} gave you ${what}`;
    case 'room_owner':
      return `Your share of ${what} that ${name(gift.from)} gave ${to} in your room`;
    default:
      return `${amount < 0 ? 'Paid' : 'Received'} ${currency}s for ${what}`;
  }
}
