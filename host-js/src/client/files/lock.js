// A lock of a folder that a process holds until it ends, however it ends. The file names the process. Only one process can
// create it, and a file of a process that has ended is removed.

import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../storage-error.js';
import { codeOf } from '../../folder.js';

/** @typedef {{ pid: number, started: string, id: string }} Holder */

const NAME = 'lock';
/** The error codes of file systems without hard links. */
const CANNOT_LINK = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];
/** How often a lock can be taken over by others before this process fails. */
const ATTEMPTS = 10;
/** What precedes the fields of /proc/PID/stat after the program's name, and which is the start. */
const AFTER_NAME = ') ';
const START_FIELD = 19;
/** How precisely a process without /proc knows its own start, in milliseconds. */
const PRECISION_MS = 2_000;

/** The locks that this process holds. */
const held = new Set();

/**
 * Locks a folder.
 *
 * @param {string} folder
 * @returns {Promise<() => Promise<void>>} unlocks it
 * @throws {StorageError} with the code `in-use` if another process, or this one, holds the lock or
 *   removes the folder
 */
export async function lockFolder(folder) {
  const path = join(folder, NAME);
  const id = crypto.randomUUID();
  /** @type {Holder} */
  const own = { pid: process.pid, started: startOf(process.pid), id };
  const draft = `${path}-${id}`;
  try {
    await writeFile(draft, JSON.stringify(own));
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await create(draft, path)) {
        held.add(id);
        return () => unlock(path, id);
      }
      const holder = await read(path);
      if (holder !== undefined && isAlive(holder)) {
        throw new StorageError(
          'in-use',
          `the process ${holder.pid} has the document in ${folder} open; close it there, or use another folder`,
        );
      }
      await takeAway(path, `${path}-${crypto.randomUUID()}`, holder);
    }
    throw new StorageError('in-use', `other processes keep opening the document in ${folder}`);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new StorageError('in-use', `the document in ${folder} is being destroyed; open it again afterwards`, error);
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
 * Removes the lock of a process that has ended. If another process took the lock meanwhile,
 * returns it.
 *
 * @param {string} path
 * @param {string} away
 * @param {Holder | undefined} holder
 */
async function takeAway(path, away, holder) {
  try {
    await rename(path, away);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await read(away);
  if (taken !== undefined && taken.id !== holder?.id) await create(away, path);
  await rm(away, { force: true });
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
 * @param {string} path
 * @returns {Promise<Holder | undefined>} `undefined` if there is no lock, or it is damaged
 */
async function read(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
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
