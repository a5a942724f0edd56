// Sessions as a JavaScript program likes them. The meaning of every function is the contract's, in `wit/session.wit`.

import * as check from './check.js';
import { dispose } from './instance.js';
import { RawSession } from './raw.js';
import { fromEntry } from './store.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-session.js' */
/** @import { Doc } from './doc.js' */
/** @import { Entry, Store } from './store.js' */

/**
 * @typedef {object} SessionOptions
 * @property {string} document the document's name, which both sides must agree on
 * @property {number} [mostMessageBytes] messages, both ways, are at most so large; 65,536 by default
 * @property {string[]} [namespaces] only these of the store are wanted from the other side; all by default
 * @property {boolean} [readOnly] take events from the other side, and send it none
 */

const OPTIONS = ['document', 'mostMessageBytes', 'namespaces', 'readOnly'];

/**
 * What one message changed.
 *
 * @typedef {object} Received
 * @property {wit.MergeReport} [durable] what its events did
 * @property {Entry[]} ephemeral the entries that changed what the store shows
 * @property {number} refused entries that the store did not take, for their date or for its limits
 */

/**
 * One side of a conversation between two replicas. It does no input or output: carry bytes from `poll` to `receive` of the
 * other side, whole, in order, each once. A session keeps the memory of its document and store, also when these are disposed;
 * its own is freed as theirs is.
 */
export class Session {
  #raw;

  /** @param {RawSession} raw */
  constructor(raw) {
    this.#raw = raw;
  }

  /**
   * @param {Doc} doc
   * @param {Store} store of the same engine
   * @param {SessionOptions} options
   * @returns {Session}
   */
  static open(doc, store, options) {
    const {
      document,
      mostMessageBytes = 65_536,
      namespaces = [],
      readOnly = false,
    } = /** @type {SessionOptions} */ (check.options(options, 'options', OPTIONS));
    return new this(RawSession.open(doc?.raw, store?.raw, { document, mostMessageBytes, namespaces, readOnly }));
  }

  /** The same session, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * The next message to send. Call it until it gives none: after opening, after a local write, after `receive`.
   *
   * @param {number} [now] in milliseconds since the Unix epoch; the system's by default
   * @returns {Uint8Array | undefined} undefined where there is nothing to say for now
   */
  poll(now = Date.now()) {
    return this.#raw.poll(now);
  }

  /**
   * Every message that there is to send for now.
   *
   * @param {number} [now]
   * @returns {Generator<Uint8Array, void, void>}
   */
  *messages(now = Date.now()) {
    for (let message = this.poll(now); message !== undefined; message = this.poll(now)) {
      yield message;
    }
  }

  /**
   * Takes in one message of the other side. An error ends the session; document and store are as they were.
   *
   * @param {Uint8Array} message
   * @param {number} [now]
   * @returns {Received}
   * @throws {import('./errors.js').ConvergeError} where the message is damaged, or not one of this conversation
   */
  receive(message, now = Date.now()) {
    const { ephemeral, ...others } = this.#raw.receive(message, now);
    return { ...others, ephemeral: ephemeral.map(fromEntry) };
  }

  /**
   * The update that `receive` would merge with this message, or the saved document that it would rebase on. Changes nothing: for
   * whoever decides whether to receive it, with `Doc.eventsOf` of the engine.
   *
   * @param {Uint8Array} message
   * @returns {Uint8Array | undefined} undefined where it completes neither
   * @throws {import('./errors.js').ConvergeError} where the message is damaged
   */
  updateOf(message) {
    return this.#raw.updateOf(message);
  }

  /** @returns {wit.Progress} how far both sides are */
  progress() {
    return this.#raw.progress();
  }

  /** Ends the session; does nothing the second time. */
  dispose() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.#raw[dispose]();
  }
}
