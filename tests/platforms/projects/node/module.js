import * as sync from '@converge/sync';
import { NoSuchRowError, open } from '@converge/sync/inline';
import { suite } from './suite.js';

const digest = await suite(sync);
if ((await suite({ ...sync, open })) !== digest) throw new Error('@converge/sync/inline differs');
if (NoSuchRowError !== sync.NoSuchRowError) throw new Error('@converge/sync/inline has classes of its own');
console.log(`converge ${digest}`);
