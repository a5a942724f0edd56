// Undoes the user's own edits, also after a reload of the page.

import { UndoManager } from '@converge/sync';

/** @import { Doc, Place } from '@converge/sync' */

export class Undo {
  #manager;
  #key;

  /**
   * Records the commits of a document. Create it before the views whose edits it must record.
   *
   * @param {Doc} doc
   * @param {string} key where the steps are kept while the page is loaded again
   */
  constructor(doc, key) {
    this.#key = key;
    const stored = sessionStorage.getItem(key);
    this.#manager = new UndoManager(doc, stored === null ? {} : { stacks: JSON.parse(stored) });
    // Not after each edit: the steps of a long session are many.
    window.addEventListener('pagehide', () => this.#store());
  }

  get canUndo() {
    return this.#manager.canUndo;
  }

  get canRedo() {
    return this.#manager.canRedo;
  }

  /** @returns {Place | undefined} where the step was undone */
  undo() {
    return this.#manager.undo()?.place;
  }

  /** @returns {Place | undefined} where the step was redone */
  redo() {
    return this.#manager.redo()?.place;
  }

  #store() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#manager));
    } catch {
      // No space. The steps that were stored before lack the latest ones.
      sessionStorage.removeItem(this.#key);
    }
  }
}

/**
 * Calls `undo` and `redo` for the keys and the menus that browsers have for them, instead of the
 * browser's own undo.
 *
 * @param {HTMLElement} element the field, or an element around it
 * @param {{ undo: () => void, redo: () => void }} actions
 */
export function bindUndoKeys(element, { undo, redo }) {
  element.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing) return;
    const key = event.key.toLowerCase();
    if (key !== 'z' && key !== 'y') return;
    event.preventDefault();
    if (key === 'z' && !event.shiftKey) undo();
    else redo();
  });
  element.addEventListener('beforeinput', (event) => {
    if (event.inputType !== 'historyUndo' && event.inputType !== 'historyRedo') return;
    event.preventDefault();
    if (event.inputType === 'historyUndo') undo();
    else redo();
  });
}
