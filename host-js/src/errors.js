// The errors that this package throws: a class for each case of the contract's `error`, and two for objects that can no
// longer be called. Knows nothing of documents.

/** @import * as wit from '../dist/wit/interfaces/converge-sync-types.js' */

/**
 * A refused call, which has changed nothing. `case` and `payload` are those of the contract's `error` variant.
 *
 * @template {wit.Error['tag']} [Case=wit.Error['tag']]
 */
export class ConvergeError extends Error {
  /**
   * @param {Case} errorCase
   * @param {Extract<wit.Error, { tag: Case }>['val']} payload
   * @param {string} message
   */
  constructor(errorCase, payload, message) {
    super(message);
    /** The case, as the contract names it. */
    this.case = errorCase;
    /** What the case carries, as the contract types it. */
    this.payload = payload;
  }

  static {
    named(this, 'ConvergeError');
  }
}

/**
 * An argument breaks a rule: one of JavaScript's types, checked before the call, or one of the contract's.
 *
 * @extends {ConvergeError<'invalid-argument'>}
 */
export class InvalidArgumentError extends ConvergeError {
  /** @param {string} message */
  constructor(message) {
    super('invalid-argument', message, message);
  }

  static {
    named(this, 'InvalidArgumentError');
  }
}

/**
 * An argument is larger than the engine takes.
 *
 * @extends {ConvergeError<'limit-exceeded'>}
 */
export class LimitExceededError extends ConvergeError {
  /** @param {wit.ExceededLimit} exceeded */
  constructor(exceeded) {
    const { limit, most, given } = exceeded;
    // The host may bound the memory to less than the limit: then that is not what was exceeded.
    const text =
      given > most
        ? `limit ${limit} exceeded: ${given} given, at most ${most} taken`
        : `limit ${limit} exceeded: ${given} would be needed, and are not there`;
    super('limit-exceeded', exceeded, text);
  }

  static {
    named(this, 'LimitExceededError');
  }
}

/**
 * A local update or delete names a row that is not there.
 *
 * @extends {ConvergeError<'no-such-row'>}
 */
export class NoSuchRowError extends ConvergeError {
  /** @param {[table: string, row: string]} payload */
  constructor(payload) {
    const [table, row] = payload;
    super('no-such-row', payload, `no row ${JSON.stringify(row)} in table ${JSON.stringify(table)}`);
  }

  static {
    named(this, 'NoSuchRowError');
  }
}

/**
 * The bytes are not what the engine writes, or are damaged.
 *
 * @extends {ConvergeError<'corrupt'>}
 */
export class CorruptError extends ConvergeError {
  /** @param {string} message */
  constructor(message) {
    super('corrupt', message, message);
  }

  static {
    named(this, 'CorruptError');
  }
}

/**
 * The bytes are of a format version that this engine does not read.
 *
 * @extends {ConvergeError<'unsupported-version'>}
 */
export class UnsupportedVersionError extends ConvergeError {
  /** @param {number} version */
  constructor(version) {
    super('unsupported-version', version, `format version ${version} is not one that this engine reads`);
    /** The version of the format that the bytes are of. */
    this.version = version;
  }

  static {
    named(this, 'UnsupportedVersionError');
  }
}

/**
 * Two different events carry one name.
 *
 * @extends {ConvergeError<'conflicting-event'>}
 */
export class ConflictingEventError extends ConvergeError {
  /** @param {wit.EventId} event */
  constructor(event) {
    const name = `(${JSON.stringify(event.peer)}, ${event.counter})`;
    super('conflicting-event', event, `two different events are named ${name}: the peer name was used twice`);
  }

  static {
    named(this, 'ConflictingEventError');
  }
}

/**
 * The history that the call needs was compacted away. `rebase` takes a replica past it.
 *
 * @extends {ConvergeError<'compacted'>}
 */
export class CompactedError extends ConvergeError {
  /** @param {wit.PeerVersion[]} version */
  constructor(version) {
    super('compacted', version, 'the history that the call needs was compacted away');
    /** The version that is still complete: the horizon of the document that was compacted. */
    this.version = version;
  }

  static {
    named(this, 'CompactedError');
  }
}

/**
 * What a later minor version of the engine reports.
 *
 * @extends {ConvergeError<'other'>}
 */
export class OtherError extends ConvergeError {
  /** @param {string} message */
  constructor(message) {
    super('other', message, message);
  }

  static {
    named(this, 'OtherError');
  }
}

/**
 * The WebAssembly instance behind the object stopped in the middle of a call (`cause` says how: out of memory, for
 * example), so all its documents are gone. Open another one; other instances go on.
 */
export class GoneError extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`this engine stopped in the middle of a call and its documents are gone (${why}); open() another one`, {
      cause,
    });
  }

  static {
    named(this, 'GoneError');
  }
}

/** A mutator did not do what it was called for, and nothing of it was committed. */
export class MutatorError extends Error {
  /**
   * @param {string} mutator
   * @param {unknown} thrown by the glue: what the mutator refuses with, or how it stopped
   */
  constructor(mutator, thrown) {
    const refused = typeof thrown === 'string';
    super(refused ? thrown : `the mutator ${mutator} stopped in the middle of the call (${thrown})`, {
      cause: thrown,
    });
    /** The name of the mutator. */
    this.mutator = mutator;
    /** Whether it refused the call, with a message of its own, rather than stopped in the middle of it. */
    this.refused = refused;
  }

  static {
    named(this, 'MutatorError');
  }
}

/** The document, watcher, store or session was disposed. */
export class DisposedError extends Error {
  /** @param {string} what */
  constructor(what) {
    super(`this ${what} was disposed and cannot be called any more`);
  }

  static {
    named(this, 'DisposedError');
  }
}

/**
 * The class for a case of the contract.
 *
 * @param {wit.Error} error
 * @returns {ConvergeError}
 */
export function fromContract(error) {
  switch (error.tag) {
    case 'invalid-argument':
      return new InvalidArgumentError(error.val);
    case 'limit-exceeded':
      return new LimitExceededError(error.val);
    case 'no-such-row':
      return new NoSuchRowError(error.val);
    case 'corrupt':
      return new CorruptError(error.val);
    case 'unsupported-version':
      return new UnsupportedVersionError(error.val);
    case 'conflicting-event':
      return new ConflictingEventError(error.val);
    case 'compacted':
      return new CompactedError(error.val);
    default:
      return new OtherError(error.val);
  }
}

/**
 * Names a class of errors in a way that survives minifying.
 *
 * @param {Function} type
 * @param {string} name
 */
function named(type, name) {
  Object.defineProperty(type.prototype, 'name', { value: name, writable: true, configurable: true });
}
