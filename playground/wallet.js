// The wallet: the balances, and a sentence for every entry.

import { $, doing, h } from './dom.js';
import { app, isMe } from './state.js';
import { day, explain, giftIcon, money, second } from './words.js';

const exponents = { coin: 0, diamond: 4 };
const EMPTY = {
  coin: 'There are no entries of coins yet.',
  diamond: 'No diamonds yet. You earn them by the gifts that others give you, and by the gifts in your rooms.',
};
let next = null;

export function drawBalances(balances) {
  for (const { currency, amount, exponent } of balances) {
    exponents[currency] = exponent ?? exponents[currency];
    for (const node of [$(`${currency}s`), $(`wallet-${currency}s`)]) {
      if (!node) continue;
      node.replaceChildren(money(amount, exponents[currency]), h('span', { class: 'sr' }, ` ${currency}s`));
      node.dataset.amount = amount;
    }
  }
  $('purse').hidden = !app.user || !balances.length;
  if ($('wallet').open) drawEntries();
}

const currency = () => document.querySelector('input[name=currency]:checked').value;

/** The name of a user, if they are in the room; others are shown by their id. */
function name(user) {
  if (user === undefined) return 'a deleted user';
  if (isMe({ id: user })) return 'you';
  const { people = [], seats = [], gifts = [] } = app.room?.state ?? {};
  const all = [...people, ...seats.map((seat) => seat.user), ...gifts.flatMap((gift) => [gift.from, ...gift.to])];
  return all.find((person) => person?.id === user)?.name ?? `user ${user}`;
}

async function drawEntries(cursor) {
  const asked = currency();
  await doing(async () => {
    const page = await app.client.rest.entries({ currency: asked, cursor });
    if (asked !== currency()) return;
    if (!cursor) $('entries').replaceChildren();
    for (const entry of page.items) $('entries').append(...row(entry));
    $('entries-empty').textContent = EMPTY[asked];
    $('entries-empty').hidden = $('entries').childElementCount > 0;
    next = page.next ?? null;
    $('entries-more').hidden = !next;
  });
}

/** The row of an entry, after a row with the day if it is another day than that of the row before. */
function row(entry) {
  const said = explain(entry, name);
  const what = h('span', { class: 'what' },
    h('span', { dir: 'auto' }, said[0].toUpperCase() + said.slice(1)),
    h('small', {}, [second(entry.at), entry.gift && `room ${entry.gift.room}`, `transfer ${entry.transfer}`].filter(Boolean).join(' · ')));
  const line = h('li', { 'data-amount': entry.amount, 'data-day': day(entry.at) },
    h('span', { class: 'icon', 'aria-hidden': 'true' }, entry.gift ? giftIcon(entry.gift.gift) : '✨'),
    what,
    h('span', { class: `amount${entry.amount > 0 ? ' plus' : ''}` }, `${entry.amount > 0 ? '+' : ''}${money(entry.amount, exponents[entry.currency])}`));
  const last = $('entries').lastElementChild?.dataset.day;
  return last === day(entry.at) ? [line] : [h('li', { class: 'day', 'data-day': day(entry.at) }, day(entry.at)), line];
}

export function readyWallet() {
  $('purse').addEventListener('click', () => {
    $('wallet').showModal();
    drawEntries();
  });
  $('entries-more').addEventListener('click', async (event) => {
    event.currentTarget.disabled = true;
    await drawEntries(next);
    $('entries-more').disabled = false;
  });
  for (const radio of document.querySelectorAll('input[name=currency]')) radio.addEventListener('change', () => drawEntries());
}
