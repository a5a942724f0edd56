// Measures a client in pages of Chromium, and prints the figures as a line of JSON, as ../case.js does.
//
//   node run.js LIBRARY client full|small
//
// LIBRARY is "converge client" or "y-websocket client". Without Chromium there are no figures; with CI=true, the run fails.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Chromium, skip } from '../../../tests/browser/rig/chromium.js';
import { Server, freeAddress } from '../../../tests/browser/rig/server.js';
import { NAME, SHARE } from '../libraries/replica.js';
import { figure } from '../rows.js';
import { percentiles } from '../server/figures.js';
import { startSite } from './site.js';

/** @import { BrowserContext, Page } from 'playwright-core' */
/** @import { Figure } from '../rows.js' */
/** @import { Site } from './site.js' */

/** The numbers of rows, of pages per figure, of measured writes, and of writes before them. */
const SIZES = {
  full: { rows: 1000, pages: 15, writes: 200, warmUp: 20 },
  small: { rows: 100, pages: 2, writes: 20, warmUp: 2 },
};
/** How long a step may take, and all of them together, in milliseconds. */
const MAX_STEP = 30_000;
const MAX_RUN = 140_000;

/** @type {Record<string, { page: string, hasModule: boolean, start: typeof startConverge }>} */
const LIBRARIES = {
  'converge client': { page: 'converge', hasModule: true, start: startConverge },
  'y-websocket client': { page: 'y-websocket', hasModule: false, start: startYWebsocket },
};

const [name = '', work = '', sizeName = ''] = process.argv.slice(2);
const library = LIBRARIES[name];
if (library === undefined) throw new Error(`unknown library ${name}`);
if (work !== 'client') throw new Error(`unknown work ${work}`);
const size = sizeName === 'small' ? SIZES.small : SIZES.full;

if (skip) {
  console.error(`${name}: ${skip}`);
  console.log('[]');
} else {
  console.log(JSON.stringify(await run()));
}

async function run() {
  const site = await startSite(library.page, library.hasModule);
  const address = await freeAddress();
  const folder = await mkdtemp(join(tmpdir(), 'converge-bench-'));
  /** @type {Chromium | undefined} */
  let chromium;
  /** @type {(() => Promise<void>) | undefined} */
  let stop;
  const stopServer = async () => {
    if (stop) await step('ending the server', stop);
    stop = undefined;
  };
  try {
    stop = await library.start(address, join(folder, 'data'), site.origin);
    chromium = await Chromium.start(join(folder, 'profile'));
    const url = `${site.origin}/?server=${address}`;
    return await within(MAX_RUN, 'the run', measure(chromium, url, site, stopServer));
  } finally {
    await chromium?.kill();
    await stopServer();
    site.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/**
 * @param {Chromium} chromium
 * @param {string} url
 * @param {Site} site
 * @param {() => Promise<void>} stopServer
 * @returns {Promise<Figure[]>}
 */
async function measure(chromium, url, site, stopServer) {
  const { rows, pages } = size;
  // The context of the browser's profile keeps the document.
  const writer = await chromium.open(url);
  await step('writing the rows', () => writer.evaluate((rows) => bench.fill(rows), rows));
  // Another page stays open, so that both servers keep the document in memory.
  const context = await chromium.newContext();
  const reader = await chromium.open(url, context);
  await check(reader);
  await check(writer);
  await writer.close();

  const fromServer = [];
  for (let i = 0; i < pages; i++) {
    const context = await chromium.newContext();
    fromServer.push(await openAndRead(chromium, url, context));
    await context.close();
  }
  /** @type {number[]} */
  const heap = [];
  /** @type {number[]} */
  const modules = [];
  for (let i = 0; i < pages; i++) {
    const page = await chromium.open(url);
    await check(page);
    const memory = await memoryBytes(page);
    heap.push(memory.heap);
    modules.push(memory.modules);
    await page.close();
  }
  console.error(`${name}: JavaScript heap ${median(heap)} bytes, WebAssembly ${median(modules)} bytes`);
  const latency = await measureWrites(chromium, url, reader);
  await context.close();

  await stopServer();
  const local = [];
  for (let i = 0; i < pages; i++) local.push(await openAndRead(chromium, url, chromium.context));

  return [
    figure('first row from IndexedDB, without a network', median(local), 'ms'),
    figure('first row from the server, in a new browser context', median(fromServer), 'ms'),
    figure('from a write to another context, p50', latency.p50, 'ms'),
    figure('from a write to another context, p99', latency.p99, 'ms'),
    figure('memory of the page', median(heap) + median(modules), 'bytes'),
    figure('scripts and modules, gzip', site.size, 'bytes'),
  ];
}

/**
 * Opens a page, and returns the time until its first row was read, in milliseconds.
 *
 * @param {Chromium} chromium
 * @param {string} url
 * @param {BrowserContext} context
 */
async function openAndRead(chromium, url, context) {
  const page = await chromium.open(url, context);
  const time = await step('reading the first row', () => page.evaluate(() => bench.first()));
  await check(page);
  await page.close();
  return time;
}

/**
 * Writes in a new context, one write after the other, and measures when the reader has each.
 *
 * @param {Chromium} chromium
 * @param {string} url
 * @param {Page} reader
 */
async function measureWrites(chromium, url, reader) {
  const { rows, writes, warmUp } = size;
  const context = await chromium.newContext();
  const writer = await chromium.open(url, context);
  await check(writer);
  const times = [];
  for (let i = 0; i < warmUp + writes; i++) {
    const row = i % rows;
    const write = { row, number: rows + i };
    const time = await step('a write', async () => {
      await reader.evaluate(({ row, number }) => bench.expect(row, number), write);
      const written = await writer.evaluate(({ row, number }) => bench.write(row, number), write);
      return (await reader.evaluate(() => bench.seen())) - written;
    });
    if (i >= warmUp) times.push(time);
  }
  const contents = await Promise.all([writer, reader].map((page) => contentsOf(page)));
  assert.deepEqual(contents[0], contents[1]);
  await context.close();
  return percentiles([times]);
}

/**
 * Returns the memory of a page after a garbage collection, in bytes: the used part of the
 * JavaScript heap, and the size of all WebAssembly memories. Both are from the protocol of the
 * developer tools.
 *
 * @param {Page} page
 */
async function memoryBytes(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  const prototype = await devtools.send('Runtime.evaluate', { expression: 'WebAssembly.Memory.prototype' });
  const { objects } = await devtools.send('Runtime.queryObjects', {
    prototypeObjectId: prototype.result.objectId ?? '',
  });
  const { result } = await devtools.send('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration: 'function () { return this.reduce((sum, { buffer }) => sum + buffer.byteLength, 0); }',
    returnByValue: true,
  });
  assert.equal(result.value > 0, library.hasModule);
  return { heap: usedSize, modules: /** @type {number} */ (result.value) };
}

/**
 * Waits until a page has all rows, and checks them.
 *
 * @param {Page} page
 */
async function check(page) {
  const { rows } = size;
  assert.deepEqual(await contentsOf(page), {
    rows,
    nameBytes: rows * NAME.length,
    numberSum: (rows * (rows - 1)) / 2,
    shareSum: rows * SHARE,
  });
}

/** @param {Page} page */
function contentsOf(page) {
  return step('reading all rows', () => page.evaluate((rows) => bench.contents(rows), size.rows));
}

/**
 * Starts `converge serve`, and returns a function that ends it.
 *
 * @param {string} address
 * @param {string} data
 * @param {string} origin of the pages
 */
async function startConverge(address, data, origin) {
  const server = new Server(address, data);
  await server.start(origin);
  return () => server.kill();
}

/** @type {typeof startConverge} */
async function startYWebsocket(address, data) {
  const script = fileURLToPath(new URL('../server/y-websocket.js', import.meta.url));
  const [, port = ''] = address.split(':');
  await mkdir(data);
  const child = spawn(process.execPath, [script, port, data], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  // The first line says that the server listens.
  await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exit.then(([code]) => Promise.reject(new Error(`the server of y-websocket ended with ${code}`))),
  ]);
  return async () => {
    child.kill('SIGKILL');
    await exit;
  };
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs a step, which must end within its time limit.
 *
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} call
 */
function step(what, call) {
  return within(MAX_STEP, what, call());
}

/**
 * Waits for a promise, and fails after a time.
 *
 * @template T
 * @param {number} limit in milliseconds
 * @param {string} what
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
async function within(limit, what, promise) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name}: ${what} takes more than ${limit / 1000} s`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
