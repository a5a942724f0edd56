// The calls of conformance cases on stores and sessions, as tests/conformance/README.md defines them.

import assert from 'node:assert/strict';
import { damagedEntries, damagedMessages } from './hostile.js';
import { stateOf } from './lasting.js';
import * as n from './notation.js';
import { checkStore, storeStateOf } from './passing.js';

/** @import { Engine } from '../src/engine.js' */
/** @import { Entry, Store } from '../dist/wit/interfaces/converge-sync-ephemeral.js' */
/** @import { Progress, Received, Session, SessionOptions } from '../dist/wit/interfaces/converge-sync-session.js' */
/** @import { Call, Scene } from './runner.js' */
/** @import { Json, JsonObject } from './notation.js' */

const MAX_MESSAGES = 10_000;

/** The stores and sessions of a case by name, each with the replica that it belongs to. */
export class Live {
  /** @type {Map<string, { replica: string, store: Store }>} */
  #stores = new Map();
  /** @type {Map<string, { replica: string, store: string, session: Session }>} */
  #sessions = new Map();

  /** The number of sessions that the case opened. */
  opened = 0;

  /** @param {Json | undefined} name */
  store(name) {
    const found = this.#stores.get(n.string(name));
    if (found === undefined) throw new n.Mistake(`no store is called ${name}`);
    return found.store;
  }

  /** @param {Json | undefined} name */
  session(name) {
    const found = this.#sessions.get(n.string(name));
    if (found === undefined) throw new n.Mistake(`no session is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name
   * @param {string} replica
   * @param {Store} store
   */
  addStore(name, replica, store) {
    const of = n.string(name);
    this.dropStore(of);
    this.#stores.set(of, { replica, store });
  }

  /**
   * @param {Json | undefined} name
   * @param {{ replica: string, store: string, session: Session }} session
   */
  addSession(name, session) {
    const of = n.string(name);
    this.dropSession(of);
    this.#sessions.set(of, session);
  }

  /**
   * Drops the stores and sessions of a replica that is dropped.
   *
   * @param {string} replica
   */
  dropBeside(replica) {
    this.#dropWhere(this.#sessions, (session) => session.replica === replica);
    this.#dropWhere(this.#stores, (store) => store.replica === replica);
  }

  /** @param {string} name */
  dropStore(name) {
    this.#dropWhere(this.#sessions, (session) => session.store === name);
    this.#dropWhere(this.#stores, (_, known) => known === name);
  }

  /** @param {string} name */
  dropSession(name) {
    this.#dropWhere(this.#sessions, (_, known) => known === name);
  }

  /**
   * Checks every store with `checkStore` and returns the snapshots.
   *
   * @param {Engine} engine
   * @returns {[name: string, bytes: Json][]}
   */
  end(engine) {
    return [...this.#stores].map(([name, { store }]) => {
      try {
        return [`store ${name}`, n.fromManyBytes(checkStore(engine, store))];
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`at the end, store ${JSON.stringify(name)}: ${message}`, { cause });
      }
    });
  }

  [Symbol.dispose]() {
    this.#dropWhere(this.#sessions, () => true);
    this.#dropWhere(this.#stores, () => true);
  }

  /**
   * @template {{ store?: unknown, session?: unknown }} T
   * @param {Map<string, T>} things
   * @param {(thing: T, name: string) => boolean} isDropped
   */
  #dropWhere(things, isDropped) {
    for (const [name, thing] of things) {
      if (!isDropped(thing, name)) continue;
      things.delete(name);
      const { store, session = store } = thing;
      /** @type {Store | Session} */ (session)[Symbol.dispose]();
    }
  }
}

/**
 * Returns the state that a failed call on a store or a session must not change.
 *
 * @param {Scene} scene
 * @param {'store' | 'session'} kind
 * @param {Json | undefined} on
 */
export function liveStateOf(scene, kind, on) {
  if (kind === 'store') return storeStateOf(scene.live.store(on));
  const { replica, store } = scene.live.session(on);
  return { doc: stateOf(scene.replica(replica)), ...storeStateOf(scene.live.store(store)) };
}

/**
 * A call on a store whose argument is a list of `count` elements.
 *
 * @param {number} count
 * @param {(store: Store, args: Json[], scene: Scene) => Json} f
 * @returns {Call}
 */
function onStore(count, f) {
  return { on: 'store', run: ({ scene, argument, on }) => f(scene.live.store(on), n.tuple(argument, count), scene) };
}

/**
 * A call on a store with a single argument.
 *
 * @param {(store: Store, argument: Json | undefined) => Json} f
 * @returns {Call}
 */
function onStoreWith(f) {
  return { on: 'store', run: ({ scene, argument, on }) => f(scene.live.store(on), argument) };
}

/** @type {Record<string, Call>} */
export const LIVE_CALLS = {
  'store.create': {
    on: 'replica',
    as: true,
    run({ scene, argument, on, as }) {
      const [peer, options] = n.tuple(argument, 2);
      const { 'time-to-live': timeToLive = 30_000, 'max-skew': maxSkew = 60_000 } = n.members(
        options,
        [],
        ['time-to-live', 'max-skew'],
      );
      scene.replica(on);
      const given = { timeToLive: toTime(timeToLive), maxSkew: toTime(maxSkew) };
      scene.live.addStore(as ?? peer, n.string(on), scene.engine.raw.ephemeral.Store.create(n.string(peer), given));
      return null;
    },
  },
  'store.peer': onStore(0, (store) => store.peer()),
  'store.set': onStore(4, (store, [namespace, key, value, now]) =>
    fromEntry(store.set(n.string(namespace), n.string(key), n.toValue(value), toTime(now))),
  ),
  'store.remove': onStore(3, (store, [namespace, key, now]) =>
    fromOptional(store.remove(n.string(namespace), n.string(key), toTime(now))),
  ),
  'store.get': onStore(2, (store, [namespace, key]) => fromOptional(store.get(n.string(namespace), n.string(key)))),
  'store.get-all': onStoreWith((store, namespace) => fromEntries(store.getAll(n.string(namespace)))),
  'store.namespaces': onStore(0, (store) => store.namespaces()),
  'store.merge-entries': onStore(2, (store, [entries, now]) =>
    fromEntries(store.mergeEntries(n.list(entries).map(toEntry), toTime(now))),
  ),
  'store.snapshot': {
    on: 'store',
    as: true,
    run: ({ scene, argument, on, as }) => scene.keep(as, scene.live.store(on).snapshot(n.list(argument).map(n.string))),
  },
  'store.take-update': {
    on: 'store',
    as: true,
    run({ scene, argument, on, as }) {
      n.tuple(argument, 0);
      const update = scene.live.store(on).takeUpdate();
      return update === undefined ? null : scene.keep(as, update);
    },
  },
  'store.merge-update': onStore(2, (store, [update, now], scene) =>
    fromEntries(store.mergeUpdate(scene.bytes(update), toTime(now))),
  ),
  'store.refused': onStore(0, (store) => store.refused()),
  'store.expire': onStoreWith((store, now) => fromEntries(store.expire(toTime(now)))),
  'store.leave': onStoreWith((store, now) => fromEntries(store.leave(toTime(now)))),
  'store.drop': {
    on: 'store',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      scene.live.store(on);
      scene.live.dropStore(n.string(on));
      return null;
    },
  },
  'store.every-damage': {
    run({ scene, argument }) {
      const { to, kind, checksum = false } = n.members(argument, ['to', 'kind'], ['checksum']);
      return damagedEntries(scene.engine, scene.bytes(to), { kind: n.string(kind), checksum: n.boolean(checksum) });
    },
  },
  'session.open': {
    as: true,
    run({ scene, argument, as }) {
      const [replica, store, options] = n.tuple(argument, 3);
      const given = toSessionOptions(options, ++scene.live.opened);
      const session = scene.engine.raw.session.Session.open(scene.replica(replica), scene.live.store(store), given);
      scene.live.addSession(as, { replica: n.string(replica), store: n.string(store), session });
      return null;
    },
  },
  'session.poll': {
    on: 'session',
    as: true,
    run({ scene, argument, on, as }) {
      const message = scene.live.session(on).session.poll(toTime(argument));
      return message === undefined ? null : scene.keep(as, message);
    },
  },
  'session.receive': {
    on: 'session',
    run({ scene, argument, on }) {
      const [message, now] = n.tuple(argument, 2);
      return fromReceived(receive(scene.engine, scene.live.session(on).session, scene.bytes(message), toTime(now)));
    },
  },
  'session.update-of': {
    on: 'session',
    as: true,
    run({ scene, argument, on, as }) {
      const update = scene.live.session(on).session.updateOf(scene.bytes(argument));
      return update === undefined ? null : scene.keep(as, update);
    },
  },
  'session.progress': {
    on: 'session',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      return fromProgress(scene.live.session(on).session.progress());
    },
  },
  'session.drop': {
    on: 'session',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      scene.live.session(on);
      scene.live.dropSession(n.string(on));
      return null;
    },
  },
  'session.every-damage': {
    run({ scene, argument }) {
      const { to, kind, checksum = false } = n.members(argument, ['to', 'kind'], ['checksum']);
      const messages = n.list(to).map((message) => scene.bytes(message));
      return damagedMessages(scene.engine, messages, { kind: n.string(kind), checksum: n.boolean(checksum) });
    },
  },
  'session.carry': {
    run({ scene, argument }) {
      const [names, now] = n.tuple(argument, 2);
      const [one, other] = n.tuple(names, 2).map((name) => scene.live.session(name).session);
      return carry(scene.engine, /** @type {Session} */ (one), /** @type {Session} */ (other), toTime(now));
    },
  },
};

/**
 * Passes a message to a session, and checks that `update-of` returned what `receive` merges.
 *
 * @param {Engine} engine
 * @param {Session} session
 * @param {Uint8Array} message
 * @param {number} now
 */
function receive(engine, session, message, now) {
  /** @type {Uint8Array | undefined} */
  let update;
  /** @type {unknown} */
  let refused;
  try {
    update = session.updateOf(message);
  } catch (error) {
    refused = error;
  }
  const received = session.receive(message, now);
  assert.equal(refused, undefined, 'session.update-of rejects a message that session.receive accepts');
  if (update !== undefined) {
    const reader = engine.openUpdate(update);
    reader.next();
    reader.dispose();
  }
  assert.equal(
    update === undefined,
    received.durable === undefined,
    'session.update-of returns an update if session.receive merges one',
  );
  return received;
}

/**
 * @param {Engine} engine
 * @param {Session} one
 * @param {Session} other
 * @param {number} now
 */
function carry(engine, one, other, now) {
  const messages = [0, 0];
  const sums = { applied: 0, duplicate: 0, entries: 0, refused: 0 };
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const [at, from, to] of /** @type {const} */ ([
      [0, one, other],
      [1, other, one],
    ])) {
      for (let message = from.poll(now); message !== undefined; message = from.poll(now)) {
        const { durable, ephemeral, refused } = receive(engine, to, message, now);
        sums.applied += durable?.applied ?? 0;
        sums.duplicate += durable?.duplicate ?? 0;
        sums.entries += ephemeral.length;
        sums.refused += refused;
        messages[at] = (messages[at] ?? 0) + 1;
        assert.ok((messages[at] ?? 0) <= MAX_MESSAGES, `not quiet after ${MAX_MESSAGES} messages`);
        isQuiet = false;
      }
    }
  }
  return n.full({ messages, ...sums });
}

const SESSION_OPTIONS = ['document', 'max-message-bytes', 'namespaces', 'read-only', 'nonce', 'accept', 'writers'];
const ACCEPTED = ['events', 'entries', 'documents'];

/**
 * @param {Json | undefined} json
 * @param {number} place of the session among those of the case
 * @returns {SessionOptions}
 */
function toSessionOptions(json, place) {
  const {
    document = 'doc',
    'max-message-bytes': maxMessageBytes = 65_536,
    namespaces = [],
    'read-only': readOnly = false,
    nonce = place,
    accept = ACCEPTED,
    writers = [],
  } = n.members(json, [], SESSION_OPTIONS);
  const accepted = n.list(accept).map(n.string);
  const unknown = accepted.find((name) => !ACCEPTED.includes(name));
  if (unknown !== undefined) throw new n.Mistake(`accept has no member ${unknown}`);
  return {
    document: n.string(document),
    nonce: BigInt(n.number(nonce)),
    maxMessageBytes: n.number(maxMessageBytes),
    namespaces: n.list(namespaces).map(n.string),
    readOnly: n.boolean(readOnly),
    accept: Object.fromEntries(ACCEPTED.map((name) => [name, accepted.includes(name)])),
    writers: n.list(writers).map(n.string),
  };
}

/** @param {Json | undefined} json */
function toTime(json) {
  if (!n.isObject(json)) return n.number(json);
  const value = n.toValue(json);
  if (value.tag !== 'real') throw new n.Mistake('a time is a number or a real');
  return value.val;
}

/**
 * @param {Json} json
 * @returns {Entry}
 */
function toEntry(json) {
  const [namespace, key, value, timestamp, peer] = n.tuple(json, 5);
  return {
    namespace: n.string(namespace),
    key: n.string(key),
    value: value === null ? undefined : n.toValue(value),
    timestamp: toTime(timestamp),
    peer: n.string(peer),
  };
}

/**
 * @param {Entry} entry
 * @returns {Json}
 */
function fromEntry({ namespace, key, value, timestamp, peer }) {
  const held = value === undefined ? null : n.fromValue(value);
  return [namespace, key, held, n.fromValue({ tag: 'real', val: timestamp }), peer];
}

/** @param {Entry[]} entries */
function fromEntries(entries) {
  return entries.map(fromEntry);
}

/** @param {Entry | undefined} entry */
function fromOptional(entry) {
  return entry === undefined ? null : fromEntry(entry);
}

/**
 * @param {Received} received
 * @returns {JsonObject}
 */
function fromReceived({ durable, ephemeral, refused }) {
  const others = n.full({ ephemeral: fromEntries(ephemeral), refused });
  return durable === undefined ? others : { durable: n.fromReport(durable), ...others };
}

/** @param {Progress} progress */
function fromProgress({ knownThere, unsent, awaited, inSync }) {
  return n.full({ 'known-there': n.fromVersion(knownThere), unsent, awaited, 'in-sync': inSync });
}
