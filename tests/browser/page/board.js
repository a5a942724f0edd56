// An application with the client: a shared list of rows. Tests call its functions in the page.

import { open } from '@converge/sync';
import { connect } from '@converge/sync/client';
import { indexedDb } from '@converge/sync/indexeddb';

/** @import { Client } from '@converge/sync/client' */

const DOCUMENT = 'board/1';
const TABLE = 'rows';
const CURSORS = 'cursors';
/** The content of a row of `fill`. */
const LARGE_BYTES = 10_000;

/** @type {Client} */
let board;
/** Every status since the start. */
const seen = /** @type {ReturnType<typeof app.status>[]} */ ([]);

const app = {
  /**
   * Connects, and resolves once local data can be read.
   *
   * @param {string} server
   * @returns {Promise<string>} the peer name
   */
  async connect(server) {
    const engine = await open(fetch('/converge.core.wasm'));
    board = await connect(server, DOCUMENT, { engine, storage: indexedDb() });
    board.subscribe(() => seen.push(app.status()));
    return board.doc.peer();
  },

  /** Lets the page start without the network from now on. */
  async install() {
    const controlled = new Promise((resolve) =>
      navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }),
    );
    await navigator.serviceWorker.register('/worker.js');
    await controlled;
  },

  /** @param {string} row */
  write(row) {
    board.doc.insert(TABLE, row, { peer: board.doc.peer() });
  },

  /**
   * Writes rows, each an event of its own.
   *
   * @param {string} prefix
   * @param {number} count
   */
  writeMany(prefix, count) {
    for (let i = 0; i < count; i++) app.write(`${prefix}${i}`);
  },

  /**
   * Writes rows, and saves each before the next one.
   *
   * @param {string} prefix
   * @param {number} count
   */
  async writeSlowly(prefix, count) {
    for (let i = 0; i < count; i++) {
      app.write(`${prefix}${i}`);
      await board.saved();
    }
  },

  /**
   * Writes rows until the page ends, and reports each once the client says that it is saved here.
   *
   * @param {number} from
   */
  async writeFrom(from) {
    for (let number = from; ; number++) {
      app.write(String(number));
      await board.saved();
      await globalThis.saved(number);
    }
  },

  /** Writes large rows until one is not stored. */
  async fill() {
    for (let i = 0; board.status.error?.code !== 'full'; i++) {
      board.doc.insert(TABLE, `large ${i}`, { content: crypto.getRandomValues(new Uint8Array(LARGE_BYTES)) });
      await Promise.race([board.saved(), changed()]);
    }
  },

  peer: () => board.doc.peer(),

  /** Resolves once everything is saved here. */
  saved: () => board.saved(),
  /** Resolves once the server has everything, and everything of the server is here. */
  synced: () => board.synced(),

  /** @returns {string[]} the ids of all rows */
  rows: () => [...board.doc.rows(TABLE)].map(({ id }) => id),

  /** The status, with the error's `reason` and `code`. */
  status() {
    const { connection, unsent, savedHere, savedThere, forked, error } = board.status;
    return { connection, unsent, savedHere, savedThere, forked, reason: error?.reason, code: error?.code };
  },

  /**
   * Whether a change to a status with such an error was reported.
   *
   * @param {string} reason
   * @param {string} [code]
   */
  reported: (reason, code) => seen.some((status) => status.reason === reason && status.code === code),

  /** The number of updates in the log of the storage. */
  logLength: () =>
    new Promise((/** @type {(length: number) => void} */ resolve) => {
      const opening = indexedDB.open('converge');
      opening.onsuccess = () => {
        const counting = opening.result.transaction('log').objectStore('log').count();
        counting.onsuccess = () => {
          opening.result.close();
          resolve(counting.result);
        };
      };
    }),

  /** The names that wrote events. */
  writers: () => board.doc.version().map(({ peer }) => peer),
  forks: () => board.doc.forks().length,

  /** @param {string} cursor */
  show: (cursor) => void board.store.set(CURSORS, board.doc.peer(), cursor),
  /** The cursors of all replicas. */
  cursors: () => board.store.getAll(CURSORS).map(({ value }) => value),

  /** Starts again from the server's document, and returns the rows of commits that it lacked. */
  async reset() {
    const commits = await board.reset();
    return commits.flat().flatMap((op) => (op.op === 'insert' ? [op.row] : []));
  },

  destroy: () => board.destroy(),
};

/** Resolves at the next change of the status with an error. */
function changed() {
  return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    const unsubscribe = board.subscribe(() => {
      if (board.status.error === undefined) return;
      unsubscribe();
      resolve();
    });
  });
}

/** @typedef {typeof app} App */

Object.assign(globalThis, { app });
