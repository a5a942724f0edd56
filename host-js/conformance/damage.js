// Changes bytes as a case defines: damages, cuts or splices them, with or without a correct
// checksum. Knows only the frame of the format, not the content of the frame.

import * as n from './notation.js';

/** @import { Json } from './notation.js' */

const MAGIC_BYTES = 4;
const CHECKSUM_BYTES = 4;

/**
 * Returns the bytes after a change.
 *
 * @param {Uint8Array} bytes
 * @param {Json} change
 * @param {(json: Json | undefined) => Uint8Array} resolve returns the bytes that a case names
 * @returns {Uint8Array}
 */
export function changed(bytes, change, resolve) {
  if (change === 'checksum') return withChecksum(bytes);
  const [name, argument] = n.variant(change);
  switch (name) {
    case 'flip': {
      const [place, bit] = n.tuple(argument, 2);
      const at = offset(bytes, place);
      const byte = bytes[at];
      if (byte === undefined || n.number(bit) > 7) throw new n.Mistake(`flip: bit ${bit} of byte ${at} does not exist`);
      return bytes.with(at, byte ^ (1 << n.number(bit)));
    }
    case 'replace': {
      const [place, count, content] = n.tuple(argument, 3);
      const at = offset(bytes, place);
      const end = at + n.number(count);
      if (end > bytes.length) throw new n.Mistake(`replace: byte ${end} is beyond the end, ${bytes.length}`);
      return joined(bytes.subarray(0, at), resolve(content), bytes.subarray(end));
    }
    case 'keep':
      return bytes.slice(0, offset(bytes, argument));
    case 'append':
      return joined(bytes, resolve(argument));
    case 'section': {
      const [id, content] = n.tuple(argument, 2);
      return withSection(bytes, n.number(id), resolve(content));
    }
    default:
      throw new n.Mistake(`no change is called ${name}`);
  }
}

/**
 * Returns the bytes with the last four replaced by the checksum of the others. Shorter inputs do
 * not change.
 *
 * @param {Uint8Array} bytes
 */
export function withChecksum(bytes) {
  if (bytes.length < CHECKSUM_BYTES) return bytes;
  const content = bytes.subarray(0, -CHECKSUM_BYTES);
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(content));
  return joined(content, checksum);
}

/**
 * Returns the CRC-32 (ISO-HDLC) of the bytes.
 *
 * @param {Uint8Array} bytes
 */
function crc32(bytes) {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ~crc >>> 0;
}

/**
 * Returns the bytes with another section after the others, and with the new length and checksum.
 *
 * @param {Uint8Array} bytes
 * @param {number} id
 * @param {Uint8Array} content
 */
function withSection(bytes, id, content) {
  const version = readVarint(bytes, MAGIC_BYTES);
  const features = readVarint(bytes, version.end + 1);
  const length = readVarint(bytes, features.end);
  const sections = joined(
    bytes.subarray(length.end, length.end + length.value),
    varint(id),
    varint(content.length),
    content,
  );
  const head = bytes.subarray(0, features.end);
  return withChecksum(joined(head, varint(sections.length), sections, new Uint8Array(CHECKSUM_BYTES)));
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function readVarint(bytes, at) {
  let value = 0;
  for (let factor = 1, end = at; factor < 2 ** 49; factor *= 128) {
    const byte = bytes[end++];
    if (byte === undefined) break;
    value += (byte % 128) * factor;
    if (byte < 128) return { value, end };
  }
  throw new n.Mistake('the bytes have no valid frame');
}

/** @param {number} value */
function varint(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.from([...bytes, value]);
}

/**
 * @param {Uint8Array} bytes
 * @param {Json | undefined} place
 */
function offset(bytes, place) {
  const at = n.isObject(place) ? bytes.length - n.number(n.members(place, ['end']).end) : n.number(place);
  if (at < 0 || at > bytes.length) throw new n.Mistake(`byte ${JSON.stringify(place)} does not exist`);
  return at;
}

/** @param {Uint8Array[]} parts */
function joined(...parts) {
  return new Uint8Array(Buffer.concat(parts));
}
