// Two pages of the playground in Debian's chromium against a real server: `node run.mjs`.
//
// Starts `parlor dev` on a free port and a temporary store (PARLOR_BIN names another program, PARLOR_URL a server that
// runs already), ends it by its pid, and ends with `N passed, N failed`. Screenshots are put into `out/`.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

import { startServer, startWire, until } from '../../clients/js/tests/program.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const OUT = join(HERE, 'out');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const AWAY_S = 10;
const DIAMOND = 10_000; // minor units

const count = { passed: 0, failed: 0 };
async function check(name, work) {
  const began = Date.now();
  try {
    await work();
    count.passed += 1;
    console.log(`ok    ${name} (${Date.now() - began} ms)`);
    return true;
  } catch (error) {
    count.failed += 1;
    console.log(`FAIL  ${name}\n      ${String(error?.stack ?? error).split('\n').slice(0, 12).join('\n      ')}`);
    return false;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ------------------------------------------------------------------------------------------- the pages

/** A person at a page of their own, and what they see. */
class Visitor {
  complaints = [];
  offline = false;

  static async arrive(browser, url, viewport) {
    const context = await browser.newContext({ viewport, colorScheme: 'light', locale: 'en-GB' });
    const visitor = new Visitor();
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      // Chromium itself reports each refused connection of a network that is down.
      if (visitor.offline && /net::ERR_|WebSocket connection to/.test(message.text())) return;
      visitor.complaints.push(message.text());
    });
    page.on('pageerror', (error) => visitor.complaints.push(`uncaught: ${error.message}`));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI}`);
      });
    });
    await page.goto(url.href);
    return Object.assign(visitor, { context, page });
  }

  texts = (selector) => this.page.locator(selector).allTextContents();
  attributes = (selector, name) =>
    this.page.locator(selector).evaluateAll((nodes, key) => nodes.map((node) => node.getAttribute(key)), name);
  chat = () => this.texts('#lines .line:not(.note) .text');
  ops = () => this.attributes('#lines [data-op]', 'data-op');
  gifts = () => this.attributes('#gifts [data-gift-no]', 'data-gift-no');
  seat = (no) => this.page.locator(`#seats [data-seat="${no}"] .seat`);
  seats = () => this.texts('#seats .seat .name');
  amount = async (id) => Number(await this.page.locator(`#${id}`).getAttribute('data-amount'));
  phase = () => this.page.locator('#connection').getAttribute('data-phase');
  online = () => until(async () => assert.equal(await this.phase(), 'online'));

  async signIn(no) {
    await this.page.getByRole('button', { name: `Demo ${no}` }).click();
    await this.page.getByRole('heading', { name: 'Rooms' }).waitFor();
    await this.online();
    this.name = await this.page.locator('#me-name').textContent();
  }

  async say(text) {
    await this.page.getByLabel('Message').fill(text);
    await this.page.getByLabel('Message').press('Enter');
  }

  async give(gift, number, to) {
    await this.page.locator('#gift-tiles label', { hasText: gift }).locator('input').check({ force: true });
    await this.page.locator(`#gift-counts input[value="${number}"]`).check({ force: true });
    await this.page.locator('#give-to').selectOption(to);
    await this.page.locator('#give-send').click();
  }

  async sent() {
    await until(async () => assert.match(await this.page.locator('#give-result').textContent(), /^Sent: .*Receipt \d+/));
  }

  async shoot(name) {
    await this.page.evaluate(() => scrollTo(0, 0));
    await this.page.locator('.effect').waitFor({ state: 'detached' });
    for (const colorScheme of ['light', 'dark']) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.screenshot({ path: join(OUT, `${name}-${colorScheme}.png`), fullPage: true });
    }
    await this.page.emulateMedia({ colorScheme: 'light' });
  }
}

const once = (list) => assert.equal(new Set(list).size, list.length, `each once: ${list}`);

async function scenario(browser, server, wire) {
  const a = await Visitor.arrive(browser, server.url, { width: 1280, height: 900 });
  const b = await Visitor.arrive(browser, wire.url, { width: 360, height: 740 });
  const both = [a, b];
  const name = `Test ${Date.now().toString(36)}`;

  await a.shoot('sign-in-desktop');
  const ready = await check('two people sign in as demo users and are online', () => Promise.all([a.signIn(1), b.signIn(2)]));
  if (!ready) return both;

  const met = await check('one opens a room, the other finds it in the list and comes in', async () => {
    await a.page.getByLabel('Name', { exact: true }).last().fill(name);
    await a.page.locator('#open-room button').click();
    await a.page.getByRole('heading', { name, level: 1 }).waitFor();
    await b.page.getByRole('button', { name: `Join ${name}` }).waitFor();
    await b.shoot('rooms-phone');
    await b.page.getByRole('button', { name: `Join ${name}` }).click();
    await b.page.getByRole('heading', { name, level: 1 }).waitFor();
    for (const visitor of both) {
      await until(async () => {
        assert.equal(await visitor.page.locator('#people-count').textContent(), '2');
        assert.equal((await visitor.texts('#people li')).length, 2);
      });
    }
  });
  if (!met) return both;

  await check('both take a seat and both pages show it', async () => {
    await a.seat(0).click();
    await b.seat(2).focus();
    await b.page.keyboard.press('Enter');
    for (const visitor of both) {
      await until(async () => {
        const seats = await visitor.seats();
        assert.deepEqual([seats[0], seats[2]], [a.name, b.name]);
      });
    }
  });

  await check('the owner locks and unlocks a seat and the other page shows it', async () => {
    await a.page.getByRole('button', { name: 'Lock seat 7' }).click();
    await b.page.getByRole('button', { name: 'Seat 7, locked' }).waitFor();
    await a.page.getByRole('button', { name: 'Unlock seat 7' }).click();
    await b.page.getByRole('button', { name: 'Seat 7, free' }).waitFor();
    assert.equal(await b.page.getByRole('button', { name: /^Lock seat/ }).count(), 0, 'only the owner has locks');
  });

  await check('a seat is left and taken again', async () => {
    await b.seat(2).click();
    await until(async () => assert.equal((await a.seats())[2], 'Seat 2'));
    await b.seat(1).click();
    await until(async () => assert.equal((await a.seats())[1], b.name));
  });

  await check('chat appears in both pages, in one order', async () => {
    await a.say('good evening');
    await until(async () => assert.deepEqual(await b.chat(), ['good evening']));
    await b.say('مساء الخير');
    for (const visitor of both) await until(async () => assert.deepEqual(await visitor.chat(), ['good evening', 'مساء الخير']));
  });

  const start = { coins: await a.amount('coins'), diamonds: await b.amount('diamonds') };
  await check('a gift is paid for, received, and seen in both pages', async () => {
    await a.give('Rose', 10, { label: b.name });
    await Promise.all(both.map((visitor) => visitor.page.locator('.effect').first().waitFor()));
    await a.page.screenshot({ path: join(OUT, 'gift-desktop.png') });
    await a.sent();
    for (const visitor of both) await until(async () => assert.deepEqual(await visitor.gifts(), ['1']));
    await until(async () => assert.equal(await a.amount('coins'), start.coins - 10));
    await until(async () => assert.equal(await b.amount('diamonds'), start.diamonds + 10 * DIAMOND));
  });

  await check('a gift to everybody on a seat, sent by the other', async () => {
    const diamonds = await a.amount('diamonds');
    await b.give('Heart', 1, 'all_seats');
    await b.sent();
    for (const visitor of both) await until(async () => assert.deepEqual(await visitor.gifts(), ['1', '2']));
    await until(async () => assert.equal(await a.amount('diamonds'), diamonds + 5 * DIAMOND));
  });

  await check('a gift that nobody is there for, or that costs too much, is refused in words', async () => {
    const coins = await a.amount('coins');
    await a.give('Galaxy', 1314, { label: b.name });
    await until(async () => assert.match(await a.page.locator('#give-result').textContent(), /Not enough coins/));
    assert.equal(await a.amount('coins'), coins);
  });

  await check(`a page that was cut off for ${AWAY_S} s shows exactly what it missed, each once`, async () => {
    const before = { chat: await b.chat(), gifts: await b.gifts(), diamonds: await b.amount('diamonds') };
    await b.page.getByLabel('Stay away, seconds').fill(String(AWAY_S));
    await b.page.getByRole('button', { name: 'Cut the connection' }).click();
    const cut = Date.now();
    await until(async () => assert.equal(await b.phase(), 'waiting'));
    await a.say('first line of two');
    await a.say('second line of two');
    await a.give('Rose', 1, { label: b.name });
    await a.sent();
    await a.give('Heart', 1, { label: b.name });
    await until(async () => assert.equal((await a.gifts()).length, before.gifts.length + 2));
    await a.page.getByRole('button', { name: 'Lock seat 5' }).click();
    await a.page.getByRole('button', { name: 'Unlock seat 5' }).waitFor();
    await b.say('said while away');
    await b.shoot('away-phone');
    await sleep(Math.max(0, cut + AWAY_S * 1000 - 700 - Date.now()));
    assert.deepEqual(await b.chat(), before.chat, 'nothing while away');
    assert.deepEqual(await b.gifts(), before.gifts);
    assert.equal((await a.seats())[1], b.name, 'the seat waits');

    await b.online();
    await until(async () => assert.deepEqual((await b.chat()).slice(before.chat.length), ['first line of two', 'second line of two', 'said while away']));
    await until(async () => assert.deepEqual(await b.ops(), await a.ops()));
    assert.deepEqual(await b.gifts(), await a.gifts());
    once(await b.ops());
    once(await b.gifts());
    assert.deepEqual((await b.seats()).slice(0, 2), [a.name, b.name]);
    await b.page.getByRole('button', { name: 'Seat 5, locked' }).waitFor();
    assert.equal((await b.texts('#lines .note')).filter((text) => text === 'Seat 5 was locked').length, 1);
    assert.match(await b.page.locator('#visit').textContent(), /with 2 lines, 2 gifts, 1 seat change: every missed event came again/);
    await until(async () => assert.equal(await b.amount('diamonds'), before.diamonds + 6 * DIAMOND));
  });

  await check('after a network that breaks mid-gift, everything is there once and paid for once', async () => {
    const before = { chat: await a.chat(), gifts: await a.gifts(), coins: await b.amount('coins') };
    b.offline = true;
    wire.cut();
    await until(async () => assert.notEqual(await b.phase(), 'online'));
    await b.give('Coffee', 1, { label: a.name });
    await b.say('from under the water');
    await a.say('are you there?');
    await a.give('Rose', 1, { label: b.name });
    await sleep(2500);
    wire.mend();
    await b.online();
    b.offline = false;
    await b.sent();
    await until(async () => assert.equal((await a.gifts()).length, before.gifts.length + 2));
    await until(async () => assert.equal((await a.chat()).length, before.chat.length + 2));
    await until(async () => assert.deepEqual(await b.gifts(), await a.gifts()));
    await until(async () => assert.deepEqual(await b.ops(), await a.ops()));
    once(await b.ops());
    await until(async () => assert.equal(await b.amount('coins'), before.coins - 9));
  });

  await check('the wallet names every transfer and adds up to the balance', async () => {
    for (const [visitor, currency] of [[a, 'coin'], [b, 'diamond']]) {
      await visitor.page.locator('#purse').click();
      await visitor.page.locator(`#wallet input[value=${currency}]`).check({ force: true });
      await until(async () => {
        while (await visitor.page.locator('#entries-more').isVisible()) {
          await visitor.page.locator('#entries-more').click();
          await sleep(200);
        }
        const amounts = (await visitor.attributes('#entries tr', 'data-amount')).map(Number);
        assert.ok(amounts.length > 2);
        assert.equal(amounts.reduce((sum, amount) => sum + amount, 0), await visitor.amount(`${currency}s`));
      });
      await visitor.page.screenshot({ path: join(OUT, `wallet-${currency}.png`) });
      await visitor.page.keyboard.press('Escape');
      assert.equal(await visitor.page.locator('#wallet').isVisible(), false);
    }
  });

  await check('the frame log shows frames of both ways and no token', async () => {
    await a.page.locator('#log summary').click();
    const frames = await a.texts('#frames code');
    assert.ok(frames.length > 10 && frames.length <= 200);
    assert.ok(frames.some((text) => text.includes('gift.send')) && frames.some((text) => text.includes('gifts.sent')));
    assert.ok(!frames.some((text) => /"token":"[^…]/.test(text)));
    await a.page.locator('#log summary').click();
  });

  await check('nothing is wider than a phone of 360 px', async () => {
    assert.equal(await b.page.evaluate(() => document.documentElement.scrollWidth), 360);
  });
  await a.shoot('room-desktop');
  await b.shoot('room-phone');

  await check('a reloaded page is signed in and in the room again', async () => {
    await a.page.reload();
    await a.page.getByRole('heading', { name, level: 1 }).waitFor();
    await a.online();
    await until(async () => assert.deepEqual((await a.chat()).length, (await b.chat()).length));
    await a.say('back again');
    await until(async () => assert.equal((await b.chat()).at(-1), 'back again'));
  });

  await check('who is kicked is told why, is out of the room, and keeps the socket', async () => {
    await a.page.locator('#people button', { hasText: b.name }).click();
    await a.page.getByLabel('Reason, which they are told').fill('end of the test');
    await a.page.getByRole('button', { name: /Put out/ }).click();
    await b.page.getByRole('heading', { name: 'Rooms' }).waitFor();
    assert.match(await b.page.locator('#notice-text').textContent(), /put out of the room.*end of the test/);
    assert.equal(await b.phase(), 'online');
    await until(async () => assert.equal((await a.seats())[1], 'Seat 1'));
    await until(async () => assert.equal(await a.page.locator('#people-count').textContent(), '1'));
  });

  await check('no errors in the console and nothing refused by the content security policy', () => {
    assert.deepEqual(both.flatMap((visitor) => visitor.complaints), []);
  });

  await check('a new account is registered, a lost sign-in leads back into the room, a wrong password is told', async () => {
    const c = await Visitor.arrive(browser, server.url, { width: 390, height: 800 });
    const signIn = async (password) => {
      await c.page.locator('#sign-in input[name=login]').fill(login);
      await c.page.locator('#sign-in input[name=password]').fill(password);
      await c.page.locator('#sign-in button').click();
    };
    const login = `browser-${Date.now()}@parlor.example`;
    await c.page.getByText('Register a new account').click();
    await c.page.locator('#register input[name=name]').fill('Noor');
    await c.page.locator('#register input[name=login]').fill(login);
    await c.page.locator('#register input[name=password]').fill('quiet lantern over the harbour');
    await c.page.locator('#register button').click();
    await c.page.getByRole('heading', { name: 'Rooms' }).waitFor();
    await c.online();
    await c.page.locator('#open-room input').fill('A room of her own');
    await c.page.locator('#open-room button').click();
    await c.page.getByRole('heading', { name: 'A room of her own' }).waitFor();
    await c.page.evaluate(() => {
      const session = JSON.parse(sessionStorage.getItem('parlor.session'));
      sessionStorage.setItem('parlor.session', JSON.stringify({ ...session, token: 'not.a.token' }));
    });
    await c.page.reload();
    await until(async () => assert.match(await c.page.locator('#notice-text').textContent(), /sign in again/));
    await signIn('quiet lantern over the harbour');
    await c.page.getByRole('heading', { name: 'A room of her own' }).waitFor();
    await c.online();
    await c.page.getByRole('button', { name: 'Sign out' }).click();
    await signIn('not the password');
    await until(async () => assert.match(await c.page.locator('#notice-text').textContent(), /password is wrong/));
    await c.context.close();
  });

  await check('leaving the room is seen by who is asked, and the list comes back', async () => {
    await a.page.getByRole('button', { name: 'Leave the room' }).click();
    await a.page.getByRole('heading', { name: 'Rooms' }).waitFor();
  });
  return both;
}

await mkdir(OUT, { recursive: true });
let server;
let wire;
let browser;
await check('the server, a wire to it and a browser start', async () => {
  server = await startServer();
  wire = await startWire(server.url);
  browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
});
try {
  if (browser) {
    const visitors = await scenario(browser, server, wire);
    if (count.failed) {
      await Promise.all(visitors.map(({ page }, at) => page.screenshot({ path: join(OUT, `failed-${at}.png`), fullPage: true })));
      for (const { complaints } of visitors) console.log('console:', complaints);
    }
  }
} catch (error) {
  count.failed += 1;
  console.log(`FAIL  ${error?.stack ?? error}`);
} finally {
  await browser?.close();
  wire?.stop();
  await server?.stop();
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed ? 1 : 0);
