// A document in IndexedDB.

import { StorageError } from '../storage-error.js';
import { toStorageError } from './failure.js';
import { randomLetters, reserve, unlessUnderWay } from './names.js';

/** @import { Content, Notes, StoredDocument } from '../storage.js' */
/** @import { Database } from './database.js' */
/** @import { Reservation } from './names.js' */
/** @import { Lineage, Stores, Transaction } from './schema.js' */

/** The key of the only entry in the store `device`. */
const DEVICE = 'name';
/** The stores that have entries of documents. */
const CONTENT = /** @satisfies {Stores} */ (['documents', 'snapshots', 'log', 'notes']);
/** What `saves` of no document is. */
const NOT_READ = -1;

/**
 * Opens a document, and reserves a peer name.
 *
 * @param {Database} database
 * @param {string} key
 * @param {string} prefix
 * @returns {Promise<StoredDocument>}
 */
export async function openDocument(database, key, prefix) {
  const { device, lineage } = await begun(database, key);
  try {
    const reservation = await reserve(scopeOf(database, key), prefix, device);
    return new IndexedDocument(database, key, prefix, lineage, reservation);
  } catch (error) {
    throw toStorageError(error, database.name);
  }
}

/**
 * Returns how the names of a document's locks start.
 *
 * @param {Database} database
 * @param {string} key
 */
function scopeOf({ name }, key) {
  // The name can contain colons.
  return `converge:${encodeURIComponent(name)}:${key}`;
}

/**
 * Reads the device and the lineage of a document, and draws those that do not exist yet.
 *
 * @param {Database} database
 * @param {string} key
 * @returns {Promise<{ device: string, lineage: Lineage }>}
 */
async function begun(database, key) {
  const stores = /** @satisfies {Stores} */ (['device', 'documents']);
  const [device, lineage] = await database.read(stores, (transaction) =>
    Promise.all([transaction.objectStore('device').get(DEVICE), transaction.objectStore('documents').get(key)]),
  );
  if (device !== undefined && lineage !== undefined) return { device, lineage };
  return database.write(stores, async (transaction) => {
    const devices = transaction.objectStore('device');
    const documents = transaction.objectStore('documents');
    // Another tab can have drawn them meanwhile.
    const device = (await devices.get(DEVICE)) ?? randomLetters();
    const lineage = (await documents.get(key)) ?? { origin: randomLetters(), resets: 0, saves: 0 };
    await Promise.all([devices.put(device, DEVICE), documents.put(lineage, key)]);
    return { device, lineage };
  });
}

/** @implements {StoredDocument} */
class IndexedDocument {
  #database;
  #key;
  #prefix;
  #origin;
  #resets;
  /** The `saves` of the snapshot that this replica has merged or written. */
  #saves = NOT_READ;
  #reservation;
  /** @type {Promise<unknown>} */
  #latest = Promise.resolve();

  /**
   * @param {Database} database
   * @param {string} key
   * @param {string} prefix
   * @param {Lineage} lineage
   * @param {Reservation} reservation
   */
  constructor(database, key, prefix, { origin, resets }, reservation) {
    this.#database = database;
    this.#key = key;
    this.#prefix = prefix;
    this.#origin = origin;
    this.#resets = resets;
    this.#reservation = reservation;
  }

  get peer() {
    return this.#reservation.name;
  }

  /** Differs after a reset, so that replicas of the former content do not find the new ones. */
  get channel() {
    return typeof BroadcastChannel === 'undefined'
      ? undefined
      : `converge:${encodeURIComponent(this.#database.name)}:${this.#resets}:${this.#key}`;
  }

  /** @returns {Promise<Content>} */
  read() {
    return this.#call(async () => {
      const [lineage, snapshot, entries, notes = {}] = await this.#database.read(CONTENT, async (transaction) =>
        Promise.all([
          this.#lineage(transaction),
          transaction.objectStore('snapshots').get(this.#key),
          transaction.objectStore('log').index('document').getAll(this.#key),
          transaction.objectStore('notes').get(this.#key),
        ]),
      );
      this.#saves = lineage.saves;
      return { snapshot, updates: entries.map(({ update }) => update), notes };
    });
  }

  /**
   * @param {Uint8Array} update
   * @returns {Promise<void>}
   */
  append(update) {
    return this.#call(() =>
      this.#database.write(['documents', 'log'], async (transaction) => {
        await this.#lineage(transaction);
        await transaction.objectStore('log').add({ document: this.#key, update: alone(update) });
      }),
    );
  }

  /**
   * @param {Notes} notes
   * @returns {Promise<void>}
   */
  note(notes) {
    return this.#call(() =>
      this.#database.write(['documents', 'notes'], async (transaction) => {
        await this.#lineage(transaction);
        await transaction.objectStore('notes').put(notes, this.#key);
      }),
    );
  }

  /**
   * @param {(updates: Uint8Array[]) => Uint8Array} save
   * @returns {Promise<void>}
   */
  compact(save) {
    return this.#call(() =>
      unlessUnderWay(`${scopeOf(this.#database, this.#key)}:compact`, async () => {
        this.#saves = await this.#database.write(['documents', 'snapshots', 'log'], (transaction) =>
          this.#replaceSnapshot(transaction, save),
        );
      }),
    );
  }

  /**
   * @param {Notes} notes
   * @returns {Promise<void>}
   */
  reset(notes) {
    return this.#call(async () => {
      const resets = this.#resets + 1;
      await this.#database.write(CONTENT, async (transaction) => {
        await this.#lineage(transaction);
        await this.#remove(transaction);
        await Promise.all([
          transaction.objectStore('documents').put({ origin: this.#origin, resets, saves: 0 }, this.#key),
          transaction.objectStore('notes').put(notes, this.#key),
        ]);
      });
      this.#resets = resets;
      this.#saves = 0;
    });
  }

  /** @returns {Promise<string>} */
  rename() {
    return this.#call(async () => {
      const device = randomLetters();
      await this.#database.write(['documents', 'device'], async (transaction) => {
        await this.#lineage(transaction);
        await transaction.objectStore('device').put(device, DEVICE);
      });
      const former = this.#reservation;
      this.#reservation = await reserve(scopeOf(this.#database, this.#key), this.#prefix, device);
      await former.release();
      return this.peer;
    });
  }

  async close() {
    await this.#latest.catch(() => {});
    this.#database.close();
    await this.#reservation.release();
  }

  async destroy() {
    await this.#call(() => this.#database.write(CONTENT, (transaction) => this.#remove(transaction)));
    await this.close();
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #call(work) {
    const result = work().catch((error) => {
      // Locks fail with the same class of errors.
      throw toStorageError(error, this.#database.name);
    });
    this.#latest = result;
    return result;
  }

  /**
   * Reads the lineage, and fails if the content is no longer the one that this replica opened.
   *
   * @param {Transaction<'readonly' | 'readwrite'>} transaction
   * @returns {Promise<Lineage>}
   */
  async #lineage(transaction) {
    const lineage = await transaction.objectStore('documents').get(this.#key);
    if (lineage?.origin !== this.#origin) {
      throw new StorageError(
        'gone',
        `the stored data of ${JSON.stringify(this.#key)} were deleted while it was open; open it again`,
      );
    }
    if (lineage.resets !== this.#resets) {
      throw new StorageError('reset', `another tab has reset ${JSON.stringify(this.#key)}; open it again`);
    }
    return lineage;
  }

  /**
   * @param {Transaction<'readwrite'>} transaction
   * @param {(updates: Uint8Array[]) => Uint8Array} save
   * @returns {Promise<number>} the `saves` of the new snapshot
   */
  async #replaceSnapshot(transaction, save) {
    const snapshots = transaction.objectStore('snapshots');
    const log = transaction.objectStore('log');
    const lineage = await this.#lineage(transaction);
    const [numbers, entries, snapshot] = await Promise.all([
      log.index('document').getAllKeys(this.#key),
      log.index('document').getAll(this.#key),
      // A snapshot of another replica can contain events that this replica lacks.
      lineage.saves === this.#saves ? undefined : snapshots.get(this.#key),
    ]);
    const updates = entries.map(({ update }) => update);
    const saved = save(snapshot === undefined ? updates : [snapshot, ...updates]);
    const saves = lineage.saves + 1;
    await Promise.all([
      snapshots.put(alone(saved), this.#key),
      transaction.objectStore('documents').put({ ...lineage, saves }, this.#key),
      ...numbers.map((number) => log.delete(number)),
    ]);
    return saves;
  }

  /**
   * Removes everything that is kept of the document.
   *
   * @param {Transaction<'readwrite'>} transaction
   */
  async #remove(transaction) {
    const log = transaction.objectStore('log');
    const numbers = await log.index('document').getAllKeys(this.#key);
    await Promise.all([
      transaction.objectStore('documents').delete(this.#key),
      transaction.objectStore('snapshots').delete(this.#key),
      transaction.objectStore('notes').delete(this.#key),
      ...numbers.map((number) => log.delete(number)),
    ]);
  }
}

/**
 * Returns bytes in a buffer of their own, because IndexedDB stores the whole buffer of a view.
 *
 * @param {Uint8Array} bytes
 */
function alone(bytes) {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
