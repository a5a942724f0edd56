// Mutators: an application's writes as named functions, in components that jco has transpiled. Each call gets an instance of its
// own, which reaches the transaction that it is lent and nothing else.

import * as check from './check.js';
import { Doc } from './doc.js';
import { ConvergeError, GoneError, MutatorError } from './errors.js';
import { toValue } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { EventId, Value } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { RawTransaction } from './raw.js' */
/** @import { NewCellValue } from './values.js' */

/**
 * What jco exports of a component that it transpiled with `--instantiation sync`.
 *
 * @typedef {(getCoreModule: (file: string) => WebAssembly.Module, imports: any) => unknown} Instantiate
 */

/**
 * @typedef {object} Guest
 * @property {() => string[]} names
 * @property {(transaction: LentTransaction, name: string, args: Value[]) => void} apply
 */

/** The mutators of one component. The Rust host runs the same component, with the same events. */
export class Mutators {
  #instantiate;
  /** @type {string[]} */
  #names;

  /**
   * @param {Instantiate} instantiate what the transpiled component exports
   * @param {(file: string) => WebAssembly.Module} getCoreModule compiles one of the `.core.wasm` files beside it; called once for each
   * @param {Record<string, unknown>} [imports] what the component imports beside the transaction, such as WASI
   * @throws {import('./errors.js').InvalidArgumentError} where the component is no mutator, or lacks an import
   */
  constructor(instantiate, getCoreModule, imports = {}) {
    /** @type {Map<string, WebAssembly.Module>} */
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
        `this is no component of the world mutator that jco transpiled with --instantiation sync (${cause})`,
      );
    }
  }

  /** What `apply` can be called with, in the component's order. */
  get names() {
    return [...this.#names];
  }

  /**
   * Calls a mutator, and commits what it wrote to the document as one event. Where it throws, nothing is committed.
   *
   * Neither time nor memory are bounded: JavaScript has no means to. Who runs mutators of others does so in a worker.
   *
   * @param {Doc} doc
   * @param {string} name
   * @param {NewCellValue[]} [args]
   * @returns {EventId | undefined} the event; undefined where it wrote nothing
   * @throws {MutatorError} where the mutator refuses the call, or stops in the middle of it
   */
  apply(doc, name, args = []) {
    if (!(doc instanceof Doc)) {
      check.refuse(`apply() takes a document, not ${check.show(doc)}`);
    }
    if (!this.#names.includes(name)) {
      check.refuse(`no mutator is named ${check.show(name)}; there are ${this.#names.join(', ')}`);
    }
    /** @type {Value[]} */
    const values = [];
    check.each(args, 'arguments', (value) =>
      values.push(toValue(value, `${values.length + 1}`, (at) => `argument ${at}`)),
    );
    return doc.transact((transaction) => {
      try {
        this.#instantiate().apply(new LentTransaction(transaction.raw), name, values);
      } catch (thrown) {
        throw thrown instanceof GoneError ? thrown : new MutatorError(name, thrown);
      }
    });
  }
}

/** The contract's `transaction`, as the glue of another component calls it: refusals carry the contract's case. */
class LentTransaction {
  #raw;

  /** @param {RawTransaction} raw */
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
}

/**
 * @template T
 * @param {() => T} f
 * @returns {T}
 */
function refusing(f) {
  try {
    return f();
  } catch (thrown) {
    // The glue takes what is no error for what the contract's `result` carries.
    throw thrown instanceof ConvergeError ? { tag: thrown.case, val: thrown.payload } : thrown;
  }
}
