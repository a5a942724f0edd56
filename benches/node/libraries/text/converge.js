// converge: a text cell of a row, edited as an editor does it, through a view.

import { open } from '../../../../host-js/src/node.js';
import { module } from '../converge.js';

/** @import { Doc } from '../../../../host-js/src/doc.js' */
/** @import { TextView } from '../../../../host-js/src/texts/view.js' */
/** @import { Patch } from '../../../../tests/traces.js' */

const CELL = /** @type {const} */ (['texts', 'text', 'body']);
const PEER_DIGITS = 8;

/** The instance for `load`, which is synchronous. */
const engine = await open(module);

/**
 * Returns the name of a peer. Characters that are inserted at one place are sorted by the names of
 * their peers.
 *
 * @param {number} peer
 */
const nameOf = (peer) => String(peer).padStart(PEER_DIGITS, '0');

export class Text {
  static isPublished = true;

  /** @param {number} peer */
  static async create(peer) {
    return new Text((await open(module)).create(nameOf(peer)));
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    return new Text(engine.load(saved, { peer: nameOf(peer) }));
  }

  /** @param {Doc} doc */
  constructor(doc) {
    this.doc = doc;
    /** @type {TextView | undefined} Opened by the first edit. */
    this.view = undefined;
  }

  begin() {
    const [table, row] = CELL;
    this.doc.insert(table, row, {});
  }

  /** @param {Patch[]} patches */
  edit(patches) {
    this.view ??= this.doc.openText(...CELL);
    this.view.edit(patches.map(([at, remove, insert]) => ({ at, remove, insert })));
  }

  /** @param {Patch[]} patches */
  editAndEncode(patches) {
    const before = this.version();
    this.edit(patches);
    return this.changesSince(before);
  }

  read() {
    const view = this.doc.openText(...CELL);
    const text = view.read() ?? '';
    view.close();
    return text;
  }

  save() {
    return this.doc.save();
  }

  compacted() {
    this.doc.compact([this.doc.summary()]);
    return this.doc.save();
  }

  version() {
    return this.doc.summary();
  }

  /** @param {Uint8Array} summary */
  changesSince(summary) {
    return this.doc.updateSince(summary);
  }

  /** @param {Uint8Array} changes */
  merge(changes) {
    this.doc.mergeUpdate(changes);
    // An editor takes what others changed before it edits again.
    this.view?.take();
  }

  /** @param {number} peer */
  become(peer) {
    const replica = Text.load(peer, this.save());
    this.dispose();
    return replica;
  }

  dispose() {
    this.view?.close();
    this.doc.dispose();
  }
}
