// yjs: a text. Updates of version 2 are stored, updates of version 1 exchanged. yjs keeps no text
// that was removed, so that its saved documents have no history.

import * as Y from 'yjs';
import { apply } from './replica.js';

/** @import { Patch } from '../../../../tests/traces.js' */

export class Text {
  /** @param {number} peer */
  static create(peer) {
    return new Text().become(peer);
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    const replica = new Text();
    Y.applyUpdateV2(replica.doc, saved);
    // If it were set before, yjs would replace it if the document has changes of this peer.
    return replica.become(peer);
  }

  constructor() {
    this.doc = new Y.Doc();
    this.text = this.doc.getText('text');
  }

  begin() {}

  /** @param {Patch[]} patches */
  edit(patches) {
    this.doc.transact(() => {
      apply(
        patches,
        (position, removed) => this.text.delete(position, removed),
        (position, inserted) => this.text.insert(position, inserted),
      );
    });
  }

  /** @param {Patch[]} patches */
  editAndEncode(patches) {
    /** @type {Uint8Array} */
    let update = new Uint8Array();
    this.doc.once('update', (/** @type {Uint8Array} */ encoded) => (update = encoded));
    this.edit(patches);
    return update;
  }

  read() {
    return this.text.toString();
  }

  save() {
    return Y.encodeStateAsUpdateV2(this.doc);
  }

  compacted() {
    return undefined;
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

  /** @param {number} peer */
  become(peer) {
    this.doc.clientID = peer;
    return this;
  }

  dispose() {
    this.doc.destroy();
  }
}
