// Serves the editor of examples/editor, and finds its parts in a page.

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPage } from '../../../examples/editor/build.js';
import { serve } from './site.js';
import { until } from './until.js';

/** @import { Locator, Page } from 'playwright-core' */
/** @import { Files } from './site.js' */

/**
 * Builds and serves the page, with the policy that is enough for it.
 *
 * @param {string} server the `host:port` to which the page may connect
 */
export async function startEditorSite(server) {
  const dist = await mkdtemp(join(tmpdir(), 'converge-page-'));
  try {
    await (await buildPage(dist)).dispose();
    /** @type {Files} */
    const files = new Map();
    for (const name of await readdir(dist)) files.set(name, await readFile(join(dist, name)));
    const policy = [
      "default-src 'none'",
      "script-src 'self' 'wasm-unsafe-eval'",
      "style-src 'self' 'unsafe-inline'",
      `connect-src 'self' http://${server} ws://${server}`,
      'img-src data:',
    ].join('; ');
    return await serve(files, () => ({ 'content-security-policy': policy }));
  } finally {
    await rm(dist, { recursive: true });
  }
}

/** A replica in a page. */
export class EditorView {
  /** @param {Page} page @param {Locator} root */
  constructor(page, root) {
    this.page = page;
    this.root = root;
    this.editor = root.locator('.cm-content');
    this.area = root.locator('textarea');
    this.connected = root.getByRole('switch', { name: 'Connected' });
    this.cursors = root.locator('.remote-cursor');
  }

  /** The text of the editor. */
  text() {
    return this.editor.evaluate((content) =>
      [...content.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n'),
    );
  }

  /** The text of the text field. */
  areaText() {
    return this.area.inputValue();
  }

  /** @param {string} name of a button */
  button(name) {
    return this.root.getByRole('button', { name, exact: true });
  }

  /** @param {string} name */
  async rename(name) {
    const field = this.root.getByRole('textbox', { name: 'Your name' });
    await field.fill(name);
    await field.press('Enter');
  }

  /** Waits until the state contains a text. @param {string} text */
  says(text) {
    return this.root.locator('.status', { hasText: text }).waitFor();
  }

  /**
   * Types at the place of the cursor.
   *
   * @param {string} text
   * @param {string[]} keys are pressed before
   */
  async type(text, ...keys) {
    await this.editor.focus();
    await this.#press(text, keys);
  }

  /**
   * Types at the place of the cursor in the text field.
   *
   * @param {string} text
   * @param {string[]} keys are pressed before
   */
  async typeInArea(text, ...keys) {
    await this.area.focus();
    await this.#press(text, keys);
  }

  /** @param {string} text @param {string[]} keys */
  async #press(text, keys) {
    for (const key of keys) await this.page.keyboard.press(key);
    await this.page.keyboard.type(text);
  }

  /**
   * Returns the text before the cursor of another person, in its line, or `undefined` if the
   * cursor is not shown.
   *
   * @param {string} name of the person
   */
  textBefore(name) {
    return this.root.evaluate((root, name) => {
      const cursor = root.querySelector(`.remote-cursor[data-name="${name}"]`);
      const line = cursor?.closest('.cm-line');
      if (!cursor || !line) return undefined;
      const range = document.createRange();
      range.setStart(line, 0);
      range.setEndBefore(cursor);
      return range.toString();
    }, name);
  }
}

/**
 * Waits until all fields of replicas show a text, or the same text if none is named.
 *
 * @param {EditorView[]} views
 * @param {string} [text]
 */
export async function allShow(views, text) {
  return until(`all fields show ${text === undefined ? 'the same' : JSON.stringify(text)}`, async () => {
    const texts = await Promise.all(views.flatMap((view) => [view.text(), view.areaText()]));
    return texts.every((shown) => shown === (text ?? texts[0])) && { text: texts[0] };
  });
}
