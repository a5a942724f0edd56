import { keep, post } from './page.js';
import { suite } from './suite.js';
import * as sync from './node_modules/@converge/sync/dist/converge.min.js';

post(suite(sync, keep));
