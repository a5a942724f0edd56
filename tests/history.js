// The events of a published history as events of a document, and the orders in which they can arrive.

import { splitmix64 } from '../host-js/bin/history.js';

/** @import { EventId, EventRun, PeerVersion, RowOp } from '../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Patch, Trace } from './traces.js' */
/**
 * An event. `after` and `previous`, the author's event before it, are indices in the history.
 *
 * @typedef {{ id: EventId, previous: number | undefined, after: number[], patches: Patch[] }} HistoryEvent
 */

export const [TABLE, ROW, COLUMN] = ['texts', 'text', 'body'];

/** The event that inserts the row. All others build on it. */
const SETUP = { id: { peer: 'setup', counter: 0 }, previous: undefined, after: [], patches: [] };

/** @type {RowOp} */
const INSERT = { tag: 'insert', val: { table: TABLE, row: ROW, cells: [] } };

/** The dependencies of the events are identified by name. */
const NO_FINGERPRINTS = new BigUint64Array();

/** Random numbers from a seed. */
export class Random {
  #next;

  /** @param {number} seed */
  constructor(seed) {
    this.#next = splitmix64(BigInt(seed));
  }

  /**
   * Returns an integer from 0 to `end` - 1.
   *
   * @param {number} end
   */
  below(end) {
    return Number(this.#next() % BigInt(end));
  }

  /**
   * Returns true in `of` cases out of `outOf`.
   *
   * @param {number} of
   * @param {number} outOf
   */
  chance(of, outOf) {
    return this.below(outOf) < of;
  }

  /**
   * Returns a copy of a list in random order.
   *
   * @template T
   * @param {T[]} items
   * @returns {T[]}
   */
  shuffled(items) {
    const rest = [...items];
    return items.map(() => /** @type {T} */ (rest.splice(this.below(rest.length), 1)[0]));
  }
}

/** The events of a text, each after those that it builds on. The first one inserts the row. */
export class History {
  /** @param {Trace} trace */
  constructor({ name, events, end }) {
    this.name = name;
    /** The text at the end, as published. */
    this.end = end;
    /** @type {HistoryEvent[]} */
    this.events = [SETUP];
    /** @type {Map<string, number>} */
    const last = new Map();
    for (const { peer, counter, parents, patches } of events) {
      const after = parents.length > 0 ? parents.map((parent) => parent + 1) : [0];
      const previous = last.get(peer);
      last.set(peer, this.events.length);
      this.events.push({ id: { peer, counter }, previous, after, patches });
    }
  }

  /**
   * Returns the indices of all events in the order of the file.
   *
   * @returns {number[]}
   */
  order() {
    return this.events.map((_, index) => index);
  }

  /**
   * Returns an event as a run of one event.
   *
   * @param {number} index
   * @returns {EventRun}
   */
  run(index) {
    const { id, after, patches } = this.#event(index);
    /** @type {RowOp[]} */
    const splices = patches.map(([at, remove, insert]) => {
      return { tag: 'splice', val: { table: TABLE, row: ROW, column: COLUMN, at, remove, insert } };
    });
    return {
      peer: id.peer,
      start: id.counter,
      lamport: undefined,
      deps: this.idsOf(after),
      fingerprints: NO_FINGERPRINTS,
      salt: 0n,
      commits: [index === 0 ? [INSERT] : splices],
    };
  }

  /**
   * Returns the events on which an event depends: those that it builds on, and the author's event
   * before it.
   *
   * @param {number} index
   */
  links(index) {
    const { previous, after } = this.#event(index);
    return previous === undefined || after.includes(previous) ? after : [...after, previous];
  }

  /**
   * Returns the ids of these events.
   *
   * @param {number[]} events
   */
  idsOf(events) {
    return events.map((index) => this.#event(index).id);
  }

  /**
   * Returns these events and those that they build on, except known ones, in the order of the file.
   * What a known event builds on must be known.
   *
   * @param {number[]} events
   * @param {Set<number>} known
   */
  missing(events, known) {
    /** @type {Set<number>} */
    const missing = new Set();
    const open = [...events];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (known.has(index) || missing.has(index)) continue;
      missing.add(index);
      open.push(...this.links(index));
    }
    return [...missing].sort((one, other) => one - other);
  }

  /**
   * Returns a random order in which the events can arrive without waiting.
   *
   * @param {Random} random
   */
  shuffled(random) {
    const waits = this.events.map((_, index) => this.links(index).length);
    const followers = this.events.map(() => /** @type {number[]} */ ([]));
    for (const index of this.order()) for (const before of this.links(index)) followers[before]?.push(index);
    // Some orders mix branches, others finish one first.
    const jumps = random.below(4);
    const ready = this.order().filter((index) => waits[index] === 0);
    /** @type {number[]} */
    const order = [];
    while (ready.length > 0) {
      const at = random.chance(jumps, 4) ? random.below(ready.length) : ready.length - 1;
      const event = /** @type {number} */ (ready[at]);
      ready[at] = /** @type {number} */ (ready.at(-1));
      ready.pop();
      order.push(event);
      for (const follower of followers[event] ?? []) {
        waits[follower] = (waits[follower] ?? 0) - 1;
        if (waits[follower] === 0) ready.push(follower);
      }
    }
    return order;
  }

  /**
   * Returns for each event the last event at or before it on which all later events build, with all
   * events before.
   */
  criticals() {
    const minLater = this.events.map(() => this.events.length);
    for (let index = this.events.length - 1; index > 0; index--) {
      minLater[index - 1] = Math.min(minLater[index] ?? 0, ...this.#event(index).after);
    }
    /** @type {Set<number>} */
    const heads = new Set();
    let critical = 0;
    return this.events.map(({ after }, index) => {
      for (const before of after) heads.delete(before);
      heads.add(index);
      if (heads.size === 1 && (minLater[index] ?? 0) >= index) critical = index;
      return critical;
    });
  }

  /**
   * Returns the version of a replica that has the events up to this one.
   *
   * @param {number} last
   * @returns {PeerVersion[]}
   */
  versionUpTo(last) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { id } of this.events.slice(0, last + 1)) counts.set(id.peer, id.counter + 1);
    return [...counts].map(([peer, count]) => ({ peer, count }));
  }

  /** @param {number} index */
  #event(index) {
    const event = this.events[index];
    if (event === undefined) throw new Error(`${this.name} has no event ${index}`);
    return event;
  }
}
