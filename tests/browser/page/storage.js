// A page that exposes the storage to the tests. Without the client: what it writes are plain bytes.

import { indexedDb } from '@converge/sync/indexeddb';

/** @import { StoredDocument } from '../../../host-js/src/client/storage.js' */

const KEY = 'http://localhost/board/1';
/**
 * The size of an update of `fill` in numbers. All but one of them are random, because browsers
 * compress what they store.
 */
const FILL = 10_000;
/** Numbers from here on are such random ones. */
const RANDOM = 2 ** 31;
/** Each of these appends is followed by a compaction. */
const COMPACT_EVERY = 7;

/** @type {StoredDocument} */
let stored;
/** The document of this page: numbers. Merging is adding them, any number of times. */
const numbers = /** @type {Set<number>} */ (new Set());

/** The functions that tests call in the page. */
const rig = {
  async open({ prefix = '', key = KEY } = {}) {
    stored = await indexedDb().open(key, prefix);
    numbers.clear();
    await rig.read();
    return stored.peer;
  },

  /** @param {number} number */
  append(number) {
    numbers.add(number);
    return report(stored.append(bytesOf([number])));
  },

  /**
   * Appends further numbers and reports each once it is durable, until the page ends.
   *
   * @param {number} from
   */
  async appendFrom(from) {
    for (let number = from; ; number++) {
      numbers.add(number);
      await stored.append(bytesOf([number]));
      await globalThis.saved(number);
    }
  },

  /**
   * Appends numbers in large updates until that fails.
   *
   * @param {number} from
   * @returns {Promise<{ outcome: string, end: number }>} how the first append failed, and its number
   */
  async fill(from) {
    for (let number = from; ; number++) {
      const update = crypto.getRandomValues(new Uint32Array(FILL)).map((random) => random | RANDOM);
      update[0] = number;
      const outcome = await report(stored.append(new Uint8Array(update.buffer)));
      if (outcome !== 'stored') return { outcome, end: number };
    }
  },

  /** Appends numbers and compacts in between. @param {number} from @param {number} count */
  async appendAndCompact(from, count) {
    for (let number = from; number < from + count; number++) {
      await rig.append(number);
      if (number % COMPACT_EVERY === 0) await rig.compact();
    }
  },

  compact: () =>
    report(
      stored.compact((updates) => {
        merge(updates);
        return bytesOf([...numbers]);
      }),
    ),
  rename: () => stored.rename(),
  close: () => stored.close(),
  channel: () => stored.channel,

  /** @returns {Promise<number[]>} the numbers that are stored */
  async read() {
    const { snapshot, updates } = await stored.read();
    const read = [...(snapshot ? [snapshot] : []), ...updates];
    merge(read);
    return [...new Set(read.flatMap(numbersOf))].filter((number) => number < RANDOM);
  },
};

/**
 * @param {Promise<void>} writing
 * @returns {Promise<string>} `stored`, or the code of the error
 */
function report(writing) {
  return writing.then(
    () => 'stored',
    (error) => error.code ?? String(error),
  );
}

/** @param {Uint8Array[]} updates */
function merge(updates) {
  for (const number of updates.flatMap(numbersOf)) numbers.add(number);
}

/** @param {number[]} numbers */
function bytesOf(numbers) {
  return new Uint8Array(new Uint32Array(numbers).buffer);
}

/** @param {Uint8Array} bytes */
function numbersOf(bytes) {
  return [...new Uint32Array(bytes.buffer)];
}

/** @typedef {typeof rig} StorageRig */

Object.assign(globalThis, { rig });
