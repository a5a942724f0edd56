// A document in a folder: `meta.json`, and the snapshot and the log that it names by a number. Replacing `meta.json` is the
// moment at which a compaction or a reset happens; files with other numbers are left over, and removed.

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { saveFile } from '../../files.js';
import { StorageError } from '../storage-error.js';
import { failing } from './failure.js';
import { codeOf, syncFolder } from '../../folder.js';
import { lockFolder } from './lock.js';
import { Log } from './log.js';

/** @import { Content, Notes, StoredDocument } from '../storage.js' */

const VERSION = 1;
const META = 'meta.json';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const DEVICE_LETTERS = 16;
/** How much of a key and of its hash the name of a folder has. */
const KEY_CHARACTERS = 60;
const HASH_CHARACTERS = 16;
const NUMBERED = /^(?:snapshot|log)-(\d+)$/;

/**
 * The content of `meta.json`.
 *
 * @typedef {object} Meta
 * @property {number} version of this layout
 * @property {string} key
 * @property {string} device
 * @property {number} number of the present snapshot and log
 * @property {boolean} hasSnapshot
 * @property {{ incarnation?: string | undefined, acknowledged?: string | undefined }} notes bytes are
 *   in base64
 */

/**
 * Opens a document.
 *
 * @param {string} parent
 * @param {string} key
 * @param {string} prefix
 * @param {boolean} repairs
 * @returns {Promise<StoredDocument>}
 */
export async function openDocument(parent, key, prefix, repairs) {
  const folder = join(parent, folderOf(key));
  return failing(folder, async () => {
    await mkdir(parent, { recursive: true });
    const unlock = await lockFolder(folder);
    try {
      await removeDestroyed(folder);
      await mkdir(folder, { recursive: true });
      const meta = (await readMeta(folder)) ?? (await begin(folder, key));
      await removeLeftovers(folder, meta.number);
      return new FolderDocument(folder, meta, prefix, repairs, unlock);
    } catch (error) {
      await unlock();
      throw error;
    }
  });
}

/** @implements {StoredDocument} */
class FolderDocument {
  #folder;
  #meta;
  #prefix;
  #repairs;
  #unlock;
  /** @type {Log | undefined} */
  #log;
  /**
   * A copy of a damaged log, if records of it were left out.
   *
   * @type {string | undefined}
   */
  #repaired;
  /** @type {Promise<unknown>} */
  #latest = Promise.resolve();
  #isClosed = false;

  /** Only one replica at a time can open the document. */
  channel = undefined;

  /**
   * @param {string} folder
   * @param {Meta} meta
   * @param {string} prefix
   * @param {boolean} repairs
   * @param {() => Promise<void>} unlock
   */
  constructor(folder, meta, prefix, repairs, unlock) {
    this.#folder = folder;
    this.#meta = meta;
    this.#prefix = prefix;
    this.#repairs = repairs;
    this.#unlock = unlock;
  }

  get peer() {
    return `${this.#prefix}${this.#meta.device}`;
  }

  /** @returns {Promise<Content>} */
  read() {
    return this.#call(async () => {
      const { number, hasSnapshot, notes } = this.#meta;
      const snapshot = hasSnapshot ? await readFile(this.#path('snapshot', number)) : undefined;
      const updates = await this.#openLog();
      const repaired = this.#repaired;
      return { snapshot: snapshot && new Uint8Array(snapshot), updates, notes: toNotes(notes), repaired };
    });
  }

  /** @param {Uint8Array} update */
  append(update) {
    return this.#call(async () => {
      if (this.#log === undefined) await this.#openLog();
      await this.#log?.append(update);
    });
  }

  /** @param {Notes} notes */
  note(notes) {
    return this.#call(() => this.#write({ ...this.#meta, notes: fromNotes(notes) }));
  }

  /** @param {(updates: Uint8Array[]) => Uint8Array} save */
  compact(save) {
    return this.#call(async () => {
      const number = this.#meta.number + 1;
      const bytes = save(await this.#openLog());
      await saveFile({ save: () => bytes }, this.#path('snapshot', number));
      await this.#switch({ ...this.#meta, number, hasSnapshot: true });
    });
  }

  /** @param {Notes} notes */
  reset(notes) {
    return this.#call(() => {
      const number = this.#meta.number + 1;
      return this.#switch({ ...this.#meta, number, hasSnapshot: false, notes: fromNotes(notes) });
    });
  }

  rename() {
    return this.#call(async () => {
      await this.#write({ ...this.#meta, device: randomLetters() });
      return this.peer;
    });
  }

  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#latest.catch(() => {});
    await this.#closeLog();
    await this.#unlock();
  }

  async destroy() {
    await this.#call(async () => {
      await this.#closeLog();
      // At once, so that no part of the document is left.
      const destroyed = destroyedName(this.#folder);
      await rename(this.#folder, destroyed);
      await syncFolder(dirname(this.#folder));
      await rm(destroyed, { recursive: true, force: true });
    });
    await this.close();
  }

  /**
   * Runs a call after those before it.
   *
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T>}
   */
  #call(call) {
    const result = this.#latest.then(() => {
      if (this.#isClosed) throw new StorageError('failed', 'the document is closed; open it again');
      return failing(this.#folder, call);
    });
    this.#latest = result.catch(() => {});
    return result;
  }

  /** Opens the log, and returns its updates. */
  async #openLog() {
    await this.#closeLog();
    // The server can have events that are left out here, and new events must not get their names.
    const rename = () => this.#write({ ...this.#meta, device: randomLetters() });
    const path = this.#path('log', this.#meta.number);
    const { log, updates, repaired } = await Log.open(path, this.#repairs ? rename : undefined);
    this.#log = log;
    this.#repaired ??= repaired;
    return updates;
  }

  async #closeLog() {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  /** @param {Meta} meta with another number */
  async #switch(meta) {
    await this.#write(meta);
    await this.#closeLog();
    await removeLeftovers(this.#folder, meta.number);
  }

  /** @param {Meta} meta */
  async #write(meta) {
    await writeMeta(this.#folder, meta);
    this.#meta = meta;
  }

  /**
   * @param {'snapshot' | 'log'} kind
   * @param {number} number
   */
  #path(kind, number) {
    return join(this.#folder, `${kind}-${number}`);
  }
}

/**
 * @param {string} folder
 * @param {string} key
 * @returns {Promise<Meta>}
 */
async function begin(folder, key) {
  const [file] = (await readdir(folder)).filter((name) => NUMBERED.test(name));
  if (file !== undefined) {
    throw new StorageError(
      'failed',
      `${folder} has ${file} but no ${META}; restore ${META} from a backup, or remove the folder`,
    );
  }
  const meta = { version: VERSION, key, device: randomLetters(), number: 0, hasSnapshot: false, notes: {} };
  await writeMeta(folder, meta);
  await syncFolder(dirname(folder));
  return meta;
}

/**
 * @param {string} folder
 * @param {Meta} meta
 */
async function writeMeta(folder, meta) {
  const bytes = new TextEncoder().encode(`${JSON.stringify(meta, undefined, 2)}\n`);
  await saveFile({ save: () => bytes }, join(folder, META));
}

/**
 * @param {string} folder
 * @returns {Promise<Meta | undefined>}
 */
async function readMeta(folder) {
  const path = join(folder, META);
  let text;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  let meta;
  try {
    meta = JSON.parse(text);
  } catch (cause) {
    throw new StorageError('failed', `${path} is damaged; restore it from a backup, or remove the folder`, cause);
  }
  if (meta.version !== VERSION) {
    throw new StorageError('outdated', `${path} has the version ${meta.version}; this program reads ${VERSION}`);
  }
  return meta;
}

/**
 * Removes files of other numbers, and those that an interrupted save left.
 *
 * @param {string} folder
 * @param {number} number
 */
async function removeLeftovers(folder, number) {
  for (const name of await readdir(folder)) {
    const [, found] = name.match(NUMBERED) ?? [];
    const isLeftover = found !== undefined && Number(found) !== number;
    if (isLeftover || /^\.converge-.*\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
  }
}

/** @param {string} folder */
async function removeDestroyed(folder) {
  await rm(destroyedName(folder), { recursive: true, force: true });
}

/** @param {string} folder */
function destroyedName(folder) {
  return `${folder}.destroyed`;
}

/**
 * Returns the name of a document's folder: readable, short enough for all file systems, and
 * different for different keys.
 *
 * @param {string} key
 */
function folderOf(key) {
  const readable = key.replace(/[^\w.-]+/g, '_').slice(0, KEY_CHARACTERS);
  return `${readable}-${createHash('sha256').update(key).digest('hex').slice(0, HASH_CHARACTERS)}`;
}

function randomLetters() {
  const letters = LETTERS.length;
  // 208 is a multiple of the number of letters, so that all are equally likely.
  const max = 256 - (256 % letters);
  let text = '';
  while (text.length < DEVICE_LETTERS) {
    for (const byte of crypto.getRandomValues(new Uint8Array(DEVICE_LETTERS))) {
      if (byte < max && text.length < DEVICE_LETTERS) text += LETTERS[byte % letters];
    }
  }
  return text;
}

/**
 * @param {Meta['notes']} notes
 * @returns {Notes}
 */
function toNotes({ incarnation, acknowledged }) {
  return {
    ...(incarnation !== undefined && { incarnation }),
    ...(acknowledged !== undefined && { acknowledged: new Uint8Array(Buffer.from(acknowledged, 'base64')) }),
  };
}

/**
 * @param {Notes} notes
 * @returns {Meta['notes']}
 */
function fromNotes({ incarnation, acknowledged }) {
  return { incarnation, acknowledged: acknowledged && Buffer.from(acknowledged).toString('base64') };
}
