// Engines: WebAssembly instances, and the classes of the objects in them. Does not know where the module's bytes come from.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import * as contract from './contract.js';
import { Doc, UpdateReader } from './doc.js';
import { Handle, Instance } from './instance.js';
import { randomPeer } from './peer.js';
import { RawStore } from './raw-live.js';
import { Store } from './store.js';
import { fromCells } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Cell } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { Front } from './instance.js' */
/** @import { Cells } from './values.js' */
/** @import { Inspection, Limit } from '../dist/wit/interfaces/converge-sync-engine.js' */

/**
 * What `open` accepts: a compiled module, its bytes, or a response with them.
 *
 * @typedef {WebAssembly.Module | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Response} Source
 */

/**
 * @typedef {object} LoadOptions
 * @property {string} [peer] the name that the replica writes as from now on; a random one by default
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
 *   summaryOf(version: wit.PeerVersion[]): Uint8Array,
 * }} DocClass
 */

/**
 * The class of an engine's readers of updates.
 *
 * @typedef {typeof UpdateReader & { open(update: Uint8Array): UpdateReader }} UpdateReaderClass
 */

/**
 * @typedef {object} StoreOptions
 * @property {number} [timeToLive] entries that are not renewed expire after this time, in milliseconds; 30,000 by default
 * @property {number} [maxSkew] entries with a timestamp later than the current time plus this are rejected, in
 *   milliseconds; 600,000 by default, since the clocks of devices are often minutes off
 */

const STORE_OPTIONS = ['timeToLive', 'maxSkew'];

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
    refuseCopies(this, 'engine');

    /** @param {() => wit.Doc} make calls the glue once, with checked arguments */
    const made = (make) => new Handle(instance, instance.call(make), 'document');

    /**
     * The documents of this engine.
     *
     * - `Doc.create(peer)` creates an empty document that writes as `peer`.
     * - `Doc.load(saved, { peer })` loads a saved document. A replica that continues as its former peer continues with that
     *   peer's counter. Without a peer it gets a random name, as is right for a copy or a backup whose former replica may
     *   have written since.
     * - `Doc.peek(saved, table, row)` returns the cells of one row of a saved document without loading it, or `undefined`
     *   if the row does not exist; `Doc.peekRaw` does so with the contract's exact types.
     * - `Doc.summaryOf(version)` encodes a version as a summary that identifies events by name alone.
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

      static summaryOf(/** @type {wit.PeerVersion[]} */ version) {
        contract.version(version, 'version');
        return instance.call(() => instance.durable.Doc.summaryOf(version));
      }
    };

    /**
     * The readers of updates of this engine. `UpdateReader.open(update)` opens an update or a saved document.
     *
     * @type {UpdateReaderClass}
     */
    this.UpdateReader = class extends UpdateReader {
      static open(/** @type {Uint8Array} */ update) {
        check.saved(update, 'update');
        const reader = instance.call(() => instance.durable.UpdateReader.open(update));
        return new this(new Handle(instance, reader, 'update reader'));
      }
    };

    /**
     * The stores of this engine. `Store.create(peer, options)` creates an empty store that writes as `peer`, a random name
     * by default.
     *
     * @type {StoreClass}
     */
    this.Store = class extends Store {
      static create(peer = randomPeer(), /** @type {StoreOptions} */ options = {}) {
        check.string(peer, 'peer');
        const { timeToLive = 30_000, maxSkew = 600_000 } = /** @type {StoreOptions} */ (
          check.options(options, 'options', STORE_OPTIONS)
        );
        const checked = { timeToLive, maxSkew };
        contract.storeOptions(checked);
        const store = instance.call(() => instance.ephemeral.Store.create(peer, checked));
        return new this(new RawStore(new Handle(instance, store, 'store')));
      }
    };
  }

  /** @returns {string} the engine's version, in semver */
  version() {
    return this.#instance.call(() => this.#instance.engine.version());
  }

  /** @returns {Limit[]} every limit on what the engine accepts */
  limits() {
    return this.#instance.call(() => this.#instance.engine.limits());
  }

  /**
   * Summarizes a saved document, an update, or a snapshot or update of a store, without loading it.
   *
   * @param {Uint8Array} bytes
   * @returns {Inspection}
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged
   */
  inspect(bytes) {
    check.saved(bytes, 'bytes');
    return this.#instance.call(() => this.#instance.engine.inspect(bytes));
  }

  /** The size of the engine's memory in bytes. It grows and never shrinks. */
  get memoryBytes() {
    return this.#instance.memoryBytes;
  }

  /** Whether the engine stopped in the middle of a call, so that none of its objects can be called any more. */
  get gone() {
    return this.#instance.gone;
  }
}

const OPEN_OPTIONS = ['front'];
const WAY_OUT =
  "import '@converge/sync/inline', which contains the module, or pass the module: open(bytes) or open(fetch(url))";
/** The first bytes of every WebAssembly module. */
const MAGIC = [0, 0x61, 0x73, 0x6d];
/** How many bytes are looked at to recognize HTML, and how many an error shows of bytes that are not a module. */
const START_BYTES = 64;
const SHOWN_BYTES = 8;

/**
 * Makes the package's `open` for a platform.
 *
 * @param {() => Source | Promise<Source>} packaged returns the module of the package
 * @param {() => URL} [locate] returns where that module should be, for errors
 */
export function opener(packaged, locate) {
  /** @type {Promise<Engine> | undefined} */
  let opening;
  /** @type {Engine | undefined} */
  let shared;

  const compilePackaged = async () => {
    let source;
    try {
      source = await packaged();
    } catch (cause) {
      check.refuse(`the package's WebAssembly module could not be read${at(locate)} (${cause}); ${WAY_OUT}`);
    }
    return compile(source);
  };

  /**
   * Returns the engine that all callers without an argument share, made of the package's module. If that engine is gone,
   * the next call makes a new one. With an argument, such as `fetch(url)`, returns an engine of its own.
   *
   * @param {Source | PromiseLike<Source>} [source]
   * @param {{ front?: Front }} [options] `front`: a component in front of that engine
   * @returns {Promise<Engine>}
   * @throws {import('./errors.js').InvalidArgumentError} if the module cannot be read, or is not the package's module
   */
  return async function open(source, options = {}) {
    const { front } = /** @type {{ front?: Front }} */ (check.options(options, 'options', OPEN_OPTIONS));
    if (source !== undefined || front !== undefined) {
      return new Engine(await (source === undefined ? compilePackaged() : compile(await source)), front);
    }
    if (opening === undefined || shared?.gone) {
      opening = compilePackaged().then((module) => (shared = new Engine(module)));
      opening.catch(() => (opening = undefined));
    }
    return opening;
  };
}

/**
 * @param {(() => URL) | undefined} locate
 * @returns {string} ` from` and the URL, or nothing if there is none: the platform or a bundler left out `import.meta.url`
 */
function at(locate) {
  try {
    return locate ? ` from ${locate()}` : '';
  } catch {
    return '';
  }
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
    return compileBytes(source, '');
  }
  if (typeof Response !== 'undefined' && source instanceof Response) {
    const { ok, status, statusText, url } = source;
    const from = url && ` from ${url}`;
    if (!ok) {
      check.refuse(`the WebAssembly module could not be fetched${from}: ${status} ${statusText}; ${WAY_OUT}`);
    }
    if (source.headers.get('content-type')?.startsWith('application/wasm')) {
      return WebAssembly.compileStreaming(source).catch((cause) => refuseModule(from, cause));
    }
    return compileBytes(await source.arrayBuffer(), from);
  }
  const hint =
    typeof source === 'string' || /** @type {unknown} */ (source) instanceof URL
      ? '; pass what is there: fetch(url), or the bytes of the file'
      : '';
  return check.refuse(`open() takes a module, its bytes or a response with them, not ${check.show(source)}${hint}`);
}

/**
 * @param {BufferSource} source
 * @param {string} from ` from` and a URL, or nothing
 */
async function compileBytes(source, from) {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    const start = String.fromCharCode(...bytes.subarray(0, START_BYTES));
    if (/^\s*<(!doctype|html|!--)/i.test(start)) {
      check.refuse(
        `got HTML instead of the WebAssembly module${from}: the bundler or the server did not copy it; ${WAY_OUT}`,
      );
    }
    const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    check.refuse(`the bytes${from} are not a WebAssembly module: they begin with ${shown || 'nothing'}; ${WAY_OUT}`);
  }
  return WebAssembly.compile(bytes).catch((cause) => refuseModule(from, cause));
}

/**
 * @param {string} from
 * @param {unknown} cause for example that the bytes are damaged, or that the page's policy forbids WebAssembly
 * @returns {never}
 */
function refuseModule(from, cause) {
  return check.refuse(`the WebAssembly module${from} could not be compiled (${cause})`);
}
