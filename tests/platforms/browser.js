// Finds Chromium and opens pages in it.

import { execFileSync } from 'node:child_process';

const NAMES = ['chromium', 'google-chrome'];
/** The maximum time until a page shows the result of the suite. */
const PAGE_MS = 60_000;

/** @returns {string | undefined} the path of `$CHROMIUM` or of the first name that is installed */
export function findChromium() {
  return [process.env.CHROMIUM, ...NAMES].map(which).find((path) => path !== undefined);
}

/** @param {string | undefined} name */
function which(name) {
  try {
    return name && execFileSync('/bin/sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/**
 * Starts a Chromium, which the caller closes.
 *
 * @param {string[]} args
 */
export async function launch(...args) {
  const { chromium } = await import('playwright-core');
  // The sandbox of Chromium does not work as root.
  const rootArgs = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: findChromium(), args: [...rootArgs, ...args] });
}

/**
 * A Chromium that is started for the first page and shared by all. If it crashes, the next page
 * starts another.
 */
export class Browser {
  /** @type {Promise<import('playwright-core').Browser> | undefined} */
  #launched;

  #browser() {
    return (this.#launched ??= this.#launch());
  }

  async #launch() {
    const browser = await launch();
    browser.once('disconnected', () => (this.#launched = undefined));
    return browser;
  }

  /**
   * Opens a page and waits until it shows the result of the suite.
   *
   * @param {string} url
   * @returns {Promise<string>} the title of the page and, if the suite failed, the messages that the page logged
   */
  async titleOf(url) {
    const browser = await this.#browser();
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      const logged = /** @type {string[]} */ ([]);
      page.on('console', (message) => logged.push(message.text()));
      page.on('pageerror', (error) => logged.push(String(error)));
      await page.goto(url);
      try {
        await page.waitForFunction(() => /^(converge|failed:) /.test(document.title), undefined, { timeout: PAGE_MS });
      } catch {
        logged.push(`the page shows no result within ${PAGE_MS / 1000} s`);
      }
      const title = await page.title();
      return title.startsWith('converge ') ? title : [title, ...logged].join('\n');
    } finally {
      await context.close();
    }
  }

  /** @returns {Promise<string>} the version, or an empty string if there is no Chromium */
  async version() {
    return findChromium() === undefined ? '' : (await this.#browser()).version();
  }

  async close() {
    await (await this.#launched)?.close();
  }
}
