// Merges the histories of tests/data in several orders, event by event and in batches. The result
// must always be the expected rows and the same bytes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { TABLE, addFingerprints, formatted, inOrder, readExpected, readHistory, splitmix64 } from '../bin/history.js';
import { open } from '../src/node.js';

const data = new URL('../../tests/data/rows/', import.meta.url);
const engine = await open();

for (const [name, events] of /** @type {const} */ ([
  ['yjs', 2247],
  ['automerge', 1655],
])) {
  /** @type {Set<string>} */
  const digests = new Set();
  /** @type {Set<string>} */
  const saves = new Set();
  for (const order of ['file', 'reverse', 'shuffle:1', 'shuffle:2']) {
    for (const batch of [1, 50, events]) {
      test(`${name}, ${order}, ${batch} per call`, async () => {
        const history = await readHistory(new URL(`${name}.history.tsv.gz`, data).pathname);
        addFingerprints(engine, history);
        const expected = await readExpected(new URL(`${name}.expected.tsv.gz`, data).pathname);
        assert.equal(history.length, events);
        const doc = engine.create('replay');
        const delivered = inOrder(history, order) ?? [];
        let applied = 0;
        for (let i = 0; i < events; i += batch) applied += doc.mergeEvents(delivered.slice(i, i + batch)).applied;
        assert.equal(applied, events);
        const page = doc.raw.scan(TABLE, { range: { tag: 'all' }, descending: false, limit: 100_000, columns: [] });
        assert.deepEqual(new Map(formatted(page)), expected);
        digests.add(doc.digestHex());
        assert.equal(digests.size, 1, 'the digest is that of the other orders');
        const saved = doc.save();
        saves.add(sha256(saved));
        assert.equal(saves.size, 1, 'the bytes are those of the other orders');
        const loaded = engine.load(saved, { peer: 'replay' });
        assert.equal(loaded.digestHex(), doc.digestHex());
        assert.deepEqual([loaded.version(), loaded.heads()], [doc.version(), doc.heads()]);
        assert.equal(sha256(loaded.save()), sha256(saved));
        for (const each of [doc, loaded]) each.dispose();
      });
    }
  }

  test(`${name}, in updates to a replica that is loaded again after each`, async () => {
    const history = await readHistory(new URL(`${name}.history.tsv.gz`, data).pathname);
    const doc = engine.create('replay');
    let mirror = engine.create('mirror');
    for (let i = 0; i < events; i += 100) {
      doc.mergeEvents(history.slice(i, i + 100));
      const { applied, waiting } = mirror.mergeUpdate(doc.updateSince(mirror.summary()));
      assert.deepEqual([applied, waiting], [Math.min(100, events - i), 0]);
      const restarted = engine.load(mirror.save(), { peer: 'mirror' });
      mirror.dispose();
      mirror = restarted;
    }
    assert.equal(sha256(mirror.save()), sha256(doc.save()));
    for (const each of [doc, mirror]) each.dispose();
  });

  test(`${name}, diff forwards and back`, async () => {
    const history = await readHistory(new URL(`${name}.history.tsv.gz`, data).pathname);
    const doc = engine.create('replay');
    doc.mergeEvents(history.slice(0, events / 2));
    const [here, half] = [doc.heads(), doc.digestHex()];
    doc.mergeEvents(history);
    const there = doc.heads();
    const fork = doc.forkAt(here, 'fork');
    assert.equal(fork.digestHex(), half);
    fork.commit(doc.diff(here, there));
    assert.equal(fork.digestHex(), doc.digestHex());
    fork.commit(doc.diff(there, here));
    assert.equal(fork.digestHex(), half);
    for (const each of [doc, fork]) each.dispose();
  });
}

/** @param {Uint8Array} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

test('the orders are the same in every host', () => {
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  assert.deepEqual(inOrder(numbers, 'file'), numbers);
  assert.deepEqual(inOrder(numbers, 'reverse'), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  assert.deepEqual(inOrder(numbers, 'shuffle:7')?.slice().sort(), numbers);
  assert.notDeepEqual(inOrder(numbers, 'shuffle:7'), inOrder(numbers, 'shuffle:8'));
  for (const order of ['', 'random', 'shuffle', 'shuffle:', 'shuffle:-1', 'shuffle:18446744073709551616']) {
    assert.equal(inOrder(numbers, order), undefined);
  }
});

test('splitmix64 returns the numbers of the reference implementation for the seed 1234567', () => {
  const next = splitmix64(1_234_567n);
  assert.deepEqual([next(), next(), next()], [6457827717110365317n, 3203168211198807973n, 9817491932198370423n]);
});
