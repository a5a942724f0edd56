// The storage in Chromium's IndexedDB, without a server: durability, names, quota, deletion, killed pages and browsers.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { startApplication } from './rig/application.js';
import { Chromium, options, skip } from './rig/chromium.js';
import { setUp } from './rig/setup.js';
import { until } from './rig/until.js';

/** @import { Page } from 'playwright-core' */

/** How often a page is killed while it writes. The test of the client does it more often. */
const KILLS = 5;
const RELOADS = 20;
/** The bytes that the page may store in the test of a full disk. */
const QUOTA = 2_000_000;

/** The delay that the test of `fdatasync` adds to each call, in microseconds. */
const SYNC_US = 100_000;

const noStrace = spawnSync('strace', ['-V']).error !== undefined && 'there is no strace';

const { folder, site, chromium, newContext } = await setUp(() => startApplication('storage'));

/** Opens a page of a context with an empty storage. */
async function fresh() {
  const context = await newContext();
  return { context, page: await chromium.open(`${site.origin}/`, context) };
}

test('every write transaction is strict, and compaction keeps what several tabs write', options, async () => {
  const { context, page } = await fresh();
  const other = await chromium.open(`${site.origin}/`, context);
  await page.evaluate(() => {
    const { transaction } = IDBDatabase.prototype;
    const durabilities = /** @type {string[]} */ ([]);
    Object.assign(globalThis, { durabilities });
    IDBDatabase.prototype.transaction = function (...args) {
      const begun = Reflect.apply(transaction, this, args);
      if (begun.mode === 'readwrite') durabilities.push(begun.durability);
      return begun;
    };
  });
  await Promise.all([page, other].map((tab) => tab.evaluate(() => rig.open())));
  await Promise.all([
    page.evaluate(() => rig.appendAndCompact(0, 100)),
    other.evaluate(() => rig.appendAndCompact(100, 100)),
  ]);
  const stored = await page.evaluate(() => rig.read());
  assert.deepEqual(
    stored.sort((a, b) => a - b),
    Array.from({ length: 200 }, (_, i) => i),
  );
  const durabilities = await page.evaluate(() => /** @type {any} */ (globalThis).durabilities);
  assert.ok(durabilities.length >= 100);
  assert.deepEqual([...new Set(durabilities)], ['strict']);
});

test(`three tabs use three names after ${RELOADS} reloads`, options, async () => {
  const { context, page } = await fresh();
  const tabs = [page];
  for (let i = 1; i < 3; i++) tabs.push(await chromium.open(`${site.origin}/`, context));
  const names = /** @type {Set<string>} */ (new Set());
  for (const tab of tabs) names.add(await tab.evaluate(() => rig.open()));
  assert.equal(names.size, 3);
  for (let i = 0; i < RELOADS; i++) {
    const tab = /** @type {Page} */ (tabs[i % 3]);
    await tab.reload();
    names.add(await tab.evaluate(() => rig.open()));
  }
  assert.equal(names.size, 3, [...names].join(' '));
});

test('storage that is wiped under an open tab is reported', options, async () => {
  const { context, page } = await fresh();
  const former = await page.evaluate(() => rig.open());
  assert.equal(await page.evaluate(() => rig.append(1)), 'stored');
  const devtools = await context.newCDPSession(page);
  await devtools.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'all' });
  assert.equal(await page.evaluate(() => rig.append(2)), 'gone');
  await page.evaluate(() => rig.close());
  assert.notEqual(await page.evaluate(() => rig.open()), former);
  assert.equal(await page.evaluate(() => rig.append(3)), 'stored');
  assert.deepEqual(await page.evaluate(() => rig.read()), [3]);
});

test('a full quota is reported, loses nothing, and ends when it is lifted', options, async () => {
  const { context, page } = await fresh();
  const devtools = await context.newCDPSession(page);
  const { origin } = site;
  // Chromium asks for the quota when the database is opened, and not for each write.
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: QUOTA });
  await page.evaluate(() => rig.open());
  const { outcome, end } = await page.evaluate(() => rig.fill(1));
  assert.equal(outcome, 'full');
  await devtools.send('Storage.overrideQuotaForOrigin', { origin });
  const again = () => page.evaluate((end) => rig.append(end), end);
  await until('a write after the quota is lifted', async () => (await again()) === 'stored');
  assert.deepEqual(
    await page.evaluate(() => rig.read()),
    Array.from({ length: end }, (_, i) => i + 1),
  );
});

test('a newer version of the page gets the database', options, async () => {
  const { context, page } = await fresh();
  await page.evaluate(() => rig.open());
  const newer = await chromium.open(`${site.origin}/`, context);
  await newer.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open('converge', 1000);
        request.onsuccess = () => resolve(undefined);
        request.onerror = () => reject(request.error);
      }),
  );
  assert.equal(await page.evaluate(() => rig.append(1)), 'outdated');
});

test('each write is synced to the disk before it is reported', { ...options, skip: skip || noStrace }, async () => {
  const page = await chromium.open(`${site.origin}/`);
  await page.evaluate(() => rig.open());
  const trace = join(folder, 'trace');
  const processes = await chromium.processes();
  // The syncs are delayed, so that a report does not come after one by chance.
  const calls = ['-e', 'trace=fsync,fdatasync', '-e', `inject=fsync,fdatasync:delay_enter=${SYNC_US}`];
  const args = ['-f', '-y', ...calls, '-o', trace, ...processes.flatMap((id) => ['-p', String(id)])];
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const attached = /** @type {Set<string>} */ (new Set());
  createInterface(strace.stderr).on('line', (line) => {
    const [, id] = /Process (\d+) attached/.exec(line) ?? [];
    if (id !== undefined) attached.add(id);
  });
  await until('strace is attached', () => processes.every((id) => attached.has(String(id))));
  const syncs = async () => completedSyncs(await readFile(trace, 'utf8'));
  try {
    let before = await syncs();
    for (let i = 0; i < 5; i++) {
      assert.equal(await page.evaluate((i) => rig.append(i), i), 'stored');
      const now = await syncs();
      assert.ok(now > before, `no sync before the report of write ${i}`);
      before = now;
    }
  } finally {
    strace.kill('SIGINT');
    await once(strace, 'exit');
    await page.close();
  }
});

test(`nothing that was reported is lost when the page is killed, ${KILLS} times`, options, async () => {
  const context = await newContext();
  /** What the pages reported as stored. */
  const ledger = /** @type {number[]} */ ([]);
  await context.exposeFunction('saved', (/** @type {number} */ number) => void ledger.push(number));
  const names = /** @type {Set<string>} */ (new Set());
  for (let kill = 0; kill < KILLS; kill++) {
    const page = await chromium.open(`${site.origin}/`, context);
    names.add(await page.evaluate(() => rig.open()));
    const from = ledger.length;
    page.evaluate((from) => rig.appendFrom(from), from).catch(() => {});
    // The number of writes before the kill differs, and so does the point within a write.
    await until('a few writes', () => ledger.length >= from + 1 + (kill % 7));
    await chromium.crash(page);
    const reader = await chromium.open(`${site.origin}/`, context);
    names.add(await reader.evaluate(() => rig.open()));
    const stored = new Set(await reader.evaluate(() => rig.read()));
    assert.deepEqual(
      ledger.filter((number) => !stored.has(number)),
      [],
      `kill ${kill}`,
    );
    // A write that was not reported can be stored as well, and no more than one.
    assert.ok(stored.size <= new Set(ledger).size + kill + 1);
    await reader.close();
  }
  assert.equal(names.size, 1);
});

test('an image of the profile of a writing browser has what was reported', options, async () => {
  const ledger = /** @type {number[]} */ ([]);
  const { context } = chromium;
  await context.exposeFunction('saved', (/** @type {number} */ number) => void ledger.push(number));
  const page = await chromium.open(`${site.origin}/`);
  await page.evaluate(() => rig.open());
  page.evaluate(() => rig.appendFrom(0)).catch(() => {});
  await until('some writes', () => ledger.length >= 50);
  chromium.signal('SIGSTOP');
  const reported = [...ledger];
  const image = join(folder, 'image');
  await cp(join(folder, 'profile'), image, {
    recursive: true,
    // Names of the running processes.
    filter: (path) => !/\/Singleton[A-Z]\w+$/.test(path),
  });
  chromium.signal('SIGCONT');
  await page.close();
  const after = await Chromium.start(image);
  try {
    const reader = await after.open(`${site.origin}/`);
    await reader.evaluate(() => rig.open());
    const stored = new Set(await reader.evaluate(() => rig.read()));
    assert.ok(reported.length >= 50);
    assert.deepEqual(
      reported.filter((number) => !stored.has(number)),
      [],
    );
  } finally {
    await after.kill();
  }
});

/**
 * Counts the syncs of the database that have completed.
 *
 * @param {string} trace what strace wrote
 */
function completedSyncs(trace) {
  const begun = new Set();
  let completed = 0;
  for (const line of trace.split('\n')) {
    const [thread] = line.split(' ', 1);
    if (line.includes('.indexeddb.')) begun.add(thread);
    // A call that others interrupt has a second line, without the name of the file.
    if (/ = 0\b/.test(line) && begun.delete(thread)) completed++;
  }
  return completed;
}
