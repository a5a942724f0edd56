// Serves the task board of examples/web with its policy, and finds its parts in a page.

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPage } from '../../../examples/web/build.js';
import { serve } from './site.js';

/** @import { FrameLocator, Page } from 'playwright-core' */
/** @import { Files, Site } from './site.js' */

/** The policy that is enough for the page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/**
 * Builds and serves the page.
 *
 * @param {number} [port]
 * @returns {Promise<Site & { files: Files }>} the site, and its files, which tests can change
 */
export async function startBoardSite(port) {
  const dist = await mkdtemp(join(tmpdir(), 'converge-page-'));
  try {
    await buildPage(dist);
    const names = await readdir(dist);
    const contents = await Promise.all(names.map((name) => readFile(join(dist, name))));
    /** @type {Files} */
    const files = new Map(names.map((name, index) => [name, contents[index] ?? '']));
    const site = await serve(files, () => ({ 'content-security-policy': POLICY }), port);
    return { ...site, files };
  } finally {
    await rm(dist, { recursive: true });
  }
}

/** A board in a page, or in one of the two frames of a page. */
export class BoardView {
  /** @param {Page | FrameLocator} root */
  constructor(root) {
    this.root = root;
  }

  get connection() {
    return this.root.locator('.state strong');
  }

  get details() {
    return this.root.locator('.details');
  }

  get offlineSwitch() {
    return this.root.getByRole('switch', { name: 'Work offline' });
  }

  /** @param {string} name of a button */
  button(name) {
    return this.root.getByRole('button', { name, exact: true });
  }

  /** @param {string} column its title */
  column(column) {
    return this.root.getByRole('region', { name: column, exact: true });
  }

  /** @param {string} column @param {string} title */
  async add(column, title) {
    const field = this.column(column).getByRole('textbox', { name: 'Add a task' });
    await field.fill(title);
    await field.press('Enter');
    await this.button(title).waitFor();
  }

  /** @param {string} title @param {string} next */
  async rename(title, next) {
    await this.button(title).click();
    await this.root.getByRole('textbox', { name: 'Title', exact: true }).fill(next);
    await this.root.getByRole('textbox', { name: 'Title', exact: true }).press('Enter');
    await this.button(next).waitFor();
  }

  /**
   * Returns the tasks as texts such as `Doing: Buy milk`, in the order of the page.
   *
   * @returns {Promise<string[]>}
   */
  async tasks() {
    const columns = ['To do', 'Doing', 'Done'];
    const titles = await Promise.all(columns.map((column) => this.column(column).locator('.title').allInnerTexts()));
    return titles.flatMap((list, index) => list.map((title) => `${columns[index]}: ${title}`));
  }

  /** The names of the people who are here. */
  people() {
    return this.root.locator('.person').allInnerTexts();
  }
}
