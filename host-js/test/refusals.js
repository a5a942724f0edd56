// Invalid arguments: the package or the engine rejects them with a message, nothing changes, and
// the next valid call works.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import * as package_ from '../src/node.js';
import { ConvergeError, open } from '../src/node.js';
import { fromContract, refusal } from '../src/errors.js';

const engine = await open();
/** Arguments of wrong types are the point here. @type {any} */
const doc = engine.create('ann');
doc.insert('t', 'r', { a: 1 });
const version = doc.version();
const digest = doc.digestHex();
const saved = doc.save();
const LONE = 'x\ud800';
const CELL = { column: 'a', value: { tag: 'null' } };
const ALL = { range: { tag: 'all' }, descending: false, limit: 1, after: undefined, columns: [] };
const RUN = { peer: 'ben', start: 0, lamport: 1, deps: [], fingerprints: [], salt: 0n, commits: [] };

afterEach(() => {
  assert.deepEqual(doc.version(), version);
  assert.equal(doc.digestHex(), digest);
  assert.deepEqual(doc.save(), saved);
});

/** Returns an array whose buffer was transferred. */
function transferred() {
  const bytes = saved.slice();
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

/** @type {[what: string, call: () => void, message: RegExp][]} */
const REFUSED = [
  ['a peer that is no string', () => /** @type {any} */ (engine).create(7), /^peer must be a string, not 7$/],
  ['a peer with a lone surrogate', () => engine.create(LONE), /^peer has a lone surrogate/],
  ['an empty peer', () => engine.create(''), /the peer name is empty/],
  ['no table', () => doc.insert(), /^table must be a string, not undefined$/],
  ['a row that is a number', () => doc.insert('t', 1, {}), /^row must be a string, not 1$/],
  ['a table with a lone surrogate', () => doc.get(LONE, 'r'), /^table has a lone surrogate/],
  ['a row with a lone surrogate', () => doc.delete('t', LONE), /^row has a lone surrogate/],
  ['a column with a lone surrogate', () => doc.insert('t', 'r', { [LONE]: 1 }), /^a column name has a lone surrogate/],
  ['no cells', () => doc.insert('t', 'r'), /^cells must be an object, not undefined$/],
  ['null for cells', () => doc.update('t', 'r', null), /^cells must be an object, not null$/],
  ['an array for cells', () => doc.insert('t', 'r', [1]), /^cells must be an object, not an Array$/],
  ['a Map for cells', () => doc.insert('t', 'r', new Map()), /^cells must be a plain object, not a Map$/],
  ["a class's object for cells", () => doc.insert('t', 'r', new (class Person {})()), /plain object, not a Person$/],
  ['an empty table', () => doc.insert('', 'r', {}), /the table name is empty/],
  ['an empty column', () => doc.insert('t', 'r', { '': 1 }), /the column name is empty/],
  ['no operations', () => doc.commit(), /^ops must be an array, not undefined$/],
  ['an operation that is a string', () => doc.commit(['insert']), /^ops\[0\] must be an object, not "insert"$/],
  ['an unknown operation', () => doc.commit([{ op: 'upsert' }]), /^ops\[0\]: op must be 'insert', .* not "upsert"$/],
  [
    'a bad cell of the second operation',
    () =>
      doc.commit([
        { op: 'delete', table: 't', row: 'r' },
        { op: 'update', table: 't', row: 'r', cells: { a: [] } },
      ]),
    /^ops\[1\]: the cell "a" must be null, .* not an Array$/,
  ],
  [
    'an operation with a slip of the pen',
    () => doc.commit([{ op: 'delete', table: 't', row: 'r', cells: {} }]),
    /^ops\[0\]: delete has no member "cells"; the members are op, table, row$/,
  ],
  [
    'scan options with a slip of the pen',
    () => doc.scan('t', { decending: true }),
    /^options has no member "decending"/,
  ],
  ['a limit below 0', () => doc.scan('t', { limit: -1 }), /^limit must be an integer from 0 to 4294967295, not -1$/],
  ['a limit of 2 ** 32', () => doc.scan('t', { limit: 2 ** 32 }), /^limit must be .* not 4294967296$/],
  ['a limit with a fraction', () => doc.scan('t', { limit: 1.5 }), /^limit must be .* not 1.5$/],
  ['a limit for rows', () => [...doc.rows('t', { limit: -1 })], /^limit must be/],
  [
    'descending that is no boolean',
    () => doc.scan('t', { descending: 1 }),
    /^descending must be true or false, not 1$/,
  ],
  ['after that is no string', () => doc.scan('t', { after: 1 }), /^after must be a string, not 1$/],
  ['columns that are a string', () => doc.scan('t', { columns: 'a' }), /^columns must be an array, not "a"$/],
  ['a column that is no string', () => doc.scan('t', { columns: ['a', 1] }), /^columns\[1\] must be a string/],
  ['a range that is a string', () => doc.scan('t', { range: 'a' }), /^range must be an object, not "a"$/],
  ['an empty range', () => doc.scan('t', { range: {} }), /^range must have exactly one of equal, .* not 0$/],
  ['two ranges', () => doc.scan('t', { range: { equal: 'a', atMost: 'b' } }), /not 2$/],
  ['an unknown range', () => doc.scan('t', { range: { from: 'a' } }), /^range has no member "from"/],
  ['a range with one end', () => doc.scan('t', { range: { between: ['a'] } }), /^between must have two ends$/],
  [
    'a range with three ends',
    () => doc.scan('t', { range: { between: ['a', 'b', 'c'] } }),
    /^between must have two ends$/,
  ],
  [
    'a range with a lone surrogate',
    () => doc.scan('t', { range: { startsWith: LONE } }),
    /^startsWith has a lone surrogate/,
  ],
  ['a reversed range', () => doc.scan('t', { range: { between: ['b', 'a'] } }), /first end is above its second/],
  ['tables that are a string', () => doc.watch('t'), /^tables must be an array, not "t"$/],
  ['a watched table with a lone surrogate', () => doc.watch([LONE]), /^tables\[0\] has a lone surrogate/],
  [
    'watch options with a slip of the pen',
    () => doc.watch([], { fromstart: true }),
    /^options has no member "fromstart"/,
  ],
  [
    'fromStart that is no boolean',
    () => doc.watch([], { fromStart: 'yes' }),
    /^fromStart must be true or false, not "yes"$/,
  ],
  ['a count of rows to take', () => doc.watch().take(NaN), /^limit must be .* not NaN$/],
  ['events since an object', () => doc.eventsSince({}), /^summary must be a Uint8Array, not an Object$/],
  [
    'events since a version',
    () => doc.eventsSince(doc.version()),
    /^summary must be .*; use engine\.summaryOf\(version\)/,
  ],
  [
    'a summary of a peer that is no string',
    () => engine.summaryOf([/** @type {any} */ ({ count: 1 })]),
    /^version\[0\]: peer must be a string/,
  ],
  ['a count of events', () => doc.eventsSince(undefined, 1n), /^limit must be .* not 1n$/],
  ['events that are no array', () => doc.mergeEvents(RUN), /^events must be an array, not an Object$/],
  ['a start that is too large', () => doc.mergeEvents([{ ...RUN, start: 2 ** 32 }]), /^events\[0\]: start must be/],
  [
    'a lamport that is a string',
    () => doc.mergeEvents([{ ...RUN, lamport: '1' }]),
    /^events\[0\]: lamport must be .* not "1"$/,
  ],
  [
    'a dependency without a counter',
    () => doc.mergeEvents([{ ...RUN, deps: [{ peer: 'a' }] }]),
    /^events\[0\]: deps\[0\]: counter/,
  ],
  [
    'a commit that is no array',
    () => doc.mergeEvents([{ ...RUN, commits: [{}] }]),
    /^events\[0\]: commits\[0\] must be an array/,
  ],
  [
    'a plain operation in a run',
    () => doc.mergeEvents([{ ...RUN, commits: [[{ op: 'delete', table: 't', row: 'r' }]] }]),
    /^events\[0\]: commits\[0\]\[0\] has no case undefined$/,
  ],
  [
    'a surrogate deep in a run',
    () =>
      doc.mergeEvents([
        { ...RUN, commits: [[{ tag: 'insert', val: { table: 't', row: 'r', cells: [{ column: LONE }] } }]] },
      ]),
    /^events\[0\]: commits\[0\]\[0\]: cells\[0\]: column has a lone surrogate/,
  ],
  ['a run without commits', () => doc.mergeEvents([RUN]), /it has no commits/],
  ['nothing to load', () => /** @type {any} */ (engine).load(), /^saved must be a Uint8Array, not undefined$/],
  ['a peer in place of bytes', () => /** @type {any} */ (engine).load('ann'), /^saved must be .* not "ann"$/],
  [
    'an ArrayBuffer to load',
    () => /** @type {any} */ (engine).load(saved.buffer),
    /^saved must be a Uint8Array, not an ArrayBuffer; use new Uint8Array\(buffer\)$/,
  ],
  ['bytes to load that were transferred', () => engine.load(transferred()), /^saved has no buffer any more/],
  [
    'bytes to load beyond the memory',
    () => engine.load(new Uint8Array(2 ** 31)),
    /^saved has 2147483648 bytes; the maximum is 2147483647$/,
  ],
  ['a peer as options', () => /** @type {any} */ (engine).load(saved, 'ann'), /^options must be an object, not "ann"$/],
  [
    'load options with a slip of the pen',
    () => engine.load(saved, /** @type {any} */ ({ per: 'ann' })),
    /^options has no member "per"; the members are peer$/,
  ],
  [
    'to load as a peer that is no string',
    () => engine.load(saved, /** @type {any} */ ({ peer: null })),
    /^peer must be/,
  ],
  ['to load as a peer with a lone surrogate', () => engine.load(saved, { peer: LONE }), /^peer has a lone surrogate/],
  ['to load as an empty peer', () => engine.load(saved, { peer: '' }), /the peer name is empty/],
  [
    'a peer and bytes in the wrong order',
    () => /** @type {any} */ (engine).load('ann', saved),
    /^options must be an object, not a Uint8Array$/,
  ],
  ['nothing to peek at', () => /** @type {any} */ (engine).peek(), /^saved must be a Uint8Array, not undefined$/],
  ['to peek at no table', () => /** @type {any} */ (engine).peek(saved), /^table must be a string, not undefined$/],
  ['to peek at no row', () => /** @type {any} */ (engine).peek(saved, 't'), /^row must be a string, not undefined$/],
  ['an update since an object', () => doc.updateSince({}), /^summary must be a Uint8Array, not an Object$/],
  [
    'an update since a version',
    () => doc.updateSince(doc.version()),
    /^summary must be a Uint8Array, not an Array; use engine\.summaryOf\(version\) for a version$/,
  ],
  [
    'a summary of no version',
    () => /** @type {any} */ (engine).summaryOf(),
    /^version must be an array, not undefined$/,
  ],
  [
    'a key after a key of another type',
    () => /** @type {any} */ (engine).between(null, undefined, 'a'),
    /^after must be a string, not null$/,
  ],
  [
    'a key without a seed',
    () => /** @type {any} */ (engine).between('a', 'b'),
    /^seed must be a string, not undefined$/,
  ],
  ['a key with an empty seed', () => engine.between('a', 'b', ''), /^the seed is empty; give it at least one byte$/],
  ['a key between keys in descending order', () => engine.between('b', 'a', 'x'), /^the key "b" is not less than "a";/],
  ['a key between equal keys', () => engine.between('a', 'a', 'x'), /^no key fits between "a" and an equal key;/],
  ['a key before the empty text', () => engine.between(undefined, '', 'x'), /^no key is less than the empty text;/],
  ['a key where none fits', () => engine.between('a', 'a ', 'x'), /^no key fits between "a" and "a ", which only adds/],
  ['a summary of a count below 0', () => engine.summaryOf([{ peer: 'a', count: -1 }]), /^version\[0\]: count must be/],
  [
    'a summary of a repeated peer',
    () =>
      engine.summaryOf([
        { peer: 'a', count: 1 },
        { peer: 'a', count: 1 },
      ]),
    /names the peer "a" twice/,
  ],
  ['runs as an update', () => doc.mergeUpdate([RUN]), /^update must be a Uint8Array, not an Array$/],
  [
    'an update that is a DataView',
    () => doc.mergeUpdate(new DataView(saved.buffer)),
    /^update must .* not a DataView$/,
  ],
  ['an update of larger numbers', () => doc.mergeUpdate(new Uint16Array(8)), /^update must .* not a Uint16Array$/],
  ['an update that was transferred', () => doc.mergeUpdate(transferred()), /^update has no buffer any more/],
  ['to rebase on a document itself', () => doc.rebase(doc), /^saved must be a Uint8Array, not /],
  ['to rebase on what was transferred', () => doc.rebase(transferred()), /^saved has no buffer any more/],
  [
    'a blob that was transferred',
    () => doc.insert('t', 'r', { a: transferred() }),
    /^the cell "a" has no buffer any more/,
  ],
  ['no summaries', () => doc.compact(), /^summaries must be an array, not undefined$/],
  ['a summary alone', () => doc.compact(doc.summary()), /^summaries must be an array, not a Uint8Array$/],
  ['heads as summaries', () => doc.compact(doc.heads()), /^summaries\[0\] must be a Uint8Array, not an Object$/],
  [
    'a summary of events that are not here',
    () => doc.compact([engine.summaryOf([{ peer: 'nobody', count: 1 }])]),
    /"nobody"/,
  ],
  ['a difference to nowhere', () => doc.diff([]), /^toHeads must be an array, not undefined$/],
  [
    'a difference from a version',
    () => doc.diff(doc.version(), []),
    /^fromHeads\[0\]: counter must be .* not undefined$/,
  ],
  ['a difference to an unknown event', () => doc.diff([], [{ peer: 'ben', counter: 0 }]), /"ben"/],
  ['a fork at nowhere', () => doc.forkAt(), /^heads must be an array, not undefined$/],
  ['a fork for a peer that is no string', () => doc.forkAt([], {}), /^peer must be a string, not an Object$/],
  ['a fork for an empty peer', () => doc.forkAt([], ''), /the peer name is empty/],
  ['a fork at an unknown event', () => doc.forkAt([{ peer: 'ann', counter: 1 }]), /"ann"/],
  [
    'a blob that is too large for the memory',
    () => doc.insert('t', 'r', { a: new Uint8Array(2 ** 28 + 1) }),
    /"a" has 268435457 bytes; the maximum is 268435456$/,
  ],
  [
    'a text that is too large for the memory',
    () => doc.insert('t', 'r', { a: 'x'.repeat(2 ** 28 + 1) }),
    /"a": the text has 268435457 code units; the maximum is 268435456$/,
  ],
  [
    'raw: cells that are an object',
    () => doc.raw.insert('t', 'r', { a: 1 }),
    /^cells must be an array, not an Object$/,
  ],
  ['raw: a cell that is null', () => doc.raw.insert('t', 'r', [null]), /^cells\[0\] must be an object, not null$/],
  [
    'raw: a value without a tag',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: 1 }]),
    /^cells\[0\]: value must be an object, not 1$/,
  ],
  [
    'raw: an unknown value',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: { tag: 'float' } }]),
    /^cells\[0\]: value has no case "float"$/,
  ],
  [
    'raw: an integer that is a number',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: { tag: 'integer', val: 1 } }]),
    /^cells\[0\]: integer must be a bigint from .* not 1$/,
  ],
  [
    'raw: an integer beyond s64',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: { tag: 'integer', val: 2n ** 63n } }]),
    /integer must be a bigint/,
  ],
  [
    'raw: a real that is a bigint',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: { tag: 'real', val: 1n } }]),
    /real must be a number, not 1n$/,
  ],
  [
    'raw: a boolean that is a number',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: { tag: 'boolean', val: 0 } }]),
    /boolean must be true or false, not 0$/,
  ],
  [
    'raw: a text with a lone surrogate',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: { tag: 'text', val: LONE } }]),
    /text has a lone surrogate/,
  ],
  [
    'raw: a blob that is an array',
    () => doc.raw.insert('t', 'r', [{ column: 'a', value: { tag: 'blob', val: [1] } }]),
    /blob must be a Uint8Array, not an Array$/,
  ],
  ['raw: a repeated column', () => doc.raw.insert('t', 'r', [CELL, CELL]), /the column "a" is named twice/],
  ['raw: an unknown operation', () => doc.raw.commit([{ tag: 'upsert', val: {} }]), /^ops\[0\] has no case "upsert"$/],
  [
    'raw: an unknown range',
    () => doc.raw.scan('t', { ...ALL, range: { tag: 'atLeast', val: 'a' } }),
    /^range has no case "atLeast"$/,
  ],
  [
    'raw: a range with one end',
    () => doc.raw.scan('t', { ...ALL, range: { tag: 'between', val: { first: 'a' } } }),
    /^last must be a string, not undefined$/,
  ],
  ['raw: options without a limit', () => doc.raw.scan('t', { ...ALL, limit: undefined }), /^limit must be/],
  ['a transaction on no row', () => doc.transact((/** @type {any} */ t) => t.insert('t')), /^row must be a string/],
  [
    'a transaction of no cells',
    () => doc.transact((/** @type {any} */ t) => t.update('t', 'r')),
    /^cells must be an obj/,
  ],
  ['a transaction in no table', () => doc.begin().scan(), /^table must be a string, not undefined$/],
  [
    'raw: a transaction of no cells',
    () => doc.raw.begin().insert('t', 'r', {}),
    /^cells must be an array, not an Object$/,
  ],
  ['raw: a fork without a peer', () => doc.raw.forkAt([]), /^peer must be a string, not undefined$/],
  ['no event to name', () => doc.permanentId(), /^event must be an object, not undefined$/],
  ['to splice nowhere', () => doc.splice('t', 'r', 's'), /^at must be an integer from 0 to 4294967295, not undefined$/],
  ['to splice at -1', () => doc.splice('t', 'r', 's', -1, 0, ''), /^at must be an integer .*, not -1$/],
  ['to splice at a fraction', () => doc.splice('t', 'r', 's', 0.5, 0, ''), /^at must be an integer .*, not 0.5$/],
  ['to splice without a length', () => doc.splice('t', 'r', 's', 0, null, ''), /^remove must be .*, not null$/],
  ['to splice without a text', () => doc.splice('t', 'r', 's', 0, 0), /^insert must be a string, not undefined$/],
  ['to splice half a character', () => doc.splice('t', 'r', 's', 0, 0, '\ud83d'), /^insert has a lone surrogate/],
  ['to splice no column', () => doc.splice('t', 'r', undefined, 0, 0, ''), /^column must be a string, not undefined$/],
  ['to splice an empty column', () => doc.splice('t', 'r', '', 0, 0, ''), /the column name is empty/],
  ['to splice an integer', () => doc.splice('t', 'r', 'a', 0, 0, ''), /"a" of the row "r" in "t" .* not a text/],
  ['to splice beyond the text', () => doc.splice('t', 'r', 'none', 0, 1, ''), /"none" of the row "r" in "t"/],
  [
    'a transaction that splices at no number',
    () => doc.transact((/** @type {any} */ t) => t.splice('t', 'r', 's', '0', 0, '')),
    /^at must be an integer from 0 to 4294967295, not "0"$/,
  ],
  [
    'an operation that splices cells',
    () => doc.commit([{ op: 'splice', table: 't', row: 'r', cells: { s: 'x' } }]),
    /^ops\[0\]: splice has no member "cells"; the members are op, table, row, column, at, remove, insert$/,
  ],
  [
    'an operation that splices without a text',
    () => doc.commit([{ op: 'splice', table: 't', row: 'r', column: 's', at: 0, remove: 0 }]),
    /^ops\[0\]: insert must be a string, not undefined$/,
  ],
  ['to add no amount', () => doc.add('t', 'r', 'a'), /^amount must be a whole number or a bigint, not undefined$/],
  ['to add a text', () => doc.add('t', 'r', 'a', '1'), /^amount must be a whole number or a bigint, not "1"$/],
  ['to add a fraction', () => doc.add('t', 'r', 'a', 0.5), /^amount must be a whole number or a bigint, not 0.5$/],
  ['to add NaN', () => doc.add('t', 'r', 'a', NaN), /^amount must be a whole number or a bigint, not NaN$/],
  ['to add Infinity', () => doc.add('t', 'r', 'a', Infinity), /^amount must be .* not Infinity$/],
  [
    'to add a Real',
    () => doc.add('t', 'r', 'a', package_.real(1)),
    /^amount must be .* not a Number; use Number\(amount\)$/,
  ],
  [
    'to add an unsafe integer',
    () => doc.add('t', 'r', 'a', 2 ** 53),
    /^amount is 9007199254740992, beyond the safe integers: use a bigint$/,
  ],
  [
    'to add a bigint beyond s64',
    () => doc.add('t', 'r', 'a', 2n ** 63n),
    /^amount must be a bigint from -\(2n \*\* 63n\) to 2n \*\* 63n - 1n, not 9223372036854775808n$/,
  ],
  ['to add to no column', () => doc.add('t', 'r', undefined, 1), /^column must be a string, not undefined$/],
  ['to add to an empty column', () => doc.add('t', 'r', '', 1), /the column name is empty/],
  [
    'to add beyond 64 bits',
    () => doc.add('t', 'r', 'a', 2n ** 63n - 1n),
    /"a" of the row "r" in "t" is 1; adding 9223372036854775807 leaves the range of 64-bit integers/,
  ],
  [
    'a transaction that adds a fraction',
    () => doc.transact((/** @type {any} */ t) => t.add('t', 'r', 'a', 0.5)),
    /^amount must be a whole number or a bigint, not 0.5$/,
  ],
  [
    'an operation that adds cells',
    () => doc.commit([{ op: 'add', table: 't', row: 'r', cells: { a: 1 } }]),
    /^ops\[0\]: add has no member "cells"; the members are op, table, row, column, amount$/,
  ],
  [
    'an operation that adds no amount',
    () => doc.commit([{ op: 'add', table: 't', row: 'r', column: 'a' }]),
    /^ops\[0\]: amount must be a whole number or a bigint, not undefined$/,
  ],
  [
    'an operation that adds to a text',
    () =>
      doc.commit([
        { op: 'update', table: 't', row: 'r', cells: { a: 'x' } },
        { op: 'add', table: 't', row: 'r', column: 'a', amount: 1 },
      ]),
    /"a" of the row "r" in "t" has a value that is not an integer/,
  ],
  ['raw: an amount that is a number', () => doc.raw.add('t', 'r', 'a', 1), /^amount must be a bigint from .* not 1$/],
  ['a salt that is a number', () => doc.distinguish(1), /^salt must be a bigint from 0n to 2n \*\* 64n - 1n, not 1$/],
  ['a salt below 0', () => doc.distinguish(-1n), /^salt must be a bigint from 0n to 2n \*\* 64n - 1n, not -1n$/],
  ['forks after -1', () => doc.forks(-1), /^skip must be an integer from 0 to 4294967295, not -1$/],
  ['cells to unset that are no list', () => doc.unset('t', 'r', 'a'), /^columns must be an array, not "a"$/],
  ['a cell to unset that is no column', () => doc.unset('t', 'r', [1]), /^columns\[0\] must be a string, not 1$/],
  [
    'an operation that unsets nothing that is named',
    () => doc.commit([{ op: 'unset', table: 't', row: 'r', cells: {} }]),
    /^ops\[0\]: unset has no member "cells"; the members are op, table, row, columns$/,
  ],
  [
    'a run with numbers as fingerprints',
    () => doc.mergeEvents([{ ...RUN, fingerprints: [1] }]),
    /^events\[0\]: fingerprints\[0\] must be a bigint/,
  ],
  [
    'a run with bytes as fingerprints',
    () => doc.mergeEvents([{ ...RUN, fingerprints: new Uint8Array() }]),
    /^events\[0\]: fingerprints must be a BigUint64Array or an array of bigints, not a Uint8Array$/,
  ],
  ['a run with no salt', () => doc.mergeEvents([{ ...RUN, salt: undefined }]), /^events\[0\]: salt must be a bigint/],
  ['raw: an update since nothing', () => doc.raw.updateSince(), /^summary must be a Uint8Array, not undefined$/],
  [
    'raw: a document to load as no peer',
    () => /** @type {any} */ (engine.raw).durable.Doc.load(undefined, saved),
    /^peer must be a string, not undefined$/,
  ],
  [
    'raw: a store without options',
    () => /** @type {any} */ (engine.raw).ephemeral.Store.create('ann'),
    /^options must be an object, not undefined$/,
  ],
  [
    'raw: a session of no document',
    () => /** @type {any} */ (engine.raw).session.Session.open(engine.createStore().raw),
    /^doc must be a document of this package, not a Store$/,
  ],
  ['raw: bytes to inspect that are none', () => engine.raw.engine.inspect(doc), /^bytes must be a Uint8Array/],
  ['raw: fromStart left out', () => doc.raw.watch([]), /^fromStart must be true or false, not undefined$/],
];

for (const [what, call, message] of REFUSED) {
  test(`${what} is rejected`, () => {
    assert.throws(call, { name: 'InvalidArgumentError', case: 'invalid-argument', message });
  });
}

test('every member of an argument is read once, so that the checked value is used', () => {
  /** @type {Record<string, number>} */
  let reads = {};
  /** @type {(members: Record<string, unknown>) => any} */
  const counted = (members) => {
    reads = {};
    const read = (/** @type {string} */ name) => ((reads[name] = (reads[name] ?? 0) + 1), members[name]);
    const getters = Object.keys(members).map((name) => [name, { enumerable: true, get: () => read(name) }]);
    return Object.defineProperties({}, Object.fromEntries(getters));
  };
  const other = engine.create('other');
  const store = engine.createStore('other');
  /** @type {[members: Record<string, unknown>, call: (argument: any) => unknown][]} */
  const calls = [
    [{ a: 1, b: 'x', c: new Uint8Array(1) }, (cells) => other.insert('t', 'r', cells)],
    [{ a: 2 }, (cells) => other.transact((to) => to.update('t', 'r', cells))],
    [{ op: 'update', table: 't', row: 'r', cells: { a: 1 } }, (op) => other.commit([op])],
    [{ op: 'unset', table: 't', row: 'r', columns: ['a'] }, (op) => other.commit([op])],
    [{ op: 'add', table: 't', row: 'r', column: 'a', amount: 1 }, (op) => other.commit([op])],
    [{ op: 'splice', table: 't', row: 'r', column: 's', at: 0, remove: 0, insert: 'x' }, (op) => other.commit([op])],
    [
      { range: { equal: 'r' }, descending: true, limit: 1, after: 's', columns: ['a'] },
      (options) => other.scan('t', options),
    ],
    [{ equal: 'r' }, (range) => other.scan('t', { range })],
    [{ range: { equal: 'r' }, limit: 1, columns: ['a'] }, (options) => [...other.rows('t', options)]],
    [{ fromStart: true }, (options) => other.watch(['t'], options).dispose()],
    [{ peer: 'loaded' }, (options) => engine.load(saved, options).dispose()],
    [{ timeToLive: 1, maxSkew: 1 }, (options) => engine.createStore('s', options).dispose()],
    [{ namespace: 'n', key: 'k', value: 1, timestamp: 1, peer: 'p' }, (entry) => store.mergeEntries([entry], 1)],
    [{ document: 'd', nonce: 1n, writers: ['w'] }, (options) => engine.openSession(other, store, options).dispose()],
  ];
  for (const [members, call] of calls) {
    call(counted(members));
    assert.deepEqual(reads, Object.fromEntries(Object.keys(members).map((name) => [name, 1])), String(call));
  }
});

test('an argument beyond a limit is reported with the limit', () => {
  assert.throws(() => doc.insert('t', 'x'.repeat(4097), {}), {
    name: 'LimitExceededError',
    case: 'limit-exceeded',
    payload: { limit: 'row-bytes', maximum: 4096n, actual: 4097n },
    message: 'row-bytes is 4097; the maximum is 4096',
  });
});

test('a damaged summary is rejected as corrupt', () => {
  for (const call of [
    () => doc.updateSince(Uint8Array.of(1, 2, 3)),
    () => doc.eventsSince(Uint8Array.of(1, 2, 3)),
    () => doc.compact([doc.summary(), Uint8Array.of(1, 2, 3)]),
  ]) {
    assert.throws(call, { name: 'CorruptError', case: 'corrupt' });
  }
});

test('the error of an update or delete of a missing row names the row', () => {
  for (const call of [
    () => doc.update('t', 'nix', {}),
    () => doc.delete('t', 'nix'),
    () => doc.unset('t', 'nix', []),
    () => doc.splice('t', 'nix', 's', 0, 0, ''),
    () => doc.add('t', 'nix', 'a', 1),
  ]) {
    assert.throws(call, {
      name: 'NoSuchRowError',
      case: 'no-such-row',
      payload: { table: 't', row: 'nix' },
      message: 'table "t" has no row "nix"',
    });
  }
});

test('every case of the contract has its own class', () => {
  /** @type {import('../dist/wit/interfaces/converge-sync-types.js').Error[]} */
  const errors = [
    { tag: 'invalid-argument', val: 'why' },
    { tag: 'limit-exceeded', val: { limit: 'peer-bytes', maximum: 1n, actual: 2n } },
    { tag: 'no-such-row', val: { table: 't', row: 'r' } },
    { tag: 'corrupt', val: 'where' },
    { tag: 'unsupported-version', val: 9 },
    { tag: 'unsupported-feature', val: 3 },
    { tag: 'compacted', val: [{ peer: 'p', count: 1 }] },
    { tag: 'protocol', val: 'how' },
    { tag: 'session-ended' },
    { tag: 'other', val: 'what' },
  ];
  const classes = new Set();
  for (const contractError of errors) {
    const error = fromContract(contractError);
    assert.ok(error instanceof ConvergeError && error instanceof Error);
    assert.equal(error.case, contractError.tag);
    assert.deepEqual(error.payload, 'val' in contractError ? contractError.val : undefined);
    assert.deepEqual(error.cause, contractError);
    assert.deepEqual(refusal(error), error);
    assert.deepEqual(refusal(contractError), error);
    assert.equal(/** @type {any} */ (package_)[error.name], error.constructor);
    assert.ok(error.message.length > 0 && error.stack?.includes(error.name));
    classes.add(error.constructor);
  }
  assert.equal(classes.size, errors.length);
});
