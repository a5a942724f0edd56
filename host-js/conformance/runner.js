// Runs a conformance case with the raw types. tests/conformance/README.md defines every step.

import assert from 'node:assert/strict';
import { ConvergeError } from '../src/index.js';
import { changed } from './damage.js';
import { exchange, picked, same, singles, sync } from './exchange.js';
import { damagedDocuments, mustHaveEnded } from './hostile.js';
import { stateOf } from './lasting.js';
import { LIVE_CALLS, Live, liveStateOf } from './live.js';
import * as n from './notation.js';
import { READER_CALLS } from './readers.js';
import { TRANSACTION_CALLS } from './transactions.js';
import { VIEW_CALLS } from './views.js';

/** @import { Engine } from '../src/engine.js' */
/** @import { Doc, EventRun, Transaction, UpdateReader, Watcher } from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { View } from '../dist/wit/interfaces/converge-sync-texts.js' */
/** @import { Json } from './notation.js' */

const MAX_EVENTS_IN_ALL_ORDERS = 7;

/** The objects that steps refer to by name. */
export class Scene {
  /** @type {Map<string, Doc | Watcher>} */
  #named = new Map();
  /** @type {Map<string, Uint8Array>} */
  #bytes = new Map();
  /** @type {Map<string, { replica: string, transaction: Transaction }>} */
  #transactions = new Map();
  /** @type {Map<string, { replica: string, view: View }>} */
  #views = new Map();
  /** @type {Map<string, UpdateReader>} */
  #readers = new Map();
  live = new Live();

  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * @param {Json | undefined} name
   * @returns {Doc}
   */
  replica(name) {
    const found = this.#named.get(n.string(name));
    if (!isDoc(found)) throw new n.Mistake(`no replica is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name
   * @returns {Watcher}
   */
  watcher(name) {
    const found = this.#named.get(n.string(name));
    if (found === undefined || isDoc(found)) throw new n.Mistake(`no watcher is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name
   * @param {Doc | Watcher} thing
   */
  set(name, thing) {
    this.drop(n.string(name));
    this.#named.set(n.string(name), thing);
  }

  /** @param {Json | undefined} name */
  transaction(name) {
    const found = this.#transactions.get(n.string(name));
    if (found === undefined) throw new n.Mistake(`no transaction is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name
   * @param {Json | undefined} replica
   */
  begin(name, replica) {
    const of = n.string(name);
    this.endTransactions((_, known) => known === of);
    this.#transactions.set(of, { replica: n.string(replica), transaction: this.replica(replica).begin() });
  }

  /** @param {(replica: string, name: string) => boolean} isEnded */
  endTransactions(isEnded) {
    for (const [name, { replica, transaction }] of this.#transactions) {
      if (!isEnded(replica, name)) continue;
      transaction[Symbol.dispose]();
      this.#transactions.delete(name);
    }
  }

  /** @param {Json | undefined} name */
  view(name) {
    const found = this.#views.get(n.string(name));
    if (found === undefined) throw new n.Mistake(`no view is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name not needed if the call fails
   * @param {Json | undefined} replica
   * @param {(doc: Doc) => View} open
   */
  openView(name, replica, open) {
    this.dropViews((_, known) => known === name);
    const view = open(this.replica(replica));
    this.#views.set(n.string(name), { replica: n.string(replica), view });
  }

  /** @param {(replica: string, name: string) => boolean} isDropped */
  dropViews(isDropped) {
    for (const [name, { replica, view }] of this.#views) {
      if (!isDropped(replica, name)) continue;
      view[Symbol.dispose]();
      this.#views.delete(name);
    }
  }

  /** @param {Json | undefined} name */
  reader(name) {
    const found = this.#readers.get(n.string(name));
    if (found === undefined) throw new n.Mistake(`no update reader is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name
   * @param {UpdateReader} reader
   */
  addReader(name, reader) {
    const of = n.string(name);
    this.#readers.get(of)?.[Symbol.dispose]();
    this.#readers.set(of, reader);
  }

  /** @param {string} name */
  dropReader(name) {
    this.reader(name)[Symbol.dispose]();
    this.#readers.delete(name);
  }

  /** @returns {[name: string, replica: Doc][]} */
  replicas() {
    return [...this.#named].flatMap(([name, thing]) => (isDoc(thing) ? [[name, thing]] : []));
  }

  /**
   * Returns bytes that a step contains as hex digits or refers to by name.
   *
   * @param {Json | undefined} json
   * @returns {Uint8Array}
   */
  bytes(json) {
    if (!n.isObject(json)) return n.toBytes(json);
    const name = n.string(n.members(json, ['bytes']).bytes);
    const found = this.#bytes.get(name);
    if (found === undefined) throw new n.Mistake(`no bytes are called ${name}`);
    return found;
  }

  /**
   * Returns a summary that a step contains as bytes, as a version or as the name of a replica.
   *
   * @param {Json | undefined} json
   * @returns {Uint8Array}
   */
  summary(json) {
    if (!n.isObject(json) || 'bytes' in json) return this.bytes(json);
    const [name, argument] = n.variant(json);
    switch (name) {
      case 'summary-of':
        return this.engine.summaryOf(n.toVersion(argument));
      case 'summary':
        return this.replica(argument).summary();
      default:
        throw new n.Mistake(`no summary is called ${name}`);
    }
  }

  /**
   * Stores bytes by name, if the step has a name for them.
   *
   * @param {Json | undefined} name
   * @param {Uint8Array} bytes
   */
  keep(name, bytes) {
    if (name !== undefined) this.#bytes.set(n.string(name), bytes);
    return n.fromManyBytes(bytes);
  }

  /** @param {string} name */
  drop(name) {
    if (isDoc(this.#named.get(name))) {
      this.live.dropBeside(name);
      this.endTransactions((replica) => replica === name);
      this.dropViews((replica) => replica === name);
    }
    this.#named.get(name)?.[Symbol.dispose]();
    this.#named.delete(name);
  }

  [Symbol.dispose]() {
    this.live[Symbol.dispose]();
    for (const name of [...this.#named.keys()]) this.drop(name);
    for (const name of [...this.#readers.keys()]) this.dropReader(name);
  }
}

/**
 * @param {Doc | Watcher | undefined} thing
 * @returns {thing is Doc}
 */
function isDoc(thing) {
  return thing !== undefined && 'save' in thing;
}

/**
 * The parts of a step that are passed to its call.
 *
 * @typedef {{ scene: Scene, argument: Json | undefined, on: Json | undefined, as: Json | undefined }} Given
 */

/**
 * A call: the kind of object that it is made on, if any, and its function.
 *
 * @typedef {object} Call
 * @property {'replica' | 'watcher' | 'store' | 'session' | 'transaction' | 'view' | 'update reader'} [on]
 * @property {boolean} [as] whether the result can be named
 * @property {(given: Given) => Json} run
 */

/**
 * A call on a replica.
 *
 * @param {(replica: Doc, argument: Json | undefined, scene: Scene) => Json} f
 * @returns {Call}
 */
function onReplica(f) {
  return { on: 'replica', run: ({ scene, argument, on }) => f(scene.replica(on), argument, scene) };
}

/**
 * A call on a replica whose argument is a list of `count` elements.
 *
 * @param {number} count
 * @param {(replica: Doc, args: Json[]) => Json} f
 * @returns {Call}
 */
function onReplicaWith(count, f) {
  return onReplica((replica, argument) => f(replica, n.tuple(argument, count)));
}

/**
 * A call on a replica that returns bytes.
 *
 * @param {(replica: Doc, argument: Json | undefined, scene: Scene) => Uint8Array} f
 * @returns {Call}
 */
function givesBytes(f) {
  return {
    on: 'replica',
    as: true,
    run: ({ scene, argument, on, as }) => scene.keep(as, f(scene.replica(on), argument, scene)),
  };
}

/** @type {Record<string, Call>} */
const CALLS = {
  ...LIVE_CALLS,
  ...TRANSACTION_CALLS,
  ...VIEW_CALLS,
  ...READER_CALLS,
  'engine.version': {
    run({ scene, argument }) {
      n.tuple(argument, 0);
      return scene.engine.version();
    },
  },
  'engine.limits': {
    run({ scene, argument }) {
      n.tuple(argument, 0);
      return scene.engine.limits().map(({ name, maximum }) => [name, Number(maximum)]);
    },
  },
  'engine.inspect': {
    run: ({ scene, argument }) => n.fromInspection(scene.engine.inspect(scene.bytes(argument))),
  },
  'ordering.between': {
    run({ scene, argument }) {
      const [after, before, seed] = n.tuple(argument, 3);
      const key = (/** @type {Json} */ json) => (json === null ? undefined : n.string(json));
      return scene.engine.between(key(after), key(before), n.string(seed));
    },
  },
  create: {
    as: true,
    run({ scene, argument: peer, as = peer }) {
      scene.set(as, scene.engine.raw.durable.Doc.create(n.string(peer)));
      return null;
    },
  },
  load: {
    as: true,
    run({ scene, argument, as }) {
      const [peer, saved] = n.tuple(argument, 2);
      scene.set(as ?? peer, scene.engine.raw.durable.Doc.load(n.string(peer), scene.bytes(saved)));
      return null;
    },
  },
  peek: {
    run({ scene, argument }) {
      const [saved, table, row] = n.tuple(argument, 3);
      const cells = scene.engine.raw.durable.Doc.peek(scene.bytes(saved), n.string(table), n.string(row));
      return cells === undefined ? null : n.fromCells(cells);
    },
  },
  'summary-of': {
    as: true,
    run: ({ scene, argument, as }) => scene.keep(as, scene.engine.summaryOf(n.toVersion(argument))),
  },
  peer: onReplicaWith(0, (replica) => replica.peer()),
  insert: onReplicaWith(3, (replica, [table, row, cells]) =>
    n.fromEvent(replica.insert(n.string(table), n.string(row), n.toCells(cells))),
  ),
  update: onReplicaWith(3, (replica, [table, row, cells]) =>
    n.fromEvent(replica.update(n.string(table), n.string(row), n.toCells(cells))),
  ),
  delete: onReplicaWith(2, (replica, [table, row]) => n.fromEvent(replica.delete(n.string(table), n.string(row)))),
  unset: onReplicaWith(3, (replica, [table, row, columns]) =>
    n.fromEvent(replica.unset(n.string(table), n.string(row), n.list(columns).map(n.string))),
  ),
  splice: onReplicaWith(6, (replica, [table, row, column, ...place]) => {
    const { at, remove, insert } = n.toPlace(place);
    return n.fromEvent(replica.splice(n.string(table), n.string(row), n.string(column), at, remove, insert));
  }),
  add: onReplicaWith(4, (replica, [table, row, column, amount]) =>
    n.fromEvent(replica.add(n.string(table), n.string(row), n.string(column), n.integer(amount))),
  ),
  distinguish: onReplicaWith(1, (replica, [salt]) => {
    replica.distinguish(n.toBits(salt));
    return null;
  }),
  commit: onReplica((replica, ops) => n.fromEvent(replica.commit(n.toOps(ops)))),
  get: onReplicaWith(2, (replica, [table, row]) => {
    const cells = replica.get(n.string(table), n.string(row));
    return cells === undefined ? null : n.fromCells(cells);
  }),
  scan: onReplicaWith(2, (replica, [table, options]) =>
    n.fromPage(replica.scan(n.string(table), n.toScanOptions(options))),
  ),
  tables: onReplicaWith(0, (replica) => n.fromTables(replica.tables())),
  watch: {
    on: 'replica',
    as: true,
    run({ scene, argument, on, as }) {
      const [tables, fromStart] = n.tuple(argument, 2);
      scene.set(as, scene.replica(on).watch(n.list(tables).map(n.string), n.boolean(fromStart)));
      return null;
    },
  },
  take: { on: 'watcher', run: ({ scene, argument, on }) => n.fromChanges(scene.watcher(on).take(n.number(argument))) },
  digest: onReplicaWith(0, (replica) => n.fromBytes(replica.digest())),
  version: onReplicaWith(0, (replica) => n.fromVersion(replica.version())),
  heads: onReplicaWith(0, (replica) => replica.heads().map(n.fromEvent)),
  summary: givesBytes((replica, argument) => {
    n.tuple(argument, 0);
    return replica.summary();
  }),
  forks: onReplicaWith(2, (replica, [skip, limit]) => n.fromForks(replica.forks(n.number(skip), n.number(limit)))),
  'permanent-id': onReplica((replica, event) => n.fromEvent(replica.permanentId(n.toEvent(event)))),
  'events-since': onReplica((replica, argument, scene) => {
    const [summary, limit] = n.tuple(argument, 2);
    return n.fromBatch(replica.eventsSince(scene.summary(summary), n.number(limit)));
  }),
  'merge-events': onReplica((replica, runs) => n.fromReport(replica.mergeEvents(n.toRuns(runs)))),
  'update-since': givesBytes((replica, summary, scene) => replica.updateSince(scene.summary(summary))),
  'merge-update': onReplica((replica, update, scene) => n.fromReport(replica.mergeUpdate(scene.bytes(update)))),
  save: givesBytes((replica, argument) => {
    n.tuple(argument, 0);
    return replica.save();
  }),
  compact: onReplica((replica, summaries, scene) =>
    n.fromCompaction(replica.compact(n.list(summaries).map((summary) => scene.summary(summary)))),
  ),
  rebase: onReplica((replica, saved, scene) => n.fromReport(replica.rebase(scene.bytes(saved)))),
  diff: onReplicaWith(2, (replica, [from, to]) => n.fromOps(replica.diff(n.toEvents(from), n.toEvents(to)))),
  'inverse-of': onReplica((replica, events) => n.fromOps(replica.inverseOf(n.toEvents(events)))),
  'fork-at': {
    on: 'replica',
    as: true,
    run({ scene, argument, on, as }) {
      const [heads, peer] = n.tuple(argument, 2);
      scene.set(as ?? peer, scene.replica(on).forkAt(n.toEvents(heads), n.string(peer)));
      return null;
    },
  },
  drop: {
    on: 'watcher',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      scene.watcher(on);
      scene.drop(n.string(on));
      return null;
    },
  },
  deliver: onReplica((replica, argument, scene) => {
    const { from, events, calls = 'one' } = n.members(argument, ['from', 'events'], ['calls']);
    const pieces = picked(scene, from, events);
    switch (calls) {
      case 'one':
        return n.fromReport(replica.mergeEvents(pieces));
      case 'piece':
        return pieces.map((piece) => n.fromReport(replica.mergeEvents([piece])));
      case 'event':
        return singles(scene.replica(from), pieces).map((event) => n.fromReport(replica.mergeEvents([event])));
      default:
        throw new n.Mistake(`calls must be one, piece or event, not ${JSON.stringify(calls)}`);
    }
  }),
  sync: onReplica((replica, from, scene) => n.fromReport(sync(scene.replica(from), replica))),
  exchange: {
    run({ scene, argument }) {
      const replicas = n.list(argument).map((name) => scene.replica(name));
      exchange(replicas);
      return same(scene.engine, replicas);
    },
  },
  same: {
    run: ({ scene, argument }) =>
      same(
        scene.engine,
        n.list(argument).map((name) => scene.replica(name)),
      ),
  },
  differ: {
    run({ scene, argument }) {
      const digests = n.list(argument).map((name) => n.fromBytes(scene.replica(name).digest()));
      assert.equal(new Set(digests).size, digests.length, `two digests are the same: ${digests}`);
      return digests;
    },
  },
  'all-orders': { run: ({ scene, argument }) => allOrders(scene, argument) },
  damage: {
    as: true,
    run({ scene, argument, as }) {
      const [bytes, changes] = n.tuple(argument, 2);
      let damaged = scene.bytes(bytes);
      for (const change of n.list(changes)) damaged = changed(damaged, change, (json) => scene.bytes(json));
      return scene.keep(n.string(as), damaged);
    },
  },
  'every-damage': {
    run({ scene, argument }) {
      const { to, kind, checksum = false } = n.members(argument, ['to', 'kind'], ['checksum']);
      return damagedDocuments(scene.engine, scene.bytes(to), { kind: n.string(kind), checksum: n.boolean(checksum) });
    },
  },
  'same-bytes': {
    run({ scene, argument }) {
      const all = n.list(argument).map((json) => n.canonical(n.fromManyBytes(scene.bytes(json))));
      assert.equal(new Set(all).size, 1, `not all bytes are the same: ${all}`);
      return JSON.parse(all[0] ?? 'null');
    },
  },
  'other-bytes': {
    run({ scene, argument }) {
      const [one, other] = n.tuple(argument, 2).map((json) => scene.bytes(json));
      assert.notDeepEqual(one, other, 'the bytes are the same');
      return null;
    },
  },
  shorter: {
    run({ scene, argument }) {
      const [bytes, most] = n.tuple(argument, 2);
      const { length } = scene.bytes(bytes);
      assert.ok(length < n.number(most), `${length} bytes are not less than ${most}`);
      return length;
    },
  },
};

/**
 * Runs a step and returns its result.
 *
 * @param {Scene} scene
 * @param {Json} step
 * @returns {Json}
 * @throws {Error} if the step does not follow the notation, or if its result is not the expected one
 */
export function runStep(scene, step) {
  const known = n.isObject(step) ? Object.keys(step).filter((name) => Object.hasOwn(CALLS, name)) : [];
  const [name = ''] = known;
  const call = CALLS[name];
  if (call === undefined || known.length > 1) throw new n.Mistake(`a step has one call, not ${known.length}`);
  const { on, as, gives, error, [name]: argument } = n.members(step, [name], ['on', 'as', 'gives', 'error']);
  if ((on === undefined) !== (call.on === undefined)) throw new n.Mistake(`${name}: on is wrong or missing`);
  if (as !== undefined && !call.as) throw new n.Mistake(`${name}: as is wrong`);
  if (gives !== undefined && error !== undefined)
    throw new n.Mistake(`${name}: a step expects a result or an error, not both`);

  if (error === undefined) {
    const result = call.run({ scene, argument, on, as });
    if (gives !== undefined && !n.matches(n.expected(gives), result)) {
      assert.equal(n.canonical(result), n.canonical(n.expected(gives)));
    }
    return result;
  }
  if (name === 'deliver' && n.isObject(argument) && (argument.calls ?? 'one') !== 'one') {
    throw new n.Mistake('deliver: an error needs one call');
  }
  const state = stateFor(scene, call, on);
  const before = state();
  const refusal = refusalOf(() => call.run({ scene, argument, on, as }));
  checkRefusal(refusal, error);
  assert.deepEqual(state(), before, 'a call that failed changed the state');
  if (name === 'session.poll' || name === 'session.receive') mustHaveEnded(scene.live.session(on).session);
  return { error: refusal };
}

/**
 * Returns a function that reads the state that a failed call must not change.
 *
 * @param {Scene} scene
 * @param {Call} call
 * @param {Json | undefined} on
 */
function stateFor(scene, { on: kind }, on) {
  switch (kind) {
    case 'replica': {
      const doc = scene.replica(on);
      return () => stateOf(doc);
    }
    case 'transaction': {
      const doc = scene.replica(scene.transaction(on).replica);
      return () => stateOf(doc);
    }
    case 'view': {
      const doc = scene.replica(scene.view(on).replica);
      return () => stateOf(doc);
    }
    case 'store':
    case 'session':
      return () => liveStateOf(scene, kind, on);
    default:
      return () => undefined;
  }
}

/**
 * @param {() => Json} f
 * @returns {import('./notation.js').JsonObject}
 */
function refusalOf(f) {
  let result;
  try {
    result = f();
  } catch (error) {
    if (error instanceof ConvergeError) return n.fromError(error);
    throw error;
  }
  throw new assert.AssertionError({ message: `the call must fail, but returned ${n.canonical(result)}` });
}

/** The errors with messages. A case contains a part of the message. */
const PARTLY_COMPARED = ['invalid-argument', 'corrupt', 'protocol'];

/**
 * @param {import('./notation.js').JsonObject} refusal
 * @param {Json} error
 */
function checkRefusal(refusal, error) {
  const [name, wanted] = n.variant(error);
  const got = refusal[name];
  if (PARTLY_COMPARED.includes(name) && typeof got === 'string') {
    assert.ok(
      wanted !== '' && got.includes(n.string(wanted)),
      `${JSON.stringify(got)} does not contain ${JSON.stringify(wanted)}`,
    );
  } else {
    assert.equal(n.canonical(refusal), n.canonical(error));
  }
}

/**
 * @param {Scene} scene
 * @param {Json | undefined} argument
 */
function allOrders(scene, argument) {
  const { from: name, events, as, steps } = n.members(argument, ['from', 'as', 'steps'], ['events']);
  const from = scene.replica(name);
  const picks = events ?? from.version().map(({ peer }) => [peer]);
  const parts = singles(from, picked(scene, name, picks));
  if (parts.length > MAX_EVENTS_IN_ALL_ORDERS) throw new n.Mistake(`${parts.length} events are too many`);

  const version = events === undefined ? from.version() : undefined;
  let orders = 0;
  /** @type {ReturnType<typeof inOneOrder> | undefined} */
  let first;
  for (const order of permutations(parts)) {
    orders++;
    for (const calls of [order.map((event) => [event]), [order]]) {
      const { results, saved } = inOneOrder(scene.engine, calls, { as, steps, version });
      first ??= { results, saved };
      assert.equal(n.canonical(results), n.canonical(first.results), `the results of order ${orders}`);
      assert.deepEqual(saved, first.saved, `the saved bytes of order ${orders}`);
    }
  }
  return { orders, steps: first?.results ?? [] };
}

/**
 * @param {Engine} engine
 * @param {EventRun[][]} calls
 * @param {{ as: Json | undefined, steps: Json | undefined, version: unknown }} given
 * @returns {{ results: Json[], saved: Uint8Array }}
 */
function inOneOrder(engine, calls, { as, steps, version }) {
  const scene = new Scene(engine);
  try {
    const doc = engine.raw.durable.Doc.create(n.string(as));
    scene.set(as, doc);
    for (const events of calls) doc.mergeEvents(events);
    assert.equal(doc.mergeEvents([]).waiting, 0, 'the waiting events at the end');
    if (version !== undefined) assert.deepEqual(doc.version(), version, 'the version at the end');
    const saved = doc.save();
    return { results: n.list(steps).map((step) => runStep(scene, step)), saved };
  } finally {
    scene[Symbol.dispose]();
  }
}

/**
 * @template T
 * @param {T[]} elements
 * @returns {Generator<T[]>}
 */
function* permutations(elements) {
  if (elements.length === 0) yield [];
  for (const [i, element] of elements.entries()) {
    for (const others of permutations(elements.toSpliced(i, 1))) yield [element, ...others];
  }
}
