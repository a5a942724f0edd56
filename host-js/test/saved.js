// Documents and updates as bytes: what comes back is what was, restarts, updates, compaction, history.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { open, real } from '../src/node.js';

/** @import { Doc as AnyDoc } from '../src/node.js' */
/** @import { Op } from '../src/values.js' */

const { Doc } = await open();

/** Two replicas that know the same two events, one of each. */
function pair() {
  const [ann, ben] = [Doc.create('ann'), Doc.create('ben')];
  ann.insert('people', 'p1', { name: 'Alice', age: 30 });
  ben.mergeEvents(ann.eventsSince().runs);
  ben.insert('people', 'p2', { name: 'Bob' });
  ann.mergeEvents(ben.eventsSince(ann.version()).runs);
  return { ann, ben };
}

test('a document that is saved and loaded is what it was', () => {
  const doc = Doc.create('ann');
  doc.insert('t', 'a', { null: null, yes: true, least: -(2n ** 63n), most: 2n ** 63n - 1n, half: 0.5, minus: -0 });
  doc.insert('t', 'é', { one: real(1), nan: NaN, infinity: -Infinity, none: '', text: '\ufeff\u{1f600}\0' });
  doc.insert('t', 'gone', { x: 1 });
  doc.insert('u', 'r', { none: new Uint8Array(), blob: Uint8Array.of(0, 255), ['__proto__']: 'x' });
  doc.delete('t', 'gone');
  const saved = doc.save();
  const loaded = Doc.load(saved, { peer: 'ann' });
  assert.ok(loaded instanceof Doc);
  assert.deepEqual(stateOf(loaded), stateOf(doc));
  assert.deepEqual(loaded.raw.get('t', 'a'), doc.raw.get('t', 'a'));
  assert.deepEqual(loaded.raw.get('t', 'é'), doc.raw.get('t', 'é'));
  assert.deepEqual(loaded.raw.get('u', 'r'), doc.raw.get('u', 'r'));
  assert.deepEqual(loaded.eventsSince(), doc.eventsSince());
});

test('one row is read from saved bytes without loading them', () => {
  const doc = Doc.create('ann');
  doc.insert('t', 'r', { name: 'Alice', whole: 3, half: 0.5, one: real(1) });
  doc.insert('t', 'gone', {});
  doc.delete('t', 'gone');
  const saved = doc.save();
  assert.deepEqual(Doc.peek(saved, 't', 'r'), doc.get('t', 'r'));
  assert.deepEqual(Doc.peekRaw(saved, 't', 'r'), doc.raw.get('t', 'r'));
  for (const [table, row] of /** @type {[string, string][]} */ ([
    ['t', 'gone'],
    ['t', 'x'],
    ['u', 'r'],
  ])) {
    assert.equal(Doc.peek(saved, table, row), undefined);
  }
});

test('an empty document can be saved', () => {
  assert.deepEqual(stateOf(Doc.load(Doc.create('ann').save())), stateOf(Doc.create('ben')));
});

test('bytes are taken from whatever holds them, and belong to nobody afterwards', () => {
  const { ann } = pair();
  const saved = ann.save();
  const shared = new Uint8Array(new SharedArrayBuffer(saved.length + 2), 1, saved.length);
  shared.set(saved);
  const padded = Buffer.concat([Buffer.from('x'), saved, Buffer.from('y')]);
  for (const bytes of [Buffer.from(saved), padded.subarray(1, -1), shared]) {
    const doc = Doc.load(bytes);
    bytes.fill(0);
    assert.deepEqual(stateOf(doc), stateOf(ann));
  }
  saved.fill(0);
  assert.deepEqual(stateOf(Doc.load(ann.save())), stateOf(ann));
});

test('documents move between engines', async () => {
  const other = await open(readFile(new URL('../dist/converge.core.wasm', import.meta.url)));
  const { ann } = pair();
  const moved = other.Doc.load(ann.save(), { peer: 'ann' });
  assert.ok(moved instanceof other.Doc && !(moved instanceof Doc));
  assert.deepEqual(stateOf(moved), stateOf(ann));
});

test('replicas with the same events give the same bytes', () => {
  const { ann, ben } = pair();
  assert.deepEqual(ann.save(), ben.save());
});

test('a replica goes on with its counter, another one starts its own', () => {
  const { ann } = pair();
  const saved = ann.save();
  const again = Doc.load(saved, { peer: 'ann' });
  assert.equal(again.peer(), 'ann');
  assert.deepEqual(again.update('people', 'p1', { age: 31 }), { peer: 'ann', counter: 1 });
  const cleo = Doc.load(saved, { peer: 'cleo' });
  assert.deepEqual(cleo.update('people', 'p1', { age: 31 }), { peer: 'cleo', counter: 0 });
  const [one, other] = [Doc.load(saved), Doc.load(saved)];
  assert.match(one.peer(), /^[0-9a-f]{32}$/);
  assert.notEqual(one.peer(), other.peer());
});

test('events that wait are saved, and take effect when what they need comes', () => {
  const { ann, ben } = pair();
  const known = ben.version();
  ann.update('people', 'p1', { age: 31 });
  const first = ann.updateSince(known);
  const between = ann.version();
  ann.update('people', 'p1', { age: 32 });
  const missing = [{ peer: 'ann', counter: 1 }];
  assert.deepEqual(ben.mergeUpdate(ann.updateSince(between)), { applied: 0, duplicate: 0, waiting: 1, missing });
  const loaded = Doc.load(ben.save(), { peer: 'ben' });
  assert.equal(loaded.get('people', 'p1')?.age, 30);
  assert.deepEqual(loaded.mergeUpdate(first), { applied: 2, duplicate: 0, waiting: 0, missing: [] });
  assert.deepEqual(stateOf(loaded), stateOf(ann));
});

test('a replica restored from an older save adopts its own later events', () => {
  const { ann, ben } = pair();
  const old = ann.save();
  ann.update('people', 'p1', { age: 31 });
  ben.mergeUpdate(ann.updateSince(ben.version()));
  const restored = Doc.load(old, { peer: 'ann' });
  assert.equal(restored.mergeUpdate(ben.save()).applied, 1);
  assert.deepEqual(restored.update('people', 'p1', { age: 32 }), { peer: 'ann', counter: 2 });

  const careless = Doc.load(old, { peer: 'ann' });
  careless.update('people', 'p1', { age: 40 });
  const before = stateOf(careless);
  assert.throws(() => careless.mergeUpdate(ben.save()), {
    name: 'ConflictingEventError',
    payload: { peer: 'ann', counter: 1 },
  });
  assert.deepEqual(stateOf(careless), before);
});

test('an update holds what is beyond a version, and can come again', () => {
  const { ann, ben } = pair();
  ann.update('people', 'p1', { age: 31 });
  const update = ann.updateSince(ben.version());
  assert.ok(update.length < 100, `an update of one cell has ${update.length} bytes`);
  assert.deepEqual(ben.mergeUpdate(update), { applied: 1, duplicate: 0, waiting: 0, missing: [] });
  const before = stateOf(ben);
  assert.deepEqual(ben.mergeUpdate(update), { applied: 0, duplicate: 1, waiting: 0, missing: [] });
  assert.deepEqual(stateOf(ben), before);
  assert.deepEqual(before, stateOf(ann));
  const cleo = Doc.create('cleo');
  assert.equal(cleo.mergeUpdate(ann.updateSince()).applied, 3);
  assert.deepEqual(stateOf(cleo), before);
  const nothing = cleo.mergeUpdate(ann.updateSince(ann.version()));
  assert.deepEqual(nothing, { applied: 0, duplicate: 0, waiting: 0, missing: [] });
});

test('a saved document is an update too', () => {
  const { ann } = pair();
  const cleo = Doc.create('cleo');
  cleo.insert('people', 'p3', {});
  assert.deepEqual(cleo.mergeUpdate(ann.save()), { applied: 2, duplicate: 0, waiting: 0, missing: [] });
  ann.mergeUpdate(cleo.save());
  assert.deepEqual(stateOf(ann), stateOf(cleo));
});

test('compaction keeps the tables and gives up what led to them', () => {
  const { ann } = pair();
  for (let i = 0; i < 200; i++) ann.update('people', 'p1', { age: i ** 5 });
  ann.delete('people', 'p2');
  const { digest, version } = stateOf(ann);
  const long = ann.save().length;
  assert.deepEqual(ann.compact(version), { eventsDropped: 203, tombstonesDropped: 1 });
  assert.deepEqual(ann.compact(version), { eventsDropped: 0, tombstonesDropped: 0 });
  const short = ann.save();
  assert.ok(short.length < long / 2, `${short.length} bytes of ${long}`);
  const loaded = Doc.load(short, { peer: 'ann' });
  for (const doc of [ann, loaded]) {
    assert.equal(doc.digestHex(), digest);
    assert.deepEqual(doc.version(), version);
    assert.deepEqual(doc.eventsSince(version), { runs: [], more: false });
    for (const call of [() => doc.eventsSince(), () => doc.updateSince()]) {
      assert.throws(call, { name: 'CompactedError', case: 'compacted', payload: version, version });
    }
  }
  assert.deepEqual(loaded.update('people', 'p1', { age: 31 }), { peer: 'ann', counter: 202 });
  assert.equal(ann.mergeUpdate(loaded.updateSince(ann.version())).applied, 1);
  assert.deepEqual(stateOf(ann), stateOf(loaded));
});

test('who comes from below a horizon is told so, and rebases without losing its own', () => {
  const { ann, ben } = pair();
  ben.update('people', 'p1', { age: 50 });
  ann.update('people', 'p1', { name: 'Alicia' });
  const horizon = ann.version();
  ann.compact(horizon);
  const saved = ann.save();
  const [before, below] = [stateOf(ann), stateOf(ben)];
  for (const call of [
    () => ann.mergeUpdate(ben.updateSince(ann.version())),
    () => ann.mergeEvents(ben.eventsSince(ann.version()).runs),
    () => ann.mergeUpdate(ben.save()),
    () => ben.mergeUpdate(saved),
  ]) {
    assert.throws(call, { name: 'CompactedError', version: horizon });
  }
  assert.deepEqual([stateOf(ann), stateOf(ben)], [before, below]);

  const watcher = ben.watch();
  assert.deepEqual(ben.rebase(saved), { applied: 1, duplicate: 2, waiting: 0, missing: [] });
  assert.deepEqual({ ...ben.get('people', 'p1') }, { name: 'Alicia', age: 50 });
  assert.deepEqual(plain([...watcher]), [{ op: 'update', table: 'people', row: 'p1', cells: { name: 'Alicia' } }]);
  assert.equal(ann.mergeUpdate(ben.updateSince(ann.version())).applied, 1);
  assert.deepEqual(stateOf(ann), stateOf(ben));
});

test('a difference is told as operations, forwards and back', () => {
  const { ann } = pair();
  const here = ann.heads();
  ann.update('people', 'p1', { age: 2n ** 60n });
  ann.insert('people', 'p3', { blob: Uint8Array.of(1) });
  ann.delete('people', 'p2');
  const there = ann.heads();
  /** @type {Op<any>[]} */
  const forwards = [
    { op: 'update', table: 'people', row: 'p1', cells: { age: 2n ** 60n } },
    { op: 'delete', table: 'people', row: 'p2' },
    { op: 'insert', table: 'people', row: 'p3', cells: { blob: Uint8Array.of(1) } },
  ];
  assert.deepEqual(plain(ann.diff(here, there)), forwards);
  assert.deepEqual(plain(ann.diff(there, here)), [
    { op: 'update', table: 'people', row: 'p1', cells: { age: 30 } },
    { op: 'insert', table: 'people', row: 'p2', cells: { name: 'Bob' } },
    { op: 'delete', table: 'people', row: 'p3' },
  ]);
  assert.deepEqual(ann.diff(there, there), []);
  const now = ann.digestHex();
  const mirror = Doc.create('mirror');
  mirror.commit(ann.diff([], there));
  assert.equal(mirror.digestHex(), now);
  ann.commit(ann.diff(there, here));
  assert.equal(ann.digestHex(), pair().ann.digestHex());
});

test('a fork holds what was, and goes on by itself', () => {
  const { ann } = pair();
  const here = ann.heads();
  const before = stateOf(ann);
  ann.update('people', 'p1', { age: 31 });
  const fork = ann.forkAt(here, 'fork');
  assert.ok(fork instanceof Doc);
  assert.deepEqual(stateOf(fork), before);
  assert.deepEqual(fork.update('people', 'p1', { name: 'Alicia' }), { peer: 'fork', counter: 0 });
  assert.equal(ann.mergeUpdate(fork.updateSince(ann.version())).applied, 1);
  assert.deepEqual({ ...ann.get('people', 'p1') }, { name: 'Alicia', age: 31 });
  const empty = ann.forkAt([]);
  assert.match(empty.peer(), /^[0-9a-f]{32}$/);
  assert.deepEqual(empty.tables(), []);
});

test('history below the horizon is gone', () => {
  const { ann } = pair();
  const old = ann.heads();
  ann.update('people', 'p1', { age: 31 });
  const [horizon, now] = [ann.version(), ann.heads()];
  ann.compact(horizon);
  ann.update('people', 'p1', { age: 32 });
  for (const call of [() => ann.diff(old, now), () => ann.diff(now, old), () => ann.forkAt(old)]) {
    assert.throws(call, { name: 'CompactedError', version: horizon });
  }
  assert.deepEqual(plain(ann.diff(now, ann.heads())), [
    { op: 'update', table: 'people', row: 'p1', cells: { age: 32 } },
  ]);
  const fork = ann.forkAt(now, 'fork');
  assert.equal(fork.get('people', 'p1')?.age, 31);
  assert.equal(fork.mergeUpdate(ann.updateSince(fork.version())).applied, 1);
  assert.equal(fork.digestHex(), ann.digestHex());
});

test('damaged bytes are refused, and leave the document as it was', () => {
  const { ann, ben } = pair();
  ben.update('people', 'p2', { name: 'Bert' });
  const [saved, update] = [ben.save(), ben.updateSince(ann.version())];
  const before = stateOf(ann);
  const corrupt = { name: 'CorruptError', case: 'corrupt', message: /./ };
  for (const bytes of [saved, update]) {
    const damaged = [new Uint8Array(), Buffer.from('not a document'), Buffer.concat([bytes, bytes])];
    for (let i = 0; i < bytes.length; i++) {
      damaged.push(bytes.slice(0, i), bytes.with(i, (bytes[i] ?? 0) ^ (1 << (i % 8))));
    }
    for (const wrong of damaged) {
      // A flipped bit of the version makes another version of it, which is told before the checksum is looked at.
      const error = wrong.length === bytes.length && wrong[4] !== bytes[4] ? { name: /^(Corrupt|Unsupp)/ } : corrupt;
      assert.throws(() => ann.mergeUpdate(wrong), error);
      assert.throws(() => ann.rebase(wrong), error);
      assert.throws(() => Doc.load(wrong), error);
      assert.throws(() => Doc.peek(wrong, 't', 'r'), error);
    }
  }
  assert.throws(() => Doc.load(update), corrupt);
  assert.throws(() => ann.rebase(update), corrupt);
  assert.deepEqual(stateOf(ann), before);
  assert.equal(ann.mergeUpdate(update).applied, 1);
});

test('bytes of a later version, or with an unknown feature, are refused by name', () => {
  const { ann } = pair();
  const saved = ann.save();
  assert.deepEqual([...saved.subarray(0, 7)], [0xc7, 0x63, 0x76, 0x67, 1, 0x44, 0]);
  const later = withChecksum(saved.with(4, 2));
  for (const call of [() => Doc.load(later), () => ann.mergeUpdate(later), () => ann.rebase(later)]) {
    assert.throws(call, {
      name: 'UnsupportedVersionError',
      case: 'unsupported-version',
      payload: 2,
      version: 2,
      message: 'format version 2 is not one that this engine reads',
    });
  }
  const featured = withChecksum(saved.with(6, 0b100));
  for (const call of [() => Doc.load(featured), () => ann.mergeUpdate(featured), () => ann.rebase(featured)]) {
    assert.throws(call, { name: 'CorruptError', message: /feature.*\b(2|4)\b/ });
  }
  assert.deepEqual(stateOf(Doc.load(withChecksum(saved))), stateOf(ann));
});

test("the raw access has the contract's types", () => {
  const { ann, ben } = pair();
  const { raw } = ann;
  const here = raw.heads();
  const event = raw.update('people', 'p1', [{ column: 'age', value: { tag: 'integer', val: 31n } }]);
  assert.deepEqual(raw.diff(here, [event]), [
    {
      tag: 'update',
      val: { table: 'people', row: 'p1', cells: [{ column: 'age', value: { tag: 'integer', val: 31n } }] },
    },
  ]);
  assert.deepEqual(ben.raw.mergeUpdate(raw.updateSince(ben.version())), {
    applied: 1,
    duplicate: 0,
    waiting: 0,
    missing: [],
  });
  assert.deepEqual(ben.raw.save(), raw.save());
  const fork = raw.forkAt(here, 'fork');
  assert.equal(fork.peer(), 'fork');
  assert.deepEqual(fork.heads(), here);
  assert.deepEqual(raw.compact(raw.version()), { eventsDropped: 3, tombstonesDropped: 0 });
  assert.deepEqual(fork.rebase(raw.save()), { applied: 0, duplicate: 2, waiting: 0, missing: [] });
  assert.deepEqual(fork.save(), raw.save());
});

/**
 * All that two replicas with the same events share.
 *
 * @param {AnyDoc} doc
 */
function stateOf(doc) {
  return { digest: doc.digestHex(), version: doc.version(), heads: doc.heads(), saved: doc.save() };
}

/** @param {Op<any>[]} ops */
function plain(ops) {
  return ops.map((op) => ('cells' in op ? { ...op, cells: { ...op.cells } } : op));
}

/**
 * Bytes with the checksum that is right for them: CRC-32, as in zlib, of all but the last four, little-endian.
 *
 * @param {Uint8Array} bytes
 */
function withChecksum(bytes) {
  let crc = ~0;
  for (const byte of bytes.subarray(0, -4)) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  const mended = bytes.slice();
  new DataView(mended.buffer).setUint32(mended.length - 4, ~crc, true);
  return mended;
}
