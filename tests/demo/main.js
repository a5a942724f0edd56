// The demo. First it replays both real histories in Node, in several orders, while cargo builds the Rust host. Then a dozen
// live replicas, half in Rust and half in Node, write one of the histories, alternately offline and online. Two people, one in Rust
// and one in Node, type in one text. Then the Rust host replays both histories and must agree with Node. At the end, clients in Rust
// and Node write through a server, which is killed.
import { spawn } from 'node:child_process';
import { live } from './live.js';
import { replayAll } from './replay.js';
import { root } from './root.js';
import { serve } from './server.js';
import { type } from './typing/index.js';

const rig = build('converge-rig', 'converge');

console.log('\nReplay: two real histories in Node, event by event, in several orders\n');
const inNode = await replayAll('node');

console.log('\nLive: a dozen replicas write the branches of a real history, half in Rust and half in Node\n');
await rig;
const agreed = await live();

console.log('\nTyping: two people type in one text at once, one in Rust and one in Node\n');
const typed = await type();

console.log('\nReplay: the same histories in Rust\n');
const inRust = await replayAll('rust', inNode);

console.log('\nServer: clients in Rust and Node write one document, and the server is killed in the middle\n');
const served = await serve();

const succeeded = agreed && typed && inNode.succeeded && inRust.succeeded && served;
console.log(
  succeeded
    ? '\nEvery replay ended with exactly the files of the real repository, all digests of a history are equal, both people have the text that they typed, and the server lost nothing that it had acknowledged.'
    : '\nThe demo failed; see the lines above.',
);
process.exitCode = succeeded ? 0 : 1;

/**
 * Builds programs of the workspace.
 *
 * @param {string[]} names
 */
async function build(...names) {
  const bins = names.flatMap((name) => ['--bin', name]);
  const cargo = spawn('cargo', ['build', '--quiet', '--release', ...bins], { cwd: root, stdio: 'inherit' });
  const code = await new Promise((resolve, reject) => cargo.on('error', reject).on('close', resolve));
  if (code !== 0) {
    console.error(`cargo could not build ${names.join(' and ')}`);
    process.exit(1);
  }
}
