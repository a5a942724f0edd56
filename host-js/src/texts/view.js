// An editor's view of a text. `wit/texts.wit` specifies every function.

import * as check from '../check.js';
import { refuseCopies } from '../clone.js';
import { dispose } from '../instance.js';

/** @import { EventId } from '../../dist/wit/interfaces/converge-sync-types.js' */
/** @import { View } from '../../dist/wit/interfaces/converge-sync-texts.js' */
/**
 * A change of a text: removes `remove` UTF-16 code units at `at`, then inserts `insert` there.
 *
 * @typedef {{ at: number, remove: number, insert: string }} TextChange
 * @typedef {{ at: number, remove?: number, insert?: string }} NewTextChange 0 and the empty string by default
 * @typedef {'before' | 'after'} Side
 */

const MEMBERS = ['at', 'remove', 'insert'];

/**
 * One editor's view of a text cell. Positions and lengths count UTF-16 code units, as in strings.
 * They refer to the text as the editor has it: as of the last `take` or `read`, plus the editor's
 * own edits since. Edits of others are transformed automatically. A view keeps its document alive.
 */
export class TextView {
  #raw;

  /** @param {View} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'view');
  }

  /** The same view, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * Returns the whole text and forgets pending changes.
   *
   * @returns {string | undefined} `undefined` if the cell is not a text
   */
  read() {
    return this.#raw.read();
  }

  /**
   * Returns the text's length in the document.
   *
   * @returns {number}
   */
  length() {
    return this.#raw.length();
  }

  /**
   * Returns a part of the text as the document has it.
   *
   * @param {number} [start]
   * @param {number} [end] the text's length by default
   * @returns {string}
   * @throws {import('../errors.js').InvalidArgumentError} if the text is shorter, `end` is before
   *   `start`, or a position is between the halves of a surrogate pair
   */
  slice(start = 0, end = this.length()) {
    return this.#raw.slice(start, end);
  }

  /**
   * Commits changes as one event. Each change applies after the one before it.
   *
   * @param {NewTextChange[] | NewTextChange} changes
   * @returns {EventId}
   * @throws {import('../errors.js').NoSuchRowError} if the row does not exist
   * @throws {import('../errors.js').InvalidArgumentError} if the cell has a value of another type,
   *   the editor's text is shorter, or a position is between the halves of a surrogate pair
   * @throws {import('../errors.js').LimitExceededError} if the text would be longer than
   *   `value-bytes`
   */
  edit(changes) {
    /** @type {TextChange[]} */
    const list = [];
    check.each(Array.isArray(changes) ? changes : [changes], 'changes', (change) => list.push(toChange(change)));
    return this.#raw.edit(list);
  }

  /**
   * Returns the edits of others since the last `take` or `read`. All commits that this view did not
   * make are edits of others. If the text was replaced, returns one change of all of it.
   *
   * @returns {TextChange[] | undefined} each applies after the one before it; `undefined` if the cell is
   *   no longer a text
   */
  take() {
    return this.#raw.take();
  }

  /**
   * Edits the text so that it becomes `text`, by a small difference in words. Edits
   * of others that the editor has not taken stay pending.
   *
   * @param {string} text
   * @returns {EventId | undefined} `undefined` if the text is equal already
   * @throws {import('../errors.js').NoSuchRowError} if the row does not exist
   * @throws {import('../errors.js').InvalidArgumentError} if the cell has a value of another type
   */
  rewrite(text) {
    return this.#raw.rewrite(check.string(text, 'text'));
  }

  /**
   * Returns a stable reference to a position, for cursors, selections and comments. Store it in a
   * cell or in an ephemeral entry.
   *
   * @param {number} at
   * @param {Side} [side] the side of the position on which the anchor sticks to the text; `after` by
   *   default, so that text that is inserted at the position comes before it
   * @returns {Uint8Array<ArrayBuffer>}
   */
  anchor(at, side = 'after') {
    return this.#raw.anchor(at, side);
  }

  /**
   * Returns the position of an anchor in the editor's text. If the anchor's character was removed,
   * returns where it stood.
   *
   * @param {Uint8Array} anchor
   * @returns {number | undefined} `undefined` if the cell is not a text, or its text does not have the
   *   character: it was overwritten, compacted away, or is not known yet
   * @throws {import('../errors.js').InvalidArgumentError} if the bytes are not an anchor
   */
  position(anchor) {
    return this.#raw.position(anchor);
  }

  /** Frees the view's memory in the engine; does nothing the second time. */
  close() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.#raw[dispose]();
  }
}

/**
 * @param {unknown} given
 * @returns {TextChange}
 */
function toChange(given) {
  const { at, remove = 0, insert = '' } = check.options(given, 'a change', MEMBERS);
  return { at: check.u32(at, 'at'), remove: check.u32(remove, 'remove'), insert: check.string(insert, 'insert') };
}
