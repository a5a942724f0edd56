// Documents in files, for Node, Bun and Deno. Saves are atomic: the file always contains one
// complete save. Once a save has resolved, it survives a loss of power.
//
// The package write-file-atomic 8 is not used: it does not sync the folder, accepts incomplete
// writes, and requires Node 22.

import { renameSync } from 'node:fs';
import { open, readFile, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as check from './check.js';
import { codeOf, syncFolder } from './folder.js';

/** @import { Doc } from './doc.js' */
/** @import { Engine } from './engine.js' */
/** @import { FilePath, LoadOptions } from './types.js' */

let begun = 0;
let underWay = 0;
/**
 * The number of the latest completed save of each file, while any save is in progress.
 *
 * @type {Map<string, number>}
 */
const landed = new Map();

/**
 * Loads the document in a file.
 *
 * @param {Engine} engine
 * @param {FilePath} path
 * @param {LoadOptions} [options]
 * @returns {Promise<Doc>}
 * @throws {import('./errors.js').CorruptError} if the file is damaged, or not a saved document
 * @throws {import('./errors.js').UnsupportedVersionError} if a newer version of the engine wrote it
 * @throws {Error} of `node:fs` if the file cannot be read; its `code` is `ENOENT` if there is no file
 */
export async function loadFile(engine, path, options) {
  return engine.load(await readFile(toPath(path)), options);
}

/**
 * Saves a document as it is at the time of the call. Resolves once the bytes are on disk. If the
 * promise rejects, or the program or the machine stops midway, the old file is intact. If a program
 * saves to one file several times at once, the last call wins.
 *
 * Follows symbolic links and keeps the permissions of an existing file. A program that stops midway
 * can leave a file `.converge-….tmp` in the folder, which can be deleted.
 *
 * @param {{ save(): Uint8Array }} doc
 * @param {FilePath} path
 * @returns {Promise<void>}
 * @throws {Error} of `node:fs` if the file cannot be written
 */
export async function saveFile(doc, path) {
  const given = toPath(path);
  const bytes = doc.save();
  const number = ++begun;
  underWay++;
  try {
    const target = await follow(given);
    await replace(target, bytes, number);
    await syncFolder(dirname(target));
  } finally {
    if (--underWay === 0) landed.clear();
  }
}

/**
 * @param {string} target
 * @param {Uint8Array} bytes
 * @param {number} number
 */
async function replace(target, bytes, number) {
  const mode = await modeOf(target);
  // In the same folder, since a rename cannot cross file systems.
  const temporary = join(dirname(target), `.converge-${crypto.randomUUID()}.tmp`);
  const file = await open(temporary, 'wx', mode);
  try {
    try {
      // The umask removed permissions when the file was opened.
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    if (number > (landed.get(target) ?? 0)) {
      // Synchronous, so that no other save can run between the check and the rename.
      renameSync(temporary, target);
      landed.set(target, number);
    } else {
      await rm(temporary);
    }
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Returns the path of a file, existing or not, with all symbolic links resolved.
 *
 * @param {string} path
 * @returns {Promise<string>}
 */
async function follow(path) {
  return (await ifThere(realpath(path))) ?? join(await realpath(dirname(path)), basename(path));
}

/**
 * @param {string} path
 * @returns {Promise<number | undefined>} the permissions of a file, or `undefined` if it does not exist
 */
async function modeOf(path) {
  const found = await ifThere(stat(path));
  if (found !== undefined && !found.isFile()) {
    check.refuse(`${path} is not a file that can be replaced`);
  }
  return found && found.mode & 0o7777;
}

/**
 * @template T
 * @param {Promise<T>} question
 * @returns {Promise<T | undefined>}
 */
async function ifThere(question) {
  try {
    return await question;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** @param {unknown} path */
function toPath(path) {
  return resolve(path instanceof URL ? fileURLToPath(path) : check.string(path, 'path'));
}
