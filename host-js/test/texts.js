// Views of texts, inverses of events, and undo.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UndoManager, open } from '../src/node.js';

/** @import { Doc } from '../src/doc.js' */
/** @import { TextChange } from '../src/texts/view.js' */

const engine = await open();

/**
 * Returns a document with a row `r` of table `t`, and a copy of it.
 *
 * @param {string} [text]
 * @returns {[Doc, Doc]}
 */
function replicas(text) {
  const [ann, ben] = [engine.create('ann'), engine.create('ben')];
  ann.insert('t', 'r', text === undefined ? {} : { s: text });
  merge(ann, ben);
  return [ann, ben];
}

/** @type {(from: Doc, to: Doc) => void} */
const merge = (from, to) => void to.mergeUpdate(from.updateSince(to.summary()));

/**
 * Applies changes to an editor's copy of a text.
 *
 * @param {string | undefined} text
 * @param {TextChange[] | undefined} changes
 */
function applied(text = '', changes = []) {
  for (const { at, remove, insert } of changes) text = text.slice(0, at) + insert + text.slice(at + remove);
  return text;
}

test('positions of a view are those of strings', () => {
  const [doc] = replicas();
  const view = doc.openText('t', 'r', 's');
  assert.deepEqual(
    [view.read(), view.take(), view.length(), doc.openText('t', 'x', 's').length()],
    [undefined, undefined, 0, 0],
  );
  assert.deepEqual(view.edit({ at: 0, insert: '👩‍🚀 writes' }), { peer: 'ann', counter: 1 });
  assert.equal(view.length(), '👩‍🚀 writes'.length);
  view.edit([
    { at: 5, insert: '🖊' },
    { at: 7, remove: 1 },
  ]);
  assert.equal(view.read(), '👩‍🚀🖊writes');
  assert.equal(doc.get('t', 'r')?.s, '👩‍🚀🖊writes');
  assert.deepEqual([view.slice(), view.slice(7), view.slice(5, 7)], ['👩‍🚀🖊writes', 'writes', '🖊']);
  assert.deepEqual(view.take(), [], 'its own edits are not pending');
  assert.equal(view.edit([]).counter, 3);
});

test('edits of an editor that lags behind are transformed', () => {
  const [ann, ben] = replicas('Hello world');
  const view = ann.openText('t', 'r', 's');
  let copy = view.read();
  ben.splice('t', 'r', 's', 0, 5, 'Good 🌅 morning');
  merge(ben, ann);
  view.edit({ at: 11, insert: '!' });
  copy = applied(copy, [{ at: 11, remove: 0, insert: '!' }]);
  assert.equal(ann.get('t', 'r')?.s, 'Good 🌅 morning world!');
  assert.equal(copy, 'Hello world!');
  copy = applied(copy, view.take());
  assert.equal(copy, 'Good 🌅 morning world!');
  const other = ann.openText('t', 'r', 's');
  other.edit({ at: 0, remove: 5 });
  ann.splice('t', 'r', 's', 0, 0, 'A ');
  assert.equal(applied(copy, view.take()), 'A 🌅 morning world!');
  assert.deepEqual(view.take(), []);
  ann.update('t', 'r', { s: 'new' });
  assert.equal(applied('A 🌅 morning world!', view.take()), 'new');
  ann.update('t', 'r', { s: 1 });
  assert.deepEqual([view.take(), view.read()], [undefined, undefined]);
});

test('rewrite edits the words that differ', () => {
  const [ann, ben] = replicas('one two three');
  const view = ann.openText('t', 'r', 's');
  ben.splice('t', 'r', 's', 13, 0, ' four');
  merge(ben, ann);
  assert.equal(view.rewrite('one two three'), undefined);
  assert.equal(view.rewrite('one 2 three')?.peer, 'ann');
  assert.equal(ann.get('t', 'r')?.s, 'one 2 three four');
  assert.equal(applied('one 2 three', view.take()), 'one 2 three four');
});

test('anchors stay with their character', () => {
  const [ann, ben] = replicas('🌅 world');
  const [view, other] = [ann.openText('t', 'r', 's'), ben.openText('t', 'r', 's')];
  const [before, after, end] = [view.anchor(3, 'before'), view.anchor(3), view.anchor(8)];
  view.edit({ at: 3, insert: 'new ' });
  assert.deepEqual([view.position(before), view.position(after), view.position(end)], [3, 7, 12]);
  assert.equal(other.position(after), 3, 'another replica');
  merge(ann, ben);
  assert.equal(other.position(after), 3, 'changes are pending');
  other.take();
  assert.equal(other.position(after), 7);
  assert.equal(view.position(engine.create('eve').openText('t', 'r', 's').anchor(0, 'before')), 0);
  ann.update('t', 'r', { s: 'overwritten' });
  assert.equal(view.position(after), undefined);
});

test('a view keeps its document alive, until it is closed', () => {
  const [doc] = replicas('text');
  const view = doc.openText('t', 'r', 's');
  doc.dispose();
  assert.equal(view.read(), 'text');
  view.edit({ at: 0, remove: 4 });
  assert.equal(view.raw.read(), '');
  view.close();
  view[Symbol.dispose]();
  assert.throws(() => view.read(), { name: 'DisposedError', message: /this view was disposed/ });
});

test('a view rejects wrong arguments, and nothing changes', () => {
  const [doc] = replicas('🌅');
  /** Arguments of wrong types are the point here. @type {any} */
  const view = doc.openText('t', 'r', 's');
  const saved = doc.save();
  const open = (/** @type {any[]} */ ...args) => /** @type {any} */ (doc).openText(...args);
  for (const [call, message] of /** @type {[() => unknown, RegExp][]} */ ([
    [() => view.edit({ at: -1 }), /^changes\[0\]: at must be an integer from 0 to 4294967295, not -1$/],
    [() => view.edit({ at: 0, insert: '\ud83d' }), /^changes\[0\]: insert has a lone surrogate/],
    [() => view.edit({ at: 0, text: '' }), /^changes\[0\]: a change has no member "text"; the members are at, /],
    [() => view.edit('x'), /^changes\[0\]: a change must be an object, not "x"$/],
    [
      () =>
        view.edit([
          { at: 0, insert: 'x' },
          { at: 2, insert: 'y' },
        ]),
      /inside of a character/,
    ],
    [() => view.edit({ at: 1, remove: 2 }), /./],
    [() => view.edit({ at: 3 }), /the position 3 is beyond the end of the text, whose length is 2/],
    [() => view.rewrite(1), /^text must be a string, not 1$/],
    [() => view.slice(1), /inside of a character/],
    [() => view.slice(2, 0), /./],
    [() => view.slice('0'), /^start must be an integer/],
    [() => view.anchor(1), /inside of a character/],
    [() => view.anchor(0, 'left'), /^side must be 'before' or 'after', not "left"$/],
    [() => view.anchor(0, { tag: 'before' }), /^side must be 'before' or 'after', not an Object$/],
    [() => view.position('00'), /^anchor must be a Uint8Array, not "00"$/],
    [() => view.position(new Uint8Array(3)), /the bytes are not an anchor/],
    [() => open('t', 'r'), /^column must be a string, not undefined$/],
    [() => open('', 'r', 's'), /the table name is empty/],
    [
      () => /** @type {any} */ (engine.raw.texts.View).open(doc.raw, 't', 'r', 's', 'utf32'),
      /^unit must be 'scalar' or 'utf16' or 'utf8', not "utf32"$/,
    ],
    [() => /** @type {any} */ (engine.raw.texts.View).open({}, 't', 'r', 's', 'utf8'), /^doc must be a document of/],
    [() => doc.inverseOf([{ peer: 'eve', counter: 0 }]), /event 0 of "eve" is not known/],
    [() => doc.inverseOf(/** @type {any} */ ([{ peer: 'ann' }])), /^events\[0\]: counter must be an integer/],
  ])) {
    assert.throws(call, { name: 'InvalidArgumentError', message }, `${call}`);
    assert.deepEqual(doc.save(), saved, `${call}`);
  }
  assert.throws(() => doc.openText('t', 'none', 's').edit({ at: 0, insert: 'x' }), { name: 'NoSuchRowError' });
  assert.throws(() => view.edit({ at: 0, insert: 'x'.repeat(2 ** 24) }), { name: 'LimitExceededError' });
  assert.throws(() => Array.from({ length: 2000 }, () => doc.openText('t', 'r', 's')), {
    name: 'LimitExceededError',
    message: /views/,
  });
  assert.deepEqual(doc.save(), saved);
});

test('the inverse of events takes back what still shows', () => {
  const [ann, ben] = replicas('text');
  const event = ann.transact((transaction) => {
    transaction.update('t', 'r', { n: 1, m: 1 });
    transaction.splice('t', 'r', 's', 4, 0, '🌅');
  });
  assert.ok(event);
  merge(ann, ben);
  ben.update('t', 'r', { m: 2 });
  ben.splice('t', 'r', 's', 0, 0, 'A ');
  merge(ben, ann);
  const inverse = ann.inverseOf([event]);
  assert.deepEqual(inverse, [
    { op: 'splice', table: 't', row: 'r', column: 's', at: 6, remove: 1, insert: '' },
    { op: 'unset', table: 't', row: 'r', columns: ['n'] },
  ]);
  const undone = ann.commit(inverse);
  assert.deepEqual({ ...ann.get('t', 'r') }, { m: 2, s: 'A text' });
  assert.deepEqual(ann.inverseOf([event, undone]), []);
  ann.commit(ann.inverseOf([undone]));
  assert.deepEqual({ ...ann.get('t', 'r') }, { m: 2, n: 1, s: 'A text🌅' });
  ann.compact([ann.summary()]);
  assert.throws(() => ann.inverseOf([event]), { name: 'CompactedError' });
});

test('commits without a pause are one step', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', {});
  const undo = new UndoManager(doc, { pauseMs: Infinity });
  assert.equal(undo.undo(), null, 'commits before the manager');
  const view = doc.openText('t', 'r', 's');
  for (const [at, insert] of [...'typed'].entries()) view.edit({ at, insert });
  undo.pause();
  doc.transact((transaction) => transaction.splice('t', 'r', 's', 5, 0, ' and more'));
  doc.begin().dispose();
  doc.transact(() => {});
  view.take();
  view.rewrite('typed and more');
  const place = { table: 't', row: 'r', column: 's' };
  assert.deepEqual(undo.undo(), { event: { peer: 'ann', counter: 7 }, place: { ...place, start: 5, end: 5 } });
  assert.equal(doc.get('t', 'r')?.s, 'typed');
  assert.deepEqual([undo.canUndo, undo.canRedo], [true, true]);
  undo.undo();
  assert.equal(view.read(), '');
  assert.equal(undo.undo(), null);
  assert.equal(undo.canUndo, false);
  assert.deepEqual(undo.redo()?.place, { ...place, start: 0, end: 5 });
  assert.equal(undo.redo()?.place.end, 14);
  assert.equal(applied('', view.take()), 'typed and more');
});

test('commits with a pause are separate steps', async () => {
  const doc = engine.create('ann');
  const undo = new UndoManager(doc, { pauseMs: 20 });
  doc.insert('t', 'a', {});
  doc.insert('t', 'b', {});
  await new Promise((resolve) => setTimeout(resolve, 30));
  doc.insert('t', 'c', {});
  assert.deepEqual(undo.undo()?.place, { table: 't', row: 'c' });
  assert.equal(doc.tables()[0]?.rows, 2);
  undo.undo();
  assert.equal(doc.tables().length, 0);
});

test('the last steps to undo are kept', () => {
  const doc = engine.create('ann');
  const undo = new UndoManager(doc);
  for (let step = 0; step < 1002; step += 1) {
    undo.pause();
    doc.insert('t', `${step}`, {});
  }
  const { undo: steps } = undo.toJSON();
  assert.deepEqual([steps.length, steps[0]], [1000, [doc.permanentId({ peer: 'ann', counter: 2 })]]);
});

test('redo takes back an undo, until there is another commit', () => {
  const doc = engine.create('ann');
  const undo = new UndoManager(doc, { pauseMs: 0 });
  doc.insert('t', 'r', { n: 1 });
  doc.update('t', 'r', { n: 2 });
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(undo.undo()?.place, { table: 't', row: 'r', column: 'n' });
    assert.equal(doc.get('t', 'r')?.n, 1);
    undo.redo();
    assert.equal(doc.get('t', 'r')?.n, 2);
  }
  undo.undo();
  undo.undo();
  assert.equal(doc.get('t', 'r'), undefined);
  undo.redo();
  assert.equal(doc.get('t', 'r')?.n, 1);
  doc.update('t', 'r', { m: 1 });
  assert.equal(undo.redo(), null);
  assert.deepEqual({ ...doc.get('t', 'r') }, { m: 1, n: 1 });
});

test('an undo keeps what others changed', () => {
  const [ann, ben] = replicas('one three');
  const undo = new UndoManager(ann);
  const view = ann.openText('t', 'r', 's');
  view.edit({ at: 4, insert: 'two ' });
  merge(ann, ben);
  ben.splice('t', 'r', 's', 5, 0, '🌅');
  merge(ben, ann);
  assert.deepEqual(undo.undo()?.place, { table: 't', row: 'r', column: 's', start: 6, end: 6 });
  assert.equal(view.read(), 'one 🌅three');
  assert.deepEqual(undo.redo()?.place, { table: 't', row: 'r', column: 's', start: 7, end: 10 });
  assert.equal(view.read(), 'one t🌅wo three');
});

test('merges and writes of others are no steps', () => {
  const [doc, other] = [engine.create('ann'), engine.create('ben')];
  const undo = new UndoManager(doc);
  other.insert('t', 'r', { n: 1 });
  doc.mergeUpdate(other.updateSince());
  doc.compact([]);
  assert.throws(() => doc.update('t', 'none', {}), { name: 'NoSuchRowError' });
  assert.throws(() => doc.openText('t', 'none', 's').edit({ at: 0 }), { name: 'NoSuchRowError' });
  assert.equal(undo.canUndo, false);
  undo.dispose();
  doc.insert('t', 's', {});
  assert.equal(undo.canUndo, false, 'a disposed manager records nothing');
});

test('steps survive a reload as plain data, under permanent names', () => {
  const doc = engine.create('ann');
  const first = new UndoManager(doc, { pauseMs: Infinity });
  doc.insert('t', 'r', { n: 1 });
  doc.update('t', 'r', { n: 2 });
  first.pause();
  doc.splice('t', 'r', 's', 0, 0, 'text');
  first.undo();
  const [one, two, three, undone] = [0, 1, 2, 3].map((counter) => doc.permanentId({ peer: 'ann', counter }));
  const saved = JSON.stringify(first);
  assert.deepEqual(JSON.parse(saved), { undo: [[one, two, three, undone]], redo: [[undone]] });
  const again = engine.load(doc.save(), { peer: 'ann' });
  const undo = new UndoManager(again, { stacks: JSON.parse(saved) });
  assert.deepEqual([undo.canUndo, undo.canRedo], [true, true]);
  undo.redo();
  assert.equal(again.get('t', 'r')?.s, 'text');
  undo.undo();
  undo.undo();
  assert.equal(again.tables().length, 0);
  assert.equal(undo.toJSON().redo.length, 2);
  for (const [stacks, message] of /** @type {[any, RegExp][]} */ ([
    [{ undo: [] }, /^redo must be an array, not undefined$/],
    [{ undo: [{}], redo: [] }, /^undo\[0\]/],
    [{ undo: [], redo: [[{ peer: 1, counter: 0 }]] }, /^redo\[0\]\[0\]: peer must be a string, not 1$/],
  ])) {
    assert.throws(() => new UndoManager(again, { stacks }), { name: 'InvalidArgumentError', message });
  }
});

test('steps that show nothing any more are left out', () => {
  const [doc, other] = replicas();
  const unknown = [[{ peer: 'eve', counter: 7 }]];
  const undo = new UndoManager(doc, { pauseMs: 0, stacks: { undo: unknown, redo: unknown } });
  assert.equal(undo.redo(), null, 'an event that is not known');
  doc.update('t', 'r', { n: 1 });
  doc.update('t', 'r', { m: 1 });
  merge(doc, other);
  other.update('t', 'r', { m: 2 });
  merge(other, doc);
  assert.deepEqual(undo.undo()?.place, { table: 't', row: 'r', column: 'n' });
  assert.deepEqual({ ...doc.get('t', 'r') }, { m: 2 });
  doc.update('t', 'r', { n: 3 });
  doc.compact([doc.summary()]);
  assert.equal(undo.undo(), null, 'events that were compacted away');
  assert.equal(undo.canUndo, false);
});

test('a step stays if it could not be taken back', () => {
  const [doc] = replicas();
  const undo = new UndoManager(doc);
  doc.update('t', 'r', { n: 1 });
  const { inverseOf } = doc;
  doc.inverseOf = () => [{ op: 'update', table: 't', row: 'none', cells: {} }];
  assert.throws(() => undo.undo(), { name: 'NoSuchRowError' });
  doc.inverseOf = inverseOf;
  assert.equal(undo.canUndo, true);
  assert.deepEqual(undo.undo()?.place, { table: 't', row: 'r', column: 'n' });
});

test('the place of an undo is where its last operation acted', () => {
  const [doc] = replicas('👩‍🚀 writes');
  const undo = new UndoManager(doc, { pauseMs: 0 });
  const place = { table: 't', row: 'r' };
  for (const [write, expected] of /** @type {[() => unknown, object][]} */ ([
    [() => doc.splice('t', 'r', 's', 4, 6, ''), { ...place, column: 's', start: 6, end: 12 }],
    [() => doc.splice('t', 'r', 's', 4, 0, '🖊'), { ...place, column: 's', start: 6, end: 6 }],
    [() => doc.add('t', 'r', 'n', 1), { ...place, column: 'n' }],
    [() => doc.update('t', 'r', { a: 1, b: 2 }), { ...place, column: 'b' }],
    [() => doc.update('t', 'r', { s: 1 }), { ...place, column: 's' }],
    [() => doc.insert('t', 'q', {}), { table: 't', row: 'q' }],
    [() => doc.delete('t', 'r'), { ...place, column: 's' }],
  ])) {
    write();
    assert.deepEqual(undo.undo()?.place, expected, `${write}`);
    assert.equal(doc.get('t', 'r')?.s, '👩‍🚀 writes', `${write}`);
  }
});
