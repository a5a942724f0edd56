// Compares the hash with published values, and a fingerprint with the example in docs/format.md.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { digits, fingerprint } from './fingerprints.js';
import { xxh64 } from './xxh64.js';

test('XXH64 returns the published hashes', () => {
  const published = {
    '': 'ef46db3751d8e999',
    a: 'd24ec4f1a98c6e5b',
    abc: '44bc2cf5ad770999',
    'Nobody inspects the spammish repetition': 'fbcea83c8a378bf1',
  };
  for (const [text, hash] of Object.entries(published)) assert.equal(digits(xxh64(Buffer.from(text))), hash, text);
});

test('the example in docs/format.md has the computed fingerprint', () => {
  const page = readFileSync(new URL('../docs/format.md', import.meta.url), 'utf8');
  const [, example] = page.match(/has the fingerprint\s+`([0-9a-f]{16})`/) ?? [];
  const cells = [{ column: 'x', value: /** @type {const} */ ({ tag: 'integer', val: 1n }) }];
  const op = /** @type {const} */ ({ tag: 'insert', val: { table: 't', row: 'r', cells } });
  assert.equal(digits(fingerprint({ author: 'ann', previous: 0n, salt: 0n, others: [] }, [op])), example);
});
