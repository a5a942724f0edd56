// Documents and updates as bytes: saving and loading, restarts, updates, compaction, history.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fromReport } from '../conformance/notation.js';
import { open, real } from '../src/node.js';

/** @import { Doc as AnyDoc } from '../src/node.js' */
/** @import { Op } from '../src/types.js' */

const engine = await open();

/** Returns two replicas that know the same two events, one by each. */
function pair() {
  const [ann, ben] = [engine.create('ann'), engine.create('ben')];
  ann.insert('people', 'p1', { name: 'Alice', age: 30 });
  ben.mergeEvents(ann.eventsSince().runs);
  ben.insert('people', 'p2', { name: 'Bob' });
  ann.mergeEvents(ben.eventsSince(ann.summary()).runs);
  return { ann, ben };
}

test('saving and loading does not change a document', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'a', { null: null, yes: true, least: -(2n ** 63n), most: 2n ** 63n - 1n, half: 0.5, minus: -0 });
  doc.insert('t', 'é', { one: real(1), nan: NaN, infinity: -Infinity, none: '', text: '\ufeff\u{1f600}\0' });
  doc.insert('t', 'gone', { x: 1 });
  doc.insert('u', 'r', { none: new Uint8Array(), blob: Uint8Array.of(0, 255), ['__proto__']: 'x' });
  doc.delete('t', 'gone');
  const saved = doc.save();
  const loaded = engine.load(saved, { peer: 'ann' });
  assert.deepEqual(stateOf(loaded), stateOf(doc));
  assert.deepEqual(loaded.raw.get('t', 'a'), doc.raw.get('t', 'a'));
  assert.deepEqual(loaded.raw.get('t', 'é'), doc.raw.get('t', 'é'));
  assert.deepEqual(loaded.raw.get('u', 'r'), doc.raw.get('u', 'r'));
  assert.deepEqual(loaded.eventsSince(), doc.eventsSince());
});

test('one row is read from saved bytes without loading them', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { name: 'Alice', whole: 3, half: 0.5, one: real(1) });
  doc.insert('t', 'gone', {});
  doc.delete('t', 'gone');
  const saved = doc.save();
  assert.deepEqual(engine.peek(saved, 't', 'r'), doc.get('t', 'r'));
  assert.deepEqual(engine.raw.durable.Doc.peek(saved, 't', 'r'), doc.raw.get('t', 'r'));
  for (const [table, row] of /** @type {[string, string][]} */ ([
    ['t', 'gone'],
    ['t', 'x'],
    ['u', 'r'],
  ])) {
    assert.equal(engine.peek(saved, table, row), undefined);
  }
});

test('an empty document can be saved', () => {
  assert.deepEqual(stateOf(engine.load(engine.create('ann').save())), stateOf(engine.create('ben')));
});

test('bytes are accepted in any buffer, and are copied', () => {
  const { ann } = pair();
  const saved = ann.save();
  const shared = new Uint8Array(new SharedArrayBuffer(saved.length + 2), 1, saved.length);
  shared.set(saved);
  const padded = Buffer.concat([Buffer.from('x'), saved, Buffer.from('y')]);
  for (const bytes of [Buffer.from(saved), padded.subarray(1, -1), shared]) {
    const doc = engine.load(bytes);
    bytes.fill(0);
    assert.deepEqual(stateOf(doc), stateOf(ann));
  }
  saved.fill(0);
  assert.deepEqual(stateOf(engine.load(ann.save())), stateOf(ann));
});

test('documents move between engines', async () => {
  const other = await open(readFile(new URL('../dist/converge.core.wasm', import.meta.url)));
  const { ann } = pair();
  const moved = other.load(ann.save(), { peer: 'ann' });
  assert.deepEqual(stateOf(moved), stateOf(ann));
});

test('replicas with the same events save the same bytes', () => {
  const { ann, ben } = pair();
  assert.deepEqual(ann.save(), ben.save());
});

test('a replica continues with its counter; a new replica starts from 0', () => {
  const { ann } = pair();
  const saved = ann.save();
  const again = engine.load(saved, { peer: 'ann' });
  assert.equal(again.peer(), 'ann');
  assert.deepEqual(again.update('people', 'p1', { age: 31 }), { peer: 'ann', counter: 1 });
  const cleo = engine.load(saved, { peer: 'cleo' });
  assert.deepEqual(cleo.update('people', 'p1', { age: 31 }), { peer: 'cleo', counter: 0 });
  const [one, other] = [engine.load(saved), engine.load(saved)];
  assert.match(one.peer(), /^[0-9a-f]{32}$/);
  assert.notEqual(one.peer(), other.peer());
});

test('waiting events are saved, and take effect when their dependencies arrive', () => {
  const { ann, ben } = pair();
  const known = ben.summary();
  ann.update('people', 'p1', { age: 31 });
  const first = ann.updateSince(known);
  const between = ann.summary();
  ann.update('people', 'p1', { age: 32 });
  const { waiting, missing } = ben.mergeUpdate(ann.updateSince(between));
  assert.deepEqual([waiting, missing.map(({ counter }) => counter)], [1, [1]]);
  const loaded = engine.load(ben.save(), { peer: 'ben' });
  assert.equal(loaded.get('people', 'p1')?.age, 30);
  assert.deepEqual(fromReport(loaded.mergeUpdate(first)), { applied: 2 });
  assert.deepEqual(stateOf(loaded), stateOf(ann));
});

test('a replica restored from an older save adopts its own later events', () => {
  const { ann, ben } = pair();
  const old = ann.save();
  ann.update('people', 'p1', { age: 31 });
  ben.mergeUpdate(ann.updateSince(ben.summary()));
  const restored = engine.load(old, { peer: 'ann' });
  assert.equal(restored.mergeUpdate(ben.save()).applied, 1);
  assert.deepEqual(restored.update('people', 'p1', { age: 32 }), { peer: 'ann', counter: 2 });
});

test('a replica restored from an older save that writes before it receives its later events keeps both', () => {
  const { ann, ben } = pair();
  const old = ann.save();
  ann.update('people', 'p1', { age: 31 });
  ben.mergeUpdate(ann.updateSince(ben.summary()));
  const restored = engine.load(old, { peer: 'ann' });
  restored.update('people', 'p1', { city: 'Oslo' });
  assert.deepEqual(restored.mergeUpdate(ben.updateSince(restored.summary())).forked, ['ann']);
  // A fork can need a second exchange.
  for (let round = 0; round < 2; round++) {
    ben.mergeUpdate(restored.updateSince(ben.summary()));
    restored.mergeUpdate(ben.updateSince(restored.summary()));
  }
  assert.deepEqual({ ...ben.get('people', 'p1') }, { name: 'Alice', age: 31, city: 'Oslo' });
  assert.deepEqual(stateOf(restored), stateOf(ben));
  const [fork, ...others] = ben.forks();
  assert.ok(fork && others.length === 0);
  assert.deepEqual([fork.peer, fork.counter, fork.branches.length], ['ann', 1, 2]);
  assert.deepEqual(ben.forks(1), []);
  assert.deepEqual(ben.forks(0, 0), []);
  for (const event of fork.branches) {
    assert.match(event.peer, /^ann~[0-9a-f]{16}$/);
    assert.deepEqual(ben.permanentId(event), event, 'the first event of a branch names the branch');
  }
  assert.match(ben.permanentId({ peer: 'ann', counter: 0 }).peer, /^ann~[0-9a-f]{16}$/);
  assert.throws(() => ben.permanentId({ peer: 'ann', counter: 1 }), { name: 'InvalidArgumentError', message: /ann~/ });
});

test('an update contains the events after a version, and can be merged again', () => {
  const { ann, ben } = pair();
  ann.update('people', 'p1', { age: 31 });
  const update = ann.updateSince(ben.summary());
  assert.ok(update.length < 128, `an update of one cell has ${update.length} bytes`);
  assert.deepEqual(fromReport(ben.mergeUpdate(update)), { applied: 1 });
  const before = stateOf(ben);
  assert.deepEqual(fromReport(ben.mergeUpdate(update)), { duplicate: 1 });
  assert.deepEqual(stateOf(ben), before);
  assert.deepEqual(before, stateOf(ann));
  const cleo = engine.create('cleo');
  assert.equal(cleo.mergeUpdate(ann.updateSince()).applied, 3);
  assert.deepEqual(stateOf(cleo), before);
  const nothing = cleo.mergeUpdate(ann.updateSince(ann.summary()));
  assert.deepEqual(fromReport(nothing), {});
});

test('a saved document is an update too', () => {
  const { ann } = pair();
  const cleo = engine.create('cleo');
  cleo.insert('people', 'p3', {});
  assert.deepEqual(fromReport(cleo.mergeUpdate(ann.save())), { applied: 2 });
  ann.mergeUpdate(cleo.save());
  assert.deepEqual(stateOf(ann), stateOf(cleo));
});

test('compaction keeps the tables and drops their history', () => {
  const { ann } = pair();
  for (let i = 0; i < 200; i++) ann.update('people', 'p1', { age: i ** 5 });
  ann.delete('people', 'p2');
  const { digest, version } = stateOf(ann);
  const [summary, long] = [ann.summary(), ann.save().length];
  assert.deepEqual(ann.compact([summary]), { eventsDropped: 203, tombstonesDropped: 1, horizon: version });
  assert.deepEqual(ann.compact([summary]), { eventsDropped: 0, tombstonesDropped: 0, horizon: version });
  const short = ann.save();
  assert.ok(short.length < long / 2, `${short.length} bytes of ${long}`);
  const loaded = engine.load(short, { peer: 'ann' });
  for (const doc of [ann, loaded]) {
    assert.equal(doc.digestHex(), digest);
    assert.deepEqual(doc.version(), version);
    assert.deepEqual(doc.eventsSince(summary), { runs: [], more: false });
    for (const call of [() => doc.eventsSince(), () => doc.updateSince()]) {
      assert.throws(call, { name: 'CompactedError', case: 'compacted', payload: version, horizon: version });
    }
  }
  assert.deepEqual(loaded.update('people', 'p1', { age: 31 }), { peer: 'ann', counter: 202 });
  assert.equal(ann.mergeUpdate(loaded.updateSince(ann.summary())).applied, 1);
  assert.deepEqual(stateOf(ann), stateOf(loaded));
});

test('a replica from before the horizon gets a CompactedError, and rebase keeps its writes', () => {
  const { ann, ben } = pair();
  ben.update('people', 'p1', { age: 50 });
  ann.update('people', 'p1', { name: 'Alicia' });
  const horizon = ann.version();
  ann.compact([ann.summary()]);
  const saved = ann.save();
  const [before, below] = [stateOf(ann), stateOf(ben)];
  for (const call of [
    () => ann.mergeUpdate(ben.updateSince(ann.summary())),
    () => ann.mergeEvents(ben.eventsSince(ann.summary()).runs),
    () => ann.mergeUpdate(ben.save()),
    () => ben.mergeUpdate(saved),
  ]) {
    assert.throws(call, { name: 'CompactedError', horizon });
  }
  assert.deepEqual([stateOf(ann), stateOf(ben)], [before, below]);

  const watcher = ben.watch();
  assert.deepEqual(fromReport(ben.rebase(saved)), { applied: 1, duplicate: 2 });
  assert.deepEqual({ ...ben.get('people', 'p1') }, { name: 'Alicia', age: 50 });
  assert.deepEqual(plain([...watcher]), [{ op: 'update', table: 'people', row: 'p1', cells: { name: 'Alicia' } }]);
  assert.equal(ann.mergeUpdate(ben.updateSince(ann.summary())).applied, 1);
  assert.deepEqual(stateOf(ann), stateOf(ben));
});

test('the events of an update are read without merging them, in pages or by iteration', () => {
  const { ann } = pair();
  for (let i = 0; i < 2_000; i++) ann.update('people', 'p1', { age: i });
  const count = (/** @type {Iterable<{ commits: unknown[] }>} */ runs) =>
    Array.from(runs, ({ commits }) => commits.length).reduce((sum, commits) => sum + commits, 0);
  for (const bytes of [ann.updateSince(), ann.save()]) {
    const reader = engine.openUpdate(bytes);
    const page = reader.next(5);
    assert.deepEqual([count(page.runs), page.more], [5, true]);
    assert.equal(count(reader), 1_997);
    assert.deepEqual(reader.next(), { runs: [], more: false });
    reader.dispose();
    assert.throws(() => reader.next(), { name: 'DisposedError', message: /^this update reader was disposed/ });
  }
  assert.throws(() => engine.openUpdate(/** @type {any} */ ('x')), {
    message: /^update must be a Uint8Array, not "x"$/,
  });
  assert.throws(() => engine.openUpdate(new Uint8Array(9)), { name: 'CorruptError' });
  const copy = engine.create('copy');
  copy.mergeEvents([...engine.openUpdate(ann.updateSince())]);
  assert.equal(copy.digestHex(), ann.digestHex());
});

test('diff returns operations, forwards and back', () => {
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
  const mirror = engine.create('mirror');
  mirror.commit(ann.diff([], there));
  assert.equal(mirror.digestHex(), now);
  ann.commit(ann.diff(there, here));
  assert.equal(ann.digestHex(), pair().ann.digestHex());
});

test('a fork contains a past state, and continues separately', () => {
  const { ann } = pair();
  const here = ann.heads();
  const before = stateOf(ann);
  ann.update('people', 'p1', { age: 31 });
  const fork = ann.forkAt(here, 'fork');
  assert.deepEqual(stateOf(fork), before);
  assert.deepEqual(fork.update('people', 'p1', { name: 'Alicia' }), { peer: 'fork', counter: 0 });
  assert.equal(ann.mergeUpdate(fork.updateSince(ann.summary())).applied, 1);
  assert.deepEqual({ ...ann.get('people', 'p1') }, { name: 'Alicia', age: 31 });
  const empty = ann.forkAt([]);
  assert.match(empty.peer(), /^[0-9a-f]{32}$/);
  assert.deepEqual(empty.tables(), []);
});

test('history before the horizon is gone', () => {
  const { ann } = pair();
  const old = ann.heads();
  ann.update('people', 'p1', { age: 31 });
  const [horizon, now] = [ann.version(), ann.heads()];
  ann.compact([ann.summary()]);
  ann.update('people', 'p1', { age: 32 });
  for (const call of [() => ann.diff(old, now), () => ann.diff(now, old), () => ann.forkAt(old)]) {
    assert.throws(call, { name: 'CompactedError', horizon });
  }
  assert.deepEqual(plain(ann.diff(now, ann.heads())), [
    { op: 'update', table: 'people', row: 'p1', cells: { age: 32 } },
  ]);
  const fork = ann.forkAt(now, 'fork');
  assert.equal(fork.get('people', 'p1')?.age, 31);
  assert.equal(fork.mergeUpdate(ann.updateSince(fork.summary())).applied, 1);
  assert.equal(fork.digestHex(), ann.digestHex());
});

test('damaged bytes are rejected and do not change the document', () => {
  const { ann, ben } = pair();
  ben.update('people', 'p2', { name: 'Bert' });
  const [saved, update] = [ben.save(), ben.updateSince(ann.summary())];
  const before = stateOf(ann);
  const corrupt = { name: 'CorruptError', case: 'corrupt', message: /./ };
  for (const bytes of [saved, update]) {
    const damaged = [new Uint8Array(), Buffer.from('not a document'), Buffer.concat([bytes, bytes])];
    for (let i = 0; i < bytes.length; i++) {
      damaged.push(bytes.slice(0, i), bytes.with(i, (bytes[i] ?? 0) ^ (1 << (i % 8))));
    }
    for (const wrong of damaged) {
      // Version and features are checked before the checksum.
      const isOther = wrong.length === bytes.length && (wrong[4] !== bytes[4] || wrong[6] !== bytes[6]);
      const error = isOther ? { name: /^(Corrupt|Unsupported)/ } : corrupt;
      assert.throws(() => ann.mergeUpdate(wrong), error);
      assert.throws(() => ann.rebase(wrong), error);
      assert.throws(() => engine.load(wrong), error);
      assert.throws(() => engine.peek(wrong, 't', 'r'), error);
    }
  }
  assert.throws(() => engine.load(update), corrupt);
  assert.throws(() => ann.rebase(update), corrupt);
  assert.deepEqual(stateOf(ann), before);
  assert.equal(ann.mergeUpdate(update).applied, 1);
});

test('bytes of a later version, or with an unknown feature, are rejected by name', () => {
  const { ann } = pair();
  const saved = ann.save();
  assert.deepEqual([...saved.subarray(0, 7)], [0xc7, 0x63, 0x76, 0x67, 1, 0x44, 0]);
  const later = withChecksum(saved.with(4, 2));
  for (const call of [() => engine.load(later), () => ann.mergeUpdate(later), () => ann.rebase(later)]) {
    assert.throws(call, {
      name: 'UnsupportedVersionError',
      case: 'unsupported-version',
      payload: 2,
      version: 2,
      message: 'this engine cannot read format version 2; update the package',
    });
  }
  const featured = withChecksum(saved.with(6, 0b100));
  for (const call of [() => engine.load(featured), () => ann.mergeUpdate(featured), () => ann.rebase(featured)]) {
    assert.throws(call, {
      name: 'UnsupportedFeatureError',
      case: 'unsupported-feature',
      payload: 2,
      feature: 2,
      message: 'this engine does not know format feature 2; update the package',
    });
  }
  assert.deepEqual(stateOf(engine.load(withChecksum(saved))), stateOf(ann));
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
  assert.deepEqual(fromReport(ben.raw.mergeUpdate(raw.updateSince(ben.raw.summary()))), { applied: 1 });
  assert.deepEqual(ben.raw.save(), raw.save());
  const fork = raw.forkAt(here, 'fork');
  assert.equal(fork.peer(), 'fork');
  assert.deepEqual(fork.heads(), here);
  const horizon = raw.version();
  assert.deepEqual(raw.compact([raw.summary()]), { eventsDropped: 3, tombstonesDropped: 0, horizon });
  assert.deepEqual(fromReport(fork.rebase(raw.save())), { duplicate: 2 });
  assert.deepEqual(fork.save(), raw.save());
});

/**
 * Returns the state that replicas with the same events have in common.
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
 * Returns the bytes with the correct checksum: the CRC-32, as in zlib, of all bytes but the last
 * four, in little-endian order.
 *
 * @param {Uint8Array} bytes
 */
function withChecksum(bytes) {
  let crc = ~0;
  for (const byte of bytes.subarray(0, -4)) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  const fixed = bytes.slice();
  new DataView(fixed.buffer).setUint32(fixed.length - 4, ~crc, true);
  return fixed;
}
