// The state of a room as a pure reducer: positions, gaps, and what is shown only once. It uses no clock, no randomness and
// no I/O, so it can be tested, replayed and used without the rest of the client.

/** How many of the newest chat lines and gifts a state keeps. */
export const CHAT_LINES = 300;
export const GIFT_LINES = 300;

/**
 * How many operations of chat lines a state remembers at least. It is more than the lines that it keeps: a line whose answer
 * was lost is sent again, and after a crash of the server it may come a second time, when many others have come since.
 */
const KNOWN_OPS = 1_000;

/** The state of a room of which nothing is known yet. */
export const emptyRoom = (room) => ({
  room,
  position: null, // {epoch, seq, gift_no}: what was seen last; sent with every join
  card: null,
  own: null,
  admins: [], // ids
  offer: null, // to whom the room is offered: {user, until}
  seats: [],
  seat_version: 0,
  seat_mode: 'free',
  hands: [], // {user, seat, until}, oldest first; at first for those only who may settle them
  invitations: [], // {user, seat, by, until}
  count: 0,
  people: [],
  chat_rules: {}, // {muted, slow_mode_s}
  mutes: {}, // who was muted in the chat since the join: until when, null until it is lifted, 0 if it was lifted
  chat: [], // {op, at, from, text} and notes {key, at, note, …}, oldest first
  ops: { young: new Set(), old: new Set() }, // the operations of lines that were shown
  gifts: [], // GiftLine, by gift_no
  coins: 0,
  catching_up: null, // gifts that wait until older ones have been fetched
  gap: false, // an event is missing: join again with the position
  visit: null, // what the last join added: {recovered, first, events, chat, gifts, seats}
});

/**
 * The next state of the room. It depends only on the given state and frame, and does not change the given state.
 *
 * `frame` is an event or signal as it came, or one of `{type:'joined', data: Joined}`,
 * `{type:'gifts.page', data: GiftPage}`, `{type:'people.page', data: PeoplePage}`.
 */
export function reduce(state, frame) {
  if (frame.room !== undefined && frame.room !== state.room) return state;
  switch (frame.type) {
    case 'joined':
      return joined(state, frame.data);
    case 'gifts.page':
      return giftsPage(state, frame.data);
    case 'people.page':
      return { ...state, people: mergePeople(state.people, frame.data.people), count: frame.data.count };
    default:
  }
  if (frame.seq === undefined) return signal(state, frame);
  const at = state.position;
  if (!at || frame.epoch < at.epoch || (frame.epoch === at.epoch && frame.seq <= at.seq)) return state;
  if (frame.epoch > at.epoch || frame.seq > at.seq + 1) return state.gap ? state : { ...state, gap: true };
  if (state.gap) return state; // what follows a gap comes again with the join
  const next = apply(state, frame);
  return { ...next, position: { ...next.position, seq: frame.seq } };
}

function signal(state, frame) {
  switch (frame.type) {
    case 'participants.count':
      return { ...state, count: frame.data.count };
    case 'chat.reactions': {
      const counts = new Map(frame.data.lines.map((line) => [numberOf(line), line.counts]));
      return { ...state, chat: state.chat.map((line) => (counts.has(numberOf(line)) ? { ...line, reactions: counts.get(numberOf(line)) } : line)) };
    }
    default:
      return state;
  }
}

/** Applies an event, whose number was checked before. An event holds the state after it, so this only assigns values. */
function apply(state, { type, data, at, epoch, seq }) {
  const key = `${epoch}.${seq}`;
  /** The line that says what happened, and by whom. */
  const noted = (note, more = {}) => addLines(state, [{ key, at, note, by: personOf(state, data.by), ...more }]);
  switch (type) {
    case 'participants.changed': {
      const left = new Set(data.left ?? []);
      const stay = state.people.filter((person) => !left.has(person.id));
      return { ...state, people: mergePeople(stay, data.joined ?? []), count: data.count };
    }
    case 'person.changed':
      return renamed(state, data.person);
    case 'seats.changed': {
      const now = new Map(data.seats.map((seat) => [seat.no, seat]));
      // A move changes two seats, and is told of the seats where users sit now.
      const told = ['moved', 'placed', 'swapped'].includes(data.cause) ? data.seats.filter((seat) => seat.user) : data.seats;
      const notes = told.map((seat) => ({
        key: `${key}.${seat.no}`,
        at,
        note: 'seat',
        cause: data.cause,
        seat: seat.no,
        user: seat.user ?? state.seats.find((old) => old.no === seat.no)?.user,
        by: personOf(state, data.by),
      }));
      return {
        ...state,
        seats: state.seats.map((seat) => now.get(seat.no) ?? seat),
        seat_version: data.version,
        ...addLines(state, notes),
      };
    }
    case 'chat.posted':
      return { ...state, ...addLines(state, [{ at, ...data, epoch, seq }]) };
    case 'chat.recalled': {
      const recalled = (line) => line.op !== undefined && line.epoch === data.epoch && line.seq === data.seq;
      return { ...state, chat: state.chat.map((line) => (recalled(line) ? emptied(line) : line)) };
    }
    case 'participant.kicked':
    case 'participant.banned': {
      const note = {
        key,
        at,
        note: type === 'participant.kicked' ? 'kicked' : 'banned',
        user: personOf(state, data.user),
        by: personOf(state, data.by),
        reason: data.reason ?? '',
        until: data.until,
      };
      const people = state.people.filter((person) => person.id !== data.user);
      return { ...state, people, ...addLines(state, [note]) };
    }
    case 'participant.unbanned':
      return { ...state, ...noted('unbanned', { user: personOf(state, data.user) }) };
    case 'chat.muted': {
      const mutes = { ...state.mutes, [data.user]: data.until ?? null };
      return { ...state, mutes, ...noted('muted', { user: personOf(state, data.user), until: data.until }) };
    }
    case 'chat.unmuted':
      return { ...state, mutes: { ...state.mutes, [data.user]: 0 }, ...noted('unmuted', { user: personOf(state, data.user) }) };
    case 'room.changed':
      return { ...state, card: data.room, ...noted('record') };
    case 'admins.changed': {
      const note = data.admins.includes(data.user) ? 'promoted' : 'demoted';
      return { ...state, admins: data.admins, ...noted(note, { user: personOf(state, data.user) }) };
    }
    case 'ownership.changed': {
      const next = { ...state, card: state.card && { ...state.card, owner: data.owner }, offer: data.offer ?? null };
      return data.cause === 'accepted' ? { ...next, ...noted('owner', { user: data.owner }) } : next;
    }
    case 'chat.rules_changed':
      return { ...state, chat_rules: data.rules, ...noted('rules', { rules: data.rules }) };
    case 'seat_mode.changed':
      return { ...state, seat_mode: data.mode, ...noted('seat_mode', { mode: data.mode }) };
    case 'layout.changed':
      return { ...state, seats: data.seats, seat_version: data.version, ...noted('layout', { seats: data.seats.length }) };
    case 'hand.raised':
      return { ...state, hands: [...without(state.hands, data.hand.user.id), data.hand] };
    case 'hand.settled':
      return { ...state, hands: without(state.hands, data.user) };
    case 'invitation.sent':
      return { ...state, invitations: [...without(state.invitations, data.invitation.user.id), data.invitation] };
    case 'invitation.ended':
      return { ...state, invitations: without(state.invitations, data.user) };
    case 'gifts.sent':
      return { ...showGifts(state, data.gifts), coins: data.coins };
    default:
      return state; // an event of a newer server: only its number is used
  }
}

function joined(state, reply) {
  const before = state.position;
  const first = !before;
  let next = { ...state, gap: false, catching_up: null };
  const late = []; // gifts of missed events: shown in the order of gift_no with those of `gifts`
  if (reply.recovered) {
    for (const event of reply.events ?? []) {
      if (before && event.epoch === before.epoch && event.seq <= before.seq) continue;
      if (event.type === 'gifts.sent') {
        late.push(...event.data.gifts);
        next = { ...next, coins: event.data.coins };
      } else {
        next = apply(next, event);
      }
    }
  } else if (reply.snapshot) {
    const { room, own, seats, seat_version, count, people, chat, coins } = reply.snapshot;
    next = { ...next, card: room, own, seats, seat_version, count, people: mergePeople([], people), coins };
    const { admins = [], offer = null, seat_mode = 'free', hands = [], chat_rules = {} } = reply.snapshot;
    const invitations = own.invitation ? [own.invitation] : [];
    next = { ...next, admins, offer, seat_mode, hands, invitations, chat_rules, mutes: {} };
    // The lines of a snapshot that are not known yet are the newest. `at` does not order them: the server's clock may jump.
    next = { ...next, ...addLines(withRecalled(next, chat), chat) };
  }
  next.position = { ...reply.position, gift_no: before?.gift_no ?? undefined };
  const gifts = [...(reply.gifts ?? []), ...late].sort((a, b) => a.gift_no - b.gift_no);
  if (reply.more_gifts) {
    const until = Math.max(...(reply.gifts ?? []).map((gift) => gift.gift_no), before?.gift_no ?? 0);
    next = append(next, gifts.filter((gift) => gift.gift_no <= until));
    next.catching_up = gifts.filter((gift) => gift.gift_no > until);
  } else {
    next = append(next, gifts);
    next.position = { ...next.position, gift_no: highest(next.position.gift_no, reply.position.gift_no) };
  }
  next.visit = {
    first,
    recovered: reply.recovered,
    events: reply.events?.length ?? 0,
    chat: fresh(state.chat, next.chat, (line) => line.op),
    gifts: next.gifts.length ? fresh(state.gifts, next.gifts, (gift) => gift.gift_no) : 0,
    seats: reply.recovered ? (reply.events ?? []).filter((event) => event.type === 'seats.changed').length : null,
  };
  return next;
}

/** Shows the gifts of an event, unless older ones are missing; then they wait for the reply to `gift.list`. */
function showGifts(state, gifts) {
  if (state.catching_up) return { ...state, catching_up: [...state.catching_up, ...gifts] };
  const own = state.position?.gift_no;
  const above = gifts.filter((gift) => own === undefined || own === null || gift.gift_no > own);
  const dense = own === undefined || own === null || above.every((gift, at) => gift.gift_no === own + 1 + at);
  return dense ? append(state, above) : { ...state, catching_up: above };
}

function giftsPage(state, page) {
  if (!state.catching_up) return state;
  const next = append(state, page.gifts);
  if (page.more && page.gifts.length) return next;
  return { ...append(next, state.catching_up), catching_up: null };
}

/** Adds gifts to the state, the only place that does: none at or below the own number, each number once. */
function append(state, gifts) {
  let own = state.position?.gift_no;
  const shown = [];
  for (const gift of [...gifts].sort((a, b) => a.gift_no - b.gift_no)) {
    if (own !== undefined && own !== null && gift.gift_no <= own) continue;
    shown.push(gift);
    own = gift.gift_no;
  }
  if (!shown.length) return state;
  const all = [...state.gifts, ...shown].slice(-GIFT_LINES);
  return { ...state, gifts: all, position: { ...state.position, gift_no: own } };
}

/** The number of a line, as text; a note has none. */
const numberOf = ({ op, epoch, seq, counts }) => (op !== undefined || counts !== undefined ? `${epoch}.${seq}` : undefined);

/** A line that was recalled: who wrote it and when stays, what was in it does not. */
const emptied = ({ op, at, from, epoch, seq }) => ({ op, at, from, text: '', epoch, seq, recalled: true });

/** The state in which lines that the snapshot has as recalled are so. */
function withRecalled(state, lines) {
  const gone = new Set(lines.filter((line) => line.recalled).map((line) => line.op));
  return gone.size ? { ...state, chat: state.chat.map((line) => (gone.has(line.op) ? emptied(line) : line)) } : state;
}

/** Adds lines after those that are there: each operation once, each note once. Returns the fields that change. */
function addLines({ chat, ops }, more) {
  const notes = new Set(chat.map((line) => line.key));
  const young = new Set(ops.young);
  const is_new = ({ op, key }) => {
    if (op === undefined) return !notes.has(key) && notes.add(key);
    return !young.has(op) && !ops.old.has(op) && young.add(op);
  };
  const added = more.filter(is_new);
  if (!added.length) return { chat, ops };
  const known = young.size < KNOWN_OPS ? { young, old: ops.old } : { young: new Set(), old: young };
  return { chat: [...chat, ...added].slice(-CHAT_LINES), ops: known };
}

/** The state in which this user has this name and picture: lines and gifts keep those with which they were sent. */
function renamed(state, person) {
  const now = (known) => (known?.id === person.id ? person : known);
  const seats = state.seats.map((seat) => (seat.user?.id === person.id ? { ...seat, user: person } : seat));
  const card = state.card && { ...state.card, owner: now(state.card.owner) };
  return { ...state, card, seats, people: state.people.map(now) };
}

/** The hands or invitations except this user's. */
const without = (those, user) => those.filter((one) => one.user.id !== user);

/** What a user is in the room now: `owner`, `admin`, `host`, `speaker` or `listener`. */
export function roleOf({ card, admins, seats }, user) {
  if (card?.owner.id === user) return 'owner';
  if (admins.includes(user)) return 'admin';
  const seat = seats.find((one) => one.user?.id === user);
  return !seat ? 'listener' : seat.no === 0 ? 'host' : 'speaker';
}

function mergePeople(people, more) {
  const all = new Map([...people, ...more].map((person) => [person.id, person]));
  return [...all.values()].sort((a, b) => a.id - b.id);
}

/** The user of this id. One who is not in the room any more has the name with which they wrote or sat last. */
const personOf = (state, id) => {
  if (id === undefined) return undefined;
  const known = [...state.people, state.card?.owner, ...state.seats.map((seat) => seat.user)];
  const said = state.chat.findLast((line) => line.from?.id === id || line.user?.id === id);
  return known.find((person) => person?.id === id) ?? (said?.from?.id === id ? said.from : said?.user) ?? { id, name: `user ${id}` };
};

const highest = (a, b) => (a === undefined || a === null ? b : b === undefined || b === null ? a : Math.max(a, b));

function fresh(before, after, name) {
  const known = new Set(before.map(name));
  return after.filter((line) => name(line) !== undefined && !known.has(name(line))).length;
}
