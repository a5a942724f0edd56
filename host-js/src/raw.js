// The contract as it is: values with tags, cells in lists, every argument given. The names and types are those that the
// glue has from `wit/`; what is added is that arguments are checked first and that errors are classes.

import * as check from './check.js';
import { Handle, dispose } from './instance.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import * as presence from '../dist/wit/interfaces/converge-sync-ephemeral.js' */
/** @import * as writing from '../dist/wit/interfaces/converge-sync-transactions.js' */
/** @import * as talk from '../dist/wit/interfaces/converge-sync-session.js' */

/** @type {(doc: RawDoc) => Handle<wit.Doc>} */
let docHandle;
/** @type {(store: RawStore) => Handle<presence.Store>} */
let storeHandle;

/** @implements {Pick<wit.Doc, keyof wit.Doc>} */
export class RawDoc {
  /** @type {Handle<wit.Doc>} */
  #handle;

  static {
    docHandle = (doc) => doc.#handle;
  }

  /** @param {Handle<wit.Doc>} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  peer() {
    return this.#handle.call((doc) => doc.peer());
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    check.cells(cells);
    return this.#handle.call((doc) => doc.insert(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    check.cells(cells);
    return this.#handle.call((doc) => doc.update(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  delete(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    return this.#handle.call((doc) => doc.delete(table, row));
  }

  /** @param {wit.Commit} ops */
  commit(ops) {
    check.commit(ops);
    return this.#handle.call((doc) => doc.commit(ops));
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  get(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    return this.#handle.call((doc) => doc.get(table, row));
  }

  /**
   * @param {string} table
   * @param {wit.ScanOptions} options
   */
  scan(table, options) {
    check.string(table, 'table');
    check.scanOptions(options);
    return this.#handle.call((doc) => doc.scan(table, options));
  }

  tables() {
    return this.#handle.call((doc) => doc.tables());
  }

  /**
   * @param {string[]} tables
   * @param {boolean} fromStart
   */
  watch(tables, fromStart) {
    check.tables(tables);
    check.boolean(fromStart, 'fromStart');
    const watcher = this.#handle.call((doc) => doc.watch(tables, fromStart));
    return new RawWatcher(new Handle(this.#handle.instance, watcher, 'watcher'));
  }

  digest() {
    return this.#handle.call((doc) => doc.digest());
  }

  version() {
    return this.#handle.call((doc) => doc.version());
  }

  heads() {
    return this.#handle.call((doc) => doc.heads());
  }

  /**
   * @param {wit.PeerVersion[]} known
   * @param {number} most
   */
  eventsSince(known, most) {
    check.version(known, 'known');
    check.u32(most, 'most');
    return this.#handle.call((doc) => doc.eventsSince(known, most));
  }

  /** @param {wit.EventRun[]} events */
  mergeEvents(events) {
    check.runs(events);
    return this.#handle.call((doc) => doc.mergeEvents(events));
  }

  /** @param {wit.PeerVersion[]} known */
  updateSince(known) {
    check.version(known, 'known');
    return this.#handle.call((doc) => doc.updateSince(known));
  }

  /** @param {Uint8Array} update */
  mergeUpdate(update) {
    check.saved(update, 'update');
    return this.#handle.call((doc) => doc.mergeUpdate(update));
  }

  save() {
    return this.#handle.call((doc) => doc.save());
  }

  /** @param {wit.PeerVersion[]} horizon */
  compact(horizon) {
    check.version(horizon, 'horizon');
    return this.#handle.call((doc) => doc.compact(horizon));
  }

  /** @param {Uint8Array} saved */
  rebase(saved) {
    check.saved(saved, 'saved');
    return this.#handle.call((doc) => doc.rebase(saved));
  }

  /**
   * @param {wit.EventId[]} here
   * @param {wit.EventId[]} there
   */
  diff(here, there) {
    check.heads(here, 'here');
    check.heads(there, 'there');
    return this.#handle.call((doc) => doc.diff(here, there));
  }

  /**
   * @param {wit.EventId[]} heads
   * @param {string} peer
   */
  forkAt(heads, peer) {
    return new RawDoc(forkAt(this.#handle, heads, peer));
  }

  begin() {
    return begin(this.#handle);
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/** @param {Handle<wit.Doc>} handle */
export function begin(handle) {
  const transaction = handle.call((doc) => handle.instance.committing.begin(doc));
  return new RawTransaction(new Handle(handle.instance, transaction, 'transaction'));
}

/**
 * @param {Handle<wit.Doc>} handle
 * @param {wit.EventId[]} heads
 * @param {string} peer
 */
export function forkAt(handle, heads, peer) {
  check.heads(heads, 'heads');
  check.string(peer, 'peer');
  const fork = handle.call((doc) => doc.forkAt(heads, peer));
  return new Handle(handle.instance, fork, 'document');
}

/** @implements {Pick<writing.Transaction, keyof writing.Transaction>} */
export class RawTransaction {
  /** @type {Handle<writing.Transaction>} */
  #handle;

  /** @param {Handle<writing.Transaction>} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  get(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    return this.#handle.call((transaction) => transaction.get(table, row));
  }

  /**
   * @param {string} table
   * @param {wit.ScanOptions} options
   */
  scan(table, options) {
    check.string(table, 'table');
    check.scanOptions(options);
    return this.#handle.call((transaction) => transaction.scan(table, options));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    check.cells(cells);
    this.#handle.call((transaction) => transaction.insert(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    check.cells(cells);
    this.#handle.call((transaction) => transaction.update(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  delete(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    this.#handle.call((transaction) => transaction.delete(table, row));
  }

  /** Ends the transaction, whatever comes of it. */
  commit() {
    const { instance } = this.#handle;
    const transaction = this.#handle.give();
    return instance.call(() => instance.committing.commit(transaction));
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/** @implements {Pick<wit.Watcher, keyof wit.Watcher>} */
export class RawWatcher {
  /** @type {Handle<wit.Watcher>} */
  #handle;

  /** @param {Handle<wit.Watcher>} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  /** @param {number} most */
  take(most) {
    check.u32(most, 'most');
    return this.#handle.call((watcher) => watcher.take(most));
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/** @implements {Pick<presence.Store, keyof presence.Store>} */
export class RawStore {
  /** @type {Handle<presence.Store>} */
  #handle;

  static {
    storeHandle = (store) => store.#handle;
  }

  /** @param {Handle<presence.Store>} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  peer() {
    return this.#handle.call((store) => store.peer());
  }

  /**
   * @param {string} namespace
   * @param {string} key
   * @param {presence.Value} value
   * @param {number} now
   */
  set(namespace, key, value, now) {
    check.string(namespace, 'namespace');
    check.string(key, 'key');
    check.contractValue(value);
    check.milliseconds(now, 'now');
    return this.#handle.call((store) => store.set(namespace, key, value, now));
  }

  /**
   * @param {string} namespace
   * @param {string} key
   * @param {number} now
   */
  remove(namespace, key, now) {
    check.string(namespace, 'namespace');
    check.string(key, 'key');
    check.milliseconds(now, 'now');
    return this.#handle.call((store) => store.remove(namespace, key, now));
  }

  /**
   * @param {string} namespace
   * @param {string} key
   */
  get(namespace, key) {
    check.string(namespace, 'namespace');
    check.string(key, 'key');
    return this.#handle.call((store) => store.get(namespace, key));
  }

  /** @param {string} namespace */
  getAll(namespace) {
    check.string(namespace, 'namespace');
    return this.#handle.call((store) => store.getAll(namespace));
  }

  namespaces() {
    return this.#handle.call((store) => store.namespaces());
  }

  /**
   * @param {presence.Entry[]} entries
   * @param {number} now
   */
  mergeEntries(entries, now) {
    check.entries(entries);
    check.milliseconds(now, 'now');
    return this.#handle.call((store) => store.mergeEntries(entries, now));
  }

  /** @param {string[]} namespaces */
  snapshot(namespaces) {
    check.namespaces(namespaces);
    return this.#handle.call((store) => store.snapshot(namespaces));
  }

  takeUpdate() {
    return this.#handle.call((store) => store.takeUpdate());
  }

  /**
   * @param {Uint8Array} update
   * @param {number} now
   */
  mergeUpdate(update, now) {
    check.saved(update, 'update');
    check.milliseconds(now, 'now');
    return this.#handle.call((store) => store.mergeUpdate(update, now));
  }

  /** @param {number} now */
  expire(now) {
    check.milliseconds(now, 'now');
    return this.#handle.call((store) => store.expire(now));
  }

  /** @param {number} now */
  leave(now) {
    check.milliseconds(now, 'now');
    return this.#handle.call((store) => store.leave(now));
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/** @implements {Pick<talk.Session, keyof talk.Session>} */
export class RawSession {
  /** @type {Handle<talk.Session>} */
  #handle;

  /** @param {Handle<talk.Session>} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  /**
   * @param {RawDoc} doc
   * @param {RawStore} store of the same engine
   * @param {talk.SessionOptions} options
   */
  static open(doc, store, options) {
    if (!(doc instanceof RawDoc)) {
      check.refuse(`doc must be a document of this package, not ${check.show(doc)}`);
    }
    if (!(store instanceof RawStore)) {
      check.refuse(`store must be a store of this package, not ${check.show(store)}`);
    }
    check.sessionOptions(options);
    const [{ instance, resource: ofDoc }, { instance: other, resource: ofStore }] = [
      docHandle(doc),
      storeHandle(store),
    ];
    if (instance !== other) {
      check.refuse('the document and the store are of different engines; make both with one');
    }
    const session = instance.call(() => instance.session.Session.open(ofDoc, ofStore, options));
    return new RawSession(new Handle(instance, session, 'session'));
  }

  /** @param {number} now */
  poll(now) {
    check.milliseconds(now, 'now');
    return this.#handle.call((session) => session.poll(now));
  }

  /**
   * @param {Uint8Array} message
   * @param {number} now
   */
  receive(message, now) {
    check.bytes(message, 'message');
    check.milliseconds(now, 'now');
    return this.#handle.call((session) => session.receive(message, now));
  }

  /** @param {Uint8Array} message */
  updateOf(message) {
    check.bytes(message, 'message');
    return this.#handle.call((session) => session.updateOf(message));
  }

  progress() {
    return this.#handle.call((session) => session.progress());
  }

  [dispose]() {
    this.#handle.dispose();
  }
}
