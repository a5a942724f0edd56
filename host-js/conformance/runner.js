// Runs a conformance case through the raw access: tests/conformance/README.md says what every step means.

import assert from 'node:assert/strict';
import { ConvergeError, RawDoc, RawWatcher } from '../src/index.js';
import * as n from './notation.js';

/** @import { Engine } from '../src/engine.js' */
/** @import { EventId, EventRun } from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Json } from './notation.js' */

const MOST_EVENTS_IN_ALL_ORDERS = 7;

/** What the steps know by name. */
export class Scene {
  /** @type {Map<string, RawDoc | RawWatcher>} */
  #named = new Map();

  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * @param {Json | undefined} name
   * @returns {RawDoc}
   */
  replica(name) {
    const found = this.#named.get(n.string(name));
    if (!(found instanceof RawDoc)) throw new n.Mistake(`no replica is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name
   * @returns {RawWatcher}
   */
  watcher(name) {
    const found = this.#named.get(n.string(name));
    if (!(found instanceof RawWatcher)) throw new n.Mistake(`no watcher is called ${name}`);
    return found;
  }

  /**
   * @param {Json | undefined} name
   * @param {RawDoc | RawWatcher} thing
   */
  set(name, thing) {
    this.drop(n.string(name));
    this.#named.set(n.string(name), thing);
  }

  /** @param {string} name */
  drop(name) {
    this.#named.get(name)?.[Symbol.dispose]();
    this.#named.delete(name);
  }

  [Symbol.dispose]() {
    for (const name of [...this.#named.keys()]) this.drop(name);
  }
}

/**
 * What a step gives to its call.
 *
 * @typedef {{ scene: Scene, argument: Json | undefined, on: Json | undefined, as: Json | undefined }} Given
 */

/**
 * A call: whether it is made on a replica, a watcher or nothing, and what it does.
 *
 * @typedef {object} Call
 * @property {'replica' | 'watcher'} [on]
 * @property {boolean} [as] whether what it makes can be named
 * @property {(given: Given) => Json} run
 */

/**
 * A call on a replica.
 *
 * @param {(replica: RawDoc, argument: Json | undefined, scene: Scene) => Json} f
 * @returns {Call}
 */
function onReplica(f) {
  return { on: 'replica', run: ({ scene, argument, on }) => f(scene.replica(on), argument, scene) };
}

/**
 * A call on a replica whose argument is a list of so many.
 *
 * @param {number} count
 * @param {(replica: RawDoc, args: Json[]) => Json} f
 * @returns {Call}
 */
function onReplicaWith(count, f) {
  return onReplica((replica, argument) => f(replica, n.tuple(argument, count)));
}

/** @type {Record<string, Call>} */
const CALLS = {
  'engine.version': {
    run({ scene, argument }) {
      n.tuple(argument, 0);
      return scene.engine.version();
    },
  },
  'engine.limits': {
    run({ scene, argument }) {
      n.tuple(argument, 0);
      return scene.engine.limits().map(({ name, most }) => [name, Number(most)]);
    },
  },
  create: {
    as: true,
    run({ scene, argument: peer, as = peer }) {
      scene.set(as, scene.engine.Doc.create(n.string(peer)).raw);
      return null;
    },
  },
  peer: onReplicaWith(0, (replica) => replica.peer()),
  insert: onReplicaWith(3, (replica, [table, row, cells]) =>
    n.fromEvent(replica.insert(n.string(table), n.string(row), n.toCells(cells))),
  ),
  update: onReplicaWith(3, (replica, [table, row, cells]) =>
    n.fromEvent(replica.update(n.string(table), n.string(row), n.toCells(cells))),
  ),
  delete: onReplicaWith(2, (replica, [table, row]) => n.fromEvent(replica.delete(n.string(table), n.string(row)))),
  commit: onReplica((replica, ops) => n.fromEvent(replica.commit(n.toOps(ops)))),
  get: onReplicaWith(2, (replica, [table, row]) => {
    const cells = replica.get(n.string(table), n.string(row));
    return cells === undefined ? null : n.fromCells(cells);
  }),
  scan: onReplicaWith(2, (replica, [table, options]) =>
    n.fromPage(replica.scan(n.string(table), n.toScanOptions(options))),
  ),
  tables: onReplicaWith(0, (replica) => replica.tables().map(({ name, rows }) => [name, rows])),
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
  version: onReplicaWith(0, (replica) => replica.version().map(({ peer, count }) => [peer, count])),
  heads: onReplicaWith(0, (replica) => replica.heads().map(n.fromEvent)),
  'events-since': onReplicaWith(2, (replica, [known, most]) =>
    n.fromBatch(replica.eventsSince(n.toVersion(known), n.number(most))),
  ),
  'merge-events': onReplica((replica, runs) => n.fromReport(replica.mergeEvents(n.toRuns(runs)))),
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
    const pieces = picked(scene.replica(from), events);
    switch (calls) {
      case 'one':
        return n.fromReport(replica.mergeEvents(pieces));
      case 'piece':
        return pieces.map((piece) => n.fromReport(replica.mergeEvents([piece])));
      case 'event':
        return pieces.flatMap(single).map((event) => n.fromReport(replica.mergeEvents([event])));
      default:
        throw new n.Mistake(`calls are one, piece or event, not ${JSON.stringify(calls)}`);
    }
  }),
  sync: onReplica((replica, from, scene) => n.fromReport(sync(scene.replica(from), replica))),
  exchange: {
    run({ scene, argument }) {
      const replicas = n.list(argument).map((name) => scene.replica(name));
      for (const from of replicas) {
        for (const to of replicas) {
          if (from !== to) sync(from, to);
        }
      }
      for (const replica of replicas) {
        assert.deepEqual(replica.version(), replicas[0]?.version(), 'versions after an exchange');
        assert.deepEqual(replica.heads(), replicas[0]?.heads(), 'heads after an exchange');
      }
      return same(replicas);
    },
  },
  same: { run: ({ scene, argument }) => same(n.list(argument).map((name) => scene.replica(name))) },
  differ: {
    run({ scene, argument }) {
      const digests = n.list(argument).map((name) => n.fromBytes(scene.replica(name).digest()));
      assert.equal(new Set(digests).size, digests.length, `two digests are the same: ${digests}`);
      return digests;
    },
  },
  'all-orders': { run: ({ scene, argument }) => allOrders(scene, argument) },
};

/**
 * Runs a step and gives its result.
 *
 * @param {Scene} scene
 * @param {Json} step
 * @returns {Json}
 * @throws {Error} where the step is not written as the page says, or does not give what it says
 */
export function runStep(scene, step) {
  const known = n.isObject(step) ? Object.keys(step).filter((name) => Object.hasOwn(CALLS, name)) : [];
  const [name = ''] = known;
  const call = CALLS[name];
  if (call === undefined || known.length > 1) throw new n.Mistake(`a step has one call, not ${known.length}`);
  const { on, as, gives, error, [name]: argument } = n.members(step, [name], ['on', 'as', 'gives', 'error']);
  if ((on === undefined) !== (call.on === undefined)) throw new n.Mistake(`${name}: on is wrong or missing`);
  if (as !== undefined && !call.as) throw new n.Mistake(`${name}: as is wrong`);
  if (gives !== undefined && error !== undefined) throw new n.Mistake(`${name}: gives and error exclude each other`);

  if (error === undefined) {
    const result = call.run({ scene, argument, on, as });
    if (gives !== undefined) assert.equal(n.canonical(result), n.canonical(n.expected(gives)));
    return result;
  }
  if (name === 'deliver' && n.isObject(argument) && (argument.calls ?? 'one') !== 'one') {
    throw new n.Mistake('deliver: an error needs one call');
  }
  const doc = call.on === 'replica' ? scene.replica(on) : undefined;
  const before = doc && stateOf(doc);
  const refusal = refusalOf(() => call.run({ scene, argument, on, as }));
  checkRefusal(refusal, error);
  assert.deepEqual(doc && stateOf(doc), before, 'a refused call changed something');
  return { error: refusal };
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
    if (error instanceof ConvergeError) return fromError(error);
    throw error;
  }
  throw new assert.AssertionError({ message: `the call was not refused, but gave ${n.canonical(result)}` });
}

/**
 * @param {ConvergeError} error
 * @returns {import('./notation.js').JsonObject}
 */
function fromError({ case: name, payload }) {
  switch (name) {
    case 'limit-exceeded': {
      const { limit, most, given } = /** @type {{ limit: string, most: bigint, given: bigint }} */ (payload);
      return { [name]: { limit, most: Number(most), given: Number(given) } };
    }
    case 'conflicting-event':
      return { [name]: n.fromEvent(/** @type {EventId} */ (payload)) };
    default:
      return { [name]: /** @type {Json} */ (payload) };
  }
}

/**
 * @param {import('./notation.js').JsonObject} refusal
 * @param {Json} error
 */
function checkRefusal(refusal, error) {
  const [name, wanted] = n.variant(error);
  const got = refusal[name];
  if (name === 'invalid-argument' && typeof got === 'string') {
    assert.ok(got.includes(n.string(wanted)), `${JSON.stringify(got)} does not have ${JSON.stringify(wanted)} in it`);
  } else {
    assert.equal(n.canonical(refusal), n.canonical(error));
  }
}

/**
 * All that a refused call must leave as it is.
 *
 * @param {RawDoc} doc
 */
function stateOf(doc) {
  const { digest, contents } = readAll(doc);
  return { digest, contents, heads: doc.heads(), version: doc.version(), report: doc.mergeEvents([]) };
}

/** @param {RawDoc} doc */
function readAll(doc) {
  const contents = doc.tables().map(({ name, rows }) => {
    const all = [];
    for (let after, more = true; more;) {
      const page = doc.scan(name, { range: { tag: 'all' }, descending: false, limit: n.MOST_U32, after, columns: [] });
      all.push(...page.rows.map(({ id, cells }) => [id, n.fromCells(cells)]));
      after = page.rows.at(-1)?.id;
      more = page.more;
    }
    assert.equal(all.length, rows, `the number of rows of ${name}`);
    return [name, all];
  });
  return { digest: n.fromBytes(doc.digest()), contents };
}

/** @param {RawDoc[]} replicas */
function same(replicas) {
  const [first, ...others] = replicas.map(readAll);
  if (first === undefined) throw new n.Mistake('no replicas are named');
  for (const other of others) assert.deepEqual(other, first, 'replicas differ');
  return first.digest;
}

/**
 * @param {RawDoc} from
 * @param {RawDoc} to
 */
function sync(from, to) {
  const { runs, more } = from.eventsSince(to.version(), n.MOST_U32);
  assert.equal(more, false, 'events-since without a bound gives all events');
  return to.mergeEvents(runs);
}

/**
 * The pieces of runs that the picks name.
 *
 * @param {RawDoc} from
 * @param {Json | undefined} picks
 * @returns {EventRun[]}
 */
function picked(from, picks) {
  const { runs, more } = from.eventsSince([], n.MOST_U32);
  assert.equal(more, false, 'events-since without a bound gives all events');
  return n.list(picks).flatMap((pick) => {
    const [name, ...counters] = n.list(pick);
    const own = runs.filter(({ peer }) => peer === n.string(name)).sort((a, b) => a.start - b.start);
    const known = own.reduce((count, { commits }) => count + commits.length, 0);
    const [first = 0, last = counters.length === 0 ? known - 1 : first] = counters.map(n.number);
    if (counters.length > 2 || first > last || last >= known) {
      throw new n.Mistake(`${JSON.stringify(pick)} does not pick known events`);
    }
    return own.flatMap((run) => cut(run, first, last));
  });
}

/**
 * What a run has of the events from `first` to `last`.
 *
 * @param {EventRun} run
 * @param {number} first
 * @param {number} last
 * @returns {EventRun[]}
 */
function cut(run, first, last) {
  const begin = Math.max(first - run.start, 0);
  const end = Math.min(last + 1 - run.start, run.commits.length);
  if (begin >= end) return [];
  const start = run.start + begin;
  return [
    {
      peer: run.peer,
      start,
      lamport: run.lamport + begin,
      deps: begin === 0 ? run.deps : [{ peer: run.peer, counter: start - 1 }],
      commits: run.commits.slice(begin, end),
    },
  ];
}

/** @param {EventRun} run */
function single(run) {
  return run.commits.flatMap((_, i) => cut(run, run.start + i, run.start + i));
}

/**
 * @param {Scene} scene
 * @param {Json | undefined} argument
 */
function allOrders(scene, argument) {
  const { from: name, events, as, steps } = n.members(argument, ['from', 'as', 'steps'], ['events']);
  const from = scene.replica(name);
  const picks = events ?? from.version().map(({ peer }) => [peer]);
  const singles = picked(from, picks).flatMap(single);
  if (singles.length > MOST_EVENTS_IN_ALL_ORDERS) throw new n.Mistake(`${singles.length} events are too many`);

  const version = events === undefined ? from.version() : undefined;
  let orders = 0;
  /** @type {Json | undefined} */
  let first;
  for (const order of permutations(singles)) {
    orders++;
    for (const calls of [order.map((event) => [event]), [order]]) {
      const results = inOneOrder(scene.engine, calls, { as, steps, version });
      first ??= results;
      assert.equal(n.canonical(results), n.canonical(first), `order ${orders} gives other results`);
    }
  }
  return { orders, steps: first ?? [] };
}

/**
 * @param {Engine} engine
 * @param {EventRun[][]} calls
 * @param {{ as: Json | undefined, steps: Json | undefined, version: unknown }} given
 * @returns {Json[]}
 */
function inOneOrder(engine, calls, { as, steps, version }) {
  const scene = new Scene(engine);
  try {
    const doc = engine.Doc.create(n.string(as)).raw;
    scene.set(as, doc);
    for (const events of calls) doc.mergeEvents(events);
    assert.equal(doc.mergeEvents([]).waiting, 0, 'events wait in the end');
    if (version !== undefined) assert.deepEqual(doc.version(), version, 'the version in the end');
    return n.list(steps).map((step) => runStep(scene, step));
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
