// diamond-types: a list of characters, which is the whole document.

import { Doc } from 'diamond-types-node';
import { apply } from './replica.js';

/** @import { Patch } from '../../../../tests/traces.js' */

const PEER_DIGITS = 8;

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
  static create(peer) {
    return new Text(new Doc(nameOf(peer)));
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    return new Text(Doc.fromBytes(saved, nameOf(peer)));
  }

  /** @param {Doc} doc */
  constructor(doc) {
    this.doc = doc;
  }

  begin() {}

  /** @param {Patch[]} patches */
  edit(patches) {
    apply(
      patches,
      (position, removed) => this.doc.del(position, removed),
      (position, inserted) => this.doc.ins(position, inserted),
    );
  }

  /** @param {Patch[]} patches */
  editAndEncode(patches) {
    const before = this.version();
    this.edit(patches);
    return this.changesSince(before);
  }

  read() {
    return this.doc.get();
  }

  save() {
    return this.doc.toBytes();
  }

  compacted() {
    return undefined;
  }

  /** The version holds for this replica only, except that of a replica without events. */
  version() {
    return this.doc.getLocalVersion();
  }

  /** @param {Uint32Array} version */
  changesSince(version) {
    return this.doc.getPatchSince(version);
  }

  /** @param {Uint8Array} changes */
  merge(changes) {
    this.doc.mergeBytes(changes);
  }

  /** @param {number} peer */
  become(peer) {
    const replica = Text.load(peer, this.save());
    this.dispose();
    return replica;
  }

  dispose() {
    this.doc.free();
  }
}
