// loro-crdt: a text container, with a commit per transaction. Snapshots are stored, updates exchanged.

import { LoroDoc, VersionVector } from 'loro-crdt';
import { apply } from './replica.js';

/** @import { Patch } from '../../../../tests/traces.js' */

export class Text {
  /** @param {number} peer */
  static create(peer) {
    return new Text(peer, new LoroDoc());
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    return new Text(peer, LoroDoc.fromSnapshot(saved));
  }

  /**
   * @param {number} peer
   * @param {LoroDoc} doc
   */
  constructor(peer, doc) {
    this.doc = doc;
    this.doc.setPeerId(BigInt(peer));
    this.text = this.doc.getText('text');
  }

  begin() {}

  /** @param {Patch[]} patches */
  edit(patches) {
    apply(
      patches,
      (position, removed) => this.text.delete(position, removed),
      (position, inserted) => this.text.insert(position, inserted),
    );
    this.doc.commit();
  }

  /** @param {Patch[]} patches */
  editAndEncode(patches) {
    const before = this.version();
    this.edit(patches);
    return this.changesSince(before);
  }

  read() {
    return this.text.toString();
  }

  save() {
    return this.doc.export({ mode: 'snapshot' });
  }

  compacted() {
    return this.doc.export({ mode: 'shallow-snapshot', frontiers: this.doc.oplogFrontiers() });
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

  /** @param {number} peer */
  become(peer) {
    this.doc.setPeerId(BigInt(peer));
    return this;
  }

  dispose() {
    this.text.free();
    this.doc.free();
  }
}
