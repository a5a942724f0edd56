// The main job. Live: a dozen replicas of a real history, in Rust and in Node, offline and online in turns, in sync in the end.
// Exact: two real histories replayed through both hosts in several orders, which give the files of the real repositories.
import { live } from './live.js';
import { replayAll } from './replay.js';

console.log('\nLive: a dozen replicas write the branches of a real history, half of them in Rust, half in Node\n');
const agreed = await live();
console.log('\nExact: both histories replayed, event for event');
const exact = replayAll();
process.exitCode = agreed && exact ? 0 : 1;
