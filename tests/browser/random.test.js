// Two contexts with several tabs each, and random events: writes, reloads, crashes, lost networks, a killed server. At the end
// all tabs and the server must have the same rows, and among them each that a client reported as saved.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApplication } from './rig/application.js';
import { options } from './rig/chromium.js';
import { randomNumbers } from './rig/random.js';
import { setUpWithServer } from './rig/setup.js';
import { until } from './rig/until.js';

/** @import { BrowserContext, Page } from 'playwright-core' */

const DOCUMENT = 'board/1';
const TABLE = 'rows';
const EVENTS = Number(process.env.CONVERGE_BROWSER_EVENTS ?? 120);
const SEED = Number(process.env.CONVERGE_BROWSER_SEED ?? 1);
const MAX_TABS = 3;
/** The rows of the larger writes. */
const MANY = 50;
/** The most that an event takes, on average, on a busy machine. */
const EVENT_MS = 1_000;

/**
 * A context, with the tabs that are open in it.
 *
 * @typedef {object} Side
 * @property {BrowserContext} context
 * @property {Page[]} tabs
 * @property {number} mostTabs the largest number of tabs that were open at once
 * @property {boolean} isOffline
 */

const { site, chromium, server, newContext } = await setUpWithServer((address) => startApplication('board', address));

const limits = { ...options, timeout: options.timeout + EVENTS * EVENT_MS };

test(`after ${EVENTS} random events with the seed ${SEED}, nothing is lost and no fork arises`, limits, async () => {
  const random = randomNumbers(SEED);
  /** What the clients reported as saved. */
  const saved = /** @type {string[]} */ ([]);
  let isServerUp = true;
  let written = 0;

  /** @param {Page} tab */
  const connect = (tab) => tab.evaluate((url) => app.connect(url), server.url);
  /** @param {Side} side */
  const open = async (side) => {
    const tab = await chromium.open(`${site.origin}/`, side.context);
    await connect(tab);
    side.tabs.push(tab);
    side.mostTabs = Math.max(side.mostTabs, side.tabs.length);
    return tab;
  };
  /** @param {Side} side @param {Page} tab */
  const forget = (side, tab) => side.tabs.splice(side.tabs.indexOf(tab), 1);

  /** @type {{ weight: number, run: (side: Side, tab: Page) => Promise<unknown> }[]} */
  const events = [
    { weight: 25, run: (_, tab) => tab.evaluate((row) => app.write(row), `unreported ${written++}`) },
    {
      weight: 25,
      async run(_, tab) {
        const row = `one ${written++}`;
        await tab.evaluate((row) => app.write(row), row);
        await tab.evaluate(() => app.saved());
        saved.push(row);
      },
    },
    {
      weight: 8,
      async run(_, tab) {
        const prefix = `many ${written++} `;
        await tab.evaluate(({ prefix, count }) => app.writeMany(prefix, count), { prefix, count: MANY });
        await tab.evaluate(() => app.saved());
        for (let i = 0; i < MANY; i++) saved.push(`${prefix}${i}`);
      },
    },
    {
      weight: 10,
      async run(_, tab) {
        await tab.reload();
        await connect(tab);
      },
    },
    {
      weight: 8,
      async run(side, tab) {
        await chromium.crash(tab);
        forget(side, tab);
        if (side.tabs.length === 0) await open(side);
      },
    },
    {
      weight: 6,
      async run(side, tab) {
        if (side.tabs.length === 1) return;
        await tab.close();
        forget(side, tab);
      },
    },
    { weight: 8, run: async (side) => side.tabs.length < MAX_TABS && open(side) },
    {
      weight: 5,
      async run(side) {
        side.isOffline = !side.isOffline;
        await side.context.setOffline(side.isOffline);
      },
    },
    {
      weight: 5,
      async run() {
        await (isServerUp ? server.kill() : server.start(site.origin));
        isServerUp = !isServerUp;
      },
    },
  ];
  const lots = events.flatMap((event) => Array(event.weight).fill(event));

  const sides = /** @type {Side[]} */ ([]);
  for (const context of [chromium.context, await newContext()]) {
    const side = { context, tabs: [], mostTabs: 0, isOffline: false };
    sides.push(side);
    await (await open(side)).evaluate(() => app.install());
    await open(side);
  }
  for (let i = 0; i < EVENTS; i++) {
    const side = /** @type {Side} */ (sides[random(sides.length)]);
    await lots[random(lots.length)].run(side, side.tabs[random(side.tabs.length)]);
  }

  for (const { context } of sides) await context.setOffline(false);
  if (!isServerUp) await server.start(site.origin);
  const tabs = sides.flatMap(({ tabs }) => tabs);
  const rows = await until('all have the same rows', async () => {
    const there = (await server.rows(DOCUMENT, TABLE)).sort();
    const here = await Promise.all(tabs.map((tab) => tab.evaluate(() => app.rows())));
    return here.every((rows) => JSON.stringify(rows.sort()) === JSON.stringify(there)) && new Set(there);
  });
  assert.deepEqual(
    saved.filter((row) => !rows.has(row)),
    [],
  );
  const names = sides.reduce((sum, { mostTabs }) => sum + mostTabs, 0);
  const { forks, writers } = await tabs[0].evaluate(() => ({ forks: app.forks(), writers: app.writers() }));
  assert.equal(forks, 0);
  assert.ok(writers.length <= names, `${writers.length} names for at most ${names} tabs at once`);
});
