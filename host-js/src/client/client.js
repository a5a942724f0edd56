// The client of a document: a replica, the connection that synchronizes it, and their state.

import { CompactedError, GoneError } from '../errors.js';
import { randomPeer } from '../peer.js';
import { Connection } from './connection.js';
import { download } from './download.js';
import { ClientError, messageOf } from './errors.js';
import { Replica } from './replica.js';

/** @import { Doc, Watcher } from '../doc.js' */
/** @import { Engine } from '../engine.js' */
/** @import { Store } from '../store.js' */
/** @import { CellValue, Entry, Op } from '../types.js' */
/** @import { Welcome } from './connection.js' */
/** @import { Link } from './pump.js' */
/** @import { Kept } from './replica.js' */
/** @import { Commit, Status, Token } from './types.js' */

/** The maximum number of messages that wait until the session is open: a hello has fewer. */
const MAX_EARLY = 1024;
/** How long `close` waits without progress for the server to acknowledge the last writes. */
const CLOSE_MS = 2_000;
/** How often `close` looks for progress. */
const CLOSE_POLL_MS = 10;
/** Reasons after which another attempt to connect is useless. */
const FINAL = ['reset', 'destroyed', 'engine', 'closed'];

/**
 * A document that is there at once, works without a network, and is in sync whenever it can be.
 * `connect` returns one.
 */
export class Client {
  #engine;
  #name;
  #address;
  #peerPrefix;
  /** @type {Replica} */
  #replica;
  #connection;
  /** @type {Link | undefined} */
  #link;
  #isReadOnly = false;
  /** Whether the application wants no connection. */
  #isPaused;
  /**
   * The last call of `reset`, which the next call, `close` and `destroy` wait for.
   *
   * @type {Promise<void> | undefined}
   */
  #resetting;
  /**
   * Messages that arrive before the session is open.
   *
   * @type {Uint8Array[]}
   */
  #early = [];
  /** @type {Status} */
  #status;
  #isStale = false;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Set<() => void>} */
  #storeListeners = new Set();
  #isStoreStale = false;
  /** @type {Set<{ tables: string[], listener: (ops: Op<CellValue>[]) => void, watcher: Watcher }>} */
  #watches = new Set();
  /** @type {Set<{ isDone: () => boolean, failure: () => ClientError | undefined, resolve: () => void,
   *   reject: (error: ClientError) => void }>} */
  #waiting = new Set();
  /** @type {ClientError | undefined} */
  #closed;
  /** @type {Promise<void> | undefined} */
  #closing;
  /** @type {AbortController | undefined} */
  #download;
  /** @type {Entry[]} */
  #hidden = [];

  /**
   * @param {Engine} engine
   * @param {string} name
   * @param {{ http: string, socket: string }} address
   * @param {{ token: Token | undefined, peerPrefix: string, paused: boolean }} options
   * @param {Kept | undefined} kept
   */
  constructor(engine, name, address, { token, peerPrefix, paused }, kept) {
    this.#engine = engine;
    this.#name = name;
    this.#address = address;
    this.#peerPrefix = peerPrefix;
    this.#isPaused = paused;
    this.#replica = this.#begin(kept);
    this.#connection = new Connection(address.socket, token, {
      onWelcome: (welcome) => {
        this.#welcomed(welcome).catch((error) => this.#failed(error));
      },
      onMessage: (message) => this.#received(message),
      onLost: () => this.#lost(),
      onState: () => this.#changed(),
      onConflict: () => this.#rebase(),
    });
    this.#status = this.#compute();
    globalThis.addEventListener?.('pagehide', this.#hide);
    globalThis.addEventListener?.('pageshow', this.#show);
    if (!paused) this.#connection.start();
  }

  /**
   * The document. Read it, write to it and watch it as any document of the engine; its writes are
   * stored and sent automatically. `reset` replaces it.
   *
   * @returns {Doc}
   */
  get doc() {
    return this.#replica.doc;
  }

  /**
   * The store for presence, synchronized like the document. The entries of this replica are renewed
   * while the client runs.
   *
   * @returns {Store}
   */
  get store() {
    return this.#replica.store;
  }

  /**
   * The state of the client. The object never changes: a change makes a new one, and calls the
   * listeners.
   *
   * @returns {Status}
   */
  get status() {
    if (this.#isStale) this.#refresh();
    return this.#status;
  }

  /**
   * Calls `listener` after each change of `status`.
   *
   * @param {() => void} listener
   * @returns {() => void} ends the calls
   */
  subscribe = (listener) => {
    const call = () => listener();
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  };

  /**
   * Calls `listener` with the operations that bring a view of these tables up to date: first with
   * all rows, and then after each change, here or elsewhere, until the client is closed. Changes
   * that happen at the same time are reported together. After `reset`, the listener is called with
   * what leads from the former document to the new one.
   *
   * @param {string[]} tables all tables if the list is empty
   * @param {(ops: Op<CellValue>[]) => void} listener
   * @returns {() => void} ends the calls
   * @throws {ClientError} if the client is closed
   */
  watch(tables, listener) {
    if (this.#closed !== undefined) throw this.#closed;
    const watch = { tables, listener, watcher: this.doc.watch(tables, { fromStart: true }) };
    this.#watches.add(watch);
    this.#changed();
    return () => {
      this.#watches.delete(watch);
      watch.watcher.dispose();
    };
  }

  /**
   * Calls `listener` after entries of the store changed, here or elsewhere, or expired.
   *
   * @param {() => void} listener
   * @returns {() => void} ends the calls
   * @throws {ClientError} if the client is closed
   */
  watchStore(listener) {
    if (this.#closed !== undefined) throw this.#closed;
    const call = () => listener();
    this.#storeListeners.add(call);
    return () => this.#storeListeners.delete(call);
  }

  /**
   * Resolves once both sides have the same events, and everything is stored here. Waits for a
   * connection, if there is none.
   *
   * @returns {Promise<void>}
   * @throws {ClientError} if the client stops
   */
  synced() {
    const stopped = () => (this.#connection.state === 'stopped' ? this.#connection.error : undefined);
    return this.#wait(() => this.#isInSync, stopped);
  }

  /**
   * Resolves once everything that was written before is stored here. Waits if there is no space.
   *
   * @returns {Promise<void>}
   * @throws {ClientError} if there is no storage, the client is closed, or another replica with the
   *   same storage called `reset` or `destroy`
   */
  saved() {
    const { keeper } = this.#replica;
    if (keeper === undefined) {
      return Promise.reject(new ClientError('storage', 'the client has no storage; pass one to connect'));
    }
    // Not `savedHere`, which can stay false as long as the application writes.
    const { changes } = keeper;
    const isStored = () => (this.#replica.keeper === keeper ? keeper.hasStored(changes) : this.status.savedHere);
    const ended = () => this.#closed ?? this.#replica.keeper?.fence;
    return this.#wait(isStored, ended);
  }

  /** Closes the connection, and stays offline until `resume`, also after `reset`. */
  pause() {
    this.#isPaused = true;
    if (this.#connection.state !== 'stopped') this.#connection.stop();
  }

  /**
   * Connects again after `pause`, or after the client stopped, for example because a token was
   * refused.
   *
   * @throws {ClientError} if that is useless
   */
  resume() {
    this.#isPaused = false;
    const { error } = this.status;
    if (error !== undefined && this.#connection.state === 'stopped' && FINAL.includes(error.reason)) throw error;
    // A reset connects at its end.
    if (this.#resetting === undefined) this.#connection.start();
  }

  /**
   * Returns the commits that the server is not known to have, as operations, each after those on
   * which it depends.
   *
   * @returns {Commit[]}
   */
  unsentCommits() {
    return this.#replica.unsentCommits();
  }

  /**
   * Starts again from the server's document: removes the stored data, and replaces `doc` and
   * `store` by empty ones with a new peer name. Watch the new document, and decide what to do with
   * the commits that are returned: they are not stored any more.
   *
   * If another replica with the same storage called `reset` before, the data of the new document
   * stays, and only commits are returned that the other replica did not return.
   *
   * A client that was paused stays offline. A call during another one waits for it.
   *
   * @returns {Promise<Commit[]>} what `unsentCommits` returned before
   * @throws {ClientError} if the storage fails, or the client is closed
   */
  async reset() {
    if (this.#closing !== undefined) throw this.#closed ?? new ClientError('closed', 'the client is being closed');
    const former = this.#resetting;
    const result = (async () => {
      await former;
      return this.#reset();
    })();
    const resetting = result.then(
      () => {},
      () => {},
    );
    this.#resetting = resetting;
    await resetting;
    if (this.#resetting === resetting) {
      this.#resetting = undefined;
      // Unless another replica with this storage destroyed it meanwhile.
      const isStopped = this.#connection.state === 'stopped' || this.#closing !== undefined;
      if (!isStopped && !this.#isPaused) this.#connection.start();
    }
    return result;
  }

  /**
   * Stores and sends all writes, removes the entries of this replica from the store, and ends. From
   * the call on, the document can only be read: writes fail.
   *
   * A client that is online waits until the server has acknowledged all writes. It stops waiting if
   * the connection ends, or after 2 seconds without progress. An offline client closes at once;
   * what it has stored is sent after the next start.
   *
   * @returns {Promise<void>}
   * @throws {ClientError} if the last writes could not be stored; the client is closed nevertheless
   */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * Ends, and deletes what is stored of the document on this device. What is on the server stays.
   *
   * @returns {Promise<void>}
   * @throws {import('./storage-error.js').StorageError} if the data could not be deleted; the client is
   *   closed nevertheless
   */
  async destroy() {
    if (this.#closing !== undefined) throw new ClientError('closed', 'the client is closed; connect again to destroy');
    this.#closing = this.#destroy();
    await this.#closing;
  }

  /** @returns {Promise<Commit[]>} */
  async #reset() {
    const { state, error } = this.#connection;
    this.#connection.stop();
    try {
      return await this.#replica.clear((kept) => {
        const former = this.#replica;
        this.#replica = this.#begin(kept);
        this.#watchAgain(former.doc);
        const error = new ClientError('reset', 'the document was replaced by reset; use the new doc of the client');
        // The storage belongs to the new document.
        former.keeper?.setFence(error);
        former.end(error);
        this.#changed();
      });
    } catch (cause) {
      if (state === 'stopped') this.#connection.stop(error);
      throw new ClientError('storage', `the document was not reset: ${messageOf(cause)}`, { cause });
    }
  }

  async #close() {
    const closed = new ClientError('closed', 'the client is closed');
    this.#leave(closed);
    if (this.#resetting !== undefined) {
      await this.#resetting;
      this.#leave(closed);
    }
    const replica = this.#replica;
    await replica.flush();
    if (this.#isSending) {
      await this.#sendRest();
      await replica.flush();
    }
    const { keeper } = replica;
    const error = keeper?.isSaved === false ? keeper.error : undefined;
    this.#end();
    await keeper?.stored.close();
    if (this.#engine.gone) return;
    if (error?.reason === 'storage') throw error;
  }

  /** Whether there are writes that the server can be expected to acknowledge soon. */
  get #isSending() {
    if (this.#engine.gone || this.#isReadOnly || this.#connection.state !== 'online') return false;
    return this.#replica.keeper?.error === undefined && this.#replica.unsent > 0;
  }

  /** Waits until the server has acknowledged all writes, as long as there is progress. */
  async #sendRest() {
    let former = '';
    let changedAt = performance.now();
    while (this.#isSending) {
      const now = `${this.#replica.unsent} ${this.#connection.bufferedBytes}`;
      if (now !== former) {
        former = now;
        changedAt = performance.now();
      } else if (performance.now() - changedAt >= CLOSE_MS) return;
      await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
    }
  }

  /**
   * Removes the entries of this replica, and refuses writes.
   *
   * @param {ClientError} error
   */
  #leave(error) {
    this.#replica.leave();
    this.#replica.refuseWrites(error);
  }

  async #destroy() {
    const error = new ClientError('destroyed', 'the document was destroyed here');
    this.#replica.refuseWrites(error);
    await this.#resetting;
    const replica = this.#replica;
    const { keeper } = replica;
    replica.refuseWrites(error);
    keeper?.setFence(error);
    try {
      await replica.run(() => keeper?.stored.destroy());
      replica.postDestroyed();
    } finally {
      this.#end();
    }
  }

  #end() {
    this.#closed = new ClientError('closed', 'the client is closed');
    globalThis.removeEventListener?.('pagehide', this.#hide);
    globalThis.removeEventListener?.('pageshow', this.#show);
    this.#connection.close(this.#closed);
    this.#download?.abort();
    this.#replica.end(this.#closed);
    this.#refresh();
    for (const { watcher } of this.#watches) watcher.dispose();
    this.#watches.clear();
  }

  /**
   * @param {Kept | undefined} kept
   * @returns {Replica}
   */
  #begin(kept) {
    const peer = kept?.stored.peer ?? `${this.#peerPrefix}${randomPeer()}`;
    return new Replica(this.#engine, this.#name, peer, kept, {
      onChange: () => this.#changed(),
      onStoreChange: () => {
        this.#isStoreStale = true;
        this.#changed();
      },
      onStop: (error) => this.#connection.stop(error),
      onFailed: (error) => this.#failed(error),
      server: () => this.#link,
    });
  }

  /** @param {Welcome} welcome */
  async #welcomed(welcome) {
    const replica = this.#replica;
    const known = replica.incarnation;
    this.#isReadOnly = !welcome.writes;
    this.#early = [];
    if (known !== undefined && known !== welcome.incarnation) {
      this.#connection.stop(
        new ClientError('replaced', `the server has another document ${JSON.stringify(this.#name)} now; call reset`),
      );
      return;
    }
    const early = this.#early;
    if (known === undefined) {
      try {
        await replica.setIncarnation(welcome.incarnation);
      } catch (cause) {
        const message = `the document could not be stored: ${messageOf(cause)}`;
        if (this.#early === early) this.#connection.restart(new ClientError('storage', message, { cause }));
        return;
      }
      // The connection was lost meanwhile.
      if (this.#early !== early || this.#connection.state !== 'online') return;
    }
    this.#link = replica.link(
      {
        send: (message) => this.#connection.send(message),
        hasRoom: () => this.#connection.hasRoom,
        onFailed: (error) => this.#failed(error),
        maxMessageBytes: welcome.maxMessageBytes,
      },
      false,
    );
    for (const message of early.splice(0)) this.#received(message);
  }

  /** @param {Uint8Array} message */
  #received(message) {
    if (this.#link === undefined) {
      this.#early.push(message);
      if (this.#early.length > MAX_EARLY) this.#failed(new Error(`${MAX_EARLY} messages came before the session`));
    } else this.#replica.receive(this.#link, message);
  }

  #lost() {
    this.#early = [];
    if (this.#link === undefined) return;
    this.#replica.lost();
    this.#replica.unlink(this.#link);
    this.#link = undefined;
  }

  /**
   * A session failed.
   *
   * @param {unknown} cause
   */
  #failed(cause) {
    if (cause instanceof GoneError) {
      this.#connection.stop(new ClientError('engine', messageOf(cause), { cause }));
    } else if (cause instanceof CompactedError) {
      this.#connection.restart(new ClientError('conflict', messageOf(cause), { cause }), 'rebase');
    } else {
      this.#connection.restart(new ClientError('session', messageOf(cause), { cause }));
    }
  }

  /** Loads the server's document, which was compacted past this one, and continues from there. */
  async #rebase() {
    this.#download = new AbortController();
    // The connection has shown this token.
    const saved = await download(this.#address.http, this.#connection.token, this.#download);
    await this.#replica.rebase(saved);
  }

  get #isInSync() {
    const { keeper } = this.#replica;
    if (this.#link === undefined || this.#link.isEnded || !this.#link.hasReceived || this.#engine.gone) return false;
    return (keeper?.isSaved ?? true) && this.#link.progress().inSync;
  }

  /**
   * @param {() => boolean} isDone
   * @param {() => ClientError | undefined} failure why waiting is useless, if it is
   * @returns {Promise<void>}
   */
  #wait(isDone, failure) {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ isDone, failure, resolve, reject });
      this.#refresh();
    });
  }

  /** Something that the status shows may have changed. */
  #changed() {
    if (this.#isStale) return;
    this.#isStale = true;
    queueMicrotask(() => {
      if (this.#isStale) this.#refresh();
    });
  }

  #refresh() {
    this.#isStale = false;
    if (this.#engine.gone && this.#closed === undefined && this.#connection.error?.reason !== 'engine') {
      this.#connection.stop(new ClientError('engine', 'the engine stopped; connect again with a new one'));
    }
    if (this.#isInSync) this.#connection.succeeded();
    const status = this.#compute();
    const former = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (this.#status));
    if (Object.entries(status).some(([key, value]) => former[key] !== value)) {
      this.#status = status;
      for (const listener of [...this.#listeners]) call(listener);
    }
    if (!this.#engine.gone) this.#report();
    this.#settle();
  }

  /** Reports changes of rows and entries. */
  #report() {
    for (const { watcher, listener } of [...this.#watches]) {
      const ops = [...watcher];
      if (ops.length > 0) call(() => listener(ops));
    }
    if (!this.#isStoreStale) return;
    this.#isStoreStale = false;
    for (const listener of [...this.#storeListeners]) call(listener);
  }

  /**
   * Lets the watches continue with a new document.
   *
   * @param {Doc} former
   */
  #watchAgain(former) {
    for (const watch of this.#watches) {
      const tables = watch.tables.length > 0 ? watch.tables : former.tables().map(({ name }) => name);
      /** @type {Op<CellValue>[]} */
      const ops = [...watch.watcher];
      for (const table of tables) {
        for (const { id } of former.rows(table, { columns: [] })) ops.push({ op: 'delete', table, row: id });
      }
      watch.watcher.dispose();
      watch.watcher = this.doc.watch(watch.tables, { fromStart: true });
      if (ops.length > 0) call(() => watch.listener(ops));
    }
    this.#isStoreStale = true;
  }

  #settle() {
    for (const waiting of [...this.#waiting]) {
      const failure = waiting.failure();
      if (waiting.isDone()) waiting.resolve();
      else if (failure !== undefined) waiting.reject(failure);
      else continue;
      this.#waiting.delete(waiting);
    }
  }

  /** @returns {Status} */
  #compute() {
    const { keeper, isForked, repaired } = this.#replica;
    const isLinked = this.#link?.isEnded === false && this.#link.hasReceived && !this.#engine.gone;
    // An engine that stopped does not know any more.
    const unsent = this.#engine.gone ? this.#status.unsent : this.#replica.unsent;
    const { state, error } = this.#connection;
    return Object.freeze({
      connection: state,
      unsent,
      awaited: isLinked ? (this.#link?.progress().awaited ?? 0) : 0,
      savedHere: keeper?.isSaved ?? false,
      savedThere: unsent === 0,
      readOnly: this.#isReadOnly,
      forked: isForked,
      repaired,
      error: state === 'stopped' ? error : (keeper?.error ?? error),
    });
  }

  #hide = () => {
    this.#hidden = this.#replica.leave();
  };

  /** The page came back from the cache of the browser. */
  #show = () => this.#replica.show(this.#hidden.splice(0));
}

/**
 * Calls a listener. Its errors are reported as uncaught ones, and do not disturb the client.
 *
 * @param {() => void} listener
 */
function call(listener) {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
