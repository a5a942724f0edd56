import * as sync from '@converge/sync/inline';
import { suite } from './suite.js';

// Without a top-level `await`, so that bundlers can make CommonJS of it.
suite(sync).then((digest) => console.log(`converge ${digest}`));
