// A lock of a folder that a process holds until it ends, however it ends. The file names the process. Only one process can
// create it, and a file of a process that has ended is removed. The lock is next to the folder, so that the process that
// holds it can delete the folder.

import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { StorageError } from '../storage-error.js';
import { codeOf } from '../../folder.js';

/** @typedef {{ pid: number, started: string, id: string }} Holder */

const SUFFIX = '.lock';
/** The error codes of file systems without hard links. */
const CANNOT_LINK = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];
/** How often a process tries to take a lock that other processes keep taking before it. */
const ATTEMPTS = 10;
/** How long a lock can be without its content, in milliseconds, on file systems without links. */
const WRITING_MS = 500;
/** What precedes the fields of /proc/PID/stat after the program's name, and which is the start. */
const AFTER_NAME = ') ';
const START_FIELD = 19;
/** How precisely a process without /proc knows its own start, in milliseconds. */
const PRECISION_MS = 2_000;

/**
 * The holder of a lock without content: a process that has ended.
 *
 * @type {Holder}
 */
const DAMAGED = { pid: 0, started: '', id: 'damaged' };
/** The locks that this process holds. */
const held = new Set();

/**
 * Locks a folder. The folder need not exist, but the one that contains it.
 *
 * @param {string} folder
 * @returns {Promise<() => Promise<void>>} unlocks it
 * @throws {StorageError} with the code `in-use` if another process, or this one, holds the lock
 */
export function lockFolder(folder) {
  return acquire(`${folder}${SUFFIX}`, folder);
}

/**
 * Creates the lock. The lock of a process that has ended is replaced under a lock of its own, so
 * that of many processes only one replaces it, and none replaces its successor.
 *
 * @param {string} path
 * @param {string} folder for messages
 * @returns {Promise<() => Promise<void>>}
 */
async function acquire(path, folder) {
  const id = crypto.randomUUID();
  /** @type {Holder} */
  const own = { pid: process.pid, started: startOf(process.pid), id };
  const draft = draftOf(path, id);
  try {
    await writeFile(draft, JSON.stringify(own));
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if ((await create(draft, path)) || (await replace(draft, path, folder))) {
        held.add(id);
        return () => unlock(path, id);
      }
    }
    throw new StorageError('in-use', `other processes keep opening the document in ${folder}`);
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Creates the lock with its content at once.
 *
 * @param {string} draft
 * @param {string} path
 */
async function create(draft, path) {
  try {
    await link(draft, path).catch(async (error) => {
      if (!CANNOT_LINK.includes(codeOf(error) ?? '')) throw error;
      await writeFile(path, await readFile(draft), { flag: 'wx' });
    });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Replaces the lock of a process that has ended.
 *
 * @param {string} draft
 * @param {string} path
 * @param {string} folder for messages
 * @returns {Promise<boolean>} `false` if the lock is gone, or has been replaced
 * @throws {StorageError} with the code `in-use` if the process that holds the lock still runs
 */
async function replace(draft, path, folder) {
  const holder = await readWritten(path);
  if (holder === undefined) return false;
  if (isAlive(holder)) {
    throw new StorageError(
      'in-use',
      `the process ${holder.pid} has the document in ${folder} open; close it there, or use another folder`,
    );
  }
  const release = await acquire(`${path}-${holder.id}`, folder);
  try {
    if ((await read(path))?.id !== holder.id) return false;
    await rename(draft, path);
    await rm(draftOf(path, holder.id), { force: true });
    return true;
  } finally {
    await release();
  }
}

/**
 * @param {string} path
 * @param {string} id
 */
async function unlock(path, id) {
  held.delete(id);
  if ((await read(path))?.id === id) await rm(path, { force: true });
}

/**
 * Returns the name of the file that becomes the lock.
 *
 * @param {string} path
 * @param {string} id
 */
function draftOf(path, id) {
  return `${path}-${id}.tmp`;
}

/**
 * Reads the lock once its content is written, or never will be.
 *
 * @param {string} path
 */
async function readWritten(path) {
  const holder = await read(path);
  if (holder !== DAMAGED) return holder;
  await setTimeout(WRITING_MS);
  return read(path);
}

/**
 * @param {string} path
 * @returns {Promise<Holder | undefined>} `undefined` if there is no lock
 */
async function read(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) return DAMAGED;
    throw error;
  }
}

/**
 * Returns whether the process that wrote a lock still runs. Another process can have its number by
 * now.
 *
 * @param {Holder} holder
 */
function isAlive({ pid, started, id }) {
  if (id === DAMAGED.id) return false;
  if (held.has(id)) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  const now = startOf(pid);
  const [known, seen] = [Number(started), Number(now)];
  if (Number.isNaN(known) || Number.isNaN(seen)) return now === '' || now === started;
  return Math.abs(known - seen) < PRECISION_MS;
}

/**
 * Returns a text that differs between processes that had the same number, as far as the platform
 * allows.
 *
 * @param {number} pid
 * @returns {string} an empty text if the platform does not say when another process started
 */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(AFTER_NAME) + AFTER_NAME.length).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${fields[START_FIELD]}`;
  } catch {
    return pid === process.pid ? `${Math.round(Date.now() - process.uptime() * 1000)}` : '';
  }
}
