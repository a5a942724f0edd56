// Chromium with a profile of its own, which tests can kill, copy and start again. The library's own way to start a browser
// hides its processes.

import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findChromium } from '../../platforms/browser.js';

/** @import { Browser, BrowserContext, Page } from 'playwright-core' */

const OPTIONS = [
  '--headless',
  '--remote-debugging-port=0',
  '--no-first-run',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  // Pages in the background are part of the tests, and must not be slowed down.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  'about:blank',
];
/** The sandbox of Chromium does not work as root. */
const ROOT_OPTIONS = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

/** Why the tests are skipped, or `false`. With `CI=true` they fail instead. */
export const skip =
  findChromium() === undefined && process.env.CI !== 'true' && 'no Chromium is installed, and $CHROMIUM names none';

/** The options of all tests. A page that never answers must not stop the others. */
export const options = { skip, timeout: 120_000 };

export class Chromium {
  #child;
  /** @type {Browser} */
  #browser;

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {Browser} browser
   */
  constructor(child, browser) {
    this.#child = child;
    this.#browser = browser;
  }

  /**
   * Starts a browser.
   *
   * @param {string} profile the folder of its profile
   * @returns {Promise<Chromium>}
   */
  static async start(profile) {
    const program = findChromium();
    if (program === undefined) throw new Error('no Chromium is installed, and $CHROMIUM names none');
    const args = [`--user-data-dir=${profile}`, ...ROOT_OPTIONS, ...OPTIONS];
    // Starts a process group, because Chromium starts further processes.
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    const endpoint = await listening(child);
    return new Chromium(child, await chromium.connectOverCDP(endpoint));
  }

  /** The context of the profile. Its pages share one storage. */
  get context() {
    return /** @type {BrowserContext} */ (this.#browser.contexts()[0]);
  }

  /** Another context, with a storage of its own that ends with it. */
  newContext() {
    return this.#browser.newContext();
  }

  /**
   * Opens a page and waits until its application has started.
   *
   * @param {string} url
   * @param {BrowserContext} [context]
   * @returns {Promise<Page>}
   */
  async open(url, context = this.context) {
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(`${url}: ${error.stack}`));
    await page.goto(url);
    return page;
  }

  /**
   * Ends the process of a page at once, without any of its code or cleanup.
   *
   * @param {Page} page
   */
  async crash(page) {
    const devtools = await page.context().newCDPSession(page);
    const crashed = page.waitForEvent('crash');
    // The process cannot answer.
    devtools.send('Page.crash').catch(() => {});
    await crashed;
    await page.close();
  }

  /** The ids of the processes that store data: of the browser itself, and of its services. */
  async processes() {
    const session = await this.#browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    await session.detach();
    return processInfo.filter(({ type }) => type === 'browser' || type.startsWith('storage.')).map(({ id }) => id);
  }

  /** Sends a signal to all processes of the browser. @param {NodeJS.Signals} signal */
  signal(signal) {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
  }

  /** Kills all processes, as when the machine fails. */
  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.signal('SIGKILL');
    await ended;
  }

  /** Ends the browser as a user does, and waits for it. */
  async close() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    const session = await this.#browser.newBrowserCDPSession();
    await session.send('Browser.close');
    await ended;
  }
}

/**
 * Waits until a browser listens, and returns the address for the protocol of its developer tools.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<string>}
 */
function listening(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr?.on('data', (text) => {
      output += text;
      const [, endpoint] = /DevTools listening on (ws:\S+)/.exec(output) ?? [];
      if (endpoint !== undefined) resolve(endpoint);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Chromium ended with ${code}:\n${output}`)));
  });
}
