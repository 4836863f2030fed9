// Gifts: the panel to send one, the list of gifts since the user joined, and the effects on the stage.

import { operation } from './client/index.js';
import { $, doing, fill, fromRight, h, onSubmit, redraw, toEnd } from './dom.js';
import { app, isMe } from './state.js';
import { count, giftIcon, giftName, many, money, named, time, words } from './words.js';

const COUNTS = [1, 10, 66, 188, 520, 1314];
const COMBO_MS = 10_000; // a gift that follows within this time counts the one before it up
const GRAND = 999; // a gift that costs at least this many coins fills the stage

let giving = 0; // gifts that are not answered yet
let again = null; // the gift that may be sent again, because its outcome is not known: {data, op, said}
let seatedBefore = 0; // how many others sat when the receivers were drawn last
let chosen = null; // the receiver: null for everybody on a seat, or a user's id
const effects = []; // combos that wait for their effect

export function clearGifts() {
  chosen = again = null;
  effects.length = 0;
  endEffect();
  $('gifts').replaceChildren();
  $('give-again').hidden = true;
  $('give-result').textContent = '';
  closeGifts();
}

export function openGifts(to) {
  if (to !== undefined) chosen = to;
  forgetRefusal();
  drawReceivers(app.room.state);
  $('give-sheet').hidden = false;
  $('give-show').setAttribute('aria-expanded', 'true');
  document.querySelector('#gift-tiles :checked')?.focus();
}

function closeGifts() {
  const inside = $('give-sheet').contains(document.activeElement);
  $('give-sheet').hidden = true;
  $('give-show').setAttribute('aria-expanded', 'false');
  if (inside) $('give-show').focus();
}

/** Removes what the last gift was refused for, when something has changed since; a gift that may be sent again stays. */
function forgetRefusal() {
  if ($('give-result').dataset.kind === 'bad' && !again) $('give-result').textContent = '';
}

// -- the panel

export async function readCatalogue() {
  await doing(async () => {
    const { gifts } = await app.client.rest.gifts();
    app.catalogue = new Map(gifts.map((gift) => [gift.id, gift]));
    drawTiles();
  });
}

function drawTiles() {
  const gifts = [...app.catalogue.values()].sort((a, b) => a.price - b.price);
  const tile = (gift, at) =>
    h('label', { title: `${gift.name_en}, ${money(gift.price)} coins` },
      h('input', { type: 'radio', name: 'gift', value: gift.id, checked: at === 0 }),
      h('span', { class: 'tile' },
        h('span', { class: 'icon', 'aria-hidden': 'true' }, giftIcon(gift.id)),
        h('span', { dir: 'auto' }, gift.name_en),
        h('span', { class: 'price coin' }, money(gift.price), h('span', { class: 'sr' }, ' coins'))));
  $('gift-tiles').replaceChildren(...gifts.map(tile));
  drawPrice();
}

function drawReceivers(state) {
  if (!state?.card) return;
  const seated = state.seats.filter((seat) => seat.user && !isMe(seat.user)).map((seat) => seat.user);
  if (seated.length !== seatedBefore) forgetRefusal();
  seatedBefore = seated.length;
  const others = state.people.filter((person) => !isMe(person) && !seated.some((user) => user.id === person.id));
  const options = [
    { value: 'all_seats', text: `Everybody on a seat (${seated.length})` },
    ...[...seated, ...others].map((person) => ({ value: String(person.id), text: person.name })),
  ];
  // The chosen receiver stays chosen even after leaving, so that a press never sends to more people than are shown.
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

/** The gift that a press would send: its data, its price, and a text for it. */
function draft() {
  const { gift, count: number, to } = $('give').elements;
  const all = to.value === 'all_seats' || !to.value;
  const receivers = all ? (app.room?.state?.seats ?? []).filter((seat) => seat.user && !isMe(seat.user)).length : 1;
  const price = app.catalogue.get(Number(gift?.value))?.price ?? 0;
  return {
    data: { room: app.room?.id, gift: Number(gift?.value), count: Number(number.value), to: all ? 'all_seats' : { users: [Number(to.value)] } },
    total: price * Number(number.value) * receivers,
    said: `${giftName(Number(gift?.value))} × ${count(Number(number.value))} to ${all ? 'everybody on a seat' : to.selectedOptions[0].text}`,
  };
}

function drawPrice() {
  const { total } = draft();
  $('give-send').textContent = total ? `Send for ${many(total, 'coin')}` : 'Send';
}

export function readyGifts(signInAgain) {
  $('gift-counts').replaceChildren(...COUNTS.map((number, at) =>
    h('label', {}, h('input', { type: 'radio', name: 'count', value: number, checked: at === 0 }), h('span', {}, count(number)))));
  $('give-show').addEventListener('click', () => ($('give-sheet').hidden ? openGifts() : closeGifts()));
  $('give-hide').addEventListener('click', closeGifts);
  $('give-sheet').addEventListener('keydown', ({ key }) => key === 'Escape' && closeGifts());
  $('give').addEventListener('change', (event) => {
    forgetRefusal();
    if (event.target === $('give-to')) chosen = event.target.value === 'all_seats' ? null : Number(event.target.value);
    drawPrice();
  });
  onSubmit('give', () => {
    const { data, said } = draft();
    give(data, operation(), said, signInAgain);
  });
  $('give-again').addEventListener('click', () => give(again.data, again.op, again.said, signInAgain));
}

async function give(data, op, said, signInAgain) {
  const result = (text, kind = '') => {
    $('give-result').textContent = text;
    $('give-result').dataset.kind = kind;
  };
  giving += 1;
  again = null;
  $('give-again').hidden = true;
  result(giving > 1 ? `Sending ${giving} gifts…` : `Sending: ${said}…`);
  try {
    const { receipt, total } = await app.client.command('gift.send', data, { op });
    giving -= 1;
    result(giving ? `Sending ${many(giving, 'gift')}…` : `Sent: ${said}, ${many(total, 'coin')}. Receipt ${receipt}.`, 'good');
  } catch (error) {
    giving -= 1;
    if (error.code === 'closed') return;
    if (error.retry === 'sign_in') signInAgain();
    if (error.retry !== 'never' && app.room?.id === data.room) {
      again = { data, op, said }; // it may have taken effect, so only the same operation may be sent again
      $('give-again').hidden = false;
    }
    result(words(error), 'bad');
  }
}

// -- the gifts of the room

/** Gifts that belong to one combo: the same gift from the same user to the same people, one soon after the other. */
const follows = (combo, gift) =>
  combo.last.gift === gift.gift && combo.last.from.id === gift.from.id && gift.at - combo.last.at <= COMBO_MS &&
  combo.to === receivers(gift);
const receivers = (gift) => gift.to.map((person) => person.id).join();

/** Adds a gift to the last combo of the list, or to a new one at its end. */
function collect(combos, gift) {
  const last = combos.at(-1);
  if (last && follows(last, gift)) Object.assign(last, { last: gift, times: last.times + gift.count, total: last.total + gift.total, numbers: [...last.numbers, gift.gift_no] });
  else combos.push({ key: gift.gift_no, to: receivers(gift), last: gift, times: gift.count, total: gift.total, numbers: [gift.gift_no] });
  return combos;
}

export function drawGifts(state) {
  const make = ({ last: gift }) =>
    h('div', { class: 'given' },
      h('span', { class: 'icon', 'aria-hidden': 'true' }, giftIcon(gift.gift)),
      h('span', {},
        h('strong', { dir: 'auto' }, named(gift.from)), h('span', { class: 'sr' }, ' gave '),
        h('span', { class: 'arrow', 'aria-hidden': 'true' }), h('bdi', {}, gift.to.map(named).join(', ')),
        h('span', { class: 'sr' }, `: ${giftName(gift.gift)}`)),
      h('b', { class: 'times' }));
  const update = (node, { times, total, numbers, last }) => redraw(node, numbers.join(' '), () => {
    node.dataset.gifts = numbers.join(' ');
    node.title = `${many(total, 'coin')}, ${time(last.at)}`;
    const shown = node.querySelector('.times');
    shown.textContent = times > 1 ? `×${count(times)}` : '';
    if (numbers.length > 1) restart(shown, 'bump');
  });
  toEnd($('gifts'), () => fill($('gifts'), state.gifts.reduce(collect, []), (combo) => combo.key, make, update));
  $('gifts').scrollLeft = (fromRight() ? -1 : 1) * $('gifts').scrollWidth;
  drawReceivers(state);
}

/** Starts the animation of a class anew. */
function restart(node, name) {
  node.classList.remove(name);
  void node.offsetWidth; // without a layout between the two the animation would go on instead
  node.classList.add(name);
}

/** Shows an effect for each gift that the state before did not have. Those of a combo are one effect, which counts. */
export function showGifts(state, before) {
  const highest = before.gifts.at(-1)?.gift_no ?? 0;
  for (const gift of state.gifts.filter((one) => one.gift_no > highest)) {
    if (!effects.length && playing && follows(playing, gift)) {
      collect([playing], gift);
      countUp();
    } else {
      collect(effects, gift);
    }
  }
  nextEffect();
}

let playing = null; // the combo whose effect is shown
let ending; // the timer that ends it

function nextEffect() {
  if (!effects.length || playing) return;
  if (effects.length > 12) effects.splice(0, effects.length - 12); // the list of gifts still has all of them
  playing = effects.shift();
  const { last: gift, total } = playing;
  const grand = total >= GRAND;
  const node = h('div', { class: `effect${grand ? ' grand' : ''}` },
    h('span', { class: 'icon' }, giftIcon(gift.gift)),
    h('span', { class: 'said' },
      h('strong', { dir: 'auto' }, named(gift.from)),
      h('span', { dir: 'auto' }, `to ${gift.to.map(named).join(', ')}`)),
    h('span', { class: 'times' }));
  const sparks = grand ? 14 : 6;
  for (let at = 0; at < sparks; at++) {
    const spark = h('i', { class: 'spark' });
    spark.style.setProperty('--turn', `${(360 / sparks) * at}deg`);
    node.append(spark);
  }
  $('effects').replaceChildren(node);
  countUp();
}

/** Shows how many times the gift of the effect was given, and lets the effect stay for its time from now on. */
function countUp() {
  const node = $('effects').firstElementChild;
  const { last: gift, times } = playing;
  const shown = node.querySelector('.times');
  shown.textContent = times > 1 ? `×${count(times)}` : '';
  if (times > 1) restart(shown, 'bump');
  for (const person of gift.to) {
    const face = document.querySelector(`#seats [data-user="${person.id}"] .avatar`);
    if (face) restart(face, 'given');
  }
  clearTimeout(ending);
  ending = setTimeout(() => {
    node.classList.add('ends');
    // If more effects wait, the next one starts before this one has faded out.
    ending = setTimeout(() => {
      endEffect();
      nextEffect();
    }, effects.length ? 100 : 500);
  }, effects.length ? 1100 : 2100);
}

function endEffect() {
  clearTimeout(ending);
  playing = null;
  $('effects').replaceChildren();
}
