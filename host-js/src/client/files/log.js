// A log of updates in a file. A record is the length of the update, a CRC-32 of the length and the update, both as 32 bits
// with the lowest byte first, and the update.

import { constants } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { saveFile } from '../../files.js';
import { StorageError } from '../storage-error.js';
import { crc32 } from './crc32.js';
import { syncFolder } from '../../folder.js';

const LENGTH_BYTES = 4;
const HEADER_BYTES = 8;

/**
 * @typedef {object} Records
 * @property {Uint8Array[]} updates the readable ones
 * @property {number} end where the last readable record ends
 * @property {number | undefined} damagedAt where the first record begins that is not readable although
 *   a readable one follows
 */

export class Log {
  #path;
  #file;
  #size;
  /** Whether the file can have bytes after `size`. */
  #isTorn = false;

  /**
   * @param {string} path
   * @param {import('node:fs/promises').FileHandle} file
   * @param {number} size
   */
  constructor(path, file, size) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens a log, or creates it. A last record that was not written completely is removed: its
   * `append` has not resolved.
   *
   * @param {string} path
   * @param {(() => Promise<void>) | undefined} prepareRepair is called before damaged records are
   *   removed; `undefined` if they must not be
   * @returns {Promise<{ log: Log, updates: Uint8Array[], repaired?: string }>} `repaired` is a copy of
   *   the damaged file, if records were removed
   */
  static async open(path, prepareRepair) {
    const flags = constants.O_RDWR | constants.O_CREAT;
    let file = await open(path, flags, 0o666);
    const bytes = await file.readFile();
    const { updates, end, damagedAt } = parse(bytes);
    if (damagedAt !== undefined) {
      await file.close();
      const repaired = await repair(path, prepareRepair, damagedAt, bytes.length, updates);
      file = await open(path, flags);
      return { log: new Log(path, file, (await file.stat()).size), updates, repaired };
    }
    if (end < bytes.length) {
      await file.truncate(end);
      await file.sync();
    }
    if (bytes.length === 0) await syncFolder(dirname(path));
    return { log: new Log(path, file, end), updates };
  }

  /**
   * Appends an update. Resolves once the record is on disk.
   *
   * @param {Uint8Array} update
   */
  async append(update) {
    if (this.#isTorn) {
      // After a failure. Truncating needs no space.
      await this.#file.truncate(this.#size);
      this.#isTorn = false;
    }
    const record = toRecord(update);
    this.#isTorn = true;
    for (let written = 0; written < record.length;) {
      const { bytesWritten } = await this.#file.write(record, written, record.length - written, this.#size + written);
      written += bytesWritten;
    }
    await this.#file.datasync();
    const { nlink } = await this.#file.stat();
    if (nlink === 0) throw new StorageError('gone', `${this.#path} was deleted while the document was open`);
    this.#size += record.length;
    this.#isTorn = false;
  }

  async close() {
    await this.#file.close();
  }
}

/** @param {Uint8Array} update */
function toRecord(update) {
  const record = new Uint8Array(HEADER_BYTES + update.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, update.length, true);
  record.set(update, HEADER_BYTES);
  view.setUint32(LENGTH_BYTES, checksum(record), true);
  return record;
}

/** @param {Uint8Array} record */
function checksum(record) {
  // The field of the checksum lies between the two parts.
  const covered = new Uint8Array(record.length - LENGTH_BYTES);
  covered.set(record.subarray(0, LENGTH_BYTES));
  covered.set(record.subarray(HEADER_BYTES), LENGTH_BYTES);
  return crc32(covered);
}

/**
 * Reads records. After one that is not readable, searches for the next readable one: if there is
 * one, the file is damaged, and otherwise its last record was not written completely.
 *
 * @param {Uint8Array} bytes
 * @returns {Records}
 */
export function parse(bytes) {
  const updates = [];
  let end = 0;
  /** @type {number | undefined} */
  let damagedAt;
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const update = updateAt(bytes, at);
    if (update === undefined) {
      at++;
      continue;
    }
    if (at !== end) damagedAt ??= end;
    updates.push(update);
    at += HEADER_BYTES + update.length;
    end = at;
  }
  return { updates, end, damagedAt };
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function updateAt(bytes, at) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  const length = view.getUint32(0, true);
  const end = at + HEADER_BYTES + length;
  if (end > bytes.length || checksum(bytes.subarray(at, end)) !== view.getUint32(LENGTH_BYTES, true)) return undefined;
  return bytes.slice(at + HEADER_BYTES, end);
}

/**
 * @param {string} path
 * @param {(() => Promise<void>) | undefined} prepare
 * @param {number} damagedAt
 * @param {number} size
 * @param {Uint8Array[]} updates
 * @returns {Promise<string>} a copy of the damaged file
 */
async function repair(path, prepare, damagedAt, size, updates) {
  if (prepare === undefined) {
    throw new StorageError(
      'failed',
      `${path} is damaged at byte ${damagedAt} of ${size}; restore it from a backup, or continue with the rest: ` +
        'files(folder, { repair: true })',
    );
  }
  const copy = `${path}.damaged-${Date.now()}`;
  await copyFile(path, copy);
  await prepare();
  const records = updates.map(toRecord);
  await saveFile({ save: () => new Uint8Array(Buffer.concat(records)) }, path);
  return copy;
}
