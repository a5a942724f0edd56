// Engines: WebAssembly instances and what makes documents in them. Does not know where the module's bytes come from.

import * as check from './check.js';
import { Doc } from './doc.js';
import { InvalidArgumentError } from './errors.js';
import { Handle, Instance } from './instance.js';
import { randomPeer } from './peer.js';
import { RawStore } from './raw.js';
import { Store } from './store.js';
import { fromCells } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Cell } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { Front } from './instance.js' */
/** @import { Cells } from './values.js' */
/** @import { Limit } from '../dist/wit/interfaces/converge-sync-engine.js' */

/**
 * What `open` takes: a compiled module, its bytes, or a response with them.
 *
 * @typedef {WebAssembly.Module | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Response} Source
 */

/**
 * @typedef {object} LoadOptions
 * @property {string} [peer] as which the replica writes from now on; by default a new name from the system's randomness
 */

const LOAD_OPTIONS = ['peer'];

/**
 * The class of an engine's documents.
 *
 * @typedef {typeof Doc & {
 *   create(peer?: string): Doc,
 *   load(saved: Uint8Array, options?: LoadOptions): Doc,
 *   peek(saved: Uint8Array, table: string, row: string): Cells | undefined,
 *   peekRaw(saved: Uint8Array, table: string, row: string): Cell[] | undefined,
 *   eventsOf(update: Uint8Array, skip?: number, most?: number): wit.EventBatch,
 * }} DocClass
 */

/**
 * @typedef {object} StoreOptions
 * @property {number} [timeToLive] how long entries live that are not renewed, in milliseconds; 30,000 by default
 * @property {number} [mostSkew] how far entries may be dated ahead of this clock, in milliseconds; 60,000 by default
 */

const STORE_OPTIONS = ['timeToLive', 'mostSkew'];

/**
 * The class of an engine's stores.
 *
 * @typedef {typeof Store & { create(peer?: string, options?: StoreOptions): Store }} StoreClass
 */

/** One instance of the engine, with a memory of its own. Documents of different engines exchange events freely. */
export class Engine {
  #instance;

  /**
   * @param {WebAssembly.Module} module
   * @param {Front} [front]
   */
  constructor(module, front) {
    const instance = new Instance(module, front);
    this.#instance = instance;

    /** @param {() => wit.Doc} make calls the glue once, with checked arguments */
    const made = (make) => new Handle(instance, instance.call(make), 'document');

    /**
     * The documents of this engine. `Doc.create(peer)` makes an empty one in which this replica writes as `peer`;
     * `Doc.load(saved, { peer })` makes the one that `save` wrote, and a replica that was `peer` before goes on with its
     * counter. No two live replicas may write as the same peer: who cannot know takes the default, a new name from the
     * system's randomness. `Doc.peek(saved, table, row)` gives the cells of one row of saved bytes without loading them, for
     * a pass over the bytes; undefined where the row is not there. `Doc.peekRaw` gives them with the contract's exact types.
     * `Doc.eventsOf(update, skip, most)` gives the events that `mergeUpdate` would be given, and those that wait in a saved
     * document, without merging them: at most `most` (all by default) of those after the first `skip` (0 by default), for whoever
     * decides whether to merge them. Their lamport times, which follow from what they depend on, are 0.
     *
     * @type {DocClass}
     */
    this.Doc = class extends Doc {
      static create(peer = randomPeer()) {
        check.string(peer, 'peer');
        return new this(made(() => instance.durable.Doc.create(peer)));
      }

      static load(/** @type {Uint8Array} */ saved, /** @type {LoadOptions} */ options = {}) {
        check.saved(saved, 'saved');
        const { peer = randomPeer() } = check.options(options, 'options', LOAD_OPTIONS);
        const checked = check.string(peer, 'peer');
        return new this(made(() => instance.durable.Doc.load(checked, saved)));
      }

      static peek(/** @type {Uint8Array} */ saved, /** @type {string} */ table, /** @type {string} */ row) {
        const cells = this.peekRaw(saved, table, row);
        return cells && fromCells(cells);
      }

      static peekRaw(/** @type {Uint8Array} */ saved, /** @type {string} */ table, /** @type {string} */ row) {
        check.saved(saved, 'saved');
        check.string(table, 'table');
        check.string(row, 'row');
        return instance.call(() => instance.durable.Doc.peek(saved, table, row));
      }

      static eventsOf(/** @type {Uint8Array} */ update, skip = 0, most = check.MOST_U32) {
        check.saved(update, 'update');
        check.u32(skip, 'skip');
        check.u32(most, 'most');
        return instance.call(() => instance.durable.Doc.eventsOf(update, skip, most));
      }
    };

    /**
     * The stores of this engine. `Store.create(peer, options)` makes an empty one in which this replica writes as `peer`, by
     * default a new name from the system's randomness.
     *
     * @type {StoreClass}
     */
    this.Store = class extends Store {
      static create(peer = randomPeer(), /** @type {StoreOptions} */ options = {}) {
        check.string(peer, 'peer');
        const { timeToLive = 30_000, mostSkew = 60_000 } = /** @type {StoreOptions} */ (
          check.options(options, 'options', STORE_OPTIONS)
        );
        const checked = { timeToLive, mostSkew };
        check.storeOptions(checked);
        const store = instance.call(() => instance.ephemeral.Store.create(peer, checked));
        return new this(new RawStore(new Handle(instance, store, 'store')));
      }
    };
  }

  /** @returns {string} the engine's version, as semver */
  version() {
    return this.#instance.call(() => this.#instance.engine.version());
  }

  /** @returns {Limit[]} every limit on what the engine takes */
  limits() {
    return this.#instance.call(() => this.#instance.engine.limits());
  }

  /** The bytes of the engine's memory, which grows and never shrinks. */
  get memoryBytes() {
    return this.#instance.memoryBytes;
  }

  /** Whether the engine stopped in the middle of a call, so that none of its documents can be called any more. */
  get gone() {
    return this.#instance.gone;
  }
}

const OPEN_OPTIONS = ['front'];

/**
 * Makes the package's `open` for a platform.
 *
 * @param {() => Promise<Source>} packaged gets the module that comes with the package
 */
export function opener(packaged) {
  /** @type {Promise<Engine> | undefined} */
  let opening;
  /** @type {Engine | undefined} */
  let shared;

  /**
   * Without an argument, the engine that all such callers share, from the module that comes with the package. With one,
   * an engine of its own; `fetch(url)` is an argument too. Where the shared engine is gone, the next call makes another.
   *
   * @param {Source | PromiseLike<Source>} [source]
   * @param {{ front?: Front }} [options] `front`: what stands before that engine
   * @returns {Promise<Engine>}
   * @throws {InvalidArgumentError} where the source is not the package's module
   */
  return async function open(source, options = {}) {
    const { front } = /** @type {{ front?: Front }} */ (check.options(options, 'options', OPEN_OPTIONS));
    if (source !== undefined || front !== undefined) {
      return new Engine(await compile(await (source === undefined ? packaged() : source)), front);
    }
    if (opening === undefined || shared?.gone) {
      opening = packaged()
        .then(compile)
        .then((module) => (shared = new Engine(module)));
      opening.catch(() => (opening = undefined));
    }
    return opening;
  };
}

/**
 * @param {Source} source
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(source) {
  if (source instanceof WebAssembly.Module) {
    return source;
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return compileBytes(source);
  }
  if (typeof Response !== 'undefined' && source instanceof Response) {
    if (!source.ok) {
      check.refuse(`the module could not be fetched: ${source.url} answers ${source.status} ${source.statusText}`);
    }
    const streams = source.headers.get('content-type')?.startsWith('application/wasm');
    return streams ? WebAssembly.compileStreaming(source) : compileBytes(await source.arrayBuffer());
  }
  return check.refuse(`open() takes a module, its bytes or a response with them, not ${check.show(source)}`);
}

/** @param {BufferSource} bytes */
async function compileBytes(bytes) {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new InvalidArgumentError(`the bytes are not the package's WebAssembly module (${cause})`);
  }
}
