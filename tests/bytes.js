// What docs/format.md calls numbers, columns, texts, names and values, read from bytes, and what may be wrong with them.

const [MAX_NAME_BYTES, MAX_SHARED, MAX_CODES] = [256, 128, 4096];
export const MAX_EVENTS = 2 ** 32 - 1; // of a peer
const [NULL, FALSE, TRUE] = [{ tag: 'null' }, { tag: 'boolean', val: false }, { tag: 'boolean', val: true }];
export const ABSENT = { tag: 'absent' }; // what an unset leaves
const VALUES = [NULL, FALSE, TRUE, 'integer', 'real', 'text', 'blob', ABSENT];

/** Bytes that break a rule of docs/format.md; bytes of another version; bytes with a feature that this reader lacks. */
export class Corrupt extends Error {}
export class UnsupportedVersion extends Error {}
export class UnsupportedFeature extends Error {}

/** Bytes that are read one thing after the other. */
export class Bytes {
  #at = 0;
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get left() {
    return this.#bytes.length - this.#at;
  }

  end(what) {
    check(`bytes behind ${what}`, this.left === 0);
  }

  take(count) {
    check('more bytes than there are', count <= this.left);
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
      check('a number of more than 64 bits', number < 2n ** 64n && shift < 70n);
      check('a number that is longer than it must be', byte > 0 || shift === 0n);
      if (byte < 128) return number;
    }
  }

  /** A varint that counts something. */
  number() {
    return counting(this.varint());
  }

  /** A varint and so many bytes. */
  part() {
    return new Bytes(this.take(this.varint()));
  }

  /** A column of so many numbers. `count` may be anything, so nothing is made by it. */
  column(count, isFixed = false) {
    const head = this.varint();
    if (head % 2n === 1n) {
      check('a single number, where there are none or more', count === 1 && !isFixed);
      return [head >> 1n];
    }
    const content = new Bytes(this.take(head >> 1n));
    const next = () => (isFixed ? littleEndian(content.take(8)) : content.varint());
    const [groups, numbers] = [[], []];
    while (content.left > 0) {
      const group = content.byte();
      groups.push(group);
      const number = next();
      numbers.push(number);
      for (let k = 0; k < group % 128; k++) numbers.push(group < 128 ? number : next());
    }
    check(`a column of ${numbers.length} numbers, not ${count}`, numbers.length === count);
    check('a single number that is written as more', isFixed || count !== 1 || numbers[0] >= 2n ** 63n);
    check('a column in other groups than a writer makes', String(groups) === String(groupsOf(numbers)));
    return numbers;
  }

  /** A column of numbers that count something, each below `bound`. */
  numbers(count, bound = Infinity) {
    const numbers = this.column(count).map(counting);
    for (const number of numbers) check('a number of what is not there', number < bound);
    return numbers;
  }

  zigzags(count) {
    return this.column(count).map((number) => Number(unzigzag(number)));
  }

  /** A fixed column. */
  fixed(count) {
    return this.column(count, true);
  }

  /** A fixed column of fingerprints. */
  prints(count) {
    const prints = this.fixed(count);
    for (const print of prints) check('a fingerprint is 0', print > 0n);
    return prints;
  }

  /** A delta column. */
  deltas(count) {
    let last = 0n;
    return this.column(count).map((number) => (last = BigInt.asUintN(64, last + unzigzag(number))));
  }

  names() {
    const names = this.texts(this.number());
    for (const name of names) check('a name of too many bytes', Buffer.byteLength(name) <= MAX_NAME_BYTES);
    return names;
  }

  /** Sorted texts, none of them empty. */
  texts(count) {
    const shared = this.numbers(count);
    const lengths = this.numbers(count);
    const rest = this.part();
    let last = Buffer.alloc(0);
    const texts = shared.map((start, i) => {
      const text = Buffer.concat([last.subarray(0, start), rest.take(lengths[i])]);
      let same = 0;
      while (same < MAX_SHARED && same < last.length && last[same] === text[same]) same++;
      check('a text shares more, or less, with the one before', start === same);
      check('texts that do not ascend', Buffer.compare(last, text) < 0);
      last = text;
      return utf8(text);
    });
    rest.end('the texts');
    return texts;
  }

  /** Texts that may repeat, or blobs; `make` makes each from its bytes, once. */
  dictionary(count, make) {
    const codes = this.numbers(count);
    const lengths = this.numbers(codes.filter((code) => code === 0).length).values();
    const content = this.part();
    const [known, coded] = [new Set(), []];
    const all = codes.map((code) => {
      check('a code that no text has', code <= coded.length);
      if (code > 0) return coded[code - 1];
      const bytes = content.take(lengths.next().value);
      const key = Buffer.from(bytes).toString('latin1');
      check('a text that has a code comes again', !known.has(key));
      const made = make(bytes);
      if (coded.length < MAX_CODES) {
        known.add(key);
        coded.push(made);
      }
      return made;
    });
    content.end('the texts');
    return all;
  }

  /** Values, into the cells that lack them. */
  values(cells) {
    const columns = sorted(new Set(cells.map(({ column }) => column)));
    check('values of other columns', this.number() === columns.length);
    for (const column of columns) {
      check('values of another column', this.number() === column);
      const here = cells.filter((cell) => cell.column === column);
      const bits = this.byte();
      check('an unknown kind of values', bits < 16);
      const kinds = this.numbers(here.length, VALUES.length);
      for (const [i, cell] of here.entries()) cell.value = VALUES[kinds[i]];
      const some = (bit, tag, readSome) => {
        const those = here.filter((_, i) => VALUES[kinds[i]] === tag);
        check('kinds of values that are not there, or not named', those.length > 0 === (bits & bit) > 0);
        if (those.length > 0) for (const [i, val] of readSome(those.length).entries()) those[i].value = { tag, val };
      };
      some(1, 'integer', (count) => this.deltas(count).map((bits) => BigInt.asIntN(64, bits)));
      some(2, 'real', (count) => this.column(count, true).map(real));
      some(4, 'text', (count) => this.dictionary(count, utf8));
      some(8, 'blob', (count) => this.dictionary(count, (bytes) => new Uint8Array(bytes)));
    }
  }
}

export const littleEndian = (bytes) => bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
export const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
export const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);
export const unzigzag = (number) => (number % 2n === 0n ? number / 2n : -(number + 1n) / 2n);

/** The groups into which a writer puts a column. A reader may take others; this one is here to test writers. */
function groupsOf(numbers) {
  const groups = [];
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

export function counting(number) {
  check('a number beyond anything that can be', number <= Number.MAX_SAFE_INTEGER);
  return Number(number);
}

export function real(bits) {
  const [number] = new Float64Array(BigUint64Array.of(bits).buffer);
  check('another NaN', !Number.isNaN(number) || bits === 0x7ff8000000000000n);
  return number;
}

export function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Corrupt('not UTF-8');
  }
}

export function checkAscending(list, compare) {
  for (let i = 1; i < list.length; i++) check('a list does not ascend', compare(list[i - 1], list[i]) < 0);
}

export function check(what, isRight) {
  if (!isRight) throw new Corrupt(what);
}

export function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
