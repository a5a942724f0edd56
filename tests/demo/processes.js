// The processes of the parts with replicas in Rust and in Node.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { root } from './root.js';

const RIG = 'target/release/converge-rig';

/**
 * Runs `converge-rig` and a program in Node, which connects to the port that the former prints, for
 * at most `maxSeconds`. Their lines are fields, separated by tabs, and the first one is the kind of
 * the line. Returns whether both ended with the exit code 0.
 *
 * @param {string[]} rig the arguments of `converge-rig`
 * @param {(port: string) => string[]} node returns the program in Node and its arguments
 * @param {(kind: string, fields: string[]) => void} take called for each other line
 * @param {{ maxSeconds: number, env?: NodeJS.ProcessEnv }} options
 */
export async function runPair(rig, node, take, { maxSeconds, env }) {
  const started = [start(RIG, rig, env)];
  const killAll = () => started.forEach(({ child }) => child.kill());
  const timer = setTimeout(killAll, maxSeconds * 1000);
  const [{ lines }] = started;
  /** @type {Promise<void> | undefined} */
  let following;
  for await (const line of lines) {
    const [kind, ...fields] = line.split('\t');
    if (kind !== 'port') {
      take(kind, fields);
      continue;
    }
    const other = start(process.execPath, node(fields[0]), env);
    started.push(other);
    // Each would wait for the other one if that has failed.
    for (const { finished } of started) finished.then((code) => code !== 0 && killAll());
    following = follow(other.lines, take);
  }
  await following;
  const codes = await Promise.all(started.map(({ finished }) => finished));
  clearTimeout(timer);
  return codes.length === 2 && codes.every((code) => code === 0);
}

/**
 * @param {AsyncIterable<string>} lines
 * @param {(kind: string, fields: string[]) => void} take
 */
async function follow(lines, take) {
  for await (const line of lines) {
    const [kind, ...fields] = line.split('\t');
    take(kind, fields);
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function start(command, args, env) {
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  /** @type {Promise<number>} */
  const finished = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  return { child, finished, lines: createInterface({ input: child.stdout }) };
}
