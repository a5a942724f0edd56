// The transport alone: one connection to the server, for documents that the application keeps itself.

import * as check from '../check.js';
import { CompactedError, GoneError } from '../errors.js';
import { addressOf } from './address.js';
import { isEqual } from './bytes.js';
import { Connection } from './connection.js';
import { ClientError, messageOf } from './errors.js';
import { Link, Pump } from './pump.js';
import { checkToken } from './token.js';

export { ClientError } from './errors.js';

/** @import { Welcome } from './connection.js' */

/** @typedef {import('./types.js').ConnectionState} ConnectionState */
/** @typedef {import('./types.js').Reason} Reason */
/** @typedef {import('./types.js').SocketOptions} SocketOptions */
/** @typedef {import('./types.js').Token} Token */

const OPTIONS = ['engine', 'doc', 'store', 'token', 'incarnation', 'keep', 'onIncarnation', 'onReceived', 'onState'];

/**
 * Synchronizes a document and a store with a server until `close`, over WebSockets that are opened
 * again when they are lost. If a session fails because one side was compacted, the connection stops
 * with the reason `conflict`: load the server's document, `rebase`, and call `start`.
 *
 * @param {string | URL} url of the server
 * @param {string} name the document's name
 * @param {SocketOptions} options
 * @returns {DocumentSocket}
 * @throws {import('../errors.js').InvalidArgumentError} if an option or the name is not allowed
 * @throws {TypeError} if the URL is malformed, or the name is empty
 */
export function openSocket(url, name, options) {
  check.options(options, 'options', OPTIONS);
  checkToken(options.token);
  return new DocumentSocket(addressOf(url, name).socket, name, options);
}

/** A connection of a document. `openSocket` returns one. */
export class DocumentSocket {
  #name;
  #options;
  #pump;
  #connection;
  /** @type {string | undefined} */
  #incarnation;
  /** @type {Link | undefined} */
  #link;
  /** @type {Uint8Array[]} */
  #early = [];
  /** @type {Uint8Array | undefined} */
  #kept;

  /**
   * @param {string} url
   * @param {string} name
   * @param {SocketOptions} options
   */
  constructor(url, name, options) {
    this.#name = name;
    this.#options = options;
    this.#incarnation = options.incarnation;
    this.#pump = new Pump(
      () => this.#capture(),
      () => {
        if (this.progress()?.inSync) this.#connection.succeeded();
      },
      (error) => this.#failed(error),
    );
    this.#connection = new Connection(url, options.token, {
      onWelcome: (welcome) => {
        this.#welcomed(welcome).catch((error) => this.#failed(error));
      },
      onMessage: (message) => this.#received(message),
      onLost: () => this.#lost(),
      onState: (state, error) => options.onState?.(state, error),
    });
    this.#connection.start();
  }

  get state() {
    return this.#connection.state;
  }

  /** Why the connection was lost or stopped. */
  get error() {
    return this.#connection.error;
  }

  /**
   * Returns the progress of the session, or `undefined` if there is none.
   */
  progress() {
    return this.#link?.isEnded === false && this.#link.hasReceived ? this.#link.progress() : undefined;
  }

  /** Sends local writes. Call it after each. */
  flush() {
    this.#pump.trigger();
  }

  /** Connects again after a stop. */
  start() {
    this.#connection.start();
  }

  /** Ends the connection permanently. */
  close() {
    this.#connection.close();
    this.#pump.clear();
  }

  /** Takes what has to be stored before the messages of a round are sent. */
  #capture() {
    const { keep, doc } = this.#options;
    if (keep === undefined) return undefined;
    const summary = doc.summary();
    if (isEqual(summary, this.#kept)) return undefined;
    const keeping = keep();
    return async () => {
      try {
        await keeping;
        this.#kept = summary;
        return true;
      } catch (cause) {
        this.#connection.stop(new ClientError('storage', messageOf(cause), { cause }));
        return false;
      }
    };
  }

  /** @param {Welcome} welcome */
  async #welcomed({ incarnation, maxMessageBytes }) {
    /** @type {Uint8Array[]} */
    const early = [];
    this.#early = early;
    if (this.#incarnation !== undefined && this.#incarnation !== incarnation) {
      const message = `the server has another document ${JSON.stringify(this.#name)} now; start from an empty replica`;
      this.#connection.stop(new ClientError('replaced', message));
      return;
    }
    if (this.#incarnation === undefined) {
      try {
        await this.#options.onIncarnation?.(incarnation);
      } catch (cause) {
        this.#connection.stop(new ClientError('storage', messageOf(cause), { cause }));
        return;
      }
      if (this.#early !== early || this.#connection.state !== 'online') return;
      this.#incarnation = incarnation;
    }
    const { engine, doc, store, onReceived } = this.#options;
    this.#link = new Link(engine.openSession(doc, store, { document: this.#name, maxMessageBytes }), {
      send: (message) => this.#connection.send(message),
      hasRoom: () => this.#connection.hasRoom,
      onReceived: (received) => {
        this.#pump.trigger();
        onReceived?.(received);
      },
      onFailed: (error) => this.#failed(error),
    });
    this.#pump.add(this.#link);
    for (const message of early.splice(0)) this.#received(message);
  }

  /** @param {Uint8Array} message */
  #received(message) {
    if (this.#link === undefined) this.#early.push(message);
    else this.#link.receive(message);
  }

  #lost() {
    this.#early = [];
    if (this.#link !== undefined) this.#pump.remove(this.#link);
    this.#link = undefined;
  }

  /** @param {unknown} cause */
  #failed(cause) {
    if (cause instanceof CompactedError) {
      this.#connection.stop(new ClientError('conflict', messageOf(cause), { cause }));
    } else if (cause instanceof GoneError) {
      this.#connection.stop(new ClientError('engine', messageOf(cause), { cause }));
    } else {
      this.#connection.restart(new ClientError('session', messageOf(cause), { cause }));
    }
  }
}
