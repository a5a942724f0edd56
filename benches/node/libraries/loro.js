// loro-crdt: a map of maps, with a commit per transaction. Snapshots are stored, updates exchanged.

import { LoroDoc, LoroMap, VersionVector } from 'loro-crdt';
import { NAME, SHARE, add, exchange, id, nothing } from './replica.js';

export class Replica {
  /** @param {number} peer */
  static create(peer) {
    return new Replica(peer, new LoroDoc());
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    return new Replica(peer, LoroDoc.fromSnapshot(saved));
  }

  /**
   * @param {number} peer
   * @param {LoroDoc} doc
   */
  constructor(peer, doc) {
    this.doc = doc;
    this.doc.setPeerId(BigInt(peer));
    this.table = this.doc.getMap('table');
    /**
     * Handles of updated rows, which save the next update a lookup.
     *
     * @type {LoroMap[]}
     */
    this.rows = [];
  }

  /**
   * @param {number} first
   * @param {number} end
   */
  insert(first, end) {
    for (let row = first; row < end; row++) {
      const map = this.table.setContainer(id(row), new LoroMap());
      map.set('name', NAME);
      map.set('number', row);
      map.set('share', SHARE);
    }
    this.doc.commit();
  }

  /** @param {[number, number][]} updates */
  update(updates) {
    for (const [row, number] of updates) {
      const map = (this.rows[row] ??= /** @type {LoroMap} */ (this.table.get(id(row))));
      map.set('number', number);
    }
    this.doc.commit();
  }

  /** @param {number} row */
  get(row) {
    const map = /** @type {LoroMap} */ (this.table.get(id(row)));
    const contents = nothing();
    add(contents, .../** @type {[string, number, number]} */ ([map.get('name'), map.get('number'), map.get('share')]));
    return contents.numberSum;
  }

  read() {
    const contents = nothing();
    // JSON in one call is the fastest way.
    for (const { name, number, share } of Object.values(this.table.toJSON())) add(contents, name, number, share);
    return contents;
  }

  save() {
    return this.doc.export({ mode: 'snapshot' });
  }

  version() {
    return this.doc.oplogVersion();
  }

  /** @param {VersionVector} version */
  changesSince(version) {
    return this.doc.export({ mode: 'update', from: version });
  }

  /** @param {Uint8Array} changes */
  merge(changes) {
    this.doc.import(changes);
  }

  /** @param {Replica} other */
  sync(other) {
    return exchange(this, other, (version) => version.encode());
  }
}
