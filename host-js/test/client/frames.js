// Host frames, against the examples of docs/server.md, and what clients read of tokens and addresses.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { addressOf } from '../../src/client/address.js';
import { decodeFrame, isFrame, pingFrame, tokenFrame } from '../../src/client/frames.js';
import { refusalOf } from '../../src/client/refusals.js';
import { expiryOf } from '../../src/client/token.js';

const page = await readFile(new URL('../../../docs/server.md', import.meta.url), 'utf8');

/** @param {string} hex */
function bytes(hex) {
  return Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16));
}

test('the examples of docs/server.md', () => {
  const [, text = '', hex = '', empty = ''] =
    page.match(/The token `(\w+)` is `([\da-f ]+)`, and the empty one\s+`([\da-f ]+)`/) ?? [];
  assert.deepEqual(tokenFrame(text), bytes(hex));
  assert.deepEqual(tokenFrame(''), bytes(empty));
  const [, code, why, goodbye = ''] =
    page.match(/goodbye with the code (\d+) and the\s+text `(\w+)` is `([\da-f ]+)`/) ?? [];
  assert.deepEqual(decodeFrame(bytes(goodbye)), { kind: 'goodbye', code: Number(code), retryMs: undefined, why });
});

test('every code of docs/server.md has the reason and the answer of the table', () => {
  const rows = [...page.matchAll(/^\| (\d{4}) \| ([\w-]+) \| .* \| (.*) \|$/gm)];
  assert.equal(rows.length, 14);
  for (const [, code, reason, does = ''] of rows) {
    const { answer, error } = refusalOf(Number(code), undefined, '');
    assert.equal(error.reason, reason);
    const expected = [
      ['stops', 'stop'],
      ['connects', 'retry'],
      ['gets', 'token'],
      ['loads', 'rebase'],
    ].find(([word = '']) => does.startsWith(word));
    assert.equal(answer, expected?.[1], `${code}: ${does}`);
  }
});

test('frames of servers', () => {
  assert.deepEqual(decodeFrame(new Uint8Array([65, 2, 97, 98, 5, 0x80, 0x80, 4, 0xe0, 0xd4, 3, 99])), {
    kind: 'welcome',
    incarnation: 'ab',
    writes: true,
    presence: false,
    maxMessageBytes: 65_536,
    silenceMs: 60_000,
  });
  assert.deepEqual(decodeFrame(new Uint8Array([70])), { kind: 'pong' });
  assert.deepEqual(decodeFrame(new Uint8Array([72, 0xf4, 7, 0xe9, 7, 0])), {
    kind: 'goodbye',
    code: 1012,
    retryMs: 1000,
    why: '',
  });
  assert.equal(decodeFrame(new Uint8Array([79, 1, 2])), undefined);
  for (const damaged of [[65], [65, 3, 97], [72, 0x80], [72, 1, 1, 5, 97], [72, ...Array(11).fill(0x80)]]) {
    assert.throws(() => decodeFrame(new Uint8Array(damaged)), RangeError);
  }
  assert.deepEqual(pingFrame(), new Uint8Array([69]));
  assert.deepEqual(
    [1, 6, 63, 64, 79, 80, 129].map((kind) => isFrame(new Uint8Array([kind]))),
    [false, false, false, true, true, false, false],
  );
});

test('when a token expires', () => {
  const token = (/** @type {object} */ claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  assert.equal(expiryOf(token({ exp: 12, sub: 'ännchen?>' })), 12_000);
  for (const without of [token({}), token({ exp: 'soon' }), 'abc', '', 'a.b.c']) {
    assert.equal(expiryOf(without), undefined);
  }
});

test('addresses', () => {
  const expected = {
    http: 'https://a.example/x/v1/docs/board%2F1',
    socket: 'wss://a.example/x/v1/docs/board%2F1/sync',
  };
  for (const url of ['https://a.example/x', 'wss://a.example/x/', new URL('https://a.example/x?y#z')]) {
    assert.deepEqual(addressOf(url, 'board/1'), expected);
  }
  assert.equal(addressOf('http://localhost:4747', 'ä').socket, 'ws://localhost:4747/v1/docs/%C3%A4/sync');
  assert.throws(() => addressOf('ftp://a.example', 'board'), /starts with http/);
  assert.throws(() => addressOf('http://a.example', ''), /not empty/);
});
