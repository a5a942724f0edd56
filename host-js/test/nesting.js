// Transports that deliver a message before `send` returns, so that the calls of both sides would nest.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { open } from '../src/node.js';

/** @import { Session } from '../src/session.js' */

const module = await WebAssembly.compile(await readFile(new URL('../dist/converge.core.wasm', import.meta.url)));
const MESSAGE_BYTES = 64;
/**
 * The number of rows of each side. In messages of 64 bytes they need more nested calls than fit on
 * the stack.
 */
const ROWS = 1_500;
const ROW_BYTES = 400;

/**
 * Opens both sides of a session with many rows to send.
 *
 * @param {number} [rows]
 */
async function sides(rows = ROWS) {
  const engine = await open(module);
  const [ann, ben] = ['ann', 'ben'].map((peer) => {
    const [doc, store] = [engine.create(peer), engine.createStore(peer)];
    for (let i = 0; i < rows; i++) doc.insert('t', `${peer}-${i}`, { text: peer.padEnd(ROW_BYTES) });
    return { doc, session: engine.openSession(doc, store, { document: 'notes', maxMessageBytes: MESSAGE_BYTES }) };
  });
  assert.ok(ann && ben);
  return { engine, ann, ben };
}

/**
 * Exchanges all messages over a transport that delivers before `send` returns.
 *
 * @param {Session} from
 * @param {Session} to
 */
function flush(from, to) {
  from.flush((message) => {
    to.receive(message);
    flush(to, from);
  });
}

test('flush over a synchronous transport loops instead of nesting', async () => {
  const { engine, ann, ben } = await sides();
  let [messages, depth, deepest] = [0, 0, 0];
  /** @type {(from: Session, to: Session) => void} */
  const flushCounted = (from, to) =>
    from.flush((message) => {
      messages++;
      deepest = Math.max(deepest, ++depth);
      to.receive(message);
      flushCounted(to, from);
      depth--;
    });
  flushCounted(ann.session, ben.session);
  assert.ok(ann.session.progress().inSync && ben.session.progress().inSync);
  assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
  assert.ok(messages > 2_000, `${messages} messages`);
  assert.equal(deepest, 2);
  assert.equal(engine.gone, false);
});

test('poll and receive fail before nested calls exhaust the stack, and the documents still work', async () => {
  const { engine, ann, ben } = await sides();
  /** @type {(from: Session, to: Session) => void} */
  const carry = (from, to) => {
    for (let message = from.poll(); message !== undefined; message = from.poll()) {
      to.receive(message);
      carry(to, from);
    }
  };
  assert.throws(() => carry(ann.session, ben.session), {
    name: 'RangeError',
    message: /^this call is nested too deeply and did nothing: .* session\.flush\(\)/,
  });
  assert.equal(engine.gone, false);
  const again = [ann, ben].map(({ doc }) => engine.openSession(doc, engine.createStore(), { document: 'notes' }));
  const [one, other] = again;
  assert.ok(one && other);
  flush(one, other);
  assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
});

test('at every depth of the stack, poll and receive complete or do nothing', async () => {
  const { engine, ann, ben } = await sides(200);
  /** @type {(depth: number, call: () => unknown) => unknown} */
  const at = (depth, call) => (depth === 0 ? call() : at(depth - 1, call));
  let deepest = 0;
  const dig = () => {
    deepest++;
    dig();
  };
  assert.throws(dig, RangeError);
  let [done, refused] = [0, 0];
  const attempt = (/** @type {number} */ depth, /** @type {() => unknown} */ call) => {
    try {
      at(depth, call);
      done++;
      return true;
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
      refused++;
      return false;
    }
  };
  for (let depth = Math.floor(deepest / 2); depth < 2 * deepest; depth += 32) {
    /** @type {Uint8Array | undefined} */
    let message;
    if (!attempt(depth, () => (message = ann.session.poll()))) message = ann.session.poll();
    const received = message;
    if (received !== undefined && !attempt(depth, () => ben.session.receive(received))) ben.session.receive(received);
    for (const answer of ben.session.messages()) ann.session.receive(answer);
  }
  assert.equal(engine.gone, false);
  assert.ok(done > 100 && refused > 100, `${done} calls done, ${refused} refused`);
  flush(ann.session, ben.session);
  assert.ok(ann.session.progress().inSync && ben.session.progress().inSync);
  assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
});

test('a send that throws does not leave the session flushing', async () => {
  const { ann } = await sides();
  const closed = new Error('closed');
  const fail = () => {
    throw closed;
  };
  assert.throws(() => ann.session.flush(fail), closed);
  ann.doc.insert('t', 'more', {});
  let sent = 0;
  ann.session.poll();
  ann.session.flush(() => sent++);
  assert.equal(sent, 0, 'the hello was lost, and nothing follows before the answer to it');
  assert.throws(() => ann.session.flush(/** @type {any} */ (undefined)), {
    name: 'InvalidArgumentError',
    message: 'send must be a function, not undefined',
  });
});
