// automerge: an object of objects, synchronized by its own protocol.

import * as Automerge from '@automerge/automerge';
import { NAME, SHARE, add, id, nothing } from './replica.js';

/** @typedef {{ table: Record<string, { name: string, number: number, share: number }> }} Root */

/** @param {number} peer */
const actor = (peer) => peer.toString(16).padStart(16, '0');

export class Replica {
  /** Every transaction copies the whole table, so transactions of one row would take hours. */
  static groups = true;

  /** @param {number} peer */
  static create(peer) {
    /** @type {Automerge.Doc<Root>} */
    const doc = Automerge.init(actor(peer));
    return new Replica(
      Automerge.change(doc, (root) => {
        root.table = {};
      }),
    );
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    return new Replica(Automerge.load(saved, actor(peer)));
  }

  /** @param {Automerge.Doc<Root>} doc */
  constructor(doc) {
    this.doc = doc;
  }

  /**
   * @param {number} first
   * @param {number} end
   */
  insert(first, end) {
    this.doc = Automerge.change(this.doc, ({ table }) => {
      for (let row = first; row < end; row++) table[id(row)] = { name: NAME, number: row, share: SHARE };
    });
  }

  /** @param {[number, number][]} updates */
  update(updates) {
    this.doc = Automerge.change(this.doc, ({ table }) => {
      for (const [row, number] of updates) {
        const found = table[id(row)];
        if (found) found.number = number;
      }
    });
  }

  /** @param {number} row */
  get(row) {
    const found = this.doc.table[id(row)];
    if (!found) throw new Error('no such row');
    const contents = nothing();
    add(contents, found.name, found.number, found.share);
    return contents.numberSum;
  }

  read() {
    const contents = nothing();
    for (const { name, number, share } of Object.values(this.doc.table)) add(contents, name, number, share);
    return contents;
  }

  save() {
    return Automerge.save(this.doc);
  }

  version() {
    return Automerge.getHeads(this.doc);
  }

  /** @param {string[]} version */
  changesSince(version) {
    return Automerge.saveSince(this.doc, version);
  }

  /** @param {Uint8Array} changes */
  merge(changes) {
    this.doc = Automerge.loadIncremental(this.doc, changes);
  }

  /** @param {Replica} other */
  sync(other) {
    let [here, there] = [Automerge.initSyncState(), Automerge.initSyncState()];
    let [messages, bytes] = [0, 0];
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true;
      /** @type {Uint8Array | null} */
      let message;
      [here, message] = Automerge.generateSyncMessage(this.doc, here);
      if (message) {
        [isQuiet, messages, bytes] = [false, messages + 1, bytes + message.length];
        [other.doc, there] = Automerge.receiveSyncMessage(other.doc, there, message);
      }
      [there, message] = Automerge.generateSyncMessage(other.doc, there);
      if (message) {
        [isQuiet, messages, bytes] = [false, messages + 1, bytes + message.length];
        [this.doc, here] = Automerge.receiveSyncMessage(this.doc, here, message);
      }
    }
    return { messages, bytes };
  }
}
