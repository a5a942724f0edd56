import * as sync from '@converge/sync/inline';
import { keep, show } from './page.js';
import { suite } from './suite.js';

show(suite(sync, keep));
