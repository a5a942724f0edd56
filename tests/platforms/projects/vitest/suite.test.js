import * as sync from '@converge/sync';
import * as inline from '@converge/sync/inline';
import { expect, test } from 'vitest';
import { suite } from './suite.js';

test('the suite', async () => {
  const digest = await suite(sync);
  expect(await suite(inline)).toBe(digest);
  console.log(`converge ${digest}`);
});
