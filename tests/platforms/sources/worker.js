import * as sync from '@converge/sync';
import { keep, post } from './page.js';
import { suite } from './suite.js';

post(suite(sync, keep));
