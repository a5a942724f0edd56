// Replicas with the same storage, such as tabs of a browser: each pair runs a session over a BroadcastChannel, also without
// a network.
//
// A newcomer posts `hello`, and the others answer `here`. After either, both sides have a link. A message from a stranger
// is answered with `hello`, so a replica that was taken for dead is linked again.
//
// A replica that leaves posts `bye`. A tab that is closed or killed posts nothing, so each replica holds a Web Lock of its
// own, and the others wait for it: they learn at once that it ended. Without Web Locks they learn it by its silence.

import { randomPeer } from '../peer.js';
import { hold, lockManager, whenFree } from './locks.js';

/** @import { Link } from './pump.js' */

/** A replica that lives posts this often. */
const PING_MS = 10_000;
/**
 * A replica without a lock that posted nothing for this time is taken for dead. This is the delay
 * after which the others merge what it stored and did not send. Browsers run timers of hidden tabs
 * once a minute.
 */
const DEAD_MS = 150_000;
/** How long the posts of a replica can be on the way after its lock is free. */
const LAST_MS = 500;

/**
 * @typedef {{ type: 'hello', to?: string } | { type: 'here', to: string } | { type: 'message', to: string,
 *   bytes: Uint8Array<ArrayBuffer> } | { type: 'ping' } | { type: 'bye', summary: Uint8Array | undefined } | { type: 'reset', summary: Uint8Array }
 *   | { type: 'destroyed' }} Body
 */

/**
 * `holds` is whether the sender holds its lock.
 *
 * @typedef {Body & { from: string, peer: string, incarnation: string | undefined, holds: boolean }} Post
 */

/**
 * Another replica, with the session and the wait for its lock.
 *
 * @typedef {{ link: Link, peer: string, hasLock: boolean, heardAt: number, waiting: AbortController,
 *   timer?: ReturnType<typeof setTimeout> }} Other
 */

/**
 * What replicas call.
 *
 * @typedef {object} TabsHandlers
 * @property {(send: (bytes: Uint8Array<ArrayBuffer>) => void) => Link} onJoined opens a session
 * @property {(link: Link, message: Uint8Array) => void} onMessage
 * @property {() => string | undefined} incarnation of the server's document that this replica was
 *   synchronized with
 * @property {(incarnation: string) => void} onIncarnation another replica was synchronized with this
 *   incarnation
 * @property {(link: Link) => void} onUnlinked closes a session
 * @property {(summary: Uint8Array | undefined) => void} onLeft another replica has ended, with a
 *   document of this summary, if it is known. It can have stored what it did not send
 * @property {(summary: Uint8Array) => void} onReset another replica reset the storage
 * @property {() => void} onDestroyed another replica destroyed the storage
 */

export class Tabs {
  /** Not a UUID, which pages without a secure context cannot draw. */
  #id = randomPeer();
  #peer;
  #handlers;
  #channel;
  #locks = lockManager();
  /** @type {(() => Promise<void>) | undefined} */
  #release;
  #isClosed = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {Map<string, Other>} */
  #others = new Map();
  /** Replicas whose session failed. The next ping links them again. */
  #failed = new Set();

  /**
   * @param {string} channel
   * @param {string} peer
   * @param {TabsHandlers} handlers
   */
  constructor(channel, peer, handlers) {
    this.#peer = peer;
    this.#handlers = handlers;
    this.#channel = new BroadcastChannel(channel);
    if (this.#locks === undefined) this.#join();
    else this.#joinLocked(this.#locks);
  }

  /**
   * Joins once this replica holds its lock.
   *
   * @param {LockManager} locks
   */
  async #joinLocked(locks) {
    try {
      this.#release = await hold(locks, lockOf(this.#id));
    } catch {
      // The page may not use locks. The others learn of its end by its silence.
    }
    if (this.#isClosed) await this.#release?.();
    else this.#join();
  }

  #join() {
    this.#channel.onmessage = ({ data }) => this.#received(data);
    this.#post({ type: 'hello' });
    this.#timer = setInterval(() => this.#tick(), PING_MS);
  }

  /**
   * Returns whether a replica that writes as this peer is there.
   *
   * @param {string} peer
   */
  has(peer) {
    return [...this.#others.values()].some((other) => other.peer === peer);
  }

  /** @param {Uint8Array} summary of the document that was reset */
  postReset(summary) {
    this.#post({ type: 'reset', summary });
  }

  postDestroyed() {
    this.#post({ type: 'destroyed' });
  }

  /**
   * Leaves. The sessions end.
   *
   * @param {Uint8Array | undefined} summary of the document
   */
  close(summary) {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#post({ type: 'bye', summary });
    for (const id of [...this.#others.keys()]) this.#remove(id);
    this.#channel.close();
    this.#release?.();
  }

  /** @param {Body} body */
  #post(body) {
    const incarnation = this.#handlers.incarnation();
    const holds = this.#release !== undefined;
    this.#channel.postMessage({ ...body, from: this.#id, peer: this.#peer, incarnation, holds });
  }

  /** @param {Post} post */
  #received(post) {
    const { from } = post;
    if ('to' in post && post.to !== undefined && post.to !== this.#id) return;
    if (!this.#isSameDocument(post)) {
      this.#remove(from);
      return;
    }
    const other = this.#others.get(from);
    if (other !== undefined) other.heardAt = performance.now();
    switch (post.type) {
      case 'hello':
        // The session of a former link, if any, is one that the other side no longer has.
        this.#remove(from);
        this.#post({ type: 'here', to: from });
        this.#add(post);
        break;
      case 'here':
        if (other === undefined) this.#add(post);
        break;
      case 'message':
        if (other !== undefined) this.#pass(from, other.link, post.bytes);
        else if (!this.#failed.has(from)) this.#post({ type: 'hello', to: from });
        break;
      case 'ping':
        this.#failed.delete(from);
        if (other === undefined) this.#post({ type: 'hello', to: from });
        break;
      case 'bye':
        this.#remove(from);
        this.#handlers.onLeft(post.summary);
        break;
      case 'reset':
        this.#handlers.onReset(post.summary);
        break;
      case 'destroyed':
        this.#handlers.onDestroyed();
        break;
    }
  }

  /**
   * Returns whether two replicas can be merged: unless each was synchronized with another document
   * of the server.
   *
   * @param {Post} post
   */
  #isSameDocument({ type, incarnation }) {
    const own = this.#handlers.incarnation();
    if (incarnation === undefined || own === incarnation || type === 'reset' || type === 'destroyed') return true;
    if (own !== undefined) return false;
    this.#handlers.onIncarnation(incarnation);
    return true;
  }

  /**
   * @param {string} id
   * @param {Link} link
   * @param {Uint8Array} bytes
   */
  #pass(id, link, bytes) {
    this.#handlers.onMessage(link, bytes);
    if (!link.isEnded) return;
    this.#failed.add(id);
    this.#remove(id);
  }

  /** @param {Post} post of the replica */
  #add({ from, peer, holds }) {
    const link = this.#handlers.onJoined((bytes) => this.#post({ type: 'message', to: from, bytes }));
    const waiting = new AbortController();
    const locks = holds ? this.#locks : undefined;
    /** @type {Other} */
    const other = { link, peer, hasLock: locks !== undefined, heardAt: performance.now(), waiting };
    this.#others.set(from, other);
    if (locks === undefined) return;
    whenFree(locks, lockOf(from), waiting.signal, () => {
      other.timer = setTimeout(() => this.#died(from), LAST_MS);
    });
  }

  /** @param {string} id */
  #remove(id) {
    const other = this.#others.get(id);
    if (other === undefined) return;
    this.#others.delete(id);
    other.waiting.abort();
    clearTimeout(other.timer);
    this.#handlers.onUnlinked(other.link);
  }

  /** @param {string} id */
  #died(id) {
    this.#remove(id);
    this.#handlers.onLeft(undefined);
  }

  #tick() {
    this.#post({ type: 'ping' });
    const now = performance.now();
    for (const [id, { hasLock, heardAt }] of [...this.#others]) {
      if (!hasLock && now - heardAt > DEAD_MS) this.#died(id);
    }
  }
}

/** @param {string} id of a replica */
function lockOf(id) {
  return `converge:replica:${id}`;
}
