// Undoes the changes that were made here, the last one first. Cells that others changed meanwhile keep their values, unless
// the undone change wrote the same cells.

/** @import { Doc } from '@converge/sync' */

export class Undo {
  /**
   * The version of the document before and after each change.
   *
   * @type {{ before: Version, after: Version }[]}
   */
  #changes = [];

  /** The number of changes that can be undone. */
  get count() {
    return this.#changes.length;
  }

  /**
   * Makes a change that can be undone.
   *
   * @param {Doc} doc
   * @param {() => void} change
   */
  run(doc, change) {
    const before = doc.heads();
    change();
    this.#changes.push({ before, after: doc.heads() });
  }

  /** @param {Doc} doc */
  undo(doc) {
    const last = this.#changes.pop();
    if (last !== undefined) doc.commit(doc.diff(last.after, last.before));
  }

  clear() {
    this.#changes = [];
  }
}

/** @typedef {ReturnType<Doc['heads']>} Version */
