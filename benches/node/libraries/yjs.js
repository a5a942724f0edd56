// yjs: a map of maps. Updates of version 2 are stored, updates of version 1 exchanged.

import * as Y from 'yjs';
import { NAME, SHARE, add, exchange, id, nothing } from './replica.js';

export class Replica {
  /** @param {number} peer */
  static create(peer) {
    return new Replica(peer);
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    const replica = new Replica(peer);
    Y.applyUpdateV2(replica.doc, saved);
    return replica;
  }

  /** @param {number} peer */
  constructor(peer) {
    this.doc = new Y.Doc();
    this.doc.clientID = peer;
    /** @type {Y.Map<Y.Map<any>>} */
    this.table = this.doc.getMap('table');
    /**
     * Handles of updated rows, which save the next update a lookup.
     *
     * @type {Y.Map<any>[]}
     */
    this.rows = [];
  }

  /**
   * @param {number} first
   * @param {number} end
   */
  insert(first, end) {
    this.doc.transact(() => {
      for (let row = first; row < end; row++) {
        this.table.set(
          id(row),
          new Y.Map([
            ['name', NAME],
            ['number', row],
            ['share', SHARE],
          ]),
        );
      }
    });
  }

  /** @param {[number, number][]} updates */
  update(updates) {
    this.doc.transact(() => {
      for (const [row, number] of updates) {
        const map = (this.rows[row] ??= /** @type {Y.Map<any>} */ (this.table.get(id(row))));
        map.set('number', number);
      }
    });
  }

  /** @param {number} row */
  get(row) {
    const contents = nothing();
    read(this.table.get(id(row)), contents);
    return contents.numberSum;
  }

  read() {
    const contents = nothing();
    for (const row of this.table.values()) read(row, contents);
    return contents;
  }

  save() {
    return Y.encodeStateAsUpdateV2(this.doc);
  }

  version() {
    return Y.encodeStateVector(this.doc);
  }

  /** @param {Uint8Array} version */
  changesSince(version) {
    return Y.encodeStateAsUpdate(this.doc, version);
  }

  /** @param {Uint8Array} changes */
  merge(changes) {
    Y.applyUpdate(this.doc, changes);
  }

  /** @param {Replica} other */
  sync(other) {
    return exchange(this, other, (version) => version);
  }
}

/**
 * @param {Y.Map<any> | undefined} row
 * @param {import('./replica.js').Contents} contents
 */
function read(row, contents) {
  if (!row) throw new Error('no such row');
  add(contents, row.get('name'), row.get('number'), row.get('share'));
}
