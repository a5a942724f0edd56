// What the files of tests share: a site, a browser, a server, and contexts that end with each test.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach } from 'node:test';
import { Chromium, skip } from './chromium.js';
import { Server, freeAddress } from './server.js';

/** @import { BrowserContext } from 'playwright-core' */
/** @import { Site } from './site.js' */

/**
 * @typedef {object} Setup
 * @property {string} folder for the files of the tests
 * @property {Site} site
 * @property {Chromium} chromium with an empty profile, which is the folder `profile`
 * @property {Server} server not started
 * @property {() => Promise<BrowserContext>} newContext a context with an empty storage, which ends with the test
 */

/**
 * Starts a site and a browser, which end after the tests of this file.
 *
 * @param {(address: string) => Promise<Site>} startSite called with the address of the server
 * @returns {Promise<Setup>} an empty object if the tests are skipped
 */
export async function setUp(startSite) {
  if (skip) return /** @type {any} */ ({});
  const folder = await mkdtemp(join(tmpdir(), 'converge-browser-'));
  const address = await freeAddress();
  const server = new Server(address, join(folder, 'data'));
  const [site, chromium] = await Promise.all([startSite(address), Chromium.start(join(folder, 'profile'))]);
  /** @type {BrowserContext[]} */
  const contexts = [];
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    await server.kill();
  });
  after(async () => {
    await chromium.kill();
    site.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    site,
    chromium,
    server,
    async newContext() {
      const context = await chromium.newContext();
      contexts.push(context);
      return context;
    },
  };
}

/**
 * Like `setUp`, and starts the server before each test, without documents.
 *
 * @type {typeof setUp}
 */
export async function setUpWithServer(startSite) {
  const setup = await setUp(startSite);
  let started = 0;
  beforeEach(async () => {
    if (skip) return;
    setup.server.data = join(setup.folder, `data-${started++}`);
    await setup.server.start(setup.site.origin);
  });
  return setup;
}
