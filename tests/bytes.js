// Decodes numbers, columns, texts, names and values as docs/format.md defines them, and rejects invalid encodings.

const [MAX_NAME_BYTES, MAX_SHARED, MAX_CODES] = [256, 128, 4096];
export const MAX_EVENTS = 2 ** 32 - 1; // per peer
const [NULL, FALSE, TRUE] = [{ tag: 'null' }, { tag: 'boolean', val: false }, { tag: 'boolean', val: true }];
export const ABSENT = /** @type {const} */ ({ tag: 'absent' }); // the value of an unset cell
/** @type {(string | object)[]} a value, or the kind of a value */
const VALUES = [NULL, FALSE, TRUE, 'integer', 'real', 'text', 'blob', ABSENT];

/** @import { Value } from '../host-js/dist/wit/interfaces/converge-sync-types.js' */
/** @typedef {{ column: number, value?: Value | typeof ABSENT }} NumberedCell a cell with the number of its column */

/** Errors: bytes that break a rule of docs/format.md, another version, and an unknown feature. */
export class Corrupt extends Error {}
export class UnsupportedVersion extends Error {}
export class UnsupportedFeature extends Error {}

/** A cursor that decodes bytes. */
export class Bytes {
  #at = 0;
  #bytes;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  get left() {
    return this.#bytes.length - this.#at;
  }

  /** @param {string} what */
  end(what) {
    check(`unexpected bytes after ${what}`, this.left === 0);
  }

  /** @param {number | bigint} count */
  take(count) {
    check('the bytes end too early', count <= this.left);
    return this.#bytes.subarray(this.#at, (this.#at += Number(count)));
  }

  byte() {
    return this.take(1)[0];
  }

  varint() {
    let number = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      number |= BigInt(byte & 127) << shift;
      check('a number has more than 64 bits', number < 2n ** 64n && shift < 70n);
      check('the encoding of a number is longer than necessary', byte > 0 || shift === 0n);
      if (byte < 128) return number;
    }
  }

  /** Reads a varint that is a count or an index. */
  number() {
    return counting(this.varint());
  }

  /** Reads a length and that number of bytes. */
  part() {
    return new Bytes(this.take(this.varint()));
  }

  /**
   * Reads a column of `count` numbers. `count` is not trusted, so nothing is allocated for it.
   *
   * @param {number} count
   */
  column(count, isFixed = false) {
    const head = this.varint();
    if (head % 2n === 1n) {
      check('a column has a single number instead of none or several', count === 1 && !isFixed);
      return [head >> 1n];
    }
    const content = new Bytes(this.take(head >> 1n));
    const next = () => (isFixed ? littleEndian(content.take(8)) : content.varint());
    const [groups, numbers] = [/** @type {number[]} */ ([]), /** @type {bigint[]} */ ([])];
    while (content.left > 0) {
      const group = content.byte();
      groups.push(group);
      const number = next();
      numbers.push(number);
      for (let k = 0; k < group % 128; k++) numbers.push(group < 128 ? number : next());
    }
    check(`a column has ${numbers.length} numbers instead of ${count}`, numbers.length === count);
    check('a single number is encoded as several', isFixed || count !== 1 || numbers[0] >= 2n ** 63n);
    check('a column has other groups than a writer produces', String(groups) === String(groupsOf(numbers)));
    return numbers;
  }

  /**
   * Reads a column of counts or indexes, each below `bound`.
   *
   * @param {number} count
   */
  numbers(count, bound = Infinity) {
    const numbers = this.column(count).map(counting);
    for (const number of numbers) check('an index is out of range', number < bound);
    return numbers;
  }

  /** @param {number} count */
  zigzags(count) {
    return this.column(count).map((number) => Number(unzigzag(number)));
  }

  /**
   * Reads a fixed column.
   *
   * @param {number} count
   */
  fixed(count) {
    return this.column(count, true);
  }

  /**
   * Reads a fixed column of fingerprints.
   *
   * @param {number} count
   */
  prints(count) {
    const prints = this.fixed(count);
    for (const print of prints) check('a fingerprint is 0', print > 0n);
    return prints;
  }

  /**
   * Reads a delta column.
   *
   * @param {number} count
   */
  deltas(count) {
    let last = 0n;
    return this.column(count).map((number) => (last = BigInt.asUintN(64, last + unzigzag(number))));
  }

  names() {
    const names = this.texts(this.number());
    for (const name of names) check('a name is too long', Buffer.byteLength(name) <= MAX_NAME_BYTES);
    return names;
  }

  /**
   * Reads sorted texts, none of which is empty.
   *
   * @param {number} count
   */
  texts(count) {
    const shared = this.numbers(count);
    const lengths = this.numbers(count);
    const rest = this.part();
    let last = Buffer.alloc(0);
    const texts = shared.map((start, i) => {
      const text = Buffer.concat([last.subarray(0, start), rest.take(lengths[i])]);
      let same = 0;
      while (same < MAX_SHARED && same < last.length && last[same] === text[same]) same++;
      check('the shared prefix of a text has the wrong length', start === same);
      check('texts are not sorted', Buffer.compare(last, text) < 0);
      last = text;
      return utf8(text);
    });
    rest.end('the texts');
    return texts;
  }

  /**
   * Reads texts or blobs, which can repeat; `decode` decodes the bytes of each, once.
   *
   * @template T
   * @param {number} count
   * @param {(bytes: Uint8Array) => T} decode
   */
  dictionary(count, decode) {
    const codes = this.numbers(count);
    const lengths = this.numbers(codes.filter((code) => code === 0).length).values();
    const content = this.part();
    const [known, coded] = [new Set(), /** @type {T[]} */ ([])];
    const all = codes.map((code) => {
      check('a code is out of range', code <= coded.length);
      if (code > 0) return coded[code - 1];
      const bytes = content.take(next(lengths));
      const key = Buffer.from(bytes).toString('latin1');
      check('a text that has a code is repeated', !known.has(key));
      const decoded = decode(bytes);
      if (coded.length < MAX_CODES) {
        known.add(key);
        coded.push(decoded);
      }
      return decoded;
    });
    content.end('the texts');
    return all;
  }

  /**
   * Reads the values of these cells, and sets them.
   *
   * @param {NumberedCell[]} cells
   */
  values(cells) {
    const columns = sorted(new Set(cells.map(({ column }) => column)));
    check('the values have the wrong number of columns', this.number() === columns.length);
    for (const column of columns) {
      check('the values of a column are missing', this.number() === column);
      const here = cells.filter((cell) => cell.column === column);
      const bits = this.byte();
      check('a kind of values is unknown', bits < 16);
      const kinds = this.numbers(here.length, VALUES.length);
      for (const [i, cell] of here.entries()) cell.value = /** @type {Value} */ (VALUES[kinds[i]]);
      /** @type {(bit: number, tag: string, readSome: (count: number) => (bigint | number | string | Uint8Array)[]) => void} */
      const some = (bit, tag, readSome) => {
        const those = here.filter((_, i) => VALUES[kinds[i]] === tag);
        check('the kinds of values are announced incorrectly', those.length > 0 === (bits & bit) > 0);
        if (those.length > 0)
          for (const [i, val] of readSome(those.length).entries()) those[i].value = /** @type {Value} */ ({ tag, val });
      };
      some(1, 'integer', (count) => this.deltas(count).map((bits) => BigInt.asIntN(64, bits)));
      some(2, 'real', (count) => this.column(count, true).map(real));
      some(4, 'text', (count) => this.dictionary(count, utf8));
      some(8, 'blob', (count) => this.dictionary(count, (bytes) => new Uint8Array(bytes)));
    }
  }
}

/** @type {(bytes: Uint8Array) => bigint} */
export const littleEndian = (bytes) => bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
/** @type {(numbers: Iterable<number>) => number[]} */
export const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
/** @type {(numbers: number[]) => number} */
export const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);
/** @type {(number: bigint) => bigint} */
export const unzigzag = (number) => (number % 2n === 0n ? number / 2n : -(number + 1n) / 2n);

/**
 * Returns the groups that a writer uses for a column. A reader may accept others; this one tests
 * writers.
 *
 * @param {bigint[]} numbers
 */
function groupsOf(numbers) {
  const groups = /** @type {number[]} */ ([]);
  for (let at = 0, equal; at < numbers.length; at += equal) {
    for (equal = 1; equal < 128 && numbers[at + equal] === numbers[at];) equal++;
    if (equal >= 3) groups.push(equal - 1);
    for (let k = equal < 3 ? equal : 0; k > 0; k--) {
      const last = groups.at(-1) ?? 0;
      if (last >= 128 && last < 255) groups[groups.length - 1]++;
      else groups.push(128);
    }
  }
  return groups;
}

/** @param {bigint} number */
export function counting(number) {
  check('a number is too large', number <= Number.MAX_SAFE_INTEGER);
  return Number(number);
}

/** @param {bigint} bits */
export function real(bits) {
  const [number] = new Float64Array(BigUint64Array.of(bits).buffer);
  check('a NaN has the wrong bits', !Number.isNaN(number) || bits === 0x7ff8000000000000n);
  return number;
}

/** @param {Uint8Array} bytes */
export function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Corrupt('a text is not UTF-8');
  }
}

/** @type {<T>(list: T[], compare: (a: T, b: T) => number) => void} */
export function checkAscending(list, compare) {
  for (let i = 1; i < list.length; i++) check('a list is not sorted', compare(list[i - 1], list[i]) < 0);
}

/**
 * Throws `Corrupt` with the message unless the condition holds.
 *
 * @type {(message: string, isValid: unknown) => asserts isValid}
 */
export function check(message, isValid) {
  if (!isValid) throw new Corrupt(message);
}

/**
 * Returns the next number of a list that is not at its end.
 *
 * @param {Iterator<number>} numbers
 * @returns {number}
 */
export function next(numbers) {
  return numbers.next().value;
}

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
