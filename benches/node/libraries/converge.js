// converge: the idiomatic layer of the package.

import { readFile } from 'node:fs/promises';
import { open, real } from '../../../host-js/src/node.js';
import { NAME, SHARE, add, id, nothing } from './replica.js';

/** @import { Doc } from '../../../host-js/src/doc.js' */
/** @import { Engine } from '../../../host-js/src/engine.js' */
/** @import { Session } from '../../../host-js/src/session.js' */

export const FOREVER = { timeToLive: 1e12, maxSkew: 1e12 };

/** The compiled module. Each replica has its own instance, as in separate processes. */
export const module = await WebAssembly.compile(
  await readFile(new URL('../../../host-js/dist/converge.core.wasm', import.meta.url)),
);
/** The instance for `load` and `open`, which are synchronous. */
const engine = await open(module);

export class Replica {
  /** @param {number} peer */
  static async create(peer) {
    const own = await open(module);
    return new Replica(own, own.create(String(peer)));
  }

  /**
   * @param {number} peer
   * @param {Uint8Array} saved
   */
  static load(peer, saved) {
    return new Replica(engine, engine.load(saved, { peer: String(peer) }));
  }

  /**
   * @param {Uint8Array} saved
   * @param {number} row
   */
  static open(saved, row) {
    return Number(engine.peek(saved, 'table', id(row))?.number);
  }

  /**
   * @param {Engine} engine
   * @param {Doc} doc
   */
  constructor(engine, doc) {
    this.engine = engine;
    this.doc = doc;
  }

  /**
   * @param {number} first
   * @param {number} end
   */
  insert(first, end) {
    if (end === first + 1) {
      this.doc.insert('table', id(first), { name: NAME, number: first, share: real(SHARE) });
      return;
    }
    /** @type {import('../../../host-js/src/types.js').Op[]} */
    const ops = [];
    for (let row = first; row < end; row++) {
      const cells = { name: NAME, number: row, share: real(SHARE) };
      ops.push({ op: 'insert', table: 'table', row: id(row), cells });
    }
    this.doc.commit(ops);
  }

  /** @param {[number, number][]} updates */
  update(updates) {
    const [only] = updates;
    if (only && updates.length === 1) {
      this.doc.update('table', id(only[0]), { number: only[1] });
      return;
    }
    this.doc.commit(
      updates.map(([row, number]) => ({ op: 'update', table: 'table', row: id(row), cells: { number } })),
    );
  }

  /** @param {number} row */
  get(row) {
    const cells = this.doc.get('table', id(row));
    if (!cells) throw new Error('no such row');
    const contents = nothing();
    readInto(contents, cells);
    return contents.numberSum;
  }

  read() {
    const contents = nothing();
    for (const { cells } of this.doc.rows('table')) readInto(contents, cells);
    return contents;
  }

  save() {
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
  }

  /** @param {Replica} other */
  sync(other) {
    return talk([this.engine, this.doc], [other.engine, other.doc]);
  }
}

/**
 * @param {import('./replica.js').Contents} contents
 * @param {import('../../../host-js/src/types.js').Cells} cells
 */
function readInto(contents, { name, number, share }) {
  add(contents, /** @type {string} */ (name), /** @type {number} */ (number), /** @type {number} */ (share));
}

/**
 * Opens two sessions and carries messages until neither has one.
 *
 * @param {[Engine, Doc]} one
 * @param {[Engine, Doc]} other
 */
export function talk(one, other) {
  const [ann, ben] = /** @type {[Session, Session]} */ (
    [one, other].map(([engine, doc]) =>
      engine.openSession(doc, engine.createStore('bench', FOREVER), { document: 'bench' }),
    )
  );
  let [messages, bytes] = [0, 0];
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const [from, to] of /** @type {[Session, Session][]} */ ([
      [ann, ben],
      [ben, ann],
    ])) {
      for (const message of from.messages(0)) {
        [isQuiet, messages, bytes] = [false, messages + 1, bytes + message.length];
        to.receive(message, 0);
      }
    }
  }
  return { messages, bytes };
}
