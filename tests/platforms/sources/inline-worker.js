import * as sync from '@converge/sync/inline';
import { keep, post } from './page.js';
import { suite } from './suite.js';

post(suite(sync, keep));
