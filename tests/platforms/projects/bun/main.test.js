import { expect, test } from 'bun:test';
import * as sync from '@converge/sync';
import { suite } from './suite.js';

test('the suite', async () => {
  const digest = await suite(sync);
  expect(digest).toMatch(/^[0-9a-f]+$/);
  console.log(`converge ${digest}`);
});
