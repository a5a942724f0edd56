// The positions of CodeMirror's transactions and of a view, with random edits and without a browser.

import { ChangeSet, EditorState } from '@codemirror/state';
import { open } from '@converge/sync';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomNumbers } from '../../../tests/browser/rig/random.js';
import { toChangeSet, toTextChanges } from '../src/codemirror.js';

const CELL = /** @type {const} */ (['notes', 'n1', 'body']);
const SEEDS = 200;
const ROUNDS = 30;
const PIECES = ['a', 'bc', '🌵', '\n', 'é\r\n', ''];

test('changes of one transaction are in ascending order, each for the text after the one before it', () => {
  const state = EditorState.create({ doc: 'one 🌵\ntwo' });
  const transaction = state.update({
    changes: [
      { from: 7, to: 8, insert: 'T' },
      { from: 0, insert: '1\n2 ' },
      { from: 4, to: 6, insert: '' },
    ],
  });
  assert.deepEqual(toTextChanges(transaction), [
    { at: 0, remove: 0, insert: '1\n2 ' },
    { at: 8, remove: 2, insert: '' },
    { at: 9, remove: 1, insert: 'T' },
  ]);
  assert.equal(toChangeSet([], 3).empty, true);
});

test('an editor that lags behind, and takes the changes of others, shows the document', async () => {
  const engine = await open();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = randomNumbers(seed);
    const doc = engine.create('ann');
    doc.insert('notes', 'n1', {});
    const text = doc.openText(...CELL);
    const others = doc.openText(...CELL);
    let state = EditorState.create({ extensions: EditorState.lineSeparator.of('\n') });
    for (let round = 0; round < ROUNDS; round++) {
      if (random(3) === 0) {
        const changes = toChangeSet(text.take() ?? [], state.doc.length);
        state = state.update({ changes }).state;
        assert.equal(state.doc.toString(), doc.get('notes', 'n1')?.body ?? '', `seed ${seed}`);
      } else if (random(2) === 0) {
        const shown = others.read() ?? '';
        const [from, to] = randomRange(random, shown);
        others.edit({ at: from, remove: to - from, insert: PIECES[random(PIECES.length)] });
      } else {
        const shown = state.doc.toString();
        const changes = Array.from({ length: 1 + random(3) }, () => {
          const [from, to] = randomRange(random, shown);
          return ChangeSet.of({ from, to, insert: PIECES[random(PIECES.length)] }, shown.length, '\n');
        });
        // Several changes of the same text, as those of several cursors.
        const joined = changes.reduce((before, change) => before.compose(change.map(before)));
        const transaction = state.update({ changes: joined });
        text.edit(toTextChanges(transaction));
        state = transaction.state;
      }
    }
    const changes = toChangeSet(text.take() ?? [], state.doc.length);
    assert.equal(state.update({ changes }).state.doc.toString(), others.read(), `seed ${seed}`);
    text.close();
    others.close();
    doc.dispose();
  }
});

/**
 * Returns two positions in a text, in ascending order, and not inside of characters.
 *
 * @param {(limit: number) => number} random
 * @param {string} text
 */
function randomRange(random, text) {
  const characters = [...text];
  const from = random(characters.length + 1);
  const to = Math.min(from + random(3), characters.length);
  return [from, to].map((count) => characters.slice(0, count).join('').length);
}
