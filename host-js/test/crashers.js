// The files of tests/crashers: each call has the recorded result, as on every host, and a call that
// fails changes nothing.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ConvergeError, open } from '../src/node.js';

/** @import { Doc as AnyDoc } from '../src/node.js' */

const folder = new URL('../../tests/crashers/', import.meta.url);
const engine = await open();

/** @param {string} name */
const read = async (name) => new Uint8Array(await readFile(new URL(name, folder)));

const text = new TextDecoder().decode(await read('verdicts.txt'));
const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('all recorded results are read', () => assert.ok(lines.length > 200, `${lines.length} lines`));

for (const line of lines) {
  test(line, async () => {
    const [file = '', call = '', into = '', expected] = line.split(' ');
    const bytes = await read(file);
    const doc = into === '-' ? engine.create('nobody') : engine.load(await read(into), { peer: 'nobody' });
    const before = state(doc);
    /** @type {Record<string, () => unknown>} */
    const calls = {
      load: () => engine.load(bytes, { peer: 'nobody' }).dispose(),
      'merge-update': () => doc.mergeUpdate(bytes),
      rebase: () => doc.rebase(bytes),
    };
    const verdict = verdictOf(calls[call] ?? assert.fail(`unknown call: ${call}`));
    assert.equal(verdict, expected);
    if (verdict !== 'ok') {
      assert.deepEqual(state(doc), before);
    }
    doc.dispose();
  });
}

/** @param {() => unknown} call */
function verdictOf(call) {
  try {
    call();
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof ConvergeError, String(error));
    return error.case;
  }
}

/** @param {AnyDoc} doc */
function state(doc) {
  return [doc.digestHex(), doc.heads(), doc.version(), doc.save()];
}
