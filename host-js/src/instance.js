// One WebAssembly instance and the resources in it: every call goes through here. What holds: a call that the engine
// refuses throws the contract's error, a call that stops midway makes the instance gone, and a disposed resource is
// never called. Knows nothing of what the calls mean.

import { destructors, instantiate } from '../dist/glue.js';
import { DisposedError, GoneError, InvalidArgumentError, refusal } from './errors.js';

/**
 * The symbol that `using` looks for, also where the platform does not define it yet.
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

/** @typedef {ReturnType<typeof instantiate>} Exports */

/**
 * Puts a component that jco transpiled before the engine: is given the engine's interfaces, which that component imports, and gives
 * those that are to be called in their place.
 *
 * @typedef {(engine: Exports) => Partial<Exports>} Front
 */

export class Instance {
  /** @type {Exports} */
  #exports;
  /** @type {WebAssembly.Memory | undefined} */
  #memory;
  /** @type {{ cause: unknown } | undefined} */
  #gone;

  /**
   * @param {WebAssembly.Module} main
   * @param {Front} [front]
   */
  constructor(main, front) {
    const exports = instantiate(() => main, {}, this.#instantiator());
    this.#exports = { ...exports, ...front?.(exports) };
  }

  get durable() {
    return this.#exports.durable;
  }

  get engine() {
    return this.#exports.engine;
  }

  get ephemeral() {
    return this.#exports.ephemeral;
  }

  get session() {
    return this.#exports.session;
  }

  get gone() {
    return this.#gone !== undefined;
  }

  /** The bytes of the instance's memory, which grows and never shrinks. */
  get memoryBytes() {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /**
   * @template T
   * @param {() => T} f calls the glue once, with checked arguments
   * @returns {T}
   */
  call(f) {
    if (this.#gone !== undefined) {
      throw new GoneError(this.#gone.cause);
    }
    try {
      return f();
    } catch (thrown) {
      const refused = refusal(thrown);
      if (refused !== undefined) {
        throw refused;
      }
      // A trap, or something like a stack overflow that left the engine in the middle of its work.
      this.#gone = { cause: thrown };
      throw new GoneError(thrown);
    }
  }

  /**
   * Instantiates the component's three core modules, in this order: one whose functions forward destructors through a
   * table, so that they are there before the main module is; the main module; one that fills the table. The first and
   * the third are functions here, since some platforms do not let a program compile WebAssembly. The build checks that
   * there is nothing else in them.
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
   * The garbage collector calls destructors too, and where the instance is gone an error there would end the program.
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
    // A module with other imports causes one of these. Other errors come from the platform, such as a page's policy that
    // forbids WebAssembly.
    if (cause instanceof TypeError || cause instanceof WebAssembly.LinkError) {
      throw new InvalidArgumentError(
        `the WebAssembly module is not the one that this version of the package comes with (${cause})`,
      );
    }
    throw cause;
  }
}

/**
 * A resource of an instance, until it is disposed.
 *
 * @template {object} R
 */
export class Handle {
  /** @type {R | undefined} */
  #resource;
  #what;

  /**
   * @param {Instance} instance
   * @param {R} resource
   * @param {string} what
   */
  constructor(instance, resource, what) {
    this.instance = instance;
    this.#resource = resource;
    this.#what = what;
  }

  /**
   * @template T
   * @param {(resource: R) => T} f calls the glue once, with checked arguments
   * @returns {T}
   */
  call(f) {
    const { resource } = this;
    return this.instance.call(() => f(resource));
  }

  /**
   * The resource, for a call that takes several.
   *
   * @returns {R}
   */
  get resource() {
    if (this.#resource === undefined) {
      throw new DisposedError(this.#what);
    }
    return this.#resource;
  }

  /**
   * The resource, for a call that takes it away.
   *
   * @returns {R}
   */
  give() {
    const { resource } = this;
    this.#resource = undefined;
    return resource;
  }

  /** Frees the resource in the engine. Does nothing the second time, or where the instance is gone. */
  dispose() {
    const resource = /** @type {Disposable | undefined} */ (this.#resource);
    this.#resource = undefined;
    if (resource !== undefined && !this.instance.gone) {
      resource[glueDispose]();
    }
  }
}
