// The client in Chromium with the server's process: several contexts and tabs, no network, killed servers and pages, wiped,
// full, cloned and restored storage.

import assert from 'node:assert/strict';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { startApplication } from './rig/application.js';
import { Chromium, options, skip } from './rig/chromium.js';
import { converge } from './rig/server.js';
import { setUpWithServer } from './rig/setup.js';
import { until } from './rig/until.js';

/** @import { BrowserContext, Page } from 'playwright-core' */

const DOCUMENT = 'board/1';
const TABLE = 'rows';
const OFFLINE_WRITES = 1_000;
/** The client compacts the log after this number of updates. */
const COMPACT_UPDATES = 500;
const RELOADS = 20;
/** How often a page is killed while it writes. */
const KILLS = Number(process.env.CONVERGE_RENDERER_KILLS ?? 20);
/** How long a tab without Web Locks can be silent before the others take it for dead. */
const DEAD_MS = 150_000;
/** The bytes that a page may store in the test of a full disk. */
const QUOTA = 300_000;

const { folder, site, chromium, server, newContext } = await setUpWithServer((address) =>
  startApplication('board', address),
);
/** @type {Chromium[]} */
const browsers = [];

afterEach(async () => {
  for (const browser of browsers.splice(0)) await browser.kill();
});

/**
 * Starts another browser.
 *
 * @param {string} profile
 */
async function start(profile) {
  const browser = await Chromium.start(profile);
  browsers.push(browser);
  return browser;
}

/**
 * Opens the application in a new tab, and connects.
 *
 * @param {BrowserContext} context
 * @param {Chromium} [browser]
 */
async function openTab(context, browser = chromium) {
  const page = await browser.open(`${site.origin}/`, context);
  await connect(page);
  return page;
}

/** @param {Page} page */
function connect(page) {
  return page.evaluate((url) => app.connect(url), server.url);
}

/**
 * @param {Page} page
 * @returns {Promise<string[]>} the ids of the rows in the page, sorted
 */
async function rowsOf(page) {
  return (await page.evaluate(() => app.rows())).sort();
}

/** @param {Page} page @param {string} row */
function write(page, row) {
  return page.evaluate((row) => app.write(row), row);
}

/**
 * Waits until all pages, and the server, have exactly these rows.
 *
 * @param {string[]} rows
 * @param {Page[]} pages
 */
async function allHave(rows, ...pages) {
  const expected = JSON.stringify([...rows].sort());
  for (const page of pages) {
    await until(`a page has ${rows.length} rows`, async () => JSON.stringify(await rowsOf(page)) === expected);
  }
  await until(`the server has ${rows.length} rows`, async () => {
    return JSON.stringify((await server.rows(DOCUMENT, TABLE)).sort()) === expected;
  });
}

/** Nothing that the page posts from now on reaches the other tabs. @param {Page} page */
function loseChannel(page) {
  return page.evaluate(() => {
    BroadcastChannel.prototype.postMessage = () => {};
  });
}

/** @param {string} prefix @param {number} count */
function names(prefix, count) {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

test('two contexts see the writes of each other', options, async () => {
  const [ann, ben] = [await openTab(await newContext()), await openTab(await newContext())];
  await write(ann, 'of ann');
  await write(ben, 'of ben');
  await allHave(['of ann', 'of ben'], ann, ben);
});

test(`${OFFLINE_WRITES} writes without a network, and a reload, are all there once`, options, async () => {
  const context = await newContext();
  const [ann, ben] = [await openTab(context), await openTab(await newContext())];
  await ann.evaluate(() => app.install());
  await write(ann, 'before');
  await allHave(['before'], ann, ben);
  await context.setOffline(true);
  await ann.evaluate((count) => app.writeMany('offline ', count), OFFLINE_WRITES);
  await write(ben, 'meanwhile');
  await ann.evaluate(() => app.saved());
  await ann.reload();
  await connect(ann);
  const mine = ['before', ...names('offline ', OFFLINE_WRITES)];
  assert.deepEqual(await rowsOf(ann), mine.sort());
  assert.equal((await ann.evaluate(() => app.status())).connection === 'online', false);
  await write(ann, 'after the reload');
  await context.setOffline(false);
  await allHave([...mine, 'after the reload', 'meanwhile'], ann, ben);
  await ann.evaluate(() => app.synced());
  assert.equal(await ann.evaluate(() => app.forks()), 0);
});

test('pages write while the server is killed, and are in sync when it is back', options, async () => {
  const [ann, ben] = [await openTab(await newContext()), await openTab(await newContext())];
  const expected = [];
  for (let i = 0; i < 3; i++) {
    await write(ann, `ann ${i}`);
    await write(ben, `ben ${i}`);
    await server.kill();
    await write(ann, `ann ${i} alone`);
    await write(ben, `ben ${i} alone`);
    await server.start(site.origin);
    expected.push(`ann ${i}`, `ben ${i}`, `ann ${i} alone`, `ben ${i} alone`);
    await allHave(expected, ann, ben);
  }
});

test(
  `three tabs see the writes of each other offline, with three names after ${RELOADS} reloads`,
  { skip },
  async () => {
    const context = await newContext();
    const tabs = [await openTab(context), await openTab(context), await openTab(context)];
    await tabs[0]?.evaluate(() => app.install());
    const expected = /** @type {string[]} */ ([]);
    const writeAll = async (/** @type {string} */ when) => {
      for (const [i, tab] of tabs.entries()) {
        await write(tab, `tab ${i} ${when}`);
        expected.push(`tab ${i} ${when}`);
      }
      for (const tab of tabs) {
        await until(`all tabs ${when}`, async () => (await rowsOf(tab)).length === expected.length);
      }
    };
    await writeAll('online');
    await context.setOffline(true);
    await writeAll('offline');
    for (let i = 0; i < RELOADS; i++) {
      const tab = /** @type {Page} */ (tabs[i % 3]);
      await tab.reload();
      await connect(tab);
      await write(tab, `reload ${i}`);
      expected.push(`reload ${i}`);
    }
    await writeAll('after the reloads');
    await context.setOffline(false);
    await allHave(expected, ...tabs);
    const [first] = /** @type {[Page]} */ (tabs);
    const writers = await first.evaluate(() => app.writers());
    assert.equal(writers.length, 3, writers.join(' '));
  },
);

test('tabs that write and compact at the same time lose nothing', options, async () => {
  const context = await newContext();
  const tabs = [await openTab(context), await openTab(context), await openTab(context)];
  await tabs[0]?.evaluate(() => app.install());
  await context.setOffline(true);
  const expected = /** @type {string[]} */ ([]);
  const writeAll = async (/** @type {string} */ when, /** @type {number} */ count) => {
    const writing = tabs.map(async (tab, i) => {
      await tab.evaluate(({ prefix, count }) => app.writeSlowly(prefix, count), { prefix: `${when} of ${i} `, count });
      expected.push(...names(`${when} of ${i} `, count));
    });
    await Promise.all(writing);
  };
  await writeAll('before', COMPACT_UPDATES);
  await until('the log is compacted', () => tabs[0]?.evaluate(async () => (await app.logLength()) < 10));
  await writeAll('after', 10);
  for (const tab of tabs) await chromium.crash(tab);
  const page = await openTab(context);
  assert.deepEqual(await rowsOf(page), expected.sort());
  assert.equal(await page.evaluate(() => app.forks()), 0);
});

for (const [how, end] of /** @type {[string, (page: Page) => Promise<void>][]} */ ([
  ['killed', (page) => chromium.crash(page)],
  ['closed', (page) => page.close()],
])) {
  test(`another tab gets and sends at once what a tab stored before it was ${how}`, options, async () => {
    const context = await newContext();
    const [first, second] = [await openTab(context), await openTab(context)];
    await context.setOffline(true);
    await write(first, 'sent');
    await until('the tabs are linked', async () => (await rowsOf(second)).includes('sent'));
    await loseChannel(first);
    await write(first, 'stored');
    await first.evaluate(() => app.saved());
    assert.deepEqual(await rowsOf(second), ['sent']);
    await end(first);
    // `until` waits less long than a tab can be silent.
    await until('the other tab has it', async () => (await rowsOf(second)).includes('stored'));
    await context.setOffline(false);
    await allHave(['sent', 'stored'], second);
  });
}

test('without Web Locks, another tab gets and sends what a killed tab stored after its silence', options, async () => {
  const context = await newContext();
  // As in pages without a secure context.
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
    Object.defineProperty(Crypto.prototype, 'randomUUID', { value: undefined });
  });
  await context.clock.install();
  const [first, second] = [await openTab(context), await openTab(context)];
  await context.setOffline(true);
  await write(first, 'sent');
  await until('the tabs are linked', async () => (await rowsOf(second)).includes('sent'));
  await loseChannel(first);
  await write(first, 'stored');
  await first.evaluate(() => app.saved());
  await chromium.crash(first);
  await second.clock.fastForward(DEAD_MS / 2);
  assert.deepEqual(await rowsOf(second), ['sent']);
  await second.clock.fastForward(DEAD_MS);
  await until('the other tab has it', async () => (await rowsOf(second)).includes('stored'));
  await context.setOffline(false);
  await allHave(['sent', 'stored'], second);
});

test('storage that is wiped under an open tab loses nothing', options, async () => {
  const context = await newContext();
  const page = await openTab(context);
  await page.evaluate(() => app.install());
  await write(page, 'before');
  await allHave(['before'], page);
  await context.setOffline(true);
  await write(page, 'offline');
  await page.evaluate(() => app.saved());
  const devtools = await context.newCDPSession(page);
  await devtools.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'indexeddb' });
  await write(page, 'after');
  await page.evaluate(() => app.saved());
  assert.ok(await page.evaluate(() => app.reported('storage', 'gone')));
  await page.reload();
  await connect(page);
  assert.deepEqual(await rowsOf(page), ['after', 'before', 'offline']);
  await context.setOffline(false);
  await allHave(['after', 'before', 'offline'], page);
});

test('after a replacement of the document, tabs start again and return what was not sent', options, async () => {
  const context = await newContext();
  const [first, second] = [await openTab(context), await openTab(context)];
  await write(first, 'former');
  await allHave(['former'], first, second);
  // What the server has and has not yet acknowledged counts as unsent.
  for (const tab of [first, second]) await tab.evaluate(() => app.synced());
  await context.setOffline(true);
  await write(first, 'unsent of the first');
  await write(second, 'unsent of the second');
  for (const tab of [first, second]) {
    await until('both tabs have both', async () => (await rowsOf(tab)).length === 3);
  }
  await server.replace(DOCUMENT, TABLE, 'new');
  await context.setOffline(false);
  for (const tab of [first, second]) {
    await until('the tabs stop', async () => (await tab.evaluate(() => app.status())).reason === 'replaced');
    assert.deepEqual(await rowsOf(tab), ['former', 'unsent of the first', 'unsent of the second']);
  }
  assert.deepEqual((await first.evaluate(() => app.reset())).sort(), ['unsent of the first', 'unsent of the second']);
  await until('the other tab stops', async () => (await second.evaluate(() => app.status())).reason === 'reset');
  assert.deepEqual(await second.evaluate(() => app.reset()), [], 'the first tab has returned them');
  await write(first, 'of the first');
  await write(second, 'of the second');
  await allHave(['new', 'of the first', 'of the second'], first, second);
  await first.reload();
  await connect(first);
  assert.deepEqual(await rowsOf(first), ['new', 'of the first', 'of the second']);
});

test('a document that one tab destroys is not stored by the others again', options, async () => {
  const context = await newContext();
  const [first, second] = [await openTab(context), await openTab(context)];
  await write(first, 'a row');
  await allHave(['a row'], first, second);
  await first.evaluate(() => app.destroy());
  await until('the other tab stops', async () => (await second.evaluate(() => app.status())).reason === 'destroyed');
  assert.deepEqual(await rowsOf(second), ['a row']);
  await second.close();
  await server.kill();
  await first.reload();
  await connect(first);
  assert.deepEqual(await rowsOf(first), []);
});

test('presence is seen in other contexts, until the page goes', options, async () => {
  const [ann, ben] = [await openTab(await newContext()), await openTab(await newContext())];
  await ann.evaluate(() => app.show('row 1'));
  const seen = () => ben.evaluate(() => app.cursors());
  await until('the cursor is seen', async () => (await seen()).includes('row 1'));
  await ann.goto('about:blank');
  await until('the cursor is gone', async () => (await seen()).length === 0);
});

test('a full quota is shown, nothing that is not stored is sent, and nothing is lost', options, async () => {
  const context = await newContext();
  const { origin } = site;
  const page = await chromium.open(`${origin}/`, context);
  const devtools = await context.newCDPSession(page);
  // Chromium asks for the quota when the database is opened, and not for each write.
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: QUOTA });
  await connect(page);
  await page.evaluate(() => app.synced());
  await page.evaluate(() => app.fill());
  const { connection, savedHere, unsent } = await until('the client shows it', async () => {
    const status = await page.evaluate(() => app.status());
    return status.code === 'full' && status;
  });
  assert.deepEqual({ connection, savedHere }, { connection: 'online', savedHere: false });
  assert.ok(unsent > 0);
  await write(page, 'unstored');
  const before = await rowsOf(page);
  const there = await server.rows(DOCUMENT, TABLE);
  assert.ok(there.length < before.length);
  assert.ok(!there.includes('unstored'));
  await devtools.send('Storage.overrideQuotaForOrigin', { origin });
  await page.evaluate(() => app.saved());
  await allHave(before, page);
  await page.reload();
  await connect(page);
  assert.deepEqual(await rowsOf(page), before);
});

test('a cloned profile is healed, and nothing is lost', options, async () => {
  const [original, clone] = [join(folder, 'original'), join(folder, 'clone')];
  const first = await start(original);
  const page = await openTab(first.context, first);
  await write(page, 'common');
  await allHave(['common'], page);
  await first.close();
  await cp(original, clone, { recursive: true });
  const both = [await start(original), await start(clone)];
  // Both write under the same name before they know of each other.
  await server.kill();
  const pages = await Promise.all(both.map((browser) => openTab(browser.context, browser)));
  const peers = await Promise.all(pages.map((page) => page.evaluate(() => app.peer())));
  assert.equal(peers[0], peers[1]);
  for (const [i, page] of pages.entries()) {
    await page.evaluate((prefix) => app.writeMany(prefix, 10), `copy ${i} `);
    await page.evaluate(() => app.saved());
  }
  await server.start(site.origin);
  const expected = ['common', ...names('copy 0 ', 10), ...names('copy 1 ', 10)];
  await allHave(expected, ...pages);
  for (const page of pages) {
    await until('the fork is shown', () => page.evaluate(() => app.status().forked));
  }
  for (const page of pages) await page.reload();
  const healed = await Promise.all(pages.map(connect));
  assert.equal(new Set([...healed, ...peers]).size, 3, 'both have new names');
  for (const [i, page] of pages.entries()) await write(page, `again ${i}`);
  await allHave([...expected, 'again 0', 'again 1'], ...pages);
  for (const page of pages) assert.equal(await page.evaluate(() => app.forks()), 1);
});

test('a profile that is set back is healed, and nothing is lost', options, async () => {
  const [profile, backup] = [join(folder, 'set back'), join(folder, 'backup')];
  const first = await start(profile);
  const page = await openTab(first.context, first);
  await write(page, 'before');
  await allHave(['before'], page);
  await first.close();
  await cp(profile, backup, { recursive: true });
  const second = await start(profile);
  const later = await openTab(second.context, second);
  await later.evaluate(() => app.writeMany('later ', 10));
  await allHave(['before', ...names('later ', 10)], later);
  await second.close();
  await rm(profile, { recursive: true });
  await rename(backup, profile);
  await server.kill();
  const third = await start(profile);
  const restored = await openTab(third.context, third);
  assert.deepEqual(await rowsOf(restored), ['before']);
  await restored.evaluate(() => app.writeMany('restored ', 5));
  await restored.evaluate(() => app.saved());
  await server.start(site.origin);
  const expected = ['before', ...names('later ', 10), ...names('restored ', 5)];
  await allHave(expected, restored);
  await until('the fork is shown', () => restored.evaluate(() => app.status().forked));
});

test('clients bring back what a restored server lost', options, async () => {
  const [ann, ben] = [await openTab(await newContext()), await openTab(await newContext())];
  await write(ann, 'in the backup');
  await allHave(['in the backup'], ann, ben);
  const backup = join(folder, 'server backup');
  await converge('backup', '--data', server.data, '--to', backup);
  await write(ann, 'of ann, after the backup');
  await write(ben, 'of ben, after the backup');
  const expected = ['in the backup', 'of ann, after the backup', 'of ben, after the backup'];
  await allHave(expected, ann, ben);
  // Only ann can bring the writes of both.
  await ben.context().setOffline(true);
  await server.kill();
  server.data = join(folder, 'restored data');
  await converge('restore', '--from', backup, '--data', server.data);
  await server.start(site.origin, '--recover');
  await allHave(expected, ann);
  await ben.context().setOffline(false);
  await write(ben, 'and on');
  await allHave([...expected, 'and on'], ann, ben);
});

test(`a page that is killed ${KILLS} times loses nothing that it saved, and no fork arises`, options, async () => {
  const { context } = chromium;
  /** What the pages reported as saved here. */
  const ledger = /** @type {number[]} */ ([]);
  await context.exposeFunction('saved', (/** @type {number} */ number) => void ledger.push(number));
  let next = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const page = await openTab(context);
    const present = new Set(await rowsOf(page));
    const lost = ledger.filter((number) => !present.has(String(number)));
    assert.deepEqual(lost, [], `after kill ${kill}`);
    const before = ledger.length;
    page.evaluate((from) => app.writeFrom(from), next).catch(() => {});
    await until('some writes', () => ledger.length > before + (kill % 10));
    await chromium.crash(page);
    // Later than any number that the page can have written.
    next = (ledger.at(-1) ?? 0) + 10;
  }
  const page = await openTab(context);
  const rows = await rowsOf(page);
  assert.deepEqual(
    ledger.filter((number) => !rows.includes(String(number))),
    [],
  );
  await allHave(rows, page);
  assert.deepEqual(await page.evaluate(() => [app.forks(), app.writers().length]), [0, 1]);
  await page.close();
});

test('an image of the profile of a writing browser has what was saved', options, async () => {
  const [profile, image] = [join(folder, 'writing'), join(folder, 'image')];
  const writing = await start(profile);
  const ledger = /** @type {number[]} */ ([]);
  await writing.context.exposeFunction('saved', (/** @type {number} */ number) => void ledger.push(number));
  const page = await openTab(writing.context, writing);
  page.evaluate(() => app.writeFrom(0)).catch(() => {});
  await until('some writes', () => ledger.length >= 100);
  writing.signal('SIGSTOP');
  const saved = ledger.map(String);
  await cp(profile, image, {
    recursive: true,
    // Names of the running processes.
    filter: (path) => !/\/Singleton[A-Z]\w+$/.test(path),
  });
  await writing.kill();
  await server.kill();
  const later = await start(image);
  const rows = new Set(await rowsOf(await openTab(later.context, later)));
  assert.deepEqual(
    saved.filter((row) => !rows.has(row)),
    [],
  );
});
