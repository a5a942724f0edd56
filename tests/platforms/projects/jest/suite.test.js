import * as sync from '@converge/sync';
import { open } from '@converge/sync/inline';
import { writeFileSync } from 'node:fs';
import { suite } from './suite.js';

test('the suite', async () => {
  const digest = await suite(sync);
  expect(await suite({ ...sync, open })).toBe(digest);
  // Written to a file, because Jest reformats the output of tests.
  writeFileSync('outcome', `converge ${digest}`);
});
