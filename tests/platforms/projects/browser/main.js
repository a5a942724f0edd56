import { keep, show } from './page.js';
import { suite } from './suite.js';
import * as sync from './node_modules/@converge/sync/dist/converge.min.js';

show(suite(sync, keep), new Worker('worker.js', { type: 'module' }));
