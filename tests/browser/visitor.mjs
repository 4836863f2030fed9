// A visitor with a page of their own: what they press, what they see, and the checks of the layout in every size and theme.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';

import { until } from '../../clients/js/tests/program.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
export const OUT = join(HERE, 'out');
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

export class Visitor {
  /** The faults of all inspected views. */
  static faults = [];
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
  gifts = () => this.attributes('#gifts [data-gift-no]', 'data-gift-no');
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
   * Inspects the present view in both sizes and both themes, when all animations have ended: takes a screenshot, runs axe,
   * and measures the width. What is wrong is added to `faults`.
   */
  async inspect(name) {
    const { page } = this;
    const before = page.viewportSize();
    const found = [];
    for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await settled(page);
        const at = `${name}-${size}-${colorScheme}`;
        await page.screenshot({ path: join(OUT, `${at}.png`) });
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        for (const { id, help, nodes } of violations) {
          found.push(`${at}: ${id}: ${help}: ${nodes.slice(0, 4).map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
        }
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > viewport.width) found.push(`${at}: ${wide} px wide`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(before);
    Visitor.faults.push(...found);
  }
}

/** Waits until every finite animation has ended. */
async function settled(page) {
  await page.locator('.effect').waitFor({ state: 'detached' });
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations !== Infinity);
    await Promise.all(ending.map((one) => one.finished.catch(() => {})));
  });
}

/** Serves the page's files from the working tree instead of the program, to see a change without a build. */
async function fromDisk(page) {
  await page.route(/\/(playground\/.*)?$/, async (route) => {
    const path = new URL(route.request().url()).pathname;
    const file = path === '/' ? '/playground/index.html' : path.replace('/playground/client/', '/clients/js/src/');
    const kind = { html: 'text/html', js: 'text/javascript', css: 'text/css' }[file.split('.').pop()];
    const answer = await route.fetch();
    await route.fulfill({ headers: { ...answer.headers(), 'content-type': `${kind}; charset=utf-8` }, body: await readFile(join(HERE, '../..', file)) });
  });
}
