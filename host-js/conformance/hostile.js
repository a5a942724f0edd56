// Damages bytes in every place, one at a time, and passes them to every function that reads them.
// Either the call fails and changes nothing, or the result is consistent.

import assert from 'node:assert/strict';
import { ConvergeError, SessionEndedError } from '../src/index.js';
import { withChecksum } from './damage.js';
import { checkDoc, checkSaved, mustBe, stateOf } from './lasting.js';
import * as n from './notation.js';
import { checkStore, emptyStore, storeStateOf } from './passing.js';

/** @import { Engine } from '../src/engine.js' */
/** @import { Doc } from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Session } from '../dist/wit/interfaces/converge-sync-session.js' */
/** @import { Json } from './notation.js' */

/** The peer of the documents and stores that read damaged bytes. */
const READER = 'reader';

/**
 * The kind of damage, and whether the checksum is corrected afterwards.
 *
 * @typedef {{ kind: string, checksum: boolean }} Damage
 */

/**
 * Returns the results of `load` and `merge-update` of a document for damaged bytes.
 *
 * @param {Engine} engine
 * @param {Uint8Array} bytes
 * @param {Damage} damage
 * @returns {Json}
 */
export function damagedDocuments(engine, bytes, damage) {
  return everywhere(bytes, damage, ['load', 'merge-update'], (damaged) => {
    const loaded = verdict(() => {
      const made = engine.raw.durable.Doc.load(READER, damaged);
      // With a corrected checksum, the tables can differ from the result of the events. So the
      // document is not forked, but it must be readable, and saving and loading must not change it.
      return () => {
        checkSaved(engine, made);
        return digestOf(made);
      };
    });
    const doc = engine.raw.durable.Doc.create(READER);
    const before = stateOf(doc);
    const merged = verdict(() => {
      doc.mergeUpdate(damaged);
      return () => {
        checkDoc(engine, doc);
        return digestOf(doc);
      };
    });
    if (n.isObject(merged)) mustBe(before, doc, 'the document after an error');
    return [loaded, merged];
  });
}

/**
 * Returns the results of `merge-update` of a store for damaged bytes.
 *
 * @param {Engine} engine
 * @param {Uint8Array} bytes
 * @param {Damage} damage
 * @returns {Json}
 */
export function damagedEntries(engine, bytes, damage) {
  return everywhere(bytes, damage, ['merge-update'], (damaged) => {
    const store = emptyStore(engine, READER);
    const before = storeStateOf(store);
    const merged = verdict(() => {
      store.mergeUpdate(damaged, 0);
      return () => n.sha256(checkStore(engine, store));
    });
    if (n.isObject(merged)) assert.deepEqual(storeStateOf(store), before, 'refused, but something changed');
    store[Symbol.dispose]();
    return [merged];
  });
}

/**
 * Returns the results of `receive` of a session for the last message, damaged, after the session
 * received the others.
 *
 * @param {Engine} engine
 * @param {Uint8Array[]} messages
 * @param {Damage} damage
 * @returns {Json}
 */
export function damagedMessages(engine, messages, damage) {
  const last = messages.at(-1);
  if (last === undefined) throw new n.Mistake('there is no message to damage');
  return everywhere(last, damage, ['receive'], (damaged) => [ofSession(engine, messages.slice(0, -1), damaged)]);
}

/**
 * @param {Engine} engine
 * @param {Uint8Array[]} before
 * @param {Uint8Array} damaged
 * @returns {Json}
 */
function ofSession(engine, before, damaged) {
  const [doc, store] = [engine.raw.durable.Doc.create(READER), emptyStore(engine, READER)];
  const options = {
    document: 'doc',
    nonce: 0n,
    maxMessageBytes: 65_536,
    namespaces: [],
    readOnly: false,
    accept: { events: true, entries: true, documents: true },
    writers: [],
  };
  const session = engine.raw.session.Session.open(doc, store, options);
  const sayAll = () => {
    while (session.poll(0) !== undefined);
  };
  for (const message of before) {
    sayAll();
    session.receive(message, 0);
  }
  sayAll();
  const state = () => ({ doc: stateOf(doc), ...storeStateOf(store) });
  const unchanged = state();
  const received = verdict(() => {
    session.receive(damaged, 0);
    return () => {
      checkDoc(engine, doc);
      return [n.fromBytes(doc.digest()), n.sha256(checkStore(engine, store))];
    };
  });
  if (n.isObject(received)) {
    assert.deepEqual(state(), unchanged, 'refused, but something changed');
    mustHaveEnded(session);
  }
  for (const made of [session, store, doc]) made[Symbol.dispose]();
  return received;
}

/**
 * Checks that all calls of a session fail because an error ended it.
 *
 * @param {Session} session
 */
export function mustHaveEnded(session) {
  for (const call of [() => session.poll(0), () => session.receive(new Uint8Array(), 0)]) {
    assert.throws(call, SessionEndedError, 'the session continues after an error');
  }
}

/**
 * Damages the bytes in each place in turn. `verdicts` returns the result of each reader: an object
 * with the error, or the digest of the result.
 *
 * @param {Uint8Array} bytes
 * @param {Damage} damage
 * @param {string[]} readers
 * @param {(damaged: Uint8Array) => Json[]} verdicts
 * @returns {Json}
 */
function everywhere(bytes, { kind, checksum }, readers, verdicts) {
  if (kind !== 'flip' && kind !== 'keep') throw new n.Mistake(`no damage is called ${kind}`);
  /** @type {Record<string, number>[]} */
  const counts = readers.map(() => ({}));
  const all = [];
  const places = kind === 'flip' ? bytes.length * 8 : bytes.length;
  for (let place = 0; place < places; place++) {
    const at = Math.floor(place / 8);
    const damaged = kind === 'keep' ? bytes.slice(0, place) : bytes.with(at, (bytes[at] ?? 0) ^ (1 << (place % 8)));
    const said = verdicts(checksum ? withChecksum(damaged) : damaged);
    // Damaged bytes can be accepted only after a flip with a corrected checksum.
    const mayBeWhole = kind === 'flip' && checksum;
    assert.ok(mayBeWhole || said.every(n.isObject), `${kind} ${place}: damaged bytes are accepted`);
    for (const [i, verdict] of said.entries()) {
      const of = counts[i] ?? {};
      const name = n.isObject(verdict) ? n.variant(verdict)[0] : 'taken';
      of[name] = (of[name] ?? 0) + 1;
    }
    all.push(said);
  }
  const byReader = Object.fromEntries(readers.map((reader, i) => [reader, counts[i] ?? {}]));
  return { ...byReader, sha256: n.sha256(n.canonical(all)) };
}

/**
 * Returns the digest of a document and disposes of the document.
 *
 * @param {Doc} doc
 * @returns {Json}
 */
function digestOf(doc) {
  const digest = n.fromBytes(doc.digest());
  doc[Symbol.dispose]();
  return digest;
}

/**
 * Returns the error of the call, or the result of the function that the call returns.
 *
 * @param {() => () => Json} f
 * @returns {Json}
 */
function verdict(f) {
  let taken;
  try {
    taken = f();
  } catch (error) {
    if (error instanceof ConvergeError && error.case !== 'other') return n.fromError(error);
    throw error;
  }
  return taken();
}
