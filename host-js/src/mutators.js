// Mutators: an application's writes as named functions, in components that jco transpiled. Each
// call runs in a new instance, which can use only the transaction that it is passed.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { Doc } from './doc.js';
import { ConvergeError, GoneError, MutatorError, fromContract, isMutationError, resultError } from './errors.js';
import { toValue } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { EventId, Value } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { ApplyOptions, CompiledModule, Instantiate, NewCellValue } from './types.js' */

/**
 * The contract's record for a call of a mutator.
 *
 * @typedef {{ name: string, arguments: Value[], caller?: string }} Call
 */

/**
 * @typedef {object} Guest
 * @property {() => string[]} names
 * @property {(transaction: LentTransaction, call: Call) => void} apply
 */

const APPLY_OPTIONS = ['caller'];

/** The mutators of one component. The Rust host runs the same component, with the same events. */
export class Mutators {
  #instantiate;
  /** @type {string[]} */
  #names;

  /**
   * @param {Instantiate} instantiate the function that the transpiled component exports
   * @param {(file: string) => CompiledModule} getCoreModule compiles a `.core.wasm` file of the component; called once
   *   per file
   * @param {Record<string, unknown>} [imports] the imports of the component other than the transaction, such as WASI
   * @throws {import('./errors.js').InvalidArgumentError} if the component is not a mutator or lacks an import
   */
  constructor(instantiate, getCoreModule, imports = {}) {
    refuseCopies(this, 'mutators');
    /** @type {Map<string, CompiledModule>} */
    const modules = new Map();
    const module = (/** @type {string} */ file) => {
      const compiled = modules.get(file) ?? getCoreModule(file);
      modules.set(file, compiled);
      return compiled;
    };
    const lent = { 'converge:sync/transactions': { Transaction: LentTransaction }, 'converge:sync/types': {} };
    this.#instantiate = () =>
      /** @type {{ mutators: Guest }} */ (instantiate(module, { ...imports, ...lent })).mutators;
    try {
      this.#names = this.#instantiate().names();
    } catch (cause) {
      throw check.refuse(
        `the component does not implement the world mutator, or was not transpiled with --instantiation sync (${cause})`,
      );
    }
  }

  /** The names of the mutators, in the component's order. */
  get names() {
    return [...this.#names];
  }

  /**
   * Runs a mutator and commits its writes to the document as one event. If it fails, nothing is
   * committed.
   *
   * JavaScript cannot limit the time and memory of the call. Run untrusted mutators in a worker.
   *
   * @param {Doc} doc
   * @param {string} name
   * @param {NewCellValue[]} [args]
   * @param {ApplyOptions} [options]
   * @returns {EventId | undefined} the event, or `undefined` if there were no writes
   * @throws {MutatorError} if no mutator has this name, or if it does not accept the arguments,
   *   rejects the call, fails or traps
   */
  apply(doc, name, args = [], options = {}) {
    if (!(doc instanceof Doc)) {
      check.refuse(`apply() takes a document, not ${check.show(doc)}`);
    }
    check.string(name, 'name');
    const { caller } = /** @type {ApplyOptions} */ (check.options(options, 'options', APPLY_OPTIONS));
    if (caller !== undefined) {
      check.string(caller, 'caller');
    }
    /** @type {Value[]} */
    const values = [];
    check.each(args, 'arguments', (value) =>
      values.push(toValue(value, `${values.length + 1}`, (at) => `argument ${at}`)),
    );
    if (!this.#names.includes(name)) {
      throw this.#failed(name, { tag: 'unknown-mutator' });
    }
    return doc.transact((transaction) => {
      try {
        this.#instantiate().apply(new LentTransaction(transaction.raw), { name, arguments: values, caller });
      } catch (thrown) {
        throw thrown instanceof GoneError ? thrown : this.#failed(name, resultError(thrown));
      }
    });
  }

  /**
   * @param {string} name
   * @param {unknown} error of the mutator, or another value that its glue threw
   */
  #failed(name, error) {
    if (!isMutationError(error)) {
      return new MutatorError(
        name,
        'stopped',
        `the mutator ${name} stopped in the middle of the call (${error})`,
        error,
      );
    }
    switch (error.tag) {
      case 'unknown-mutator':
        return new MutatorError(
          name,
          error.tag,
          `no mutator is named ${check.show(name)}; the mutators are ${this.#names.join(', ')}`,
        );
      case 'invalid-arguments':
        return new MutatorError(name, error.tag, `the mutator ${name} does not accept these arguments: ${error.val}`);
      case 'rejected':
        return new MutatorError(name, error.tag, error.val);
      case 'failed': {
        const cause = fromContract(error.val);
        return new MutatorError(name, error.tag, `the mutator ${name} failed: ${cause.message}`, cause);
      }
    }
  }
}

/** The contract's `transaction`, in the form that the glue of another component calls. */
class LentTransaction {
  #raw;

  /** @param {wit.Transaction} raw */
  constructor(raw) {
    this.#raw = raw;
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  get(table, row) {
    return this.#raw.get(table, row);
  }

  /**
   * @param {string} table
   * @param {wit.ScanOptions} options
   */
  scan(table, options) {
    return refusing(() => this.#raw.scan(table, options));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  insert(table, row, cells) {
    refusing(() => this.#raw.insert(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  update(table, row, cells) {
    refusing(() => this.#raw.update(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  delete(table, row) {
    refusing(() => this.#raw.delete(table, row));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {string[]} columns
   */
  unset(table, row, columns) {
    refusing(() => this.#raw.unset(table, row, columns));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {string} column
   * @param {number} at
   * @param {number} remove
   * @param {string} insert
   */
  splice(table, row, column, at, remove, insert) {
    refusing(() => this.#raw.splice(table, row, column, at, remove, insert));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {string} column
   * @param {bigint} amount
   */
  add(table, row, column, amount) {
    refusing(() => this.#raw.add(table, row, column, amount));
  }

  touched() {
    return this.#raw.touched();
  }
}

/**
 * Calls a function and throws its errors in the form that glue expects.
 *
 * @template T
 * @param {() => T} f
 * @returns {T}
 */
function refusing(f) {
  try {
    return f();
  } catch (thrown) {
    // Glue passes on an object that is not an Error as the error of the `result`; the cause is that object.
    throw thrown instanceof ConvergeError ? thrown.cause : thrown;
  }
}
