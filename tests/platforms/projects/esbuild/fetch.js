import * as sync from '@converge/sync';
import url from '@converge/sync/converge.core.wasm';
import { keep, show } from './page.js';
import { suite } from './suite.js';

show(suite({ ...sync, open: () => sync.open(fetch(url)) }, keep));
