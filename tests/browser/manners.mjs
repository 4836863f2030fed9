// How the page treats the people in a room: sheets instead of surprises, combos that count, effects that fit, notices that
// go with their cause, a connection that is always told, and money explained to the last coin.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { until } from '../../clients/js/tests/program.js';
import { OUT, PHONE, SIDE, Visitor } from './visitor.mjs';

/** Settings of the server that make these things happen: sending coins has a fee, and what is asked stays long enough to look at. */
export const SETTINGS = {
  PARLOR__ROOM__HAND_MS: '300000',
  PARLOR__ROOM__INVITATION_MS: '300000',
  PARLOR__TRANSFER__FEE_BP: '100',
  PARLOR__TRANSFER__ACCOUNT_DAY: '1',
  PARLOR__TRANSFER__WEALTH_LEVEL: '0',
};

const shown = (visitor, selector) => visitor.page.locator(selector).isVisible();

/** Calls REST as this visitor. */
const ask = (visitor, method, path, body) =>
  visitor.page.evaluate(async ([method, path, body]) => {
    const { access_token } = JSON.parse(sessionStorage.getItem('parlor.session'));
    const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() };
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    return [answer.status, await answer.json()];
  }, [method, path, body]);

/**
 * Checks that need `a`, who owns the room and sits on the host's seat, and `b`, who sits on seat 1. Until now `coins` coins were
 * spent in the room.
 */
export async function manners(check, { a, b, wire, coins }) {
  await check('a press on one’s own seat opens a sheet and does not leave it', async () => {
    await b.seat(1).click();
    await b.heading('Seat 1', 2);
    assert.equal((await a.seats())[1], b.name, 'the seat is kept');
    await b.inspect('seat-own');
    await b.press('Show my profile');
    await b.heading(b.name, 2);
    await b.page.keyboard.press('Escape');
    await b.seat(1).focus();
    await b.page.keyboard.press('Enter');
    await b.press('Leave seat 1');
    await until(async () => assert.equal((await a.seats())[1], 'Seat 1'));
    await b.seat(1).click();
    await until(async () => assert.equal((await a.seats())[1], b.name));
  });

  await check('an open sheet of a seat follows the seat', async () => {
    await b.seat(1).click();
    await b.press('Leave seat 1');
    await until(async () => assert.equal((await a.seats())[1], 'Seat 1'));
    await a.seat(1).click();
    await a.page.locator('#seat-sheet').getByRole('button', { name: 'Lock seat 1' }).waitFor();
    await b.seat(1).click();
    await a.page.locator('#seat-sheet').getByText(`${b.name} sits here.`).waitFor();
    assert.equal(await a.page.getByRole('button', { name: 'Lock seat 1' }).count(), 0);
    await a.inspect('seat-taken');
    await a.press(`Show ${b.name}`);
    await a.page.getByRole('button', { name: 'Take off seat 1 and lock it' }).waitFor();
    await a.page.keyboard.press('Escape');
  });

  await check('the sheet of the room says who is here and what was given, and copies its link', async () => {
    await a.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await a.page.locator('#room-show').click();
    assert.deepEqual(await a.texts('#room-sheet-facts dd'), ['2', '2 of 8', String(coins)]);
    await a.press('Copy the room’s link');
    await a.page.locator('#room-link-text').getByText('Copied').waitFor();
    assert.equal(await a.page.evaluate(() => navigator.clipboard.readText()), a.page.url());
    await a.inspect('room-sheet');
    await a.page.keyboard.press('Escape');
  });

  await check('seven claps one after another are one pill that counts', async () => {
    const pills = async () => (await b.attributes('#gifts [data-gifts]', 'data-gifts')).length;
    const [before, known] = [await pills(), (await b.gifts()).length];
    for (let clap = 0; clap < 7; clap++) {
      await a.give('Clap', 1, { label: b.name });
      await until(async () => assert.equal((await a.gifts()).length, known + clap + 1));
    }
    for (const visitor of [a, b]) {
      await until(async () => assert.equal((await visitor.gifts()).length, known + 7));
      assert.equal(await visitor.page.locator('#gifts .times').last().textContent(), '×7');
    }
    assert.equal(await pills(), before + 1);
    assert.equal(await b.page.locator('.effect').count() <= 1, true, 'and one effect');
    await a.page.locator('#give-hide').click();
  });

  await check('the effect of a grand gift is whole on a phone, upright and on its side', async () => {
    await b.page.locator('.effect').waitFor({ state: 'detached' });
    for (const size of [PHONE, SIDE]) {
      await b.page.setViewportSize(size);
      await a.give('Fireworks', 1, { label: b.name });
      const effect = b.page.locator('.effect.grand');
      await effect.waitFor();
      await effect.evaluate((node) => Promise.all(node.getAnimations().map((one) => one.finished)));
      const { x, y, width, height } = await effect.boundingBox();
      await b.page.screenshot({ path: join(OUT, `grand-${size.width}.png`) });
      assert.ok(x >= 0 && y >= 0 && x + width <= size.width && y + height <= size.height, `${x} ${y} ${width} ${height} in ${size.width} × ${size.height}`);
      assert.ok(width > 100 && height > 100, 'it is grand');
      await effect.waitFor({ state: 'detached' });
      await a.page.locator('#give-hide').click();
    }
    await b.page.setViewportSize(PHONE);
  });

  await check('a gift tile has its height on every size', async () => {
    await a.page.locator('#give-show').click();
    for (const size of [PHONE, SIDE]) {
      await a.page.setViewportSize(size);
      const [panel, tile] = await Promise.all(['#gift-tiles', '#gift-tiles .tile'].map((selector) => a.page.locator(selector).first().boundingBox()));
      assert.ok(tile.height >= 60 && panel.height >= 2 * tile.height, `${tile.height} in ${panel.height} px at ${size.width}`);
    }
    await a.page.setViewportSize({ width: 1280, height: 800 });
    await a.page.locator('#give-hide').click();
  });

  await check('“nobody sits” goes when somebody sits down', async () => {
    await b.seat(1).click();
    await b.press('Leave seat 1');
    await until(async () => assert.equal((await a.seats())[1], 'Seat 1'));
    await a.give('Rose', 1, 'all_seats');
    const result = a.page.locator('#give-result');
    await until(async () => assert.match(await result.textContent(), /Nobody else is on a seat/));
    await b.seat(1).click();
    await until(async () => assert.equal(await result.textContent(), ''));
    await a.page.locator('#give-hide').click();
  });

  await check('a lost connection is told at once, with what can be done, and the line goes with it', async () => {
    b.offline = true;
    wire.cut();
    await until(async () => assert.equal(await b.phase(), 'waiting'));
    await b.page.locator('#link').getByText('The connection is lost.').waitFor();
    await b.page.locator('#link').getByText(/Your seat is kept for now\. Next try/).waitFor();
    assert.equal(await b.page.locator('#connection-text').textContent(), 'Offline');
    await b.inspect('offline');
    wire.mend();
    if (await shown(b, '#link-now')) await b.page.locator('#link-now').click().catch(() => {}); // it may be back by itself
    await b.online();
    b.offline = false;
    assert.equal(await shown(b, '#link'), false);
    await until(async () => assert.match(await b.page.locator('#visit').textContent(), /^Back after \d+ s\. You missed nothing\.$/));
    await until(async () => assert.equal(await shown(b, '#visit'), false));
  });

  await check('a fee is told in the wallet', async () => {
    const { id } = await b.page.evaluate(() => JSON.parse(sessionStorage.getItem('parlor.session')).user);
    const [status, sent] = await ask(a, 'POST', '/v1/wallet/transfers', { to: id, amount: 150 });
    assert.deepEqual([status, sent.fee], [200, 1], JSON.stringify(sent));
    await a.page.locator('#purse').click();
    const row = a.page.locator('#entries li[data-amount="-151"]');
    await row.waitFor();
    assert.match(await row.textContent(), new RegExp(`You sent ${b.name} 150 coins, and paid a fee of 1 coin`));
    await a.inspect('wallet-fee');
    await a.page.keyboard.press('Escape');
  });
}

/** A third person finds the room full, waits, and is let in when somebody leaves. `b` leaves, and comes back. */
export async function fullRoom(check, { browser, server, a, b, name }) {
  const c = await Visitor.arrive(browser, server.url, PHONE);
  const room = Number(/room=(\d+)/.exec(a.page.url())[1]);
  const [, { version }] = await ask(a, 'GET', `/v1/rooms/${room}`);
  assert.equal((await ask(a, 'PATCH', `/v1/rooms/${room}`, { version, capacity: 2 }))[0], 200);
  await check('the lobby says who is in a room', async () => {
    await c.signIn('Layla');
    const card = c.page.getByRole('button', { name: `Join ${name}` });
    await until(async () => assert.match(await card.textContent(), /Live.*2 here · 2 of 8 seats taken/));
    assert.equal(await card.locator('.faces .avatar').count(), 2);
    assert.match(await c.page.locator('#rooms li').last().textContent(), /Nobody here now · 10 seats/);
    assert.equal(await c.page.locator('#rooms li').first().locator('.live').count(), 1, 'live rooms come first');
    await c.inspect('rooms-live');
    await card.click();
  });

  await check('a full room shows no composer, and lets one in without a notice when there is a place', async () => {
    await c.page.getByText('The room is full.').waitFor();
    for (const selector of ['#say', '#lines-empty', '.scroller']) assert.equal(await shown(c, selector), false, selector);
    assert.equal(await shown(c, '#notice'), false);
    await c.inspect('room-full');
    await b.page.locator('#leave').click();
    await c.heading(name);
    await c.page.locator('#say').waitFor();
    assert.equal(await shown(c, '#room-wait'), false);
    assert.equal(await shown(c, '#notice'), false);
  });

  await check('why somebody was put out is told until they enter a room', async () => {
    await a.page.locator('#people-show').click();
    await a.page.locator('#people button', { hasText: c.name }).click();
    await a.press('Kick or ban');
    await a.press('Kick out for ten minutes');
    await until(async () => assert.match(await c.notice(), /kicked out/));
    await b.page.getByRole('button', { name: `Join ${name}` }).click();
    await b.heading(name);
    await b.seat(1).click();
    await until(async () => assert.equal((await a.seats())[1], b.name));
    await c.page.getByRole('button', { name: 'Join Late night jazz' }).click();
    await c.heading('Late night jazz');
    assert.equal(await shown(c, '#notice'), false);
  });
  assert.deepEqual(c.complaints, []);
  await c.context.close();
}

/** Signing in: what was refused goes when something is changed, and a forgotten password is set anew. */
export async function forgotten(check, c, { login, code }) {
  await check('“the password is wrong” stands in the form and goes when something is changed', async () => {
    const form = c.page.locator('#sign-in');
    await form.locator('input[name=login]').fill(login);
    await form.locator('input[name=password]').fill('not the password');
    await form.locator('[type=submit]').click();
    await form.getByText('The login or the password is wrong.').waitFor();
    assert.equal(await shown(c, '#notice'), false);
    await c.inspect('sign-in-wrong');
    await form.locator('input[name=password]').pressSequentially('x');
    assert.equal(await form.locator('.form-fault').textContent(), '');
    await until(() => assert.ok(c.complaints.length)); // chromium logs each refused request
    c.complaints.splice(0);
  });

  await check('a forgotten password is set anew by a code', async () => {
    await c.press('Forgot your password?');
    assert.equal(await c.page.locator('#reset-ask input').inputValue(), login, 'the address need not be typed again');
    await c.inspect('forgot');
    await c.press('Send me a code');
    await c.page.getByText('a code is on its way').waitFor();
    await c.page.getByLabel('Code, six digits').fill('000000');
    await c.page.getByLabel('New password', { exact: true }).fill('a lantern for the second harbour');
    await c.press('Set it and sign in');
    await c.page.getByText('The code is wrong or too old.').waitFor();
    await c.inspect('reset');
    await c.page.getByLabel('Code, six digits').fill(await code());
    await c.press('Set it and sign in');
    await c.heading('Rooms');
    await c.online();
    assert.equal(await shown(c, '#notice'), false);
    await until(() => assert.ok(c.complaints.length));
    c.complaints.splice(0);
  });
}

/** `serve` has no demo users, so none are offered. */
export async function withoutDemo(check, browser, server) {
  await check('demo users are offered only if the server has some', async () => {
    const d = await Visitor.arrive(browser, server.url, PHONE);
    await d.page.locator('#demo button').first().waitFor();
    await d.page.route('**/playground/demo.json', (route) => route.fulfill({ json: [] }));
    await d.page.reload();
    await d.page.locator('#sign-in').waitFor();
    assert.equal(await shown(d, '#way-demo'), false);
    await d.inspect('sign-in-serve');
    await d.context.close();
  });
}
