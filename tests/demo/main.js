// The demo. First it replays both real histories in Node, in several orders, while cargo builds the Rust host. Then a dozen
// live replicas, half in Rust and half in Node, write one of the histories, alternately offline and online. At the end, the
// Rust host replays both histories and must agree with Node.
import { spawn } from 'node:child_process';
import { live } from './live.js';
import { replayAll } from './replay.js';
import { root } from './root.js';

const rig = build('converge-rig');

console.log('\nReplay: two real histories in Node, event by event, in several orders\n');
const inNode = await replayAll('node');

console.log('\nLive: a dozen replicas write the branches of a real history, half in Rust and half in Node\n');
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

/**
 * Builds a program of the workspace.
 *
 * @param {string} name
 */
async function build(name) {
  const cargo = spawn('cargo', ['build', '--quiet', '--release', '--bin', name], { cwd: root, stdio: 'inherit' });
  const code = await new Promise((resolve, reject) => cargo.on('error', reject).on('close', resolve));
  if (code !== 0) {
    console.error(`cargo could not build ${name}`);
    process.exit(1);
  }
}
