// Reads the dependencies and fingerprints of runs, and computes fingerprints, as docs/format.md defines them.
import { beginOf, branchName, isLeaf } from './branches.js';
import { MAX_EVENTS, check, checkAscending } from './bytes.js';
import { fingerprint } from './fingerprints.js';

/** @import { Branch } from './branches.js' */
/** @import { Bytes } from './bytes.js' */
/** @import { NumberedOp } from './format.js' */
/** @import { RowOp } from '../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/**
 * A dependency of a run: branch and counter, with the run that contains it, or its fingerprint.
 *
 * @typedef {{ peer: number, counter: number, run?: LinkedRun, print?: bigint }} Link
 * @typedef {{ peer: number, start: number, count: number, deps: Link[], previous?: Link, isFirst: boolean, salt: bigint,
 *   lamport?: number, commits: NumberedOp[][], prints: bigint[] }} LinkedRun `isFirst`: the run is the first one of its
 *   branch in the bytes
 * @typedef {Pick<LinkedRun, 'deps' | 'previous'>} Dependencies
 * @typedef {{ peer: string, counter: number, fingerprint: bigint }} Marker an event that the other side has
 */

/**
 * Reads the fingerprints of dependencies outside of an update, its salts and its markers.
 *
 * @param {Bytes} section
 * @param {LinkedRun[]} runs
 * @param {Branch[]} branches
 * @param {(event: { peer: number, counter: number }) => LinkedRun | undefined} find
 */
export function readLinks(section, runs, branches, find) {
  const outside = /** @type {Link[]} */ ([]);
  for (const run of runs) {
    link(run, branches);
    for (const event of linksOf(run)) {
      event.run = find(event);
      if (event.run === undefined) outside.push(event);
    }
    const isHere = run.previous?.run !== undefined;
    check('a branch follows an event outside', run.previous?.peer === run.peer || isHere || run.start === 0);
  }
  for (const [i, print] of section.prints(outside.length).entries()) outside[i].print = print;
  readSalts(section, runs);
  const markers = readMarked(
    section,
    branches.map(({ name }) => name),
  );
  section.end('the fingerprints');
  return markers;
}

/**
 * Reads the salts of a document, and the fingerprints of its stubs and of the last events of its
 * branches, at the end and at the horizon.
 *
 * @param {Bytes} section
 * @param {LinkedRun[]} runs
 * @param {Branch[]} branches
 * @param {{ counts: number[], named: { peer: number, counter: number, print?: bigint }[] }} horizon
 * @param {(event: { peer: number, counter: number }) => LinkedRun | undefined} find
 */
export function readDocumentLinks(section, runs, branches, horizon, find) {
  const stubs = horizon.named;
  const leaves = [...branches.keys()].filter((rank) => isLeaf(branches, rank));
  const tips = section.prints(leaves.length);
  const last = lastCompacted(runs, branches, horizon);
  for (const [i, print] of section.prints(last.length).entries()) last[i].print = print;
  for (const [i, print] of section.prints(stubs.length).entries()) stubs[i].print = print;
  readSalts(section, runs);
  section.end('the fingerprints');
  for (const run of runs) {
    link(run, branches);
    for (const event of linksOf(run)) {
      event.run = find(event);
      event.print = [...stubs, ...last].find(
        ({ peer, counter }) => peer === event.peer && counter === event.counter,
      )?.print;
      check('a dependency of an event is missing', event.run !== undefined || event.print !== undefined);
    }
  }
  for (const { peer, counter, print } of last) {
    const stub = stubs.find((stub) => stub.peer === peer && stub.counter === counter);
    check('an event has two fingerprints', stub === undefined || stub.print === print);
  }
  return leaves.map((peer, i) => ({ peer, print: tips[i] }));
}

/**
 * Returns the last compacted event of each peer that an event of the history follows.
 *
 * @param {LinkedRun[]} runs
 * @param {Branch[]} branches
 * @param {{ counts: number[] }} horizon
 * @returns {Link[]}
 */
function lastCompacted(runs, branches, { counts }) {
  const isFollowed = (/** @type {number} */ peer) =>
    runs.some((run) => run.peer === peer) ||
    branches.some(({ parent }, branch) => parent === peer && counts[branch] === 0);
  const peers = [...branches.keys()].filter((peer) => counts[peer] > 0 && isFollowed(peer));
  return peers.map((peer) => ({ peer, counter: counts[peer] - 1 }));
}

/**
 * Sets the previous event of a run's author, which is one of the run's dependencies or not.
 *
 * @param {LinkedRun} run
 * @param {Branch[]} branches
 */
function link(run, branches) {
  if (run.start === 0) return;
  const { parent } = branches[run.peer];
  const previous = { peer: run.isFirst && parent !== undefined ? parent : run.peer, counter: run.start - 1 };
  const dep = run.deps.find(({ peer, counter }) => peer === previous.peer && counter === previous.counter);
  run.previous = dep ?? previous;
}

/**
 * Returns the dependencies of a run in the order of fingerprints: the previous event, then the
 * others.
 *
 * @param {Dependencies} run
 */
function linksOf({ previous, deps }) {
  return [...(previous === undefined ? [] : [previous]), ...deps.filter((dep) => dep !== previous)];
}

/**
 * @param {Bytes} section
 * @param {LinkedRun[]} runs
 */
function readSalts(section, runs) {
  const count = section.number();
  if (count === 0) return;
  const places = section.numbers(count, runs.length);
  checkAscending(places, (a, b) => a - b);
  for (const [i, salt] of section.fixed(count).entries()) {
    check('a salt is 0', salt > 0n);
    runs[places[i]].salt = salt;
  }
}

/**
 * Reads events: indexes of names, counters and fingerprints.
 *
 * @type {(section: Bytes, names: string[]) => Marker[]}
 */
export function readMarked(section, names) {
  const count = section.number();
  if (count === 0) return [];
  const peers = section.numbers(count, names.length);
  const counters = section.numbers(count, MAX_EVENTS);
  const prints = section.prints(count);
  return peers.map((peer, i) => ({ peer: names[peer], counter: counters[i], fingerprint: prints[i] }));
}

/**
 * Computes the fingerprints of all events of these runs, each after its dependencies.
 *
 * @param {LinkedRun[]} runs
 * @param {Branch[]} branches
 * @param {(run: LinkedRun) => RowOp[][]} commitsOf returns the commits of a run, with names
 */
export function computePrints(runs, branches, commitsOf) {
  for (let open = runs; open.length > 0;) {
    const left = open.filter((run) => !compute(run, branches[run.peer].author, commitsOf));
    check('events depend on each other', left.length < open.length);
    open = left;
  }
}

/**
 * Computes the fingerprints of a run. Returns false if those of its dependencies are unknown.
 *
 * @param {LinkedRun} run
 * @param {string} author
 * @param {(run: LinkedRun) => RowOp[][]} commitsOf
 */
function compute(run, author, commitsOf) {
  if (!linksOf(run).every((event) => printOf(event) !== undefined)) return false;
  const { previous, salt } = run;
  const others = run.deps.filter((dep) => dep !== previous).map(knownPrintOf);
  run.prints = [];
  let ground = { author, previous: previous === undefined ? 0n : knownPrintOf(previous), salt, others };
  for (const ops of commitsOf(run)) {
    const print = fingerprint(ground, ops);
    run.prints.push(print);
    ground = { author, previous: print, salt: 0n, others: [] };
  }
  return true;
}

/** @type {(event: Link) => bigint | undefined} */
export function printOf({ print, run, counter }) {
  return print ?? run?.prints[counter - run.start];
}

/** @type {(event: Link) => bigint} */
function knownPrintOf(event) {
  const print = printOf(event);
  check('a fingerprint is unknown', print !== undefined);
  return print;
}

/**
 * Returns the fingerprints of the contract's `event-run`.
 *
 * @param {Dependencies} run
 */
export function printsBefore({ previous, deps }) {
  return BigUint64Array.from([...(previous === undefined ? [] : [previous]), ...deps].map(knownPrintOf));
}

/**
 * Checks that the names, times and tips of a document's branches match those of its events, if it
 * has the events.
 *
 * @param {Branch[]} branches
 * @param {{ peer: number, print: bigint }[]} tips
 * @param {number[]} ends
 * @param {(event: { peer: number, counter: number }) => { print?: bigint, lamport: number } | undefined} event
 */
export function checkPrints(branches, tips, ends, event) {
  for (const { peer, print } of tips) {
    const last = event({ peer, counter: ends[peer] - 1 });
    check('the tip of a branch is not its last event', last === undefined || last.print === print);
  }
  for (const [peer, { author, name, first, parent, lamport }] of branches.entries()) {
    const begin = event({ peer, counter: beginOf({ parent }, ends) });
    if (first === undefined || begin === undefined) continue;
    check(
      'the name or time of a branch does not match its first event',
      begin.print !== undefined && name === branchName(author, begin.print) && lamport === begin.lamport,
    );
  }
}
