// Keeps the entries of a store alive while the client runs.

/** @import { Store } from '../store.js' */
/** @import { Entry } from '../types.js' */

/** Own entries are set again after this time, so that they do not expire elsewhere. */
const RENEW_MS = 10_000;
/** Expired entries are dropped this often. */
const EXPIRE_MS = 1_000;

export class Presence {
  #store;
  #onExpired;
  #renewedAt = Date.now();
  /** @type {ReturnType<typeof setInterval>} */
  #timer;

  /**
   * @param {Store} store
   * @param {(entries: Entry[]) => void} onExpired
   */
  constructor(store, onExpired) {
    this.#store = store;
    this.#onExpired = onExpired;
    this.#timer = setInterval(() => this.#tick(), EXPIRE_MS);
  }

  /**
   * Returns the live entries of this replica.
   *
   * @returns {Entry[]}
   */
  own() {
    const peer = this.#store.peer();
    return this.#store
      .namespaces()
      .flatMap((namespace) => this.#store.getAll(namespace).filter((entry) => entry.peer === peer));
  }

  /**
   * Sets these entries again.
   *
   * @param {Entry[]} entries
   */
  set(entries) {
    for (const { namespace, key, value } of entries) {
      if (value !== undefined) this.#store.set(namespace, key, value);
    }
  }

  stop() {
    clearInterval(this.#timer);
  }

  #tick() {
    const now = Date.now();
    if (now - this.#renewedAt >= RENEW_MS) {
      this.#renewedAt = now;
      this.set(this.own());
    }
    const expired = this.#store.expire();
    if (expired.length > 0) this.#onExpired(expired);
  }
}
