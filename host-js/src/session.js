// Sessions with plain values and the system's clock. `wit/session.wit` specifies every function.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { Resource, dispose } from './instance.js';
import { checkStack } from './stack.js';
import { fromEntry } from './store.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-session.js' */
/** @import { Acceptance, Received, SessionOptions } from './types.js' */

const OPTIONS = ['document', 'nonce', 'maxMessageBytes', 'namespaces', 'readOnly', 'accept', 'writers'];
const ACCEPTED = ['events', 'entries', 'documents'];

/**
 * One side of a session between two replicas. It does no input or output itself: pass whole
 * messages in order from `poll` of one side to `receive` of the other side. `openSession` of an
 * engine returns one. A session keeps the memory of its document and store, even after these are
 * disposed. Its own memory is freed in the same ways.
 */
export class Session {
  #raw;
  #isFlushing = false;

  /** @param {wit.Session} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'session');
  }

  /** The same session, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * Returns the next message to send. Call it until it returns `undefined`: after `openSession`,
   * after a local write, and after `receive`. `flush` does that.
   *
   * @param {number} [now] in milliseconds since the Unix epoch; the system's time by default
   * @returns {Uint8Array<ArrayBuffer> | undefined} `undefined` if there is nothing to send now
   */
  poll(now = Date.now()) {
    return this.#raw.poll(now);
  }

  /**
   * Iterates over the messages to send now.
   *
   * @param {number} [now]
   * @returns {Generator<Uint8Array<ArrayBuffer>, void, void>}
   */
  *messages(now = Date.now()) {
    for (let message = this.poll(now); message !== undefined; message = this.poll(now)) {
      yield message;
    }
  }

  /**
   * Passes all pending messages to `send`, in order. If `send` delivers a message immediately and
   * the answer leads to another `flush` of this session, that call returns immediately and this one
   * sends the further messages. So calls do not nest, however many messages are exchanged.
   *
   * @param {(message: Uint8Array<ArrayBuffer>) => void} send must keep the order. If it throws, its
   *   message is lost: use a new session
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
   * Processes one message. An error of the contract ends the session, unless it is an
   * `InvalidArgumentError` because `message` is not bytes. The document and the store do not
   * change.
   *
   * @param {Uint8Array | ArrayBuffer} message
   * @param {number} [now]
   * @returns {Received}
   * @throws {import('./errors.js').ConvergeError}
   */
  receive(message, now = Date.now()) {
    const bytes = check.message(message);
    check.milliseconds(now, 'now');
    checkStack();
    const { ephemeral, ...others } = Resource.use(this.#raw, (session) => session.receive(bytes, now));
    return { ...others, ephemeral: ephemeral.map(fromEntry) };
  }

  /**
   * Returns the update that `receive` would merge with this message, or the document that it would
   * rebase on. Changes nothing. A server can read the update with `openUpdate` to decide whether to
   * accept it.
   *
   * @param {Uint8Array | ArrayBuffer} message
   * @returns {Uint8Array<ArrayBuffer> | undefined} the update or document, or `undefined` if the
   *   message completes neither
   * @throws {import('./errors.js').ConvergeError} if the message is damaged
   */
  updateOf(message) {
    const bytes = check.message(message);
    return Resource.use(this.#raw, (session) => session.updateOf(bytes));
  }

  /**
   * Returns the progress of both sides.
   *
   * @returns {wit.Progress}
   */
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

/**
 * Adds the defaults to the options of a session. Does not check their values.
 *
 * @param {SessionOptions} options
 * @returns {wit.SessionOptions}
 */
export function toSessionOptions(options) {
  const {
    document,
    nonce = randomNonce(),
    maxMessageBytes = 65_536,
    namespaces = [],
    readOnly = false,
    accept = {},
    writers = [],
  } = /** @type {SessionOptions} */ (/** @type {unknown} */ (check.options(options, 'options', OPTIONS)));
  const {
    events = true,
    entries = true,
    documents = true,
  } = /** @type {Acceptance} */ (check.options(accept, 'accept', ACCEPTED));
  return {
    document,
    nonce,
    maxMessageBytes,
    namespaces,
    readOnly,
    accept: { events, entries, documents },
    writers,
  };
}

/** @returns {bigint} */
function randomNonce() {
  const [nonce] = crypto.getRandomValues(new BigUint64Array(1));
  return /** @type {bigint} */ (nonce);
}
