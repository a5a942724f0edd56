// A document that is there at once, works without a network, and is in sync with a server whenever it can be.

import { open } from '@converge/sync';
import * as check from '../check.js';
import { addressOf } from './address.js';
import { Client as Implementation } from './client.js';
import { checkToken } from './token.js';

export { ClientError } from './errors.js';
export { StorageError } from './storage-error.js';

/** @import { Engine } from '../engine.js' */
/** @import { ConnectOptions } from './types.js' */

/** @typedef {import('./client.js').Client} Client */
/** @typedef {import('./storage.js').ClientStorage} ClientStorage */
/** @typedef {import('./storage.js').Content} Content */
/** @typedef {import('./storage.js').Notes} Notes */
/** @typedef {import('./storage.js').StorageFailure} StorageFailure */
/** @typedef {import('./storage.js').StoredDocument} StoredDocument */
/** @typedef {import('./types.js').Commit} Commit */
/** @typedef {import('./types.js').ConnectionState} ConnectionState */
/** @typedef {import('./types.js').Reason} Reason */
/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./types.js').Token} Token */

const OPTIONS = ['token', 'storage', 'peerPrefix', 'engine', 'key', 'paused'];

/**
 * Opens a document, and synchronizes it with a server from then on. Resolves as soon as the local
 * data can be read, also without a network and at the first start, when the document is empty.
 *
 * @param {string | URL} url of the server, such as `https://example.com`
 * @param {string} name the document's name
 * @param {ConnectOptions} [options]
 * @returns {Promise<Client>}
 * @throws {import('../errors.js').InvalidArgumentError} if an option or the name is not allowed
 * @throws {TypeError} if the URL is malformed, or the name is empty
 * @throws {import('./errors.js').ClientError} with the reason `damaged` if the stored data cannot be
 *   read
 * @throws {import('./storage-error.js').StorageError} if the storage cannot be opened
 */
export async function connect(url, name, options = {}) {
  const {
    token,
    storage,
    peerPrefix = '',
    engine,
    key,
    paused = false,
  } = /** @type {ConnectOptions} */ (check.options(options, 'options', OPTIONS));
  checkToken(token);
  if (storage !== undefined && typeof (/** @type {Partial<typeof storage> | null} */ (storage)?.open) !== 'function') {
    check.refuse(
      `storage must be an object with a method open, such as files('data') or indexedDb(), not ${check.show(storage)}`,
    );
  }
  const address = addressOf(url, name);
  const shared = engine ?? (await /** @type {() => Promise<Engine>} */ (/** @type {unknown} */ (open))());
  const settings = { token, peerPrefix, paused };
  if (storage === undefined) return new Implementation(shared, name, address, settings, undefined);
  const openStored = () => storage.open(key ?? address.http, peerPrefix);
  const stored = await openStored();
  try {
    const content = await stored.read();
    return new Implementation(shared, name, address, settings, { stored, content, open: openStored });
  } catch (error) {
    await stored.close();
    throw error;
  }
}
