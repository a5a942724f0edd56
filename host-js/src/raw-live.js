// The ephemeral part of the contract and sessions, with the exact types of the contract; see raw.js.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import * as contract from './contract.js';
import { Handle, dispose } from './instance.js';
import { RawDoc, docHandle } from './raw.js';
import { checkStack } from './stack.js';

/** @import * as presence from '../dist/wit/interfaces/converge-sync-ephemeral.js' */
/** @import * as talk from '../dist/wit/interfaces/converge-sync-session.js' */

/** @type {(store: RawStore) => Handle<presence.Store>} */
let storeHandle;

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
    refuseCopies(this, 'store');
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
    contract.taggedValue(value);
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
    contract.entries(entries);
    check.milliseconds(now, 'now');
    return this.#handle.call((store) => store.mergeEntries(entries, now));
  }

  /** @param {string[]} namespaces */
  snapshot(namespaces) {
    contract.namespaces(namespaces);
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

  refused() {
    return this.#handle.call((store) => store.refused());
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
    refuseCopies(this, 'session');
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
    contract.sessionOptions(options);
    const [{ instance, resource: ofDoc }, { instance: other, resource: ofStore }] = [
      docHandle(doc),
      storeHandle(store),
    ];
    if (instance !== other) {
      check.refuse('the document and the store belong to different engines; create both with the same one');
    }
    const session = instance.call(() => instance.session.Session.open(ofDoc, ofStore, options));
    return new RawSession(new Handle(instance, session, 'session'));
  }

  /** @param {number} now */
  poll(now) {
    check.milliseconds(now, 'now');
    checkStack();
    return this.#handle.call((session) => session.poll(now));
  }

  /**
   * @param {Uint8Array} message
   * @param {number} now
   */
  receive(message, now) {
    check.bytes(message, 'message');
    check.milliseconds(now, 'now');
    checkStack();
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
