// automerge: a string, which is a text in automerge, edited by `splice`.

import * as Automerge from '@automerge/automerge';

/** @import { Patch } from '../../../../tests/traces.js' */
/** @typedef {{ text: string }} Root */

/** @param {number} peer */
const actor = (peer) => peer.toString(16).padStart(16, '0');

export class Text {
  /** @param {number} peer */
  static create(peer) {
    return new Text(Automerge.init(actor(peer)));
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    return new Text(Automerge.load(saved, actor(peer)));
  }

  /** @param {Automerge.Doc<Root>} doc */
  constructor(doc) {
    this.doc = doc;
  }

  begin() {
    this.doc = Automerge.change(this.doc, (root) => {
      root.text = '';
    });
  }

  /** @param {Patch[]} patches */
  edit(patches) {
    this.doc = Automerge.change(this.doc, (root) => {
      for (const patch of patches) Automerge.splice(root, ['text'], ...patch);
    });
  }

  /** @param {Patch[]} patches */
  editAndEncode(patches) {
    this.edit(patches);
    const change = Automerge.getLastLocalChange(this.doc);
    if (!change) throw new Error('nothing changed');
    return change;
  }

  read() {
    return this.doc.text;
  }

  save() {
    return Automerge.save(this.doc);
  }

  compacted() {
    return undefined;
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

  /** @param {number} peer */
  become(peer) {
    const replica = new Text(Automerge.clone(this.doc, actor(peer)));
    this.dispose();
    return replica;
  }

  dispose() {
    Automerge.free(this.doc);
  }
}
