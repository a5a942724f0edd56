// One WebAssembly instance and its resources. Every call goes through this module, which
// guarantees: if the engine returns an error, the call throws the contract's error; if a call does
// not return, the instance is gone and cannot be called again; a disposed resource is never called.

/// <reference lib="esnext.disposable" preserve="true" />

import { destructors, instantiate } from '../dist/glue.js';
import { refuse, show } from './check.js';
import { refuseCopies } from './clone.js';
import { DisposedError, GoneError, InvalidArgumentError, refusal } from './errors.js';

/** @import { Converge } from '../dist/wit/converge.js' */
/** @import { Kind } from './clone.js' */
/** @import { CompiledModule, Front } from './types.js' */

/**
 * The symbol that `using` looks up, even if the platform does not define it yet.
 *
 * @type {typeof Symbol.dispose}
 */
export const dispose = /** @type {any} */ (Symbol.dispose ?? Symbol.for('Symbol.dispose'));

/**
 * The symbol that the glue uses.
 *
 * @type {typeof Symbol.dispose}
 */
const glueDispose = /** @type {any} */ (Symbol.dispose ?? Symbol.for('dispose'));

export class Instance {
  /** @type {Converge} */
  #exports;
  /** @type {WebAssembly.Memory | undefined} */
  #memory;
  /** @type {{ cause: unknown } | undefined} */
  #gone;

  /**
   * @param {CompiledModule} main
   * @param {Front} [front]
   */
  constructor(main, front) {
    const exports = instantiate(() => main, {}, this.#instantiator());
    this.#exports = { ...exports, ...front?.(exports) };
  }

  /**
   * The contract as the glue implements it: arguments are not checked, and errors are plain
   * objects.
   */
  get exports() {
    return this.#exports;
  }

  get gone() {
    return this.#gone !== undefined;
  }

  /** The size of the instance's memory in bytes. It grows and never shrinks. */
  get memoryBytes() {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /**
   * @template T, A
   * @param {(argument: A) => T} f calls the glue once, with checked arguments
   * @param {A} [argument] of `f`
   * @returns {T}
   */
  call(f, argument) {
    if (this.#gone !== undefined) {
      throw new GoneError(this.#gone.cause);
    }
    try {
      return f(/** @type {A} */ (argument));
    } catch (thrown) {
      const refused = refusal(thrown);
      if (refused !== undefined) {
        throw refused;
      }
      // A trap, or an error such as a stack overflow that interrupted the engine.
      this.#gone = { cause: thrown };
      throw new GoneError(thrown);
    }
  }

  /**
   * Instantiates the component's three core modules in this order: a module that forwards
   * destructor calls through a table, so that the main module can import the destructors; the main
   * module; a module that fills the table. JavaScript functions replace the first and the third,
   * because some platforms do not allow programs to compile WebAssembly. The build checks that
   * these two modules do nothing else.
   */
  #instantiator() {
    /** @type {Record<string, Function>} */
    const table = {};
    const steps = [
      () =>
        Object.fromEntries(
          Array.from({ length: destructors }, (_, i) => [
            i,
            (/** @type {number} */ rep) => this.#destroy(table[i], rep),
          ]),
        ),
      (/** @type {WebAssembly.Module} */ main, /** @type {WebAssembly.Imports} */ imports) => {
        const { exports } = link(main, imports);
        this.#memory = /** @type {WebAssembly.Memory} */ (exports.memory);
        return exports;
      },
      (/** @type {WebAssembly.Module} */ _, /** @type {WebAssembly.Imports} */ { actual }) =>
        Object.assign(table, actual),
    ];
    let step = 0;
    return (/** @type {WebAssembly.Module} */ module, /** @type {WebAssembly.Imports} */ imports) =>
      /** @type {any} */ ({ exports: steps[step++]?.(module, imports) });
  }

  /**
   * Calls a destructor. The garbage collector calls destructors too, and an error there would end
   * the program.
   *
   * @param {Function | undefined} destructor
   * @param {number} rep
   */
  #destroy(destructor, rep) {
    if (this.#gone === undefined) {
      try {
        destructor?.(rep);
      } catch (cause) {
        this.#gone = { cause };
      }
    }
  }
}

/**
/**
 * @param {WebAssembly.Module} main
 * @param {WebAssembly.Imports} imports
 * @returns {WebAssembly.Instance}
 */
function link(main, imports) {
  try {
    const instance = new WebAssembly.Instance(main, imports);
    if (instance.exports.memory instanceof WebAssembly.Memory) {
      return instance;
    }
    throw new WebAssembly.LinkError('it exports no memory');
  } catch (cause) {
    // A module with other imports causes one of these. Other errors come from the platform, such as
    // a page's policy that forbids WebAssembly.
    if (cause instanceof TypeError || cause instanceof WebAssembly.LinkError) {
      throw new InvalidArgumentError(
        `the WebAssembly module does not belong to this version of the package (${cause})`,
      );
    }
    throw cause;
  }
}

/**
 * A resource of an instance. The classes in dist/contract.js add the contract's methods.
 */
export class Resource {
  /**
   * The name of a resource of this class in error messages.
   *
   * @type {Kind}
   */
  static kind;

  #instance;
  /** @type {object | undefined} */
  #object;

  /**
   * @param {Instance} instance
   * @param {object} object the resource in the glue
   */
  constructor(instance, object) {
    this.#instance = instance;
    this.#object = object;
    refuseCopies(this, this.#kind);
  }

  get #kind() {
    return /** @type {typeof Resource} */ (this.constructor).kind;
  }

  /** Frees the resource in the engine. Does nothing the second time, or if the instance is gone. */
  [dispose]() {
    const object = /** @type {Disposable | undefined} */ (this.#object);
    this.#object = undefined;
    if (object !== undefined && !this.#instance.gone) {
      object[glueDispose]();
    }
  }

  // The following functions are internal. They are static, so that they are not methods of the exported objects.

  /**
   * Calls a function of the glue.
   *
   * @template {object} R, T
   * @param {R} resource
   * @param {(object: R) => T} f calls the glue once, with checked arguments
   * @returns {T}
   */
  static use(resource, f) {
    const own = /** @type {Resource} */ (/** @type {object} */ (resource));
    if (own.#object === undefined) {
      throw new DisposedError(own.#kind);
    }
    return own.#instance.call(f, /** @type {R} */ (own.#object));
  }

  /**
   * @param {object} resource
   * @returns {Instance}
   */
  static instanceOf(resource) {
    return /** @type {Resource} */ (resource).#instance;
  }

  /**
   * Returns the glue's object of an argument.
   *
   * @param {unknown} resource
   * @param {string} what
   * @param {typeof Resource} Class the required class
   * @param {Instance} instance the required instance
   * @returns {object}
   */
  static lend(resource, what, Class, instance) {
    if (!(resource instanceof Class)) {
      refuse(`${what} must be a ${Class.kind} of this package, not ${show(resource)}`);
    }
    if (resource.#instance !== instance) {
      refuse(`the ${Class.kind} belongs to another engine; create all objects of a call with the same engine`);
    }
    if (resource.#object === undefined) {
      throw new DisposedError(Class.kind);
    }
    return resource.#object;
  }

  /**
   * Returns the glue's object of an argument whose ownership passes to the call.
   *
   * @param {unknown} resource
   * @param {string} what
   * @param {typeof Resource} Class
   * @param {Instance} instance
   * @returns {object}
   */
  static give(resource, what, Class, instance) {
    const object = Resource.lend(resource, what, Class, instance);
    /** @type {Resource} */ (resource).#object = undefined;
    return object;
  }
}
