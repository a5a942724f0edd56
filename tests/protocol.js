// A second reader of session messages and of entries, written from docs/protocol.md and docs/format.md alone.
import { Bytes, check, crc32, littleEndian, real, unzigzag, utf8 } from './bytes.js';
import { readPage } from './format.js';
import { readMarked } from './links.js';
import { readSummary } from './summary.js';

/** @type {Record<number, Kind | 'acknowledgement'>} */
const KINDS = { 1: 'hello', 2: 'events', 3: 'entries', 4: 'document', 5: 'acknowledgement', 6: 'trace' };
const [HAS_MORE, ADDRESS_BYTES, NONCE_BYTES] = [128, 4, 8];
const [READ_ONLY, NEEDS_DOCUMENT, NO_EVENTS, NO_ENTRIES, NO_DOCUMENTS, ALL_FLAGS] = [1, 2, 4, 8, 16, 31];
const MAGIC = [0x63, 0x76, 0x67, 0x73];
const CHECKSUM_BYTES = 4;
const VALUES = /** @type {const} */ (['null', 'false', 'true', 'integer', 'real', 'text', 'blob']);

/** @import { Value } from '../host-js/dist/wit/interfaces/converge-sync-types.js' */
/** @import { Run } from './format.js' */
/** @import { Marker } from './links.js' */
/**
 * The decoded contents of messages, by kind.
 *
 * @typedef {{ hello: ReturnType<typeof readHello>, events: Run[], entries: Entry[], document: Uint8Array,
 *   trace: Marker[] }} Contents
 * @typedef {keyof Contents} Kind
 * @typedef {{ namespace: string, key: string, peer: string, timestamp: number, age: number, value?: Value }} Entry
 */

/** @type {{ [K in Kind]: (bytes: Uint8Array) => Contents[K] }} */
const READERS = {
  hello: (bytes) => readHello(new Bytes(bytes)),
  events: readPage,
  entries: (bytes) => readEntries(new Bytes(bytes)),
  document: (bytes) => bytes,
  trace: (bytes) => readTrace(new Bytes(bytes)),
};

/**
 * Reads a message. Does not decode the content, which can continue in a later message.
 *
 * @param {Uint8Array} bytes
 */
export function readMessage(bytes) {
  const content = new Bytes(bytes.subarray(0, -CHECKSUM_BYTES));
  const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - CHECKSUM_BYTES, true);
  check('the checksum is wrong', checksum === crc32(bytes.subarray(0, -CHECKSUM_BYTES)));
  const first = content.byte();
  const kind = KINDS[first % HAS_MORE];
  check('the kind is unknown', kind !== undefined);
  const to = Number(littleEndian(content.take(ADDRESS_BYTES)));
  const acknowledges = content.number();
  const message = { hasMore: first >= HAS_MORE, to, acknowledges };
  if (kind === 'acknowledgement') {
    content.end('an acknowledgement');
    return { ...message, kind };
  }
  const number = content.number();
  return { ...message, kind, number, content: content.take(content.left) };
}

/**
 * Decodes the complete content of a message.
 *
 * @type {<K extends Kind>(kind: K, bytes: Uint8Array) => Contents[K]}
 */
export function readContent(kind, bytes) {
  return READERS[kind](bytes);
}

/**
 * Returns the address of a session with this nonce, after a number of restarts.
 *
 * @param {bigint} nonce
 */
export function addressOf(nonce, restarts = 0n) {
  const bytes = new Uint8Array(BigUint64Array.of(nonce, restarts).buffer);
  return Math.max(crc32(bytes), 1);
}

/** @param {Bytes} content */
function readTrace(content) {
  const events = readMarked(content, content.names());
  content.end('a trace');
  check('a trace is empty', events.length > 0);
  return events;
}

/** @param {Bytes} content */
function readHello(content) {
  for (const byte of MAGIC) check('the magic bytes are wrong', content.byte() === byte);
  check('the version is unknown', content.number() === 1);
  const nonce = littleEndian(content.take(NONCE_BYTES));
  const restarts = content.varint();
  const document = text(content);
  const flags = content.byte();
  check('flags are unknown', flags <= ALL_FLAGS);
  const has = (/** @type {number} */ flag) => (flags & flag) > 0;
  const maxMessageBytes = content.number();
  const namespaces = Array.from({ length: content.number() }, () => text(content));
  const summary = readSummary(content.take(content.varint()));
  check('the summary identifies events by name', !summary.isByName);
  content.end('a hello');
  return {
    nonce,
    restarts,
    document,
    readOnly: has(READ_ONLY),
    needsDocument: has(NEEDS_DOCUMENT),
    accept: { events: !has(NO_EVENTS), entries: !has(NO_ENTRIES), documents: !has(NO_DOCUMENTS) },
    maxMessageBytes,
    namespaces,
    summary,
  };
}

/** @type {(content: Bytes) => Entry[]} */
export function readEntries(content) {
  const [namespaces, peers] = /** @type {string[][]} */ ([[], []]);
  let bits = 0n;
  let last = '';
  const entries = Array.from({ length: content.number() }, () => {
    const [namespace, key, peer] = [name(content, namespaces), text(content), name(content, peers)];
    const place = `${Buffer.from(namespace).toString('latin1')}\0${Buffer.from(key).toString('latin1')}`;
    check('entries are not sorted', last < place);
    last = place;
    bits = BigInt.asUintN(64, bits + unzigzag(content.varint()));
    const age = content.number();
    const entry = { namespace, key, peer, timestamp: real(bits), age };
    const kind = content.byte();
    check('a kind of value is unknown', kind <= VALUES.length);
    return kind === 0 ? entry : { ...entry, value: value(VALUES[kind - 1], content) };
  });
  content.end('entries');
  return entries;
}

/**
 * @param {(typeof VALUES)[number]} tag
 * @param {Bytes} content
 * @returns {Value}
 */
function value(tag, content) {
  switch (tag) {
    case 'null':
      return { tag };
    case 'false':
    case 'true':
      return { tag: 'boolean', val: tag === 'true' };
    case 'integer':
      return { tag, val: unzigzag(content.varint()) };
    case 'real':
      return { tag, val: new DataView(Uint8Array.from(content.take(8)).buffer).getFloat64(0, true) };
    case 'text':
      return { tag, val: text(content) };
    default:
      return { tag, val: new Uint8Array(content.take(content.varint())) };
  }
}

/**
 * @param {Bytes} content
 * @param {string[]} known
 */
function name(content, known) {
  const number = content.number();
  check('the index of a name is out of range', number <= known.length);
  if (number > 0) return known[number - 1];
  const added = text(content);
  check('a name is repeated', !known.includes(added));
  known.push(added);
  return added;
}

/** @param {Bytes} content */
function text(content) {
  return utf8(content.take(content.varint()));
}
