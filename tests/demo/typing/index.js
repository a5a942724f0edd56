// The typing part of the demo: two people type in one text at once, keystroke by keystroke, one in a Rust process and one in a Node
// process. At times they are offline. The session is the published session `friendsforever` if CONVERGE_TRACES names a folder that
// has it, and one that is generated from a seed otherwise. Both must end with exactly the text of the session.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CONCURRENT, exists, readTrace, sha256 } from '../../traces.js';
import { runPair } from '../processes.js';
import { Board } from './board.js';
import { countConcurrent, scripts } from './script.js';
import { session } from './session.js';

/** @import { Trace } from '../../traces.js' */
/**
 * The session to type: the folder and the name of its file, what to print about it, and the minimum
 * time between two keystrokes of a person.
 *
 * @typedef {{ folder: string, name: string, title: string, pauseMs: number }} Chosen
 */

const PUBLISHED = 'friendsforever';
const SEED = 1;
/**
 * A generated session is short, so that people can watch it; the published one is typed as fast as
 * possible.
 */
const PAUSE_MS = 2;
const MAX_SECONDS = 120;
const TYPIST = 'tests/demo/typing/typist.js';

/** Types a session, for at most `MAX_SECONDS`. Returns whether both people end with its text. */
export async function type() {
  if (exists(PUBLISHED)) {
    const folder = resolve(String(process.env.CONVERGE_TRACES));
    return await typeSession({ folder, name: PUBLISHED, title: `the published session ${PUBLISHED}`, pauseMs: 0 });
  }
  const folder = await mkdtemp(join(tmpdir(), 'converge-demo-'));
  try {
    const name = 'session';
    await writeFile(join(folder, `${name}.json.gz`), gzipSync(JSON.stringify(session(SEED))));
    return await typeSession({ folder, name, title: `a session generated from the seed ${SEED}`, pauseMs: PAUSE_MS });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {Chosen} chosen */
async function typeSession({ folder, name, title, pauseMs }) {
  const env = { ...process.env, CONVERGE_TRACES: folder };
  const trace = readTrace(name, folder);
  const parts = scripts(trace);
  const [inRust, inNode] = parts.keys();
  console.log(
    `  ${title}: ${trace.events.length} keystrokes, ${countConcurrent(parts)} of them concurrent with one of the other person`,
  );
  const board = new Board(
    new Map([
      [inRust, 'Rust'],
      [inNode, 'Node'],
    ]),
    trace.events.length,
  );
  const options = ['--pause', `${pauseMs}`];
  const haveEnded = await runPair(
    ['type', join(folder, `${name}.json.gz`), '--peer', inRust, ...options],
    (port) => [TYPIST, name, '--peer', inNode, '--hub', port, ...options],
    (kind, [peer, facts]) =>
      kind === 'done' ? board.finish(peer, JSON.parse(facts)) : board.update(peer, JSON.parse(facts)),
    { maxSeconds: MAX_SECONDS, env },
  );
  return check(trace, board, haveEnded);
}

/**
 * Prints and returns whether both people have the text of the session.
 *
 * @param {Trace} trace
 * @param {Board} board
 * @param {boolean} haveEnded whether both processes succeeded
 */
function check({ name, end }, board, haveEnded) {
  const { people, seconds, keystrokesPerSecond, periods, offline, bytes } = board.end();
  const failures = [
    ...(haveEnded ? [] : ['a process failed']),
    ...(name !== PUBLISHED || sha256(end) === CONCURRENT[name]
      ? []
      : ['the file has another text than the published one']),
    ...people
      .filter(({ text }) => text !== end)
      .map((person) => `${person.name} ${person.text === undefined ? 'did not end' : 'ended with another text'}`),
    ...(new Set(people.map(({ digest }) => digest)).size === 1 ? [] : ['the digests differ']),
  ];
  const [{ digest = '' }] = people;
  console.log(
    failures.length > 0
      ? `  FAIL ${failures.join('; ')}`
      : `  ok   both ended with exactly the text of the session, ${[...end].length} characters, in ${seconds} s (${keystrokesPerSecond} keystrokes/s); ` +
          `${periods} times offline, with ${offline} keystrokes; ${bytes} bytes on the socket; both digests are ${digest.slice(0, 16)}`,
  );
  return failures.length === 0;
}
