// Values that are written to cells and read back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Real, open, real } from '../src/node.js';

const engine = await open();

/**
 * Writes a value to a cell. Returns the value that is read, and the contract's value.
 *
 * @param {any} value
 */
function written(value) {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { c: value });
  const raw = doc.raw.get('t', 'r')?.[0]?.value;
  const read = doc.get('t', 'r')?.c;
  doc.dispose();
  return { raw, read };
}

/** @type {[what: string, value: any, raw: any, read?: any][]} */
const VALUES = [
  ['null', null, { tag: 'null' }],
  ['true', true, { tag: 'boolean', val: true }],
  ['false', false, { tag: 'boolean', val: false }],
  ['0', 0, { tag: 'integer', val: 0n }],
  ['the largest safe integer', Number.MAX_SAFE_INTEGER, { tag: 'integer', val: 2n ** 53n - 1n }],
  ['the least safe integer', Number.MIN_SAFE_INTEGER, { tag: 'integer', val: -(2n ** 53n) + 1n }],
  ['a small bigint, which is read as a number', 5n, { tag: 'integer', val: 5n }, 5],
  ['the first bigint that stays one', 2n ** 53n, { tag: 'integer', val: 2n ** 53n }],
  ['the first negative bigint that stays one', -(2n ** 53n), { tag: 'integer', val: -(2n ** 53n) }],
  ['the largest s64', 2n ** 63n - 1n, { tag: 'integer', val: 2n ** 63n - 1n }],
  ['the least s64', -(2n ** 63n), { tag: 'integer', val: -(2n ** 63n) }],
  ['1.5', 1.5, { tag: 'real', val: 1.5 }],
  ['-0', -0, { tag: 'real', val: -0 }],
  ['the least real', 5e-324, { tag: 'real', val: 5e-324 }],
  ['infinity', Infinity, { tag: 'real', val: Infinity }],
  ['-infinity', -Infinity, { tag: 'real', val: -Infinity }],
  ['NaN', NaN, { tag: 'real', val: NaN }],
  ['a whole real', real(1), { tag: 'real', val: 1 }],
  ['a real 0', real(0), { tag: 'real', val: 0 }],
  ['a whole real beyond the safe integers', real(1.989e30), { tag: 'real', val: 1.989e30 }],
  ['a Number object', Object(1), { tag: 'real', val: 1 }, real(1)],
  ['a Number object with a fraction', Object(1.5), { tag: 'real', val: 1.5 }, 1.5],
  ['the empty text', '', { tag: 'text', val: '' }],
  ['a text with NUL', 'a\0b', { tag: 'text', val: 'a\0b' }],
  ['U+10FFFF', '\u{10ffff}', { tag: 'text', val: '\u{10ffff}' }],
  ['U+FEFF at the start', '\ufeffx', { tag: 'text', val: '\ufeffx' }],
  ['a decomposed text, which stays so', 'e\u0301', { tag: 'text', val: 'e\u0301' }],
  ['a megabyte of text', 'ä'.repeat(2 ** 19), { tag: 'text', val: 'ä'.repeat(2 ** 19) }],
  ['no bytes', new Uint8Array(), { tag: 'blob', val: new Uint8Array() }],
  ['bytes', new Uint8Array([0, 255]), { tag: 'blob', val: new Uint8Array([0, 255]) }],
  ['a part of a buffer', new Uint8Array([9, 1, 2, 9]).subarray(1, 3), { tag: 'blob', val: new Uint8Array([1, 2]) }],
  ["Node's Buffer", Buffer.from([7]), { tag: 'blob', val: new Uint8Array([7]) }, new Uint8Array([7])],
];

for (const [what, value, raw, read = value] of VALUES) {
  test(`${what} is stored as a ${raw.tag} and read back`, () => {
    assert.deepEqual(written(value), { raw, read });
  });
}

test('a blob that is read is a copy', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { c: new Uint8Array([1]) });
  /** @type {any} */ (doc.get('t', 'r')).c[0] = 2;
  assert.deepEqual(doc.get('t', 'r')?.c, new Uint8Array([1]));
});

/** @type {[what: string, value: any, message: RegExp][]} */
const REFUSED = [
  ['undefined', undefined, /"c" is undefined; use null, or leave it out/],
  ['2 ** 53', 2 ** 53, /"c" is 9007199254740992, beyond the safe integers: use a bigint .* or real\(...\)/],
  ['-(2 ** 53)', -(2 ** 53), /beyond the safe integers/],
  ['1e300', 1e300, /beyond the safe integers/],
  ['2n ** 63n', 2n ** 63n, /must be a bigint from .* not 9223372036854775808n/],
  ['-(2n ** 63n) - 1n', -(2n ** 63n) - 1n, /not -9223372036854775809n/],
  ['a lone high surrogate', 'a\ud800', /"c": the text has a lone surrogate/],
  ['a lone low surrogate', '\udc00a', /"c": the text has a lone surrogate/],
  ['swapped surrogates', '\udc00\ud800', /lone surrogate/],
  ['a function', () => 1, /not a function/],
  ['a symbol', Symbol('s'), /not Symbol\(s\)/],
  ['a Date', new Date(), /not a Date/],
  ['a nested object', { a: 1 }, /not an Object/],
  ['an array', [1], /not an Array/],
  ['a Map', new Map(), /not a Map/],
  ['a boxed string', Object('1'), /not a String/],
  ['what claims to be a Number', { [Symbol.toStringTag]: 'Number' }, /not a Number/],
  ['an ArrayBuffer', new ArrayBuffer(1), /not an ArrayBuffer/],
  ['other integers than bytes', new Uint16Array(1), /not a Uint16Array/],
];

for (const [what, value, message] of REFUSED) {
  test(`${what} is rejected as a cell`, () => {
    const doc = engine.create('ann');
    for (const write of [
      () => doc.insert('t', 'r', { c: value }),
      () => doc.update('t', 'r', { c: value }),
      () => doc.commit([{ op: 'insert', table: 't', row: 'r', cells: { c: value } }]),
    ]) {
      assert.throws(write, { name: 'InvalidArgumentError', case: 'invalid-argument', message });
    }
    assert.deepEqual(doc.version(), []);
  });
}

test('real() accepts only numbers', () => {
  for (const value of [1n, '1', null, undefined]) {
    assert.throws(() => real(/** @type {any} */ (value)), { name: 'InvalidArgumentError', message: /takes a number/ });
  }
  assert.ok(real(1) instanceof Real);
  assert.equal(Number(real(1)), 1);
  assert.equal(real(1).value, 1);
});

test('any string is a column name', () => {
  const doc = engine.create('ann');
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', ' ', '\0', '\u{10ffff}'];
  doc.insert('t', 'r', Object.fromEntries(names.map((name, i) => [name, i])));
  const cells = doc.get('t', 'r') ?? {};
  assert.deepEqual(Object.keys(cells).sort(), [...names].sort());
  for (const [i, name] of names.entries()) assert.equal(cells[name], i);
  assert.equal(Object.getPrototypeOf(cells), Object.prototype);
  assert.equal(/** @type {any} */ ({}).polluted, undefined);
  doc.insert('t', 's', cells);
  assert.deepEqual(doc.get('t', 's'), cells);
});

test('a row can have no cells', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', {});
  assert.deepEqual(doc.get('t', 'r'), {});
  assert.equal(doc.get('t', 's'), undefined);
});

test('cells can be objects of another realm', async () => {
  const { runInNewContext } = await import('node:vm');
  const doc = engine.create('ann');
  doc.insert('t', 'r', runInNewContext('({ a: 1, b: new Uint8Array([3]) })'));
  assert.deepEqual({ ...doc.get('t', 'r') }, { a: 1, b: new Uint8Array([3]) });
});
