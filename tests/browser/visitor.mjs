// A visitor with a page of their own: what they press, what they see, and the checks of the layout in every size and theme.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';

import { layoutFaults } from './layout.mjs';
import { until } from '../../clients/js/tests/program.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
export const OUT = join(HERE, 'out');
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };
export const SIDE = { width: 844, height: 390 };
const SIZES = { phone: PHONE, side: SIDE, desktop: DESKTOP };

export class Visitor {
  /** The faults of all inspected views. */
  static faults = [];
  static inspected = 0;
  complaints = [];
  offline = false;

  static async arrive(browser, url, viewport, options = {}) {
    const context = await browser.newContext({ viewport, colorScheme: 'light', locale: 'en-GB', ...options });
    const visitor = new Visitor();
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    if (process.env.FROM_DISK) await fromDisk(page);
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
  /** The numbers of the gifts that are shown; the pill of a combo has several. */
  gifts = async () => (await this.attributes('#gifts [data-gifts]', 'data-gifts')).flatMap((numbers) => numbers.split(' '));
  seat = (no) => this.page.locator(`#seats [data-seat="${no}"] .seat`);
  seats = () => this.texts('#seats .seat .name');
  amount = async (id) => Number(await this.page.locator(`#${id}`).getAttribute('data-amount'));
  phase = () => this.page.locator('#connection').getAttribute('data-phase');
  online = () => until(async () => assert.equal(await this.phase(), 'online'));
  notice = () => this.page.locator('#notice-text').textContent();
  press = (name) => this.page.getByRole('button', { name, exact: typeof name === 'string' }).click();
  heading = (name, level = 1) => this.page.getByRole('heading', { name, level }).waitFor();

  async signIn(name) {
    await this.page.locator('#demo button', { hasText: name }).click();
    await this.heading('Rooms');
    await this.online();
    this.name = await this.page.locator('#me-name').textContent();
  }

  async say(text) {
    await this.page.getByLabel('Message', { exact: true }).fill(text);
    await this.page.getByLabel('Message', { exact: true }).press('Enter');
  }

  /** Sends a gift by its panel, which stays open. */
  async give(gift, times, to) {
    const { page } = this;
    if (!(await page.locator('#give-sheet').isVisible())) await page.locator('#give-show').click();
    await page.locator(`#gift-tiles label[title^="${gift},"] input`).check({ force: true });
    await page.locator(`#gift-counts input[value="${times}"]`).check({ force: true });
    await page.locator('#give-to').selectOption(to);
    await page.locator('#give-send').click();
  }

  async sent() {
    await until(async () => assert.match(await this.page.locator('#give-result').textContent(), /^Sent: .*Receipt \d+/));
  }

  async wire(open) {
    if ((await this.page.locator('#wire').isVisible()) !== open) await this.page.locator('#connection').click();
    await this.page.locator('#wire').waitFor({ state: open ? 'visible' : 'hidden' });
  }

  /**
   * Inspects the present view when all animations have ended, in each size, theme and direction: measures the layout, and
   * takes a screenshot. Axe looks at each size and theme; a direction changes nothing that it sees. What is wrong is added
   * to `faults`.
   */
  async inspect(name) {
    if (process.env.QUICK) return;
    const { page } = this;
    const before = page.viewportSize();
    const found = [];
    Visitor.inspected += 1;
    const axed = await page.evaluate(() => Boolean(globalThis.axe));
    if (!axed) await page.evaluate(axe.source);
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        for (const dir of ['ltr', 'rtl']) {
          await page.evaluate((value) => (document.documentElement.dir = value), dir);
          await settled(page);
          const at = `${name}-${size}-${colorScheme}-${dir}`;
          found.push(...(await page.evaluate(layoutFaults)).map((fault) => `${at}: ${fault}`));
          if (dir === 'ltr' || colorScheme === 'light') await page.screenshot({ path: join(OUT, `${at}.png`) });
        }
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        for (const { id, help, nodes } of violations) {
          found.push(`${name}-${size}-${colorScheme}: ${id}: ${help}: ${nodes.slice(0, 4).map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
        }
      }
    }
    await page.evaluate(() => document.documentElement.removeAttribute('dir'));
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(before);
    Visitor.faults.push(...found);
  }
}

/** Waits until every finite animation has ended. */
async function settled(page) {
  await page.locator('.effect').waitFor({ state: 'detached' });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations !== Infinity);
    await Promise.all(ending.map((one) => one.finished.catch(() => {})));
  });
}

/** Serves the page's files from the working tree instead of the program, to see a change without a build. */
async function fromDisk(page) {
  await page.route(/\/(playground\/.*\.(js|css))?$/, async (route) => {
    const path = new URL(route.request().url()).pathname;
    const file = path === '/' ? '/playground/index.html' : path.replace('/playground/client/', '/clients/js/src/');
    const kind = { html: 'text/html', js: 'text/javascript', css: 'text/css' }[file.split('.').pop()];
    const answer = await route.fetch();
    await route.fulfill({ headers: { ...answer.headers(), 'content-type': `${kind}; charset=utf-8` }, body: await readFile(join(HERE, '../..', file)) });
  });
}
