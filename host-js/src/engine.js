// Engines: WebAssembly instances, and the functions that create their objects. Does not know
// where the module's bytes come from.

import { contract } from '../dist/contract.js';
import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { Doc, UpdateReader } from './doc.js';
import { Instance } from './instance.js';
import { randomPeer } from './peer.js';
import { Session, toSessionOptions } from './session.js';
import { Store } from './store.js';
import { fromCells } from './values.js';

/** @import { PeerVersion } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { Inspection, Limit } from '../dist/wit/interfaces/converge-sync-engine.js' */
/** @import { Cells, CompiledModule, Contract, Front, LoadOptions, Open, OpenOptions, SessionOptions, Source, StoreOptions } from './types.js' */

const LOAD_OPTIONS = ['peer'];
const STORE_OPTIONS = ['timeToLive', 'maxSkew'];

/**
 * One instance of the engine, with its own memory. Creates documents, stores and sessions.
 * Documents of different engines exchange events freely.
 */
export class Engine {
  #instance;
  #raw;

  /**
   * @param {CompiledModule} module
   * @param {Front} [front]
   */
  constructor(module, front) {
    this.#instance = new Instance(module, front);
    this.#raw = contract(this.#instance);
    refuseCopies(this, 'engine');
  }

  /**
   * The contract of `wit/` with its exact types, such as
   * `engine.raw.durable.Doc.peek(saved, table, row)`. Arguments are checked and errors are classes,
   * as everywhere in this package.
   *
   * @returns {Contract}
   */
  get raw() {
    return this.#raw;
  }

  /**
   * Creates an empty document. Every replica should have its own peer name.
   *
   * @param {string} [peer] the name that the document writes as, without `~`; a random one by default
   * @returns {Doc}
   */
  create(peer = randomPeer()) {
    return new Doc(this.#raw.durable.Doc.create(peer));
  }

  /**
   * Loads a saved document.
   *
   * A replica that continues as its former peer continues with that peer's counter. Without `peer`
   * it gets a random name. That is right for a copy or a backup, because its former replica may
   * have written since.
   *
   * @param {Uint8Array} saved
   * @param {LoadOptions} [options]
   * @returns {Doc}
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged, or not those of a document
   * @throws {import('./errors.js').UnsupportedVersionError} if a newer version of the engine wrote them
   */
  load(saved, options = {}) {
    const { peer = randomPeer() } = /** @type {LoadOptions} */ (check.options(options, 'options', LOAD_OPTIONS));
    return new Doc(this.#raw.durable.Doc.load(peer, saved));
  }

  /**
   * Reads one row of a saved document without loading it. Costs a pass over the bytes and the
   * decoding of one block of rows.
   *
   * @param {Uint8Array} saved
   * @param {string} table
   * @param {string} row
   * @returns {Cells | undefined} the cells of the row, or `undefined` if the row does not exist
   * @throws {import('./errors.js').CorruptError} if the part of the bytes that this call reads is damaged
   */
  peek(saved, table, row) {
    const cells = this.#raw.durable.Doc.peek(saved, table, row);
    return cells && fromCells(cells);
  }

  /**
   * Encodes a version as a summary that identifies events by name alone. If two replicas wrote as
   * the same peer, and the replica that reads the summary does not know of that fork yet, a count
   * can claim events that are missing here; they are then not sent. Prefer a document's `summary`,
   * which identifies events by content.
   *
   * @param {PeerVersion[]} version
   * @returns {Uint8Array<ArrayBuffer>}
   */
  summaryOf(version) {
    return this.#raw.durable.Doc.summaryOf(version);
  }

  /**
   * Opens an update or a saved document, to read its events without merging them.
   *
   * @param {Uint8Array} update
   * @returns {UpdateReader}
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged
   * @throws {import('./errors.js').UnsupportedVersionError} if a newer version of the engine wrote them
   */
  openUpdate(update) {
    return new UpdateReader(this.#raw.durable.UpdateReader.open(update));
  }

  /**
   * Creates an empty store, for presence and other state without a history.
   *
   * @param {string} [peer] the name that the store writes as; a random one by default
   * @param {StoreOptions} [options]
   * @returns {Store}
   */
  createStore(peer = randomPeer(), options = {}) {
    const { timeToLive = 30_000, maxSkew = 600_000 } = /** @type {StoreOptions} */ (
      check.options(options, 'options', STORE_OPTIONS)
    );
    return new Store(this.#raw.ephemeral.Store.create(peer, { timeToLive, maxSkew }));
  }

  /**
   * Opens one side of a session, which synchronizes the document and the store with another
   * replica.
   *
   * @param {Doc} doc of this engine
   * @param {Store} store of this engine
   * @param {SessionOptions} options
   * @returns {Session}
   */
  openSession(doc, store, options) {
    return new Session(this.#raw.session.Session.open(doc?.raw, store?.raw, toSessionOptions(options)));
  }

  /**
   * Returns a key for an ordered list, between two keys. Store the key in a column, or use it as a
   * row id. Keys are sorted by `<`, not by `localeCompare`.
   *
   * Equal arguments return equal keys. If only the seed differs, the keys differ, except with a
   * probability of about 2^-59. Keys that callers with different seeds create between the same two
   * neighbors, without seeing each other's keys, do not interleave.
   *
   * The neighbors can be any strings, such as keys that were written by hand. The first key has 13
   * bytes. Appending or prepending lengthens keys logarithmically.
   *
   * @param {string | undefined} after the key in front of the new one, or `undefined` at the start
   * @param {string | undefined} before the key behind the new one, or `undefined` at the end
   * @param {string} seed distinguishes callers, normally the peer name: `doc.peer()`
   * @returns {string}
   * @throws {import('./errors.js').InvalidArgumentError} if `after` is not less than `before`, or no
   *   key fits between them because `before` only adds spaces or control characters to `after`
   * @throws {import('./errors.js').LimitExceededError} if the seed, a neighbor or the result is too
   *   long
   */
  between(after, before, seed) {
    return this.#raw.ordering.between(after, before, seed);
  }

  /**
   * Returns the engine's version, in semver.
   *
   * @returns {string}
   */
  version() {
    return this.#raw.engine.version();
  }

  /**
   * Returns every limit on what the engine accepts.
   *
   * @returns {Limit[]}
   */
  limits() {
    return this.#raw.engine.limits();
  }

  /**
   * Summarizes a saved document, an update, or a snapshot or update of a store, without loading it.
   *
   * @param {Uint8Array} bytes
   * @returns {Inspection}
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged
   */
  inspect(bytes) {
    return this.#raw.engine.inspect(bytes);
  }

  /** The size of the engine's memory in bytes. It grows and never shrinks. */
  get memoryBytes() {
    return this.#instance.memoryBytes;
  }

  /**
   * Whether the engine stopped in the middle of a call. None of its objects can be called any more.
   */
  get gone() {
    return this.#instance.gone;
  }
}

const OPEN_OPTIONS = ['front'];
const WAY_OUT =
  "import '@converge/sync/inline', which contains the module, or pass the module: open(bytes) or open(fetch(url))";
/** The first bytes of every WebAssembly module. */
const MAGIC = [0, 0x61, 0x73, 0x6d];
/**
 * The number of bytes that are searched for HTML, and the number that an error shows if the bytes
 * are not a module.
 */
const START_BYTES = 64;
const SHOWN_BYTES = 8;

/**
 * Returns the package's `open` for a platform.
 *
 * @param {() => Source | Promise<Source>} packaged returns the module of the package
 * @param {() => object} [locate] returns the URL where that module should be, for errors
 * @returns {Open}
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

  return async function open(source, options = {}) {
    const { front } = /** @type {OpenOptions} */ (check.options(options, 'options', OPEN_OPTIONS));
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
 * @param {(() => object) | undefined} locate
 * @returns {string} ` from` and the URL, or an empty string if the platform or a bundler does not
 *   support `import.meta.url`
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
      ? '; pass fetch(url), or the bytes of the file'
      : '';
  return check.refuse(`open() takes a module, its bytes or a response with them, not ${check.show(source)}${hint}`);
}

/**
 * @param {BufferSource} source
 * @param {string} from ` from` and a URL, or an empty string
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
 * @param {unknown} cause for example damaged bytes, or a page's policy that forbids WebAssembly
 * @returns {never}
 */
function refuseModule(from, cause) {
  return check.refuse(`the WebAssembly module${from} could not be compiled (${cause})`);
}
