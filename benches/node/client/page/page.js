// The part of the page that all libraries share. The page opens the document by itself; the benchmark calls the functions of
// `bench` in it.

/** @import { Contents } from '../../libraries/replica.js' */

/**
 * An open document.
 *
 * @typedef {object} Replica
 * @property {(row: number) => number | undefined} get reads all cells of a row, and returns its number
 * @property {() => Contents} read reads every cell of every row
 * @property {(row: number) => void} insert inserts a row in a transaction of its own
 * @property {(row: number, number: number) => void} update sets the number of a row
 * @property {(call: () => void) => void} watch calls `call` after each change, local or received
 * @property {() => Promise<void>} stored resolves once everything is in IndexedDB
 */
/** @typedef {typeof bench} Bench */

/** @type {Promise<Replica>} */
let opened;
/** @type {Promise<number>} */
let first;
/** @type {Promise<number>} */
let expected;
/** @type {Set<() => void>} */
const checks = new Set();

const bench = {
  /** Resolves to the milliseconds from the start of the script until the first row was read. */
  first: () => first,

  /**
   * Inserts rows, and resolves once they are in IndexedDB.
   *
   * @param {number} rows
   */
  async fill(rows) {
    const replica = await opened;
    await replica.stored();
    for (let row = 0; row < rows; row++) replica.insert(row);
    await replica.stored();
  },

  /**
   * Waits until all rows are here, and returns what they contain.
   *
   * @param {number} rows
   */
  async contents(rows) {
    const replica = await opened;
    await until(() => replica.get(rows - 1) !== undefined);
    return replica.read();
  },

  /**
   * Sets the number of a row, and returns the time before, of the system's clock.
   *
   * @param {number} row
   * @param {number} number
   */
  async write(row, number) {
    const replica = await opened;
    const time = Date.now();
    replica.update(row, number);
    return time;
  },

  /**
   * Starts to wait until a row has a number.
   *
   * @param {number} row
   * @param {number} number
   */
  async expect(row, number) {
    const replica = await opened;
    expected = until(() => replica.get(row) === number).then(() => Date.now());
  },

  /** Resolves to the time when the expected number was there, of the system's clock. */
  seen: () => expected,
};

/**
 * Opens the document, and measures when its first row can be read.
 *
 * @param {(server: string) => Promise<Replica>} open opens the document that the server at `host:port` has
 */
export function start(open) {
  opened = open(new URL(location.href).searchParams.get('server') ?? '');
  first = opened.then(async (replica) => {
    replica.watch(() => {
      for (const check of checks) check();
    });
    await until(() => replica.get(0) !== undefined);
    return performance.now() - benchStart;
  });
  globalThis.bench = bench;
}

/**
 * Resolves once a condition of the document is true.
 *
 * @param {() => boolean} condition
 * @returns {Promise<void>}
 */
function until(condition) {
  return new Promise((resolve) => {
    const check = () => {
      if (!condition()) return;
      checks.delete(check);
      resolve();
    };
    checks.add(check);
    check();
  });
}
