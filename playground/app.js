// The playground's page: what is shown and what is pressed. The wire is in client.js; nothing here keeps a picture
// of a room of its own, it draws the one that the client holds.

import { Client, ParlorError, Rest, operation } from './client.js';

const $ = (id) => document.getElementById(id);
const DEMO = [1, 2, 3, 4].map((no) => ({ no, login: `demo${no}@parlor.example`, password: 'parlor-demo' }));
const COUNTS = [1, 10, 66, 188, 520, 1314];
const FRAMES = 200;
const ICONS = {
  rose: '🌹', clap: '👏', heart: '❤️', coffee: '☕️', lollipop: '🍭', star: '⭐️', balloon: '🎈', rainbow: '🌈',
  perfume: '🧴', teddy: '🧸', ring: '💍', bouquet: '💐', fireworks: '🎆', car: '🚗', yacht: '🛥️', unicorn: '🦄',
  castle: '🏰', plane: '✈️', planet: '🪐', rocket: '🚀', lion: '🦁', galaxy: '🌌', crown: '👑', lantern: '🏮',
};
const WORDS = {
  unreachable: 'The server cannot be reached.',
  invalid_credentials: 'Name or password is wrong.',
  account_exists: 'There is an account with this e-mail or phone number already.',
  insufficient_funds: 'Not enough coins.',
  gift_to_self: 'A gift to oneself is not possible.',
  no_receivers: 'Nobody is there to receive it: somebody has to sit on a seat first.',
  seat_taken: 'Somebody was faster: the seat is taken.',
  seat_locked: 'The seat is locked.',
  already_seated: 'You sit on a seat already.',
  forbidden: 'You may not do that here.',
  room_not_found: 'There is no such room.',
  room_full: 'The room is full.',
  kicked: 'You were put out of this room.',
  rate_limited: 'Too fast: wait a moment.',
};

// ---------------------------------------------------------------------------------------------- state

const store = {
  read: (name) => JSON.parse(sessionStorage.getItem(`parlor.${name}`) ?? 'null'),
  write: (name, value) =>
    value === null ? sessionStorage.removeItem(`parlor.${name}`) : sessionStorage.setItem(`parlor.${name}`, JSON.stringify(value)),
};
const device = store.read('device') ?? `web-${operation()}`;
store.write('device', device);

let session = store.read('session'); // {token, expires_at, user}
let client = null;
let room = null; // {id, state}
let catalogue = new Map();
let exponents = { coin: 0, diamond: 4 };
let outbox = new Map(); // op -> text of chat that is on its way
let giving = 0; // gifts on their way
let again = null; // a gift whose answer never came: {data, op}
let chosen = null; // to whom: 'all_seats' or a user's id
let cutAt = 0;
const frames = [];

const rest = new Rest({ token: () => session?.token });
const expired = () => !session || (session.expires_at && session.expires_at <= Date.now());

// ---------------------------------------------------------------------------------------- small tools

function h(tag, fields = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Makes the list's children those of `items`, keeping the nodes (and so the focus) of those that stay. */
function fill(list, items, key, make, update) {
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

/** Redraws one item's inside only where it differs. */
function redraw(node, stamp, draw) {
  if (node.dataset.stamp === stamp) return;
  node.dataset.stamp = stamp;
  draw();
}

function toEnd(list, change) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  change();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

const number = new Intl.NumberFormat('en');

/** Minor units as people read them: exact, without a detour over fractions of binary numbers. */
function money(amount, exponent = 0) {
  const unit = 10 ** exponent;
  const whole = number.format(Math.trunc(Math.abs(amount) / unit));
  const part = exponent ? String(Math.abs(amount) % unit).padStart(exponent, '0').replace(/0+$/, '') : '';
  return `${amount < 0 ? '−' : ''}${whole}${part && `.${part}`}`;
}

const clock = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
const moment = (at) => (typeof at === 'number' ? at : Date.parse(at));
const many = (count, one, more = `${one}s`) => `${number.format(count)} ${count === 1 ? one : more}`;
const isMe = (person) => person?.id === session?.user.id;
const named = (person) => (person ? person.name : 'somebody');

function avatar(person) {
  const node = h('span', { class: 'avatar', 'aria-hidden': 'true' }, [...(person.name || '?')][0].toUpperCase());
  node.style.setProperty('--hue', String((person.id * 47) % 360));
  return node;
}

const giftName = (id) => catalogue.get(id)?.name ?? `Gift ${id}`;
const giftIcon = (id) => ICONS[giftName(id).toLowerCase()] ?? '🎁';

function words(error) {
  if (error.code === 'insufficient_funds' && error.body?.shortfall) {
    return `Not enough coins: ${money(error.body.shortfall)} are missing.`;
  }
  if (error.fields?.length) return error.fields.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return WORDS[error.code] ?? `${error.message || 'It did not work'} (${error.code ?? 'fault of the page'})`;
}

let noticeTimer;
function tell(text, kind = 'bad') {
  clearTimeout(noticeTimer);
  $('notice').hidden = !text;
  $('notice').dataset.kind = kind;
  $('notice-text').textContent = text ?? '';
  if (text) noticeTimer = setTimeout(() => tell(''), 9000);
}

/** Runs what a press asked for; a refusal is told, an expired sign-in leads to the form. */
async function doing(work, button) {
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ParlorError)) console.error(error);
    if (error.code === 'closed' || error.code === 'left') return undefined;
    if (error.retry === 'sign_in') signInAgain();
    else tell(words(error));
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}

const onSubmit = (id, work) =>
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    work(event.target.elements, event.target);
  });

// -------------------------------------------------------------------------------------------- sign in

function account(login) {
  const name = login.trim();
  return name.includes('@') ? { email: name } : { phone: name };
}

async function signedIn(answer) {
  const expires = answer.expires_at;
  const at = typeof expires === 'number' ? (expires < 1e11 ? expires * 1000 : expires) : Date.parse(expires);
  const other = client && session?.user.id !== answer.user.id;
  session = { token: answer.access_token, expires_at: at || null, user: answer.user };
  store.write('session', session);
  tell('');
  if (other) endClient();
  await start();
}

function signInAgain() {
  if (!session) return;
  session = { ...session, token: null, expires_at: 1 };
  store.write('session', null);
  tell('Your sign-in has ended: sign in again, and everything goes on where it stood.');
  show();
}

function signOut() {
  endClient();
  rest.logout().catch(() => {}); // asked while the token is still known; without the network it just runs out
  session = null;
  store.write('session', null);
  history.replaceState(null, '', '#');
  show();
}

function endClient() {
  client?.close();
  client = null;
  room = null;
  outbox = new Map();
  again = null;
}

async function start() {
  show();
  if (!client) {
    client = new Client({
      url: `${location.origin.replace(/^http/, 'ws')}/v1/socket`,
      device,
      client: { name: 'playground', version: '1', platform: 'web' },
      accessToken: () => {
        if (expired()) throw new ParlorError({ code: 'token_expired', retry: 'sign_in' });
        return session.token;
      },
      roomToken: async (id) => (await rest.roomToken(id)).token,
    });
    client.on('state', drawConnection);
    client.on('balances', drawBalances);
    client.on('room', drawRoomChange);
    client.on('removed', removed);
    client.on('refused', ({ error, wait }) => tell(`${words(error)} Trying again in ${Math.ceil(wait / 1000)} s.`));
    client.on('frame', logFrame);
  }
  client.connect();
  await doing(async () => {
    const answer = await rest.gifts();
    catalogue = new Map((answer.gifts ?? answer.items).map((gift) => [gift.id, { ...gift, name: giftWord(gift) }]));
    drawTiles();
  });
  route();
}

const giftWord = ({ name, names, name_en, id }) =>
  name_en ?? names?.en ?? (typeof name === 'object' ? name?.en : name) ?? `Gift ${id}`;

for (const { no, login, password } of DEMO) {
  const press = (event) =>
    doing(async () => signedIn(await rest.login({ login, password, device })), event.currentTarget);
  $('demo').append(h('button', { type: 'button', onclick: press }, `Demo ${no}`));
}
onSubmit('sign-in', ({ login, password }, form) =>
  doing(async () => {
    await signedIn(await rest.login({ login: login.value.trim(), password: password.value, device }));
    form.reset();
  }),
);
onSubmit('register', ({ name, login, password }, form) =>
  doing(async () => {
    const body = { ...account(login.value), password: password.value, name: name.value.trim(), device };
    await signedIn(await rest.register(body));
    form.reset();
  }),
);
$('sign-out').addEventListener('click', signOut);
$('notice-close').addEventListener('click', () => tell(''));

// ---------------------------------------------------------------------------------------- where one is

const wanted = () => Number(/^#room=(\d+)$/.exec(location.hash)?.[1]) || null;

function route() {
  if (!session || expired()) return show();
  const id = wanted();
  if (room && room.id !== id) {
    const left = room.id;
    room = null;
    doing(() => client.leave(left));
  }
  if (id && !room) {
    room = { id, state: null };
    show();
    client.join(id).catch(() => {}); // `removed` has told it
  } else {
    show();
  }
}

let shown = '';
function show() {
  const view = !session || expired() ? 'sign-in' : room ? 'room' : 'rooms';
  for (const name of ['sign-in', 'rooms', 'room']) $(`view-${name}`).hidden = name !== view;
  const inside = view !== 'sign-in';
  $('me').hidden = $('log').hidden = !inside;
  $('purse').hidden = !inside || !client?.balances.length;
  $('connection').hidden = !client;
  $('me-name').textContent = session?.user.name ?? '';
  document.title = `${(view === 'room' && room.state?.card?.name) || 'Parlor'} · playground`;
  if (view === shown) return;
  const first = shown === '';
  shown = view;
  if (!first) {
    scrollTo(0, 0);
    $('main').focus({ preventScroll: true });
  }
  if (view === 'rooms') drawRooms();
  if (view === 'room') enterRoom();
}

function removed({ room: id, cause, until, reason, error }) {
  if (room?.id !== id) return;
  room = null;
  if (wanted() === id) history.replaceState(null, '', '#');
  const told = {
    kicked: `You were put out of the room${until ? ` until ${clock(until)}` : ''}.${reason ? ` “${reason}”` : ''}`,
    joined_elsewhere: 'You have joined another room on another device.',
    left: 'You have left the room on another device.',
  };
  tell(told[cause] ?? (error ? words(error) : cause));
  show();
}

addEventListener('hashchange', route);
addEventListener('online', () => client?.wake());
$('home').addEventListener('click', (event) => {
  event.preventDefault();
  location.hash = '';
});
$('leave').addEventListener('click', () => {
  location.hash = '';
});

// ---------------------------------------------------------------------------------------------- rooms

let nextRooms = null;
let rooms = [];

async function drawRooms(cursor) {
  await doing(async () => {
    const page = await rest.rooms(cursor);
    rooms = cursor ? [...rooms, ...page.items] : page.items;
    nextRooms = page.next ?? null;
    fill($('rooms'), rooms, (card) => card.id, (card) =>
      h('li', {},
        avatar(card.owner),
        h('div', { class: 'text' },
          h('strong', { dir: 'auto' }, card.name),
          h('span', { class: 'muted' }, h('bdi', {}, card.owner.name), ` · ${many(card.seats, 'seat')} · ${card.id}`)),
        h('button', { type: 'button', class: 'plain', 'aria-label': `Join ${card.name}`, onclick: () => go(card.id) }, 'Join')));
    $('rooms-empty').hidden = rooms.length > 0;
    $('rooms-more').hidden = !nextRooms;
  });
}

const go = (id) => {
  location.hash = `room=${id}`;
};

$('rooms-refresh').addEventListener('click', () => drawRooms());
$('rooms-more').addEventListener('click', () => drawRooms(nextRooms));
onSubmit('open-room', ({ name, seats }, form) =>
  doing(async () => {
    const card = await rest.openRoom({ name: name.value.trim(), seats: Number(seats.value) });
    form.reset();
    go(card.id);
  }),
);
onSubmit('by-number', (fields, form) => {
  const id = Number(fields.room.value.replace(/\D/g, ''));
  if (!id) return tell('A room has a number of nine digits or more.');
  form.reset();
  go(id);
});
// Rooms that others open show without a press, while one looks at the list's first page.
setInterval(() => {
  if (shown === 'rooms' && !document.hidden && rooms.length <= 50 && client?.state.phase === 'online') drawRooms();
}, 5000);

// ------------------------------------------------------------------------------------------- the room

function enterRoom() {
  for (const id of ['seats', 'lines', 'gifts', 'people', 'effects', 'outbox']) $(id).replaceChildren();
  $('room-name').textContent = 'Coming in…';
  $('room-facts').textContent = String(room.id);
  $('visit').hidden = $('give-again').hidden = true;
  $('give-result').textContent = '';
  chosen = null;
  outbox = new Map();
  effects.length = 0;
  if (room.state) drawRoom();
}

function drawRoomChange({ state, before, frame }) {
  if (room?.id !== state.room) return;
  room.state = state;
  const quiet = frame.type === 'joined' && state.visit.first;
  if (quiet) {
    // Old lines are there to be read, not to be announced one by one.
    for (const id of ['lines', 'gifts']) $(id).setAttribute('aria-live', 'off');
    setTimeout(() => ['lines', 'gifts'].forEach((id) => $(id).setAttribute('aria-live', 'polite')), 500);
  }
  drawRoom();
  if (frame.type === 'joined' && !state.visit.first) drawVisit(state.visit);
  const highest = before.gifts.at(-1)?.gift_no ?? 0;
  effects.push(...state.gifts.filter((gift) => gift.gift_no > highest));
  nextEffect();
}

function drawRoom() {
  const { state } = room;
  const owner = state.own?.role === 'owner';
  $('room-name').textContent = state.card?.name ?? '';
  document.title = `${state.card?.name ?? 'Parlor'} · playground`;
  $('room-facts').replaceChildren(
    `Room ${state.room} · by `,
    h('bdi', {}, named(state.card?.owner)),
    ` · ${many(state.coins, 'coin')} given`,
  );
  drawSeats(state, owner);
  drawPeople(state, owner);
  drawLines(state);
  drawGifts(state);
  drawReceivers(state);
}

function drawSeats(state, owner) {
  const seated = state.seats.some((seat) => isMe(seat.user));
  const make = (seat) =>
    h('li', { 'data-seat': seat.no },
      h('button', { type: 'button', class: 'seat', onclick: () => pressSeat(seat.no) }),
      h('button', { type: 'button', class: 'quiet lock', onclick: () => pressLock(seat.no) }));
  fill($('seats'), state.seats, (seat) => seat.no, make, (node, seat) =>
    redraw(node, JSON.stringify([seat, seated, owner]), () => {
      const [button, lock] = node.children;
      const { no, user, locked } = seat;
      const place = no === 0 ? 'Host' : `Seat ${no}`;
      button.className = `seat ${user ? (isMe(user) ? 'own' : 'taken') : locked ? 'free locked' : 'free'}`;
      const open = !user && !locked && !seated && (no !== 0 || owner); // the host's seat is the owner's
      button.disabled = !user && !open;
      const face = user
        ? avatar(user)
        : h('span', { class: 'avatar', 'aria-hidden': 'true' }, locked ? h('span', { class: 'padlock' }) : open ? '+' : '');
      button.replaceChildren(face, h('span', { class: 'name', dir: 'auto' }, user ? user.name : place));
      const does = user ? (isMe(user) ? `${user.name}, you: leave the seat` : user.name) : locked ? 'locked' : open ? 'free: take it' : 'free';
      button.setAttribute('aria-label', `${place}, ${does}`);
      button.title = user ? (isMe(user) ? 'Leave the seat' : user.name) : locked ? 'Locked' : open ? 'Take this seat' : 'Free';
      lock.hidden = !owner;
      lock.textContent = locked ? 'Unlock' : 'Lock';
      lock.setAttribute('aria-label', `${locked ? 'Unlock' : 'Lock'} ${place.toLowerCase()}`);
    }));
}

function pressSeat(no) {
  const seat = room.state.seats.find((other) => other.no === no);
  if (seat.user && !isMe(seat.user)) return openPerson(seat.user);
  const data = { room: room.id };
  return doing(() => (seat.user ? client.command('seat.leave', data) : client.command('seat.take', { ...data, seat: no })));
}

function pressLock(no) {
  const seat = room.state.seats.find((other) => other.no === no);
  return doing(() => client.command(seat.locked ? 'seat.unlock' : 'seat.lock', { room: room.id, seat: no }));
}

function drawPeople(state, owner) {
  const seats = new Map(state.seats.filter((seat) => seat.user).map((seat) => [seat.user.id, seat.no]));
  $('people-count').textContent = String(state.count);
  const make = (person) => h('li', { 'data-user': person.id }, h('button', { type: 'button', onclick: () => openPerson(person) }));
  fill($('people'), state.people, (person) => person.id, make, (node, person) => {
    const tags = [
      isMe(person) && 'you',
      person.id === state.card?.owner.id && 'owner',
      seats.has(person.id) && (seats.get(person.id) === 0 ? 'host’s seat' : `seat ${seats.get(person.id)}`),
    ].filter(Boolean);
    redraw(node, JSON.stringify([person.name, tags, owner]), () => {
      node.firstElementChild.disabled = isMe(person);
      node.firstElementChild.replaceChildren(
        avatar(person), h('span', { dir: 'auto' }, person.name), h('span', { class: 'tag' }, tags.join(' · ')));
    });
  });
  $('people-more').hidden = state.people.length >= state.count;
}

function openPerson(person) {
  const owner = room.state.own?.role === 'owner';
  $('person-name').textContent = person.name;
  $('person-number').textContent = `User ${person.id}`;
  $('person').dataset.user = person.id;
  $('kick').hidden = !owner;
  $('kick').reset();
  $('person').showModal();
}

$('people-more').addEventListener('click', (event) => doing(() => client.people(room.id), event.currentTarget));
$('person-gift').addEventListener('click', () => {
  chosen = Number($('person').dataset.user);
  $('person').close();
  drawReceivers(room.state);
  $('give').scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  $('give-tiles-first')?.focus({ preventScroll: true });
});
onSubmit('kick', ({ reason }) => {
  const user = Number($('person').dataset.user);
  $('person').close();
  doing(() => client.command('room.kick', { room: room.id, user, reason: reason.value.trim() || undefined }));
});
$('come-back').addEventListener('click', () => client?.connect());
onSubmit('cut', ({ seconds }) => {
  cutAt = Date.now();
  $('visit').hidden = true;
  client.cut(Math.min(600, Math.max(0, Number(seconds.value) || 0)) * 1000);
});

function drawVisit(visit) {
  const away = cutAt ? `after ${Math.round((Date.now() - cutAt) / 1000)} s ` : '';
  cutAt = 0;
  const parts = [many(visit.chat, 'line'), many(visit.gifts, 'gift')];
  if (visit.seats !== null) parts.push(many(visit.seats, 'seat change'));
  const how = visit.recovered ? 'every missed event came again' : 'the room came whole';
  $('visit').textContent = `Back ${away}with ${parts.join(', ')}: ${how}.`;
  $('visit').hidden = false;
}

// ----------------------------------------------------------------------------------------------- chat

function noteText({ note, cause, seat, user, by, reason }) {
  const place = seat === 0 ? 'the host’s seat' : `seat ${seat}`;
  const who = isMe(user) ? 'You' : named(user);
  if (note === 'kicked') {
    return `${who} ${isMe(user) ? 'were' : 'was'} put out of the room by ${isMe(by) ? 'you' : named(by)}${reason ? `: “${reason}”` : ''}`;
  }
  const said = {
    taken: `${who} took ${place}`,
    left: `${who} left ${place}`,
    gone: `${who} left the room and ${place}`,
    kicked: `${who} lost ${place}`,
    locked: `${place} was locked`,
    unlocked: `${place} was unlocked`,
  }[cause] ?? `${place} changed`;
  return said[0].toUpperCase() + said.slice(1);
}

function drawLines(state) {
  const make = (line) => {
    if (line.note) return h('li', { class: 'line note', 'data-note': line.cause ?? line.note, dir: 'auto' }, noteText(line));
    return h('li', { class: `line${isMe(line.from) ? ' own' : ''}`, 'data-op': line.op },
      avatar(line.from),
      h('div', { class: 'body' },
        h('span', { class: 'by' }, h('strong', { dir: 'auto' }, line.from.name), ` ${clock(line.at)}`),
        h('span', { class: 'text', dir: 'auto' }, line.text)));
  };
  toEnd($('lines'), () => fill($('lines'), state.chat, (line) => line.op ?? line.key, make));
  for (const line of state.chat) outbox.delete(line.op);
  drawOutbox();
}

function drawOutbox() {
  fill($('outbox'), [...outbox], ([op]) => op, ([, text]) => h('li', { dir: 'auto' }, `On its way: ${text}`));
}

onSubmit('say', ({ text }) => {
  const said = text.value.trim();
  if (!said || !room) return;
  const op = operation();
  const id = room.id;
  text.value = '';
  outbox.set(op, said);
  drawOutbox();
  doing(async () => {
    try {
      await client.command('chat.send', { room: id, text: said }, { op });
    } catch (error) {
      if (!text.value) text.value = said;
      throw error;
    } finally {
      outbox.delete(op);
      drawOutbox();
    }
  });
});

// ---------------------------------------------------------------------------------------------- gifts

function drawTiles() {
  const gifts = [...catalogue.values()].sort((a, b) => a.price - b.price);
  const tile = (gift, at) =>
    h('label', { title: `${gift.name}, ${money(gift.price)} coins` },
      h('input', { type: 'radio', name: 'gift', value: gift.id, checked: at === 0, id: at === 0 ? 'give-tiles-first' : undefined }),
      h('span', { class: 'tile' },
        h('span', { class: 'icon', 'aria-hidden': 'true' }, ICONS[gift.name.toLowerCase()] ?? '🎁'),
        h('span', { dir: 'auto' }, gift.name),
        h('span', { class: 'price coin' }, money(gift.price), h('span', { class: 'sr' }, ' coins'))));
  $('gift-tiles').replaceChildren(...gifts.map(tile));
  drawPrice();
}

$('gift-counts').replaceChildren(...COUNTS.map((count, at) =>
  h('label', {}, h('input', { type: 'radio', name: 'count', value: count, checked: at === 0 }), h('span', {}, number.format(count)))));

function drawReceivers(state) {
  const seated = state.seats.filter((seat) => seat.user && !isMe(seat.user)).map((seat) => seat.user);
  const others = state.people.filter((person) => !isMe(person) && !seated.some((user) => user.id === person.id));
  const options = [
    { value: 'all_seats', text: `Everybody on a seat (${seated.length})` },
    ...[...seated, ...others].map((person) => ({ value: String(person.id), text: person.name })),
  ];
  // Who was chosen stays chosen, though they leave: a press must never mean more people than one sees.
  if (chosen && !options.some(({ value }) => value === String(chosen))) {
    const known = [...$('give-to').options].find((option) => option.value === String(chosen));
    options.push({ value: String(chosen), text: `${(known?.text ?? chosen).replace(/ \(left\)$/, '')} (left)` });
  }
  fill($('give-to'), options, ({ value }) => value, ({ value }) => h('option', { value }), (node, { text }) => {
    if (node.textContent !== text) node.textContent = text;
  });
  $('give-to').value = String(chosen ?? 'all_seats');
  drawPrice();
}

function draft() {
  const { gift, count, to } = $('give').elements;
  const all = to.value === 'all_seats' || !to.value;
  const receivers = all ? (room?.state?.seats ?? []).filter((seat) => seat.user && !isMe(seat.user)).length : 1;
  const price = catalogue.get(Number(gift?.value))?.price ?? 0;
  return {
    data: { room: room?.id, gift: Number(gift?.value), count: Number(count.value), to: all ? 'all_seats' : { users: [Number(to.value)] } },
    total: price * Number(count.value) * receivers,
    words: `${giftName(Number(gift?.value))} × ${number.format(Number(count.value))} to ${all ? 'everybody on a seat' : to.selectedOptions[0].text}`,
  };
}

function drawPrice() {
  const { total } = draft();
  $('give-send').textContent = total ? `Send for ${many(total, 'coin')}` : 'Send';
}

$('give').addEventListener('change', (event) => {
  if (event.target === $('give-to')) chosen = event.target.value === 'all_seats' ? null : Number(event.target.value);
  drawPrice();
});
onSubmit('give', () => {
  const { data, words: said } = draft();
  give(data, operation(), said);
});
$('give-again').addEventListener('click', () => give(again.data, again.op, again.said));

async function give(data, op, said) {
  const result = (text, kind = '') => {
    $('give-result').textContent = text;
    $('give-result').dataset.kind = kind;
  };
  giving += 1;
  again = null;
  $('give-again').hidden = true;
  result(giving > 1 ? `${giving} gifts on their way…` : `On its way: ${said}…`);
  try {
    const { receipt, total } = await client.command('gift.send', data, { op });
    giving -= 1;
    result(giving ? `${many(giving, 'gift')} on the way…` : `Sent: ${said}, ${many(total, 'coin')}. Receipt ${receipt}.`, 'good');
  } catch (error) {
    giving -= 1;
    if (error.code === 'closed') return;
    if (error.retry === 'sign_in') signInAgain();
    if (error.retry !== 'never' && room?.id === data.room) {
      again = { data, op, said }; // it may have happened: only the same operation is safe
      $('give-again').hidden = false;
    }
    result(words(error), 'bad');
  }
}

function drawGifts(state) {
  const make = (gift) =>
    h('li', { 'data-gift-no': gift.gift_no },
      h('span', { class: 'icon', 'aria-hidden': 'true' }, giftIcon(gift.gift)),
      h('span', { class: 'text' },
        h('strong', { dir: 'auto' }, named(gift.from)), ' → ', h('bdi', {}, gift.to.map(named).join(', ')),
        h('span', { class: 'small' }, `${giftName(gift.gift)} × ${number.format(gift.count)} · ${many(gift.total, 'coin')} · ${clock(gift.at)} · no. ${gift.gift_no}`)));
  toEnd($('gifts'), () => fill($('gifts'), state.gifts, (gift) => gift.gift_no, make));
  $('gifts-count').textContent = state.gifts.length ? String(state.gifts.length) : '';
  $('gifts-empty').hidden = state.gifts.length > 0;
}

const effects = [];
function nextEffect() {
  if (!effects.length || $('effects').childElementCount) return;
  if (effects.length > 12) effects.splice(0, effects.length - 12); // the list has them all
  const gift = effects.shift();
  const text = `${named(gift.from)} → ${gift.to.map(named).join(', ')}${gift.count > 1 ? ` × ${number.format(gift.count)}` : ''}`;
  const node = h('div', { class: 'effect' },
    h('span', { class: 'icon' }, giftIcon(gift.gift)), h('span', { class: 'words', dir: 'auto' }, text));
  $('effects').append(node);
  // With a queue behind it the next one does not wait for the whole way out.
  setTimeout(() => {
    node.remove();
    nextEffect();
  }, effects.length ? 1200 : 2600);
}

// --------------------------------------------------------------------------------------------- wallet

function drawBalances(balances) {
  for (const { currency, amount, exponent } of balances) {
    exponents[currency] = exponent ?? exponents[currency];
    for (const node of [$(`${currency}s`), $(`wallet-${currency}s`)]) {
      if (!node) continue;
      node.replaceChildren(money(amount, exponents[currency]), h('span', { class: 'sr' }, ` ${currency}s`));
      node.dataset.amount = amount;
    }
  }
  $('purse').hidden = !session || expired();
  if ($('wallet').open) drawEntries();
}

let nextEntries = null;
async function drawEntries(cursor) {
  const currency = document.querySelector('input[name=currency]:checked').value;
  await doing(async () => {
    const page = await rest.entries(currency, cursor);
    if (currency !== document.querySelector('input[name=currency]:checked').value) return;
    const row = (entry) => {
      const at = moment(entry.at);
      const { gift } = entry;
      const what = [entry.kind, gift && `${giftName(gift.gift)} × ${number.format(gift.count)}`].filter(Boolean).join(' · ');
      const where = [`transfer ${entry.transfer}`, gift && `room ${gift.room}`].filter(Boolean).join(' · ');
      return h('tr', { 'data-amount': entry.amount },
        h('td', {}, at ? new Date(at).toLocaleString([], { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' }) : ''),
        h('td', {}, what.replaceAll('_', ' '), h('span', { class: 'small' }, where)),
        h('td', { class: entry.amount < 0 ? 'number' : 'number plus' }, `${entry.amount > 0 ? '+' : ''}${money(entry.amount, exponents[currency])}`));
    };
    if (!cursor) $('entries').replaceChildren();
    $('entries').append(...(page.entries ?? page.items).map(row));
    $('entries-empty').hidden = $('entries').childElementCount > 0;
    nextEntries = page.next ?? null;
    $('entries-more').hidden = !nextEntries;
  });
}

$('purse').addEventListener('click', () => {
  $('wallet').showModal();
  drawEntries();
});
$('entries-more').addEventListener('click', (event) => {
  event.currentTarget.disabled = true;
  drawEntries(nextEntries).finally(() => ($('entries-more').disabled = false));
});
for (const radio of document.querySelectorAll('input[name=currency]')) radio.addEventListener('change', () => drawEntries());
for (const button of document.querySelectorAll('[data-close]')) {
  button.addEventListener('click', () => button.closest('dialog').close());
}

// ----------------------------------------------------------------------------- connection and frames

function drawConnection(state) {
  const said = {
    idle: 'Not connected',
    connecting: 'Connecting…',
    online: 'Online',
    waiting: state.reason === 'cut' ? 'Cut off' : 'Connection lost',
    stopped: state.reason === 'sign_in' ? 'Signed out' : state.reason === 'replaced' ? 'Open in another tab' : `Stopped: ${state.reason}`,
  }[state.phase];
  $('connection').hidden = false;
  $('connection').dataset.phase = state.phase;
  if ($('connection-text').textContent !== said) $('connection-text').textContent = said;
  $('come-back').hidden = state.phase !== 'waiting' && state.phase !== 'stopped';
  $('cut-now').hidden = !$('come-back').hidden;
  $('cut-now').disabled = state.phase !== 'online';
  if (state.phase === 'stopped') {
    if (state.reason === 'sign_in') signInAgain();
    else tell(state.reason === 'replaced' ? 'Another tab of this device has taken over. “Come back now” takes it here again.' : `The server closed the connection: ${state.reason}.`);
  }
  drawWait();
}

function drawWait() {
  const state = client?.state;
  const left = state?.phase === 'waiting' ? Math.max(0, Math.ceil((state.until - Date.now()) / 1000)) : 0;
  $('connection-wait').textContent = left ? `back in ${left} s` : '';
}
setInterval(drawWait, 250);

function logFrame({ out, text }) {
  frames.push({ no: (frames.at(-1)?.no ?? 0) + 1, out, at: new Date(), text: text.replace(/"token":"[^"]*"/g, '"token":"…"') });
  if (frames.length > FRAMES) frames.shift();
  $('log-count').textContent = `the last ${frames.length}`;
  drawFrames();
}

function drawFrames() {
  if (!$('log').open) return;
  const make = ({ out, at, text }) =>
    h('li', { class: out ? 'out' : 'in' },
      h('time', {}, at.toISOString().slice(11, 23)),
      h('span', { class: 'way' }, out ? '↑' : '↓', h('span', { class: 'sr' }, out ? ' sent' : ' received')),
      h('code', {}, text));
  toEnd($('frames'), () => fill($('frames'), frames, ({ no }) => no, make));
}
$('log').addEventListener('toggle', drawFrames);

// ---------------------------------------------------------------------------------------------- begin

if (session && !expired()) start();
else {
  session = null;
  show();
}
