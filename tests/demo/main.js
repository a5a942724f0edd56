// The main job. First both real histories are replayed in Node, in several orders, while cargo builds the Rust host. Then a
// dozen replicas, half of them in Rust and half in Node, write one history live, offline and online in turns. Last, the Rust
// host replays both histories and must agree with Node.
import { spawn } from 'node:child_process';
import { live } from './live.js';
import { replayAll } from './replay.js';
import { root } from './root.js';

const rig = build('converge-rig');

console.log('\nReplay: two real histories in Node, event for event, in several orders\n');
const inNode = await replayAll('node');

console.log('\nLive: a dozen replicas write the branches of a real history, half of them in Rust, half in Node\n');
await rig;
const agreed = await live();

console.log('\nReplay: the same histories in Rust\n');
const inRust = await replayAll('rust', inNode);

const succeeded = agreed && inNode.succeeded && inRust.succeeded;
console.log(
  succeeded
    ? '\nEvery replay ended with exactly the files of the real repository, and all digests of a history are equal.'
    : '\nThe demo failed; see the lines above.',
);
process.exitCode = succeeded ? 0 : 1;

/** Builds a program of the workspace and shows what cargo says once it has something to say. */
async function build(name) {
  const cargo = spawn('cargo', ['build', '--quiet', '--release', '--bin', name], { cwd: root, stdio: 'inherit' });
  const code = await new Promise((resolve, reject) => cargo.on('error', reject).on('close', resolve));
  if (code !== 0) {
    console.error(`cargo could not build ${name}`);
    process.exit(1);
  }
}
