import * as sync from '@converge/sync';
import { keep, show } from './page.js';
import { suite } from './suite.js';

show(suite(sync, keep), new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));
