// Keeps a document in a storage: one append at a time, with everything that was written meanwhile in the next one.

import { CompactedError } from '../errors.js';
import { isEqual } from './bytes.js';
import { ClientError, messageOf } from './errors.js';
import { absorb } from './history.js';
import { Pause } from './pause.js';
import { StorageError } from './storage-error.js';

/** @import { Doc } from '../doc.js' */
/** @import { Engine } from '../engine.js' */
/** @import { Content, Notes, StoredDocument } from './storage.js' */

/** The log is compacted after this number of updates. */
export const COMPACT_UPDATES = 500;
/** The log is compacted when it is larger than the snapshot, and larger than this. */
export const COMPACT_BYTES = 256 * 1024;
/** How many times larger a log can get while the application never stops writing. */
const URGENT = 4;
/** The delay before a failed append is tried again. It doubles up to the maximum. */
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** How long a client waits for the message that says why its data is gone. */
const GONE_MS = 300;

/**
 * @typedef {object} KeeperHandlers
 * @property {() => Promise<StoredDocument>} open opens the storage again after its data was deleted
 * @property {() => void} onChange is called after each change of `error`
 * @property {(error: ClientError) => void} onFenced this replica must not write any more
 * @property {(stored: StoredDocument) => void} onOpened the storage was opened again
 */

/**
 * What is not stored yet.
 *
 * @typedef {object} Taken
 * @property {Uint8Array} summary of the document
 * @property {number} changes how many changes of the document it contains
 * @property {Uint8Array | undefined} update only a snapshot can store the document without one
 */

export class Keeper {
  #engine;
  #doc;
  #stored;
  #handlers;
  #notes;
  /**
   * The summary of what is stored.
   *
   * @type {Uint8Array}
   */
  #durable;
  /** The number of changes of the document since the start. */
  #changes = 0;
  /** How many of them are stored; negative if the data of the start is gone. */
  #storedChanges = 0;
  #isDirty = false;
  #isStoring = false;
  #isGivingUp = false;
  /** @type {ClientError | undefined} */
  #fence;
  /** @type {ClientError | undefined} */
  #error;
  #pause = new Pause();
  #updates;
  #logBytes;
  #snapshotBytes;

  /**
   * @param {Engine} engine
   * @param {Doc} doc contains everything of `content`
   * @param {StoredDocument} stored
   * @param {Content} content
   * @param {Uint8Array | undefined} durable the summary of what is stored, if the document contains
   *   more
   * @param {KeeperHandlers} handlers
   */
  constructor(engine, doc, stored, { snapshot, updates, notes }, durable, handlers) {
    this.#engine = engine;
    this.#doc = doc;
    this.#stored = stored;
    this.#handlers = handlers;
    this.#notes = notes;
    this.#durable = durable ?? doc.summary();
    if (durable !== undefined) this.wrote();
    this.#updates = updates.length;
    this.#logBytes = updates.reduce((sum, { length }) => sum + length, 0);
    this.#snapshotBytes = snapshot?.length ?? 0;
  }

  /** @returns {StoredDocument} */
  get stored() {
    return this.#stored;
  }

  /** @returns {Notes} */
  get notes() {
    return this.#notes;
  }

  /** Why nothing may be stored any more, if that is so. */
  get fence() {
    return this.#fence;
  }

  /** Why the last append failed, until one succeeds. */
  get error() {
    return this.#fence ?? this.#error;
  }

  /** The number of changes of the document until now. */
  get changes() {
    return this.#changes;
  }

  /**
   * Returns whether the first changes are stored.
   *
   * @param {number} changes the number of them
   */
  hasStored(changes) {
    return this.#fence === undefined && this.#storedChanges >= changes;
  }

  get isSaved() {
    return !this.#isDirty && !this.#isStoring && this.#fence === undefined;
  }

  /** Whether the log should be compacted when there is nothing else to do. */
  get isCompactionDue() {
    return this.#isLargerThan(1);
  }

  /** Whether the log should be compacted although the application writes. */
  get isCompactionUrgent() {
    return this.#isLargerThan(URGENT);
  }

  /** @param {number} times */
  #isLargerThan(times) {
    const limit = Math.max(this.#snapshotBytes, COMPACT_BYTES) * times;
    return this.#updates >= COMPACT_UPDATES * times || this.#logBytes > limit;
  }

  /** The document changed. */
  wrote() {
    this.#changes++;
    this.#isDirty = true;
    this.#pause.wake();
  }

  /** The document merged what another replica with the same storage has stored already. */
  mergedStored() {
    if (this.isSaved) this.#durable = this.#doc.summary();
    else this.#isDirty = true;
  }

  /**
   * Prevents further writes to the storage.
   *
   * @param {ClientError} error
   */
  setFence(error) {
    this.#fence ??= error;
    this.#pause.wake();
  }

  /**
   * Takes what is not stored yet.
   *
   * @returns {(() => Promise<boolean>) | undefined} a function that stores it, and resolves with
   *   whether it is stored; `undefined` if everything is stored
   */
  capture() {
    if (this.#fence !== undefined) return async () => false;
    if (!this.#isDirty) return undefined;
    const taken = this.#take();
    if (taken === undefined) return undefined;
    this.#isStoring = true;
    return async () => {
      try {
        return await this.#store(taken);
      } finally {
        this.#isStoring = false;
      }
    };
  }

  /**
   * @returns {Taken | undefined} `undefined` if everything is stored
   */
  #take() {
    this.#isDirty = false;
    const changes = this.#changes;
    const summary = this.#doc.summary();
    if (isEqual(summary, this.#durable)) {
      this.#storedChanges = changes;
      return undefined;
    }
    return { summary, changes, update: this.#updateSince(this.#durable) };
  }

  /** @param {Uint8Array | undefined} summary */
  #updateSince(summary) {
    try {
      return this.#doc.updateSince(summary);
    } catch (error) {
      // The document was rebased or compacted.
      if (error instanceof CompactedError) return undefined;
      throw error;
    }
  }

  /**
   * @param {Taken} taken
   * @returns {Promise<boolean>}
   */
  async #store(taken) {
    for (let failures = 0; ; failures++) {
      try {
        await this.#put(taken);
        this.#setError(undefined);
        return true;
      } catch (error) {
        if (this.#isFence(error)) return false;
        this.#setError(error);
        // With everything that was written meanwhile.
        if (this.#isGivingUp && failures > 0) {
          this.#isDirty = true;
          return false;
        }
        await this.#waitAfter(error, failures);
        if (this.#fence !== undefined) return false;
        taken = this.#take() ?? taken;
      }
    }
  }

  /** @param {Taken} taken */
  async #put({ summary, changes, update }) {
    if (update === undefined) {
      await this.#snapshot();
      return;
    }
    await this.#stored.append(update);
    this.#durable = summary;
    this.#storedChanges = Math.max(this.#storedChanges, changes);
    this.#updates++;
    this.#logBytes += update.length;
  }

  /**
   * @param {unknown} error
   * @param {number} failures
   */
  async #waitAfter(error, failures) {
    if (codeOf(error) === 'gone') {
      await this.#pause.wait(GONE_MS);
      if (this.#fence === undefined) await this.#openAgain();
    } else if (!this.#isGivingUp) {
      await this.#pause.wait(Math.min(MIN_RETRY_MS * 2 ** failures, MAX_RETRY_MS));
    }
  }

  /** Opens the storage again after its data was deleted. Everything has to be stored anew. */
  async #openAgain() {
    try {
      const stored = await this.#handlers.open();
      const { snapshot, updates } = await stored.read();
      for (const update of snapshot ? [snapshot, ...updates] : updates) absorb(this.#engine, this.#doc, update);
      await stored.note(this.#notes);
      const former = this.#stored;
      this.#stored = stored;
      this.#durable = this.#engine.summaryOf([]);
      this.#storedChanges = -1;
      await former.close().catch(() => {});
      this.#handlers.onOpened(stored);
    } catch (error) {
      this.#setError(error);
    }
  }

  /** Compacts the log. Does nothing if another replica is doing that. */
  async compact() {
    if (this.#fence !== undefined) return;
    try {
      await this.#snapshot();
      this.#setError(undefined);
    } catch (error) {
      if (codeOf(error) !== 'busy' && !this.#isFence(error)) this.#setError(error);
      // The log is complete, so it is enough to try again after further updates.
      this.#updates = 0;
      this.#logBytes = 0;
    }
  }

  async #snapshot() {
    const wasDirty = this.#isDirty;
    /** @type {{ summary: Uint8Array, changes: number, bytes: number } | undefined} */
    let saved;
    try {
      await this.#stored.compact((updates) => {
        for (const update of updates) absorb(this.#engine, this.#doc, update);
        const bytes = this.#doc.save();
        saved = { summary: this.#doc.summary(), changes: this.#changes, bytes: bytes.length };
        this.#isDirty = false;
        return bytes;
      });
    } catch (error) {
      // The document can also have got events of other replicas.
      this.#isDirty ||= wasDirty || saved !== undefined;
      throw error;
    }
    if (saved === undefined) throw new Busy();
    this.#durable = saved.summary;
    this.#storedChanges = saved.changes;
    this.#snapshotBytes = saved.bytes;
    this.#updates = 0;
    this.#logBytes = 0;
  }

  /**
   * Merges what other replicas have stored, such as those that ended before they could send it.
   */
  async absorbLog() {
    if (this.#fence !== undefined) return;
    try {
      const { snapshot, updates } = await this.#stored.read();
      let isNew = false;
      for (const update of snapshot ? [snapshot, ...updates] : updates) {
        absorb(this.#engine, this.#doc, update, () => (isNew = true));
      }
      if (isNew) this.wrote();
      else this.mergedStored();
    } catch (error) {
      if (!this.#isFence(error)) this.#setError(error);
    }
  }

  /**
   * Another replica with the same storage has synchronized with this incarnation, and noted it.
   *
   * @param {string} incarnation
   */
  learn(incarnation) {
    if (this.#notes.incarnation === undefined) this.#notes = { ...this.#notes, incarnation };
  }

  /**
   * Changes the notes.
   *
   * @param {Notes} notes
   */
  async note(notes) {
    if (this.#fence !== undefined) throw this.#fence;
    try {
      await this.#stored.note(notes);
      this.#notes = notes;
    } catch (error) {
      if (!this.#isFence(error)) this.#setError(error);
      throw error;
    }
  }

  /** Tries only once more to store what could not be stored, so that jobs can run. */
  giveUp() {
    this.#isGivingUp = true;
    this.#pause.wake();
  }

  /** Tries again until it succeeds, after `giveUp`. */
  resume() {
    this.#isGivingUp = false;
  }

  /**
   * Returns whether an error forbids further writes, and remembers that.
   *
   * @param {unknown} error
   */
  #isFence(error) {
    const code = codeOf(error);
    if (code === 'reset') {
      this.#fenceWith(new ClientError('reset', 'another replica with this storage called reset; call it here too'));
    } else if (code === 'outdated') {
      this.#fenceWith(new ClientError('storage', messageOf(error), { code, cause: error }));
    }
    return this.#fence !== undefined;
  }

  /** @param {ClientError} error */
  #fenceWith(error) {
    if (this.#fence !== undefined) return;
    this.setFence(error);
    this.#handlers.onFenced(error);
  }

  /** @param {unknown} cause `undefined` after a success */
  #setError(cause) {
    if (cause === undefined && this.#error === undefined) return;
    this.#error =
      cause === undefined
        ? undefined
        : new ClientError('storage', `the document could not be stored: ${messageOf(cause)}`, {
            code: codeOf(cause),
            cause,
          });
    this.#handlers.onChange();
  }
}

/** Another replica compacts the log. */
class Busy extends StorageError {
  constructor() {
    super('failed', 'another replica with this storage is compacting the log');
  }
}

/**
 * @param {unknown} error
 * @returns {string | undefined}
 */
function codeOf(error) {
  if (error instanceof Busy) return 'busy';
  const code = /** @type {{ code?: unknown } | undefined} */ (error)?.code;
  return typeof code === 'string' ? code : undefined;
}
