import { open } from '@converge/sync';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyLeftovers } from '../src/leftovers.js';
import { TABLE, addTask, deleteTask, moveTask, renameTask, tasksOf } from '../src/tasks.js';
import { Undo } from '../src/undo.js';

/** @import { Doc } from '@converge/sync' */

const engine = await open();

/** A document with tasks in the column `todo`. @param {string[]} titles */
function docWith(...titles) {
  const doc = engine.create();
  for (const title of titles) addTask(doc, 'todo', title);
  return doc;
}

/** @param {Doc} doc */
const shown = (doc) => tasksOf(doc).map(({ column, title }) => `${column} ${title}`);

/** @param {Doc} doc @param {string} title */
const idOf = (doc, title) => tasksOf(doc).find((task) => task.title === title)?.id ?? '';

test('tasks keep their order, and are moved within a column and to another one', () => {
  const doc = docWith('a', 'b', 'c');
  assert.deepEqual(shown(doc), ['todo a', 'todo b', 'todo c']);
  moveTask(doc, idOf(doc, 'c'), 'todo', 0);
  assert.deepEqual(shown(doc), ['todo c', 'todo a', 'todo b']);
  moveTask(doc, idOf(doc, 'c'), 'todo', 1);
  assert.deepEqual(shown(doc), ['todo a', 'todo c', 'todo b']);
  moveTask(doc, idOf(doc, 'a'), 'todo');
  assert.deepEqual(shown(doc), ['todo c', 'todo b', 'todo a']);
  moveTask(doc, idOf(doc, 'b'), 'done');
  assert.deepEqual(shown(doc).sort(), ['done b', 'todo a', 'todo c']);
});

test('a task that one person reorders and another one moves to a column gets both changes', () => {
  const start = docWith('a', 'b').save();
  // Of concurrent writes to one cell, the name of the peer can decide which one is kept.
  for (const [first, second] of [
    ['ann', 'ben'],
    ['ben', 'ann'],
  ]) {
    const [one, other] = [engine.load(start, { peer: first }), engine.load(start, { peer: second })];
    moveTask(one, idOf(one, 'b'), 'todo', 0);
    renameTask(one, idOf(one, 'b'), 'B');
    moveTask(other, idOf(other, 'b'), 'done');
    other.mergeUpdate(one.updateSince(other.summary()));
    assert.deepEqual(shown(other).sort(), ['done B', 'todo a']);
  }
});

test('rows of other programs can lack cells', () => {
  const doc = engine.create();
  doc.insert(TABLE, 't1', { column: 'elsewhere', title: 7 });
  assert.deepEqual(tasksOf(doc), [{ id: 't1', title: '7', column: 'todo', order: '' }]);
});

test('tasks of other programs, with equal orders or none, can be moved', () => {
  for (const orders of [
    [],
    ['B', 'B', 'B', 'B'],
    ['0', '00', '000', '0000'],
    ['~', '~a', 'é', 'ü'],
    ['', 'B', 'B', 'C'],
  ]) {
    const doc = engine.create();
    for (const [index, title] of ['a', 'b', 'c', 'd'].entries()) {
      doc.insert(TABLE, `t${index}`, orders.length > 0 ? { title, order: orders[index] ?? '' } : { title });
    }
    const undo = new Undo();
    const titles = () => tasksOf(doc).map(({ title }) => title);
    undo.run(doc, () => moveTask(doc, 't3', 'todo', 1));
    assert.deepEqual(titles(), ['a', 'd', 'b', 'c'], orders.join());
    undo.undo(doc);
    assert.deepEqual(titles(), ['a', 'b', 'c', 'd'], 'the move and the new orders are one change');
    moveTask(doc, 't0', 'todo', 2);
    moveTask(doc, 't3', 'todo', 0);
    assert.deepEqual(titles(), ['d', 'b', 'c', 'a']);
    addTask(doc, 'todo', 'e');
    assert.deepEqual(titles(), ['d', 'b', 'c', 'a', 'e']);
  }
});

test('undo takes back the own changes, the last one first, and keeps those of others', () => {
  const [doc, undo] = [docWith('a'), new Undo()];
  const id = idOf(doc, 'a');
  undo.run(doc, () => renameTask(doc, id, 'b'));
  moveTask(doc, id, 'done');
  undo.run(doc, () => deleteTask(doc, id));
  undo.undo(doc);
  assert.deepEqual(shown(doc), ['done b']);
  undo.undo(doc);
  assert.deepEqual(shown(doc), ['done a']);
  assert.equal(undo.count, 0);
  undo.undo(doc);
  assert.deepEqual(shown(doc), ['done a']);
});

test('leftovers are applied, and a title of a task that does not exist makes a new task', () => {
  const doc = docWith('a');
  applyLeftovers(doc, [
    [{ op: 'insert', table: TABLE, row: 't1', cells: { title: 'b', column: 'done' } }],
    [{ op: 'update', table: TABLE, row: 'renamed', cells: { title: 'c' } }],
    [{ op: 'update', table: TABLE, row: 'moved', cells: { column: 'done' } }],
    [
      { op: 'delete', table: TABLE, row: 'gone' },
      { op: 'update', table: TABLE, row: 't1', cells: { title: 'B' } },
    ],
  ]);
  assert.deepEqual(shown(doc).sort(), ['done B', 'todo a', 'todo c']);
});
