// Keeps the entries of a store alive while the client runs.

/** @import { Store } from '../store.js' */
/** @import { Entry } from '../types.js' */

/** Own entries are set again after this time, so that they do not expire elsewhere. */
const RENEW_MS = 10_000;
/** Expired entries are dropped this often. */
const EXPIRE_MS = 1_000;
/** How long after a connection began entries count as removed because the former one was lost. */
const RETURN_MS = 10_000;

export class Presence {
  #store;
  #onExpired;
  #onFailed;
  #renewedAt = performance.now();
  /** @type {{ entries: Entry[], until: number } | undefined} */
  #returning;
  /** @type {ReturnType<typeof setInterval>} */
  #timer;

  /**
   * @param {Store} store
   * @param {() => void} onExpired is called after entries expired
   * @param {(error: unknown) => void} onFailed is called if the engine fails
   */
  constructor(store, onExpired, onFailed) {
    this.#store = store;
    this.#onExpired = onExpired;
    this.#onFailed = onFailed;
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

  /**
   * A connection began. A server removes the entries of a client whose connection was lost, so
   * these removals can follow.
   */
  connected() {
    this.#returning = { entries: this.own(), until: performance.now() + RETURN_MS };
  }

  /**
   * Sets own entries again that the server removed because the former connection was lost.
   *
   * @param {Entry[]} changed the entries that arrived
   */
  received(changed) {
    if (this.#returning === undefined) return;
    const { entries, until } = this.#returning;
    if (performance.now() > until) {
      this.#returning = undefined;
      return;
    }
    const isRemoved = (/** @type {Entry} */ own) =>
      changed.some(({ namespace, key, value }) => {
        return namespace === own.namespace && key === own.key && value === undefined;
      });
    this.set(entries.filter(isRemoved));
  }

  stop() {
    clearInterval(this.#timer);
  }

  #tick() {
    try {
      this.#renew();
    } catch (error) {
      this.#onFailed(error);
    }
  }

  #renew() {
    const now = performance.now();
    if (now - this.#renewedAt >= RENEW_MS) {
      this.#renewedAt = now;
      this.set(this.own());
    }
    const expired = this.#store.expire();
    if (expired.length > 0) this.#onExpired();
  }
}
