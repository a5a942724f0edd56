// Keeps objects whose content is in the engine from being copied by `structuredClone`,
// `postMessage`, `JSON.stringify` or spread syntax, which would return an empty object without an
// error.

import { InvalidArgumentError } from './errors.js';

/** The property that fails for each kind of object, with what to send instead. */
const KINDS = {
  document: refusal('a document', 'send the bytes of save() or updateSince()'),
  watcher: refusal('a watcher', 'send what take() returns'),
  store: refusal('a store', 'send the bytes of snapshot() or takeUpdate()'),
  session: refusal('a session', 'send its messages'),
  transaction: refusal('a transaction', 'commit it and send the event'),
  view: refusal('a view', 'send what read() or take() returns'),
  'update reader': refusal('an update reader', 'send the bytes that it reads'),
  engine: refusal('an engine', 'send the compiled module and open() it there'),
  mutators: refusal('a set of mutators', 'send the compiled modules'),
};

/** @typedef {keyof typeof KINDS} Kind */

/**
 * Makes all ways to copy `object` fail. JavaScript has no hook for this, but all ways to copy an
 * object read its own enumerable properties.
 *
 * @param {object} object
 * @param {Kind} kind
 */
export function refuseCopies(object, kind) {
  Object.defineProperty(object, 'notCloneable', KINDS[kind]);
}

/**
 * @param {string} what
 * @param {string} remedy
 * @returns {PropertyDescriptor}
 */
function refusal(what, remedy) {
  return {
    enumerable: true,
    get() {
      throw new InvalidArgumentError(`${what} cannot be cloned, spread or serialized as JSON; ${remedy}`);
    },
  };
}
