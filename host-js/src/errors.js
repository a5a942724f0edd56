// The errors that this package throws: a class for each case of the contract's `error`, one for mutators, and two for
// objects that can no longer be called.

/** @import * as wit from '../dist/wit/interfaces/converge-sync-types.js' */

/**
 * The contract's `mutation-error`.
 *
 * @typedef {{ tag: 'unknown-mutator' } | { tag: 'invalid-arguments', val: string } | { tag: 'rejected', val: string }
 *   | { tag: 'failed', val: wit.Error }} MutationError
 */

/**
 * The payload of a case of the contract's `error`; `undefined` if the case has none.
 *
 * @template {wit.Error['tag']} Case
 * @typedef {Case extends Case ? Extract<wit.Error, { tag: Case }> extends { val: infer Payload } ? Payload : undefined
 *   : never} PayloadOf
 */

/**
 * A call failed and changed nothing. `case` and `payload` are those of the contract's `error`
 * variant. `cause` is that variant as plain data, because `structuredClone` and `postMessage` keep
 * only the message, stack and cause of an error.
 *
 * @template {wit.Error['tag']} [Case=wit.Error['tag']]
 */
export class ConvergeError extends Error {
  /**
   * @param {Case} errorCase
   * @param {PayloadOf<Case>} payload
   * @param {string} message
   */
  constructor(errorCase, payload, message) {
    super(message, { cause: payload === undefined ? { tag: errorCase } : { tag: errorCase, val: payload } });
    /** The name of the case in the contract. */
    this.case = errorCase;
    /** The payload of the case, in the contract's types. */
    this.payload = payload;
  }

  static {
    named(this, 'ConvergeError');
  }
}

/**
 * An argument is invalid: it has the wrong JavaScript type, or it breaks a rule of the contract.
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
 * An argument, or the result of the call, exceeds a limit of the engine.
 *
 * @extends {ConvergeError<'limit-exceeded'>}
 */
export class LimitExceededError extends ConvergeError {
  /** @param {wit.ExceededLimit} exceeded */
  constructor(exceeded) {
    const { limit, maximum, actual } = exceeded;
    super(
      'limit-exceeded',
      exceeded,
      // The host can allow the instance less memory than the engine's limit.
      actual > maximum
        ? `${limit} is ${actual}; the maximum is ${maximum}`
        : `${limit}: the instance would need ${actual} bytes, which is more than it may use`,
    );
  }

  static {
    named(this, 'LimitExceededError');
  }
}

/**
 * The row of a local update, delete, unset, splice or addition does not exist.
 *
 * @extends {ConvergeError<'no-such-row'>}
 */
export class NoSuchRowError extends ConvergeError {
  /** @param {wit.RowId} payload */
  constructor(payload) {
    const { table, row } = payload;
    super('no-such-row', payload, `table ${JSON.stringify(table)} has no row ${JSON.stringify(row)}`);
  }

  static {
    named(this, 'NoSuchRowError');
  }
}

/**
 * The bytes are damaged or were not written by the engine.
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
 * The bytes have a format version that this engine cannot read: a newer version of the package
 * wrote them.
 *
 * @extends {ConvergeError<'unsupported-version'>}
 */
export class UnsupportedVersionError extends ConvergeError {
  /** @param {number} version */
  constructor(version) {
    super('unsupported-version', version, `this engine cannot read format version ${version}; update the package`);
    /** The format version of the bytes. */
    this.version = version;
  }

  static {
    named(this, 'UnsupportedVersionError');
  }
}

/**
 * The bytes use a feature of the format that this engine does not know: a newer version of the
 * package wrote them.
 *
 * @extends {ConvergeError<'unsupported-feature'>}
 */
export class UnsupportedFeatureError extends ConvergeError {
  /** @param {number} feature */
  constructor(feature) {
    super('unsupported-feature', feature, `this engine does not know format feature ${feature}; update the package`);
    /** The number of the feature, in docs/format.md. */
    this.feature = feature;
  }

  static {
    named(this, 'UnsupportedFeatureError');
  }
}

/**
 * The call needs history that was compacted away. Use `rebase` to continue from the compacted
 * document.
 *
 * @extends {ConvergeError<'compacted'>}
 */
export class CompactedError extends ConvergeError {
  /** @param {wit.PeerVersion[]} horizon */
  constructor(horizon) {
    super('compacted', horizon, 'the history that the call needs was compacted away; use rebase()');
    /** The horizon of the compacted document. */
    this.horizon = horizon;
  }

  static {
    named(this, 'CompactedError');
  }
}

/**
 * The other side of a session broke the protocol. The session has ended.
 *
 * @extends {ConvergeError<'protocol'>}
 */
export class ProtocolError extends ConvergeError {
  /** @param {string} message */
  constructor(message) {
    super('protocol', message, message);
  }

  static {
    named(this, 'ProtocolError');
  }
}

/**
 * The session ended because an earlier call failed.
 *
 * @extends {ConvergeError<'session-ended'>}
 */
export class SessionEndedError extends ConvergeError {
  constructor() {
    super('session-ended', undefined, 'an earlier error ended this session; open a new one');
  }

  static {
    named(this, 'SessionEndedError');
  }
}

/**
 * An error of a later minor version of the engine.
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
 * A call of the engine did not return: it ran out of memory, the JavaScript stack overflowed inside
 * it, or the engine has a bug. `cause` is the error of the platform. The state of the instance is
 * then unknown, so none of its objects can be called any more. Other engines are not affected;
 * `open()` creates a new one.
 */
export class GoneError extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      isStackOverflow(cause)
        ? `the JavaScript stack overflowed inside a call of this engine, and its documents are gone (${why}); ` +
            'call the engine from a loop instead of from nested functions, and open() another engine'
        : `this engine stopped in the middle of a call and its documents are gone (${why}); open() another one`,
      { cause },
    );
  }

  static {
    named(this, 'GoneError');
  }
}

/** @param {unknown} error */
function isStackOverflow(error) {
  // V8 and JavaScriptCore throw a RangeError, SpiderMonkey an InternalError.
  return error instanceof RangeError || (error instanceof Error && error.name === 'InternalError');
}

/** A mutator failed. Nothing was committed. */
export class MutatorError extends Error {
  /**
   * @param {string} mutator
   * @param {MutationError['tag'] | 'stopped'} errorCase
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(mutator, errorCase, message, cause) {
    super(message, { cause });
    /** The name of the mutator. */
    this.mutator = mutator;
    /**
     * The case of the contract's `mutation-error`, or `'stopped'` if the component trapped in the
     * middle of the call. A call that is `'rejected'` has a message for the user.
     */
    this.case = errorCase;
  }

  static {
    named(this, 'MutatorError');
  }
}

/** The object was disposed. */
export class DisposedError extends Error {
  /** @param {string} what */
  constructor(what) {
    super(`this ${what} was disposed and cannot be called any more`);
  }

  static {
    named(this, 'DisposedError');
  }
}

/** @type {{ [Case in wit.Error['tag']]: new (payload: any) => ConvergeError<Case> }} */
const CLASSES = {
  'invalid-argument': InvalidArgumentError,
  'limit-exceeded': LimitExceededError,
  'no-such-row': NoSuchRowError,
  corrupt: CorruptError,
  'unsupported-version': UnsupportedVersionError,
  'unsupported-feature': UnsupportedFeatureError,
  compacted: CompactedError,
  protocol: ProtocolError,
  'session-ended': SessionEndedError,
  other: OtherError,
};

/**
 * Converts an error of the contract to an object of its class.
 *
 * @param {wit.Error} error
 * @returns {ConvergeError}
 */
export function fromContract(error) {
  const Class = /** @type {new (payload: unknown) => ConvergeError} */ (CLASSES[error.tag]);
  return new Class(payloadOf(error));
}

/**
 * Returns the payload of an error of the contract, or `undefined` if it has none.
 *
 * @param {wit.Error} error
 */
function payloadOf(error) {
  return 'val' in error ? error.val : undefined;
}

/**
 * Returns the error of the contract that a call failed with, or `undefined` if `thrown` is
 * something else, such as a trap.
 *
 * @param {unknown} thrown
 * @returns {ConvergeError | undefined}
 */
export function refusal(thrown) {
  if (thrown instanceof ConvergeError) {
    return thrown;
  }
  const error = resultError(thrown);
  return isContractError(error) ? fromContract(error) : undefined;
}

/**
 * Returns the error of a failed call in the contract's types. This package's glue throws that value
 * itself. Glue from the jco CLI throws a `ComponentError` whose own property `payload` is the
 * value.
 *
 * @param {unknown} thrown
 * @returns {unknown}
 */
export function resultError(thrown) {
  return thrown instanceof Error && Object.hasOwn(thrown, 'payload')
    ? /** @type {{ payload?: unknown }} */ (thrown).payload
    : thrown;
}

/**
 * Returns whether a value is the contract's `mutation-error`.
 *
 * @param {unknown} error
 * @returns {error is MutationError}
 */
export function isMutationError(error) {
  const { tag, val } = /** @type {{ tag?: unknown, val?: unknown }} */ (Object(error));
  switch (tag) {
    case 'unknown-mutator':
      return true;
    case 'invalid-arguments':
    case 'rejected':
      return typeof val === 'string';
    case 'failed':
      return isContractError(val);
    default:
      return false;
  }
}

/**
 * Returns whether a value is the contract's `error`.
 *
 * @param {unknown} error
 * @returns {error is wit.Error}
 */
function isContractError(error) {
  const { tag } = /** @type {{ tag?: unknown }} */ (Object(error));
  return typeof tag === 'string' && Object.hasOwn(CLASSES, tag);
}

/**
 * Sets the name of an error class, so that minifying the code does not change it.
 *
 * @param {Function} type
 * @param {string} name
 */
function named(type, name) {
  Object.defineProperty(type.prototype, 'name', { value: name, writable: true, configurable: true });
}
