// Tests the playground: two pages in Debian's chromium against a real server. Run it with `node run.mjs`.
//
// It starts `parlor dev` on a free port with a temporary store (PARLOR_BIN names another program, PARLOR_URL a running
// server), stops it by its pid, and prints `N passed, N failed` at the end. Screenshots go to `out/`. With FROM_DISK=1 the
// files of the page come from the working tree instead of the program; with ONLY=rules it runs rules.mjs alone, and with QUICK=1
// it looks at no layout.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

import { startServer, startWire, until } from '../../clients/js/tests/program.js';
import { SETTINGS, forgotten, fullRoom, manners, withoutDemo } from './manners.mjs';
import { rules } from './rules.mjs';
import { DESKTOP, OUT, PHONE, Visitor } from './visitor.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  ...(process.env.FROM_DISK ? ['--disable-features=LocalNetworkAccessChecks'] : [])];
const AWAY_MS = 10_000; // the time of the page's button “Cut for 10 s”
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
    console.log(`FAIL  ${name}\n      ${String(error?.stack ?? error).split('\n').slice(0, 24).join('\n      ')}`);
    return false;
  }
}

const once = (list) => assert.equal(new Set(list).size, list.length, `each once: ${list}`);

async function scenario(browser, server, wire) {
  const a = await Visitor.arrive(browser, server.url, DESKTOP);
  const b = await Visitor.arrive(browser, wire.url, PHONE);
  const both = [a, b];
  const name = `Test ${Date.now().toString(36)}`;

  await check('the sign-in view and its errors are well laid out', async () => {
    await a.inspect('sign-in');
    await a.page.getByRole('tab', { name: 'Register' }).click();
    await a.page.locator('#register input[name=name]').fill('Noor');
    await a.page.locator('#register input[name=login]').fill('noor@parlor.example');
    await a.page.locator('#register input[name=password]').fill('short');
    await a.page.locator('#register button').click();
    await a.page.locator('#register .fault').waitFor();
    assert.equal(await a.page.locator('#register input[name=password]').getAttribute('aria-invalid'), 'true');
    await a.inspect('register');
    await until(() => assert.ok(a.complaints.length)); // chromium logs each refused request
    assert.match(a.complaints.splice(0).join(), /^Failed to load resource: the server responded with a status of 400 \(Bad Request\)$/);
  });

  const ready = await check('two people sign in as demo users and are online', () => Promise.all([a.signIn('Amira'), b.signIn('Omar')]));
  if (!ready) return both;

  await check('a lobby without rooms says what to do', async () => {
    await a.page.getByText('No room is open yet').waitFor();
    await a.inspect('rooms-empty');
  });

  const met = await check('one user opens a room, the other searches for it and joins', async () => {
    for (const other of ['Late night jazz', 'مجلس المساء', 'Book club: a name so long that it needs a second line']) {
      await a.page.evaluate(async (name) => {
        const { access_token } = JSON.parse(sessionStorage.getItem('parlor.session'));
        const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' };
        await fetch('/v1/rooms', { method: 'POST', headers, body: JSON.stringify({ name, seats: 10 }) });
      }, other);
    }
    await a.page.locator('#open-room-show').click();
    await a.page.getByLabel('Name', { exact: true }).fill(name);
    await a.inspect('open-room');
    await a.page.locator('#open-room-form button[type=submit]').click();
    await a.heading(name);
    await b.page.getByRole('button', { name: `Join ${name}` }).waitFor();
    await b.inspect('rooms');
    await b.page.getByLabel('Search rooms').fill('nobody calls it so');
    await b.page.getByText('No room is called').waitFor();
    await b.inspect('rooms-none');
    await b.page.getByLabel('Search rooms').fill(name.toUpperCase());
    await until(async () => assert.equal(await b.page.locator('#rooms li').count(), 1));
    await b.page.getByRole('button', { name: `Join ${name}` }).click();
    await b.heading(name);
    for (const visitor of both) {
      await until(async () => assert.equal(await visitor.page.locator('#people-count').textContent(), '2'));
      assert.equal(await visitor.page.locator('#people li').count(), 2);
    }
    await b.inspect('room-empty');
  });
  if (!met) return both;

  await check('both take a seat, one by keyboard, and both pages show it', async () => {
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
    await a.seat(7).click();
    await a.inspect('seat-free');
    await a.press('Lock seat 7');
    await b.page.getByRole('button', { name: 'Seat 7, locked' }).waitFor();
    assert.equal(await b.seat(7).isDisabled(), true, 'only the owner has a choice there');
    await a.seat(7).click();
    await a.press('Unlock seat 7');
    await b.page.getByRole('button', { name: 'Seat 7, free' }).waitFor();
  });

  await check('a seat is left and taken again', async () => {
    await b.seat(2).click();
    await b.press('Leave seat 2');
    await until(async () => assert.equal((await a.seats())[2], 'Seat 2'));
    await b.seat(1).click();
    await until(async () => assert.equal((await a.seats())[1], b.name));
  });

  await check('chat appears in both pages in the same order, and the author has a ring', async () => {
    await a.say('good evening');
    await until(async () => assert.deepEqual(await b.chat(), ['good evening']));
    await b.page.locator('#seats [data-seat="0"] .speaking').waitFor();
    await b.say('مساء الخير');
    for (const visitor of both) await until(async () => assert.deepEqual(await visitor.chat(), ['good evening', 'مساء الخير']));
  });

  const start = { coins: await a.amount('coins'), diamonds: await b.amount('diamonds') };
  await check('a gift is paid for, received, and seen in both pages', async () => {
    await a.give('Rose', 10, { label: b.name });
    await Promise.all(both.map((visitor) => visitor.page.locator('.effect').first().waitFor()));
    await b.page.screenshot({ path: join(OUT, 'gift-phone.png') });
    await a.page.screenshot({ path: join(OUT, 'gift-desktop.png') });
    await a.sent();
    for (const visitor of both) await until(async () => assert.deepEqual(await visitor.gifts(), ['1']));
    await until(async () => assert.equal(await a.amount('coins'), start.coins - 10));
    await until(async () => assert.equal(await b.amount('diamonds'), start.diamonds + 10 * DIAMOND));
  });

  await check('the other user sends a gift to everybody on a seat', async () => {
    const diamonds = await a.amount('diamonds');
    await b.give('Heart', 1, 'all_seats');
    await b.sent();
    for (const visitor of both) await until(async () => assert.deepEqual(await visitor.gifts(), ['1', '2']));
    await until(async () => assert.equal(await a.amount('diamonds'), diamonds + 5 * DIAMOND));
  });

  await check('a gift that costs too much is refused with a message', async () => {
    const coins = await a.amount('coins');
    await a.give('Galaxy', 1314, { label: b.name });
    await until(async () => assert.match(await a.page.locator('#give-result').textContent(), /Not enough coins/));
    assert.equal(await a.amount('coins'), coins);
    await a.inspect('give');
    await a.page.locator('#give-hide').focus();
    await a.page.keyboard.press('Escape');
    assert.equal(await a.page.locator('#give-sheet').isVisible(), false);
    await b.page.locator('#give-hide').click();
  });

  await check('the room and its dialogs are well laid out', async () => {
    await a.inspect('room');
    await a.page.locator('#people-show').click();
    await a.inspect('people');
    await a.page.locator('#people button', { hasText: b.name }).click();
    await a.heading(b.name, 2);
    await a.inspect('person');
    await a.page.keyboard.press('Escape');
    assert.equal(await a.page.locator('#person').isVisible(), false);
  });

  await check(`a page that was cut off for ${AWAY_MS / 1000} s shows exactly what it missed, each once`, async () => {
    const before = { chat: await b.chat(), gifts: await b.gifts(), diamonds: await b.amount('diamonds') };
    await b.wire(true);
    await b.press('Cut for 10 s');
    const cut = Date.now();
    await until(async () => assert.equal(await b.phase(), 'waiting'));
    await b.wire(false);
    await a.say('first line of two');
    await a.say('second line of two');
    await a.give('Rose', 1, { label: b.name });
    await a.sent();
    await a.give('Heart', 1, { label: b.name });
    await until(async () => assert.equal((await a.gifts()).length, before.gifts.length + 2));
    await a.page.locator('#give-hide').click();
    await a.seat(5).click();
    await a.press('Lock seat 5');
    await a.page.getByRole('button', { name: 'Seat 5, locked' }).waitFor();
    await b.say('said while away');
    await b.page.screenshot({ path: join(OUT, 'away-phone.png') });
    assert.deepEqual(await b.chat(), before.chat, 'nothing arrives while the page is away');
    assert.deepEqual(await b.gifts(), before.gifts);
    assert.equal((await a.seats())[1], b.name, 'the seat is kept');

    await until(async () => assert.equal(await b.phase(), 'online'), AWAY_MS + 5_000);
    assert.ok(Date.now() - cut >= AWAY_MS - 500, 'it stayed away for its time');
    await until(async () => assert.deepEqual((await b.chat()).slice(before.chat.length), ['first line of two', 'second line of two', 'said while away']));
    await until(async () => assert.deepEqual(await b.ops(), await a.ops()));
    assert.deepEqual(await b.gifts(), await a.gifts());
    once(await b.ops());
    once(await b.gifts());
    assert.deepEqual((await b.seats()).slice(0, 2), [a.name, b.name]);
    await b.page.getByRole('button', { name: 'Seat 5, locked' }).waitFor();
    assert.equal((await b.texts('#lines .note')).filter((text) => text === 'Seat 5 was locked').length, 1);
    assert.match(await b.page.locator('#visit').textContent(), /^Back after 1\d s with 2 lines, 2 gifts, 1 seat change: every missed event was sent again/);
    await until(async () => assert.equal(await b.amount('diamonds'), before.diamonds + 6 * DIAMOND));
  });

  await check('a cut page comes back at once, and so does one on which “Come back now” is pressed', async () => {
    await a.wire(true);
    await a.press('Cut the connection');
    await until(async () => assert.match(await a.page.locator('#visit').textContent(), /^Back after \d s\. You missed nothing\.$/));
    await a.press('Cut for 10 s');
    await a.press('Come back now');
    await a.online();
    await a.wire(false);
  });

  await check('after the network breaks during a gift, everything is shown once and paid for once', async () => {
    const before = { chat: await a.chat(), gifts: await a.gifts(), coins: await b.amount('coins') };
    b.offline = true;
    wire.cut();
    await until(async () => assert.notEqual(await b.phase(), 'online'));
    await b.give('Coffee', 1, { label: a.name });
    await b.say('from under the water');
    await a.say('are you there?');
    await a.give('Rose', 1, { label: b.name });
    await a.sent();
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
    await Promise.all(both.map((visitor) => visitor.page.locator('#give-hide').click()));
  });

  const roses = 10 + 1 + 1; // each gift that was given above, at its price
  const hearts = 1 + 1;
  const coffees = 1;
  await manners(check, { a, b, wire, coins: roses * 1 + hearts * 5 + coffees * 9 });

  await check('the wallet explains every transfer and adds up to the balance', async () => {
    for (const [visitor, currency, sentence] of [[a, 'coin', `You gave ${b.name} 10 Roses`], [b, 'diamond', `${a.name} gave you 10 Roses`]]) {
      await visitor.page.locator('#purse').click();
      await visitor.page.locator(`#wallet input[value=${currency}]`).check({ force: true });
      await until(async () => {
        if (await visitor.page.locator('#entries-more').isVisible()) await visitor.page.locator('#entries-more').click();
        const amounts = (await visitor.attributes('#entries [data-amount]', 'data-amount')).map(Number);
        assert.ok(amounts.length > 2);
        assert.equal(amounts.reduce((sum, amount) => sum + amount, 0), await visitor.amount(`${currency}s`));
      });
      const said = await visitor.texts('#entries .what > span');
      assert.ok(said.includes(sentence), said.join('\n'));
      assert.ok(!said.some((text) => /undefined|user \d/.test(text)), said.join('\n'));
      if (currency === 'coin') assert.ok(said.includes('Welcome coins'));
      await visitor.inspect(`wallet-${currency}`);
      await visitor.page.keyboard.press('Escape');
      assert.equal(await visitor.page.locator('#wallet').isVisible(), false);
    }
  });

  await check('the profile shows the user', async () => {
    await a.page.locator('#me').click();
    await a.heading(a.name, 2);
    assert.match(await a.page.locator('#profile-number').textContent(), /^User \d{9,}$/);
    await until(async () => assert.deepEqual(await a.texts('#sessions .current'), ['This one']));
    await a.inspect('profile');
    await a.page.keyboard.press('Escape');
  });

  await check('the panel shows frames of both directions, can be filtered and paused, and hides tokens', async () => {
    const { page } = a;
    await a.wire(true);
    const types = () => a.texts('#frames .type');
    await until(async () => assert.ok((await types()).includes('reply to gift.send')));
    await page.locator('#filter input').fill('gifts.sent');
    await until(async () => assert.ok((await types()).length && (await types()).every((type) => /gifts\.sent|gift|joined|connect|join/.test(type))));
    await page.locator('#filter select').selectOption('out');
    await page.locator('#filter input').fill('');
    await until(async () => assert.ok((await types()).includes('gift.send') && !(await types()).some((type) => type.startsWith('reply'))));
    await page.locator('#filter select').selectOption('');
    await page.getByRole('button', { name: 'Pause' }).click();
    const shown = (await types()).length;
    await b.say('while the wire is paused');
    await until(async () => assert.match(await page.locator('#frames-count').textContent(), /^Paused, [1-9]\d* more frames/));
    assert.equal((await types()).length, shown);
    await page.getByRole('button', { name: 'Resume' }).click();
    await until(async () => assert.equal((await types()).at(-1), 'chat.posted'));
    await page.locator('#frames summary').last().click();
    assert.equal(JSON.parse(await page.locator('#frames pre').textContent()).data.text, 'while the wire is paused');
    await a.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.locator('#frames').getByRole('button', { name: 'Copy' }).click();
    await page.locator('#frames').getByText('Copied').waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /while the wire is paused/);
    await a.inspect('wire');
    assert.ok(await page.getByText('while the wire is paused', { exact: true }).isVisible());
    const end = await page.locator('.scroller').evaluate((list) => list.getBoundingClientRect().bottom - list.firstElementChild.getBoundingClientRect().bottom);
    assert.ok(Math.abs(end) < 2, `the chat stays at its end when a panel takes its space: ${end}`);
    await page.evaluate(() => document.querySelectorAll('#frames details').forEach((details) => (details.open = true)));
    await until(async () => assert.equal(await page.locator('#frames pre').count(), await page.locator('#frames li').count()));
    for (const text of await a.texts('#frames pre')) assert.ok(!/"(refresh_)?token": "[^…]/.test(text));
    await a.wire(false);
  });

  await check('a reloaded page is signed in and in the room again', async () => {
    await a.page.reload();
    await a.heading(name);
    await a.online();
    await until(async () => assert.deepEqual(await a.ops(), await b.ops()));
    await a.say('back again');
    await until(async () => assert.equal((await b.chat()).at(-1), 'back again'));
  });

  await fullRoom(check, { browser, server, a, b, name });

  await check('a kicked user is told why, is out of the room, and keeps the socket', async () => {
    await a.page.locator('#people-show').click();
    await a.page.locator('#people button', { hasText: b.name }).click();
    await a.press('Kick or ban');
    await a.page.getByLabel('Reason, shown to the user').fill('end of the test');
    await a.press('Kick out for ten minutes');
    await b.heading('Rooms');
    await until(async () => assert.match(await b.notice(), /kicked out of the room.*end of the test/));
    await b.inspect('kicked');
    assert.equal(await b.phase(), 'online');
    await until(async () => assert.equal((await a.seats())[1], 'Seat 1'));
    await until(async () => assert.equal(await a.page.locator('#people-count').textContent(), '1'));
  });

  await check('leaving the room leads back to the list', async () => {
    await a.press('Leave the room');
    await a.heading('Rooms');
  });

  await check('no errors in the console and nothing refused by the content security policy', () => {
    assert.deepEqual(both.flatMap((visitor) => visitor.complaints), []);
  });
  return both;
}

/** A new user, who loses the session, and later forgets the password. */
async function newcomer(browser, server) {
  const c = await Visitor.arrive(browser, server.url, PHONE, { reducedMotion: 'reduce' });
  const login = `browser-${Date.now()}@parlor.example`;
  const signIn = async (password) => {
    await c.page.locator('#sign-in input[name=login]').fill(login);
    await c.page.locator('#sign-in input[name=password]').fill(password);
    await c.page.locator('#sign-in [type=submit]').click();
  };
  await check('a new user registers, a lost session leads back into the room', async () => {
    await c.page.getByRole('tab', { name: 'Register' }).click();
    await c.page.locator('#register input[name=name]').fill('Noor');
    await c.page.locator('#register input[name=login]').fill(login);
    await c.page.locator('#register input[name=password]').fill('quiet lantern over the harbour');
    await c.page.locator('#register button').click();
    await c.heading('Rooms');
    await c.online();
    await c.page.locator('#open-room-show').click();
    await c.page.locator('#open-room-form input').fill('A room of her own');
    await c.page.locator('#open-room-form button[type=submit]').click();
    await c.heading('A room of her own');
    await c.page.evaluate(() => {
      const session = JSON.parse(sessionStorage.getItem('parlor.session'));
      sessionStorage.setItem('parlor.session', JSON.stringify({ ...session, access_token: 'not.a.token', refresh_token: undefined }));
    });
    await c.page.reload();
    await until(async () => assert.match(await c.notice(), /sign in again/));
    await c.page.getByRole('tab', { name: 'Sign in' }).click();
    await signIn('quiet lantern over the harbour');
    await c.heading('A room of her own');
    await c.online();
    await profile(c);
    await c.press('Sign out');
    await c.page.getByRole('tab', { name: 'Sign in' }).focus();
    await c.page.keyboard.press('ArrowRight');
    assert.equal(await c.page.locator('#register').isVisible(), true, 'the arrow keys change the tab');
    await c.page.keyboard.press('ArrowLeft');
  });
  if (server.said) await forgotten(check, c, { login, code: () => codeFor(server, login) });
  await check('with reduced motion no animation takes longer than 10 ms', async () => {
    const long = await c.page.evaluate(() => document.getAnimations().filter((one) => one.effect.getComputedTiming().activeDuration > 10).length);
    assert.equal(long, 0);
  });
  await c.context.close();
}

/** The last code that `dev` has written to its log for this address. */
const codeFor = (server, login) => until(() => {
  const sent = server.said.join('').split('\n').filter((line) => line.includes(`a message for ${login}`)).at(-1);
  const found = /\b\d{6}\b/.exec(sent?.split(login)[1] ?? '');
  assert.ok(found, 'a code was sent');
  return found[0];
});

/** Checks the profile: the random signature, and a changed name, bio and country. */
async function profile(c) {
  await c.page.locator('#me').click();
  await c.page.locator('#profile-facts').getByText(/^[a-z]+-[a-z]+-\d+$/).waitFor();
  await c.page.getByLabel('Name, as others see it').last().fill('Noor A.');
  await c.page.getByLabel('About me').fill('Oud and coffee');
  await c.page.getByLabel('Country').fill('JO');
  await c.press('Save');
  await c.page.getByText('Saved.').waitFor();
  await c.inspect('profile-full');
  const me = await c.page.evaluate(async () => {
    const { access_token: token } = JSON.parse(sessionStorage.getItem('parlor.session'));
    return (await fetch('/v1/me', { headers: { authorization: `Bearer ${token}` } })).json();
  });
  assert.deepEqual([me.name, me.bio, me.country, me.language], ['Noor A.', 'Oud and coffee', 'JO', undefined]);
}

async function withoutScript(browser, server) {
  await check('a browser without JavaScript is told what to do', async () => {
    const d = await Visitor.arrive(browser, server.url, PHONE, { javaScriptEnabled: false });
    assert.match(await d.page.locator('noscript').innerText(), /JavaScript: allow it for this address/);
    await d.page.screenshot({ path: join(OUT, 'noscript.png') });
    await d.context.close();
  });
}

await mkdir(OUT, { recursive: true });
let server;
let wire;
let browser;
await check('the server, a proxy to it and a browser start', async () => {
  Object.assign(process.env, SETTINGS);
  server = await startServer();
  wire = await startWire(server.url);
  browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
});
try {
  if (browser) {
    const visitors = process.env.ONLY === 'rules' ? [] : await scenario(browser, server, wire);
    for (const { context } of visitors) if (!count.failed) await context.close();
    if (!count.failed) visitors.length = 0;
    visitors.push(...(await rules(check, { browser, server })));
    if (count.failed) {
      await Promise.all(visitors.map(({ page }, at) => page.screenshot({ path: join(OUT, `failed-${at}.png`) })));
      for (const { complaints } of visitors) console.log('console:', complaints);
    }
    if (!process.env.ONLY) {
      await newcomer(browser, server);
      await withoutScript(browser, server);
      await withoutDemo(check, browser, server);
    }
    await check('axe finds nothing in any view, and nothing is clipped, cut, covered or too small, in each size, theme and direction', () => {
      assert.equal(Visitor.faults.length, 0, Visitor.faults.join('\n'));
      assert.ok(Visitor.inspected > 25 || process.env.ONLY || process.env.QUICK, `${Visitor.inspected} views were inspected`);
    });
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
