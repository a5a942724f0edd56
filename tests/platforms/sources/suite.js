// The suite of every platform: a merge of two replicas, presence, a session, an error, saving and loading.

/**
 * @param {typeof import('../../../host-js/src/node.js')} sync what `@converge/sync` exports
 * @param {(bytes: Uint8Array) => Promise<Uint8Array>} keep stores bytes and reads them back
 * @returns {Promise<string>} the digest of the document, which is the same on every platform
 */
export async function suite(sync, keep = async (bytes) => bytes) {
  const engine = await sync.open();

  const ann = engine.create('ann');
  const ben = engine.create('ben');
  ann.insert('people', 'p1', { name: 'Alice', age: 30, share: 0.5, photo: new Uint8Array([1, 2]) });
  ben.insert('people', 'p1', { city: 'Århus', name: 'Alicia' });
  ann.mergeUpdate(ben.updateSince(ann.summary()));
  ben.mergeUpdate(ann.updateSince(ben.summary()));
  equal(ann.digestHex(), ben.digestHex(), 'digests after a merge');
  equal(ann.get('people', 'p1')?.age, 30, 'a merged cell');
  equal(ann.get('people', 'p1')?.city, 'Århus', 'a merged cell');

  const cursors = engine.createStore('ann');
  cursors.set('cursors', 'ann', 'people/p1');
  const others = engine.createStore('cleo');
  others.mergeUpdate(cursors.takeUpdate() ?? new Uint8Array());
  equal(others.get('cursors', 'ann')?.value, 'people/p1', 'an entry after a merge');

  const cleo = engine.create('cleo');
  const here = engine.openSession(ann, cursors, { document: 'people' });
  const there = engine.openSession(cleo, others, { document: 'people' });
  cursors.set('cursors', 'ann', 'people/p2');
  while (!(here.progress().inSync && there.progress().inSync)) {
    for (const message of here.messages()) there.receive(message);
    for (const message of there.messages()) here.receive(message);
  }
  equal(cleo.digestHex(), ann.digestHex(), 'digests after a session');
  equal(others.get('cursors', 'ann')?.value, 'people/p2', 'an entry after a session');

  let refused;
  try {
    ann.update('people', 'nobody', {});
  } catch (error) {
    refused = error;
  }
  equal(refused instanceof sync.NoSuchRowError, true, `the class of the error ${refused}`);

  const again = engine.load(await keep(cleo.save()), { peer: 'cleo' });
  equal(again.digestHex(), ann.digestHex(), 'digests after saving and loading');
  again.delete('people', 'p1');
  equal(again.get('people', 'p1'), undefined, 'a deleted row');
  return ann.digestHex();
}

/** @type {(actual: unknown, expected: unknown, what: string) => void} */
function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}
