import * as sync from '@converge/sync';
import { suite } from './suite.js';

console.log(`converge ${await suite(sync)}`);
