// Sessions with plain values and the system's clock. `wit/session.wit` specifies every function.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { dispose } from './instance.js';
import { RawSession } from './raw-live.js';
import { fromEntry } from './store.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-session.js' */
/** @import { Doc } from './doc.js' */
/** @import { Entry, Store } from './store.js' */

/**
 * @typedef {object} SessionOptions
 * @property {string} document the document's name; both sides must use the same one
 * @property {bigint} [nonce] a number that was never used for a session of this document; a random one by default
 * @property {number} [maxMessageBytes] the maximum size of a message, in both directions; 65,536 by default
 * @property {string[]} [namespaces] receive only these namespaces of the store; all by default
 * @property {boolean} [readOnly] receive events, but send none; false by default
 * @property {Acceptance} [accept] what to accept from the other side; everything by default
 * @property {string[]} [writers] the only peers that may be the authors of what arrives; `'ann/*'` stands for all peers
 *   whose names start with `ann/`; every peer by default
 */

/**
 * What a side accepts from the other side. Each is true by default.
 *
 * @typedef {object} Acceptance
 * @property {boolean} [events]
 * @property {boolean} [entries]
 * @property {boolean} [documents] a compacted document that replaces this replica's content; servers set this to false
 */

const OPTIONS = ['document', 'nonce', 'maxMessageBytes', 'namespaces', 'readOnly', 'accept', 'writers'];
const ACCEPTED = ['events', 'entries', 'documents'];

/**
 * What one message changed.
 *
 * @typedef {object} Received
 * @property {wit.MergeReport} [durable] the result of merging its events, or of rebasing on the document that it completed
 * @property {Entry[]} ephemeral the entries that changed what the store shows
 * @property {number} refused entries that were skipped
 */

/**
 * One side of a conversation between two replicas, without input or output: carry whole messages in order from `poll` of
 * one side to `receive` of the other side. A session keeps the memory of its document and store, even after these are
 * disposed. Its own memory is freed as theirs is.
 */
export class Session {
  #raw;
  #isFlushing = false;

  /** @param {RawSession} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'session');
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
      nonce = randomNonce(),
      maxMessageBytes = 65_536,
      namespaces = [],
      readOnly = false,
      accept = {},
      writers = [],
    } = /** @type {SessionOptions} */ (check.options(options, 'options', OPTIONS));
    const {
      events = true,
      entries = true,
      documents = true,
    } = /** @type {Acceptance} */ (check.options(accept, 'accept', ACCEPTED));
    const given = { document, nonce, maxMessageBytes, namespaces, readOnly, writers };
    return new this(RawSession.open(doc?.raw, store?.raw, { ...given, accept: { events, entries, documents } }));
  }

  /** The same session, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * Returns the next message to send. Call it until it returns `undefined`: after `open`, after a local write, and after
   * `receive`. `flush` does that.
   *
   * @param {number} [now] in milliseconds since the Unix epoch; the system's time by default
   * @returns {Uint8Array | undefined} `undefined` if there is nothing to send now
   */
  poll(now = Date.now()) {
    return this.#raw.poll(now);
  }

  /**
   * Iterates over the messages to send now.
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
   * Sends the messages to send now, one after the other. If `send` delivers a message at once, and the answer leads to
   * another `flush` of this session, that call returns immediately and this one continues with whatever there is to send
   * then. So calls do not nest, however long the conversation is.
   *
   * @param {(message: Uint8Array) => void} send must keep the order. If it throws, its message is lost: use a new session
   * @param {number} [now]
   */
  flush(send, now = Date.now()) {
    if (typeof send !== 'function') {
      check.refuse(`send must be a function, not ${check.show(send)}`);
    }
    if (this.#isFlushing) {
      return;
    }
    this.#isFlushing = true;
    try {
      for (const message of this.messages(now)) send(message);
    } finally {
      this.#isFlushing = false;
    }
  }

  /**
   * Processes one message. An error of the contract ends the session, except an `InvalidArgumentError` about something
   * that is not bytes; document and store are as they were before.
   *
   * @param {Uint8Array | ArrayBuffer} message
   * @param {number} [now]
   * @returns {Received}
   * @throws {import('./errors.js').ConvergeError}
   */
  receive(message, now = Date.now()) {
    const { ephemeral, ...others } = this.#raw.receive(check.message(message), now);
    return { ...others, ephemeral: ephemeral.map(fromEntry) };
  }

  /**
   * Returns the update that `receive` would merge with this message, or the document that it would rebase on. Changes
   * nothing. A server that decides what it accepts reads it with `UpdateReader`.
   *
   * @param {Uint8Array | ArrayBuffer} message
   * @returns {Uint8Array | undefined} `undefined` if the message completes neither
   * @throws {import('./errors.js').ConvergeError} if the message is damaged
   */
  updateOf(message) {
    return this.#raw.updateOf(check.message(message));
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

/** @returns {bigint} */
function randomNonce() {
  const [nonce] = crypto.getRandomValues(new BigUint64Array(1));
  return /** @type {bigint} */ (nonce);
}
