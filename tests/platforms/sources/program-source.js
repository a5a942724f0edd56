import source module from '@converge/sync/converge.core.wasm';
import * as sync from '@converge/sync';
import { suite } from './suite.js';

console.log(`converge ${await suite({ ...sync, open: () => sync.open(module) })}`);
