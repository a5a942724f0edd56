// Views of texts and undo, with a stand-in for the functions that the engine does not export yet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompactedError, InvalidArgumentError, open } from '../src/node.js';
import { UndoManager } from '../src/texts/undo.js';
import { TextView } from '../src/texts/view.js';

/** @import { EventId } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { UndoDoc } from '../src/texts/undo.js' */
/** @import { Change, Side } from '../src/texts/view.js' */

const engine = await open();

/**
 * Returns a document that can take back its last events: it goes back to the heads before them.
 *
 * @param {import('../src/doc.js').Doc} [doc]
 * @returns {UndoDoc}
 */
function undoable(doc = engine.create('ann')) {
  const inverseOf = (/** @type {EventId[]} */ events) => {
    const [first] = events.map(({ counter }) => counter);
    const before = first === undefined || first === 0 ? [] : [{ peer: doc.peer(), counter: first - 1 }];
    return doc.diff(doc.heads(), before);
  };
  return Object.assign(doc, { inverseOf });
}

test('commits without a pause are one step', () => {
  const doc = undoable();
  doc.insert('t', 'r', {});
  const undo = new UndoManager(doc, { pauseMs: Infinity });
  assert.equal(undo.undo(), null, 'commits before the manager');
  for (const [at, char] of [...'typed'].entries()) doc.splice('t', 'r', 's', at, 0, char);
  undo.pause();
  doc.transact((transaction) => transaction.splice('t', 'r', 's', 5, 0, ' and more'));
  doc.begin().dispose();
  doc.transact(() => {});
  assert.deepEqual(undo.undo(), { event: { peer: 'ann', counter: 7 }, place: { table: 't', row: 'r', column: 's' } });
  assert.equal(doc.get('t', 'r')?.s, 'typed');
  assert.deepEqual([undo.canUndo, undo.canRedo], [true, true]);
  undo.undo();
  assert.deepEqual({ ...doc.get('t', 'r') }, {});
  assert.equal(undo.undo(), null);
  assert.equal(undo.canUndo, false);
});

test('commits with a pause are separate steps', async () => {
  const doc = undoable();
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

test('redo takes back an undo, until there is another commit', () => {
  const doc = undoable();
  const undo = new UndoManager(doc, { pauseMs: 0 });
  doc.insert('t', 'r', { n: 1 });
  doc.update('t', 'r', { n: 2 });
  undo.undo();
  assert.equal(doc.get('t', 'r')?.n, 1);
  undo.redo();
  assert.equal(doc.get('t', 'r')?.n, 2);
  undo.undo();
  assert.equal(doc.get('t', 'r')?.n, 1);
  doc.update('t', 'r', { m: 1 });
  assert.equal(undo.redo(), null);
  assert.deepEqual({ ...doc.get('t', 'r') }, { m: 1, n: 1 });
});

test('merges and writes of others are no steps', () => {
  const [doc, other] = [undoable(), engine.create('ben')];
  const undo = new UndoManager(doc);
  other.insert('t', 'r', { n: 1 });
  doc.mergeUpdate(other.updateSince());
  doc.compact([]);
  assert.throws(() => doc.update('t', 'none', {}), { name: 'NoSuchRowError' });
  assert.equal(undo.canUndo, false);
  undo.dispose();
  doc.insert('t', 's', {});
  assert.equal(undo.canUndo, false, 'a disposed manager records nothing');
});

test('steps survive a reload as plain data, under permanent names', () => {
  const doc = undoable();
  const first = new UndoManager(doc, { pauseMs: Infinity });
  doc.insert('t', 'r', { n: 1 });
  doc.update('t', 'r', { n: 2 });
  const event = doc.permanentId({ peer: 'ann', counter: 0 });
  const saved = JSON.stringify(first);
  const last = doc.permanentId({ peer: 'ann', counter: 1 });
  assert.deepEqual(JSON.parse(saved), { undo: [[event, last]], redo: [] });
  const again = undoable(engine.load(doc.save(), { peer: 'ann' }));
  const undo = new UndoManager(again, { stacks: JSON.parse(saved) });
  undo.undo();
  assert.equal(again.tables().length, 0);
  assert.equal(undo.toJSON().redo.length, 1);
  for (const [stacks, message] of /** @type {[any, RegExp][]} */ ([
    [{ undo: [] }, /^redo must be an array, not undefined$/],
    [{ undo: [{}], redo: [] }, /^undo\[0\]/],
    [{ undo: [], redo: [[{ peer: 1, counter: 0 }]] }, /^redo\[0\]\[0\]: peer must be a string, not 1$/],
  ])) {
    assert.throws(() => new UndoManager(again, { stacks }), { name: 'InvalidArgumentError', message });
  }
});

test('steps that show nothing any more are left out', () => {
  const doc = undoable();
  const undo = new UndoManager(doc, { pauseMs: 0 });
  for (const row of ['a', 'b', 'c', 'd']) doc.insert('t', row, {});
  /** @type {(() => any)[]} */
  const results = [
    () => [],
    () => {
      throw new CompactedError([]);
    },
    () => {
      throw new InvalidArgumentError('no such event');
    },
    () => [{ op: 'delete', table: 't', row: 'a' }],
  ];
  doc.inverseOf = () => results.shift()?.();
  assert.deepEqual(undo.undo()?.place, { table: 't', row: 'a' });
  assert.equal(undo.undo(), null);
  doc.insert('t', 'e', {});
  doc.inverseOf = () => [{ op: 'update', table: 't', row: 'none', cells: {} }];
  assert.throws(() => undo.undo(), { name: 'NoSuchRowError' });
  assert.equal(undo.canUndo, true, 'a step stays if it could not be taken back');
});

test('the place of an undo is where its last operation acted, in UTF-16 code units', () => {
  const doc = undoable();
  const undo = new UndoManager(doc, { pauseMs: 0 });
  doc.insert('t', 'r', { s: '👩‍🚀 writes', n: 1 });
  const place = { table: 't', row: 'r' };
  for (const [op, expected] of /** @type {const} */ ([
    [
      { op: 'splice', ...place, column: 's', at: 3, remove: 0, insert: '🖊' },
      { ...place, column: 's', start: 5, end: 7 },
    ],
    [
      { op: 'splice', ...place, column: 's', at: 4, remove: 1, insert: '' },
      { ...place, column: 's', start: 7, end: 7 },
    ],
    [
      { op: 'add', ...place, column: 'n', amount: 1 },
      { ...place, column: 'n' },
    ],
    [
      { op: 'unset', ...place, columns: ['s', 'n'] },
      { ...place, column: 'n' },
    ],
    [{ op: 'insert', ...place, cells: {} }, place],
    [{ op: 'delete', ...place }, place],
  ])) {
    doc.commit([]);
    doc.inverseOf = () => [/** @type {any} */ (op)];
    assert.deepEqual(undo.undo()?.place, expected);
  }
});

/** A view that notes its calls. */
class RawView {
  calls = /** @type {unknown[][]} */ ([]);
  read = () => 'text';
  length = () => 4;
  slice = (/** @type {number} */ start, /** @type {number} */ end) => 'text'.slice(start, end);
  edit = (/** @type {Change[]} */ changes) => (this.calls.push(['edit', changes]), { peer: 'ann', counter: 0 });
  take = () => [{ at: 0, remove: 4, insert: '' }];
  rewrite = (/** @type {string} */ text) => (this.calls.push(['rewrite', text]), undefined);
  anchor = (/** @type {number} */ at, /** @type {Side} */ side) => Uint8Array.of(at, side.length);
  position = (/** @type {Uint8Array} */ anchor) => anchor[0];
  [Symbol.dispose] = () => void this.calls.push(['dispose']);
}

test('a view passes changes to the engine', () => {
  const raw = new RawView();
  const view = new TextView(raw);
  assert.deepEqual(
    [view.read(), view.length(), view.slice(), view.slice(1), view.slice(1, 2)],
    [...['text', 4, 'text', 'ext', 'e']],
  );
  assert.deepEqual(view.edit({ at: 1, insert: 'x' }), { peer: 'ann', counter: 0 });
  view.edit([{ at: 1 }, { at: 0, remove: 2 }]);
  assert.equal(view.rewrite('new'), undefined);
  assert.deepEqual(view.take(), [{ at: 0, remove: 4, insert: '' }]);
  assert.deepEqual([...view.anchor(2), ...view.anchor(2, 'before')], [2, 5, 2, 6]);
  assert.equal(view.position(view.anchor(3)), 3);
  view.close();
  assert.deepEqual(raw.calls, [
    ['edit', [{ at: 1, remove: 0, insert: 'x' }]],
    [
      'edit',
      [
        { at: 1, remove: 0, insert: '' },
        { at: 0, remove: 2, insert: '' },
      ],
    ],
    ['rewrite', 'new'],
    ['dispose'],
  ]);
  for (const [change, message] of /** @type {[any, RegExp][]} */ ([
    [{ at: -1 }, /^changes\[0\]: at must be an integer from 0 to 4294967295, not -1$/],
    [{ at: 0, insert: '\ud83d' }, /^changes\[0\]: insert has a lone surrogate/],
    [{ at: 0, text: 'x' }, /^changes\[0\]: a change has no member "text"; the members are at, remove, insert$/],
  ])) {
    assert.throws(() => view.edit(change), { name: 'InvalidArgumentError', message });
  }
});

test('edits of views are steps', () => {
  const doc = Object.assign(undoable(), { openText: () => new TextView(new RawView()) });
  doc.insert('t', 'r', {});
  const undo = new UndoManager(doc);
  const view = doc.openText();
  view.rewrite('new');
  assert.equal(undo.canUndo, false, 'a rewrite that changes nothing');
  view.edit({ at: 0 });
  assert.equal(undo.toJSON().undo.length, 1);
});
