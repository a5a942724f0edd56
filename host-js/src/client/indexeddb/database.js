// A connection to the database, which is opened again if the browser closes it.

import { openDB } from 'idb';
import { StorageError } from '../storage-error.js';
import { toStorageError } from './failure.js';

/** @import { IDBPDatabase } from 'idb' */
/** @import { Schema, Stores, Transaction } from './schema.js' */

/** The version of the schema. */
const VERSION = 1;
/**
 * The maximum time until the database is open. Without a maximum, opening could wait for as long as
 * another tab keeps a connection to an older version.
 */
const OPEN_MS = 30_000;

export class Database {
  #openMs;
  /** @type {Promise<IDBPDatabase<Schema>> | undefined} */
  #connection;
  #isClosed = false;
  #isOutdated = false;

  /**
   * @param {string} name
   * @param {number} [openMs]
   */
  constructor(name, openMs = OPEN_MS) {
    this.name = name;
    this.#openMs = openMs;
  }

  /**
   * Runs `work` in a transaction that only reads.
   *
   * @template T
   * @param {Stores} stores
   * @param {(transaction: Transaction<'readonly'>) => Promise<T>} work
   * @returns {Promise<T>}
   */
  read(stores, work) {
    return this.#run(stores, 'readonly', work);
  }

  /**
   * Runs `work` in a transaction, and resolves once its writes are durable. If `work` throws,
   * nothing is written.
   *
   * @template T
   * @param {Stores} stores
   * @param {(transaction: Transaction<'readwrite'>) => Promise<T>} work must wait for nothing but
   *   requests of the transaction
   * @returns {Promise<T>}
   */
  write(stores, work) {
    return this.#run(stores, 'readwrite', work);
  }

  /** Closes the connection once its transactions have ended. */
  close() {
    this.#isClosed = true;
    this.#connection?.then(
      (connection) => connection.close(),
      () => {},
    );
  }

  /**
   * @template {'readonly' | 'readwrite'} Mode
   * @template T
   * @param {Stores} stores
   * @param {Mode} mode
   * @param {(transaction: Transaction<Mode>) => Promise<T>} work
   */
  async #run(stores, mode, work) {
    try {
      const transaction = await this.#begin(stores, mode);
      // A failure is also an error of the request or of `done` below.
      transaction.done.catch(() => {});
      try {
        const result = await work(transaction);
        transaction.commit();
        await transaction.done;
        return result;
      } catch (error) {
        abort(transaction);
        // The transaction knows why it was aborted; a request that was pending then does not.
        throw transaction.error ?? error;
      }
    } catch (error) {
      throw toStorageError(error, this.name);
    }
  }

  /**
   * @template {'readonly' | 'readwrite'} Mode
   * @param {Stores} stores
   * @param {Mode} mode
   * @returns {Promise<Transaction<Mode>>}
   */
  async #begin(stores, mode) {
    const begin = async () => {
      const connection = await this.#open();
      return connection.transaction(stores, mode, { durability: 'strict' });
    };
    try {
      return await begin();
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'InvalidStateError')) throw error;
      // The browser closed the connection, and the event that says so has not arrived yet.
      this.#connection = undefined;
      return begin();
    }
  }

  async #open() {
    if (this.#isClosed) throw new StorageError('failed', 'the document is closed; open it again');
    if (this.#isOutdated) throw outdated(this.name);
    this.#connection ??= this.#connect();
    const connecting = this.#connection;
    try {
      return await connecting;
    } catch (error) {
      if (this.#connection === connecting) this.#connection = undefined;
      throw error;
    }
  }

  #connect() {
    if (globalThis.indexedDB === undefined) {
      throw new StorageError('failed', 'there is no IndexedDB here; use another storage, or none');
    }
    const forget = () => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    const openTyped = /** @type {typeof openDB<Schema>} */ (openDB);
    const opening = openTyped(this.name, VERSION, {
      upgrade(database) {
        database.createObjectStore('device');
        database.createObjectStore('documents');
        database.createObjectStore('snapshots');
        database.createObjectStore('log', { autoIncrement: true }).createIndex('document', 'document');
        database.createObjectStore('notes');
      },
      // A newer version of the program upgrades the database, or somebody deletes it. Either waits for this connection.
      blocking: (_, newVersion, { target }) => {
        this.#isOutdated ||= newVersion !== null;
        forget();
        /** @type {IDBDatabase} */ (target).close();
      },
      terminated: forget,
    });
    const connection = within(this.#openMs, opening, this.name);
    return connection;
  }
}

/**
 * Waits for a connection. One that opens after the maximum time is closed.
 *
 * @param {number} ms
 * @param {Promise<IDBPDatabase<Schema>>} opening
 * @param {string} name
 * @returns {Promise<IDBPDatabase<Schema>>}
 */
function within(ms, opening, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new StorageError(
          'failed',
          `the database ${JSON.stringify(name)} did not open within ${ms / 1000} s; ` +
            'close other tabs of this page, which can have an older version of it open',
        ),
      );
      opening.then(
        (connection) => connection.close(),
        () => {},
      );
    }, ms);
    opening.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** @param {Transaction<'readonly' | 'readwrite'>} transaction */
function abort(transaction) {
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
}

/** @param {string} name */
function outdated(name) {
  return new StorageError(
    'outdated',
    `a newer version of this page uses the database ${JSON.stringify(name)}; reload the page`,
  );
}
