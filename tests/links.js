// What runs of events build on, and the fingerprints of their events, as docs/format.md writes and computes them.
import { branchName, isLeaf } from './branches.js';
import { MAX_EVENTS, check, checkAscending } from './bytes.js';
import { fingerprint } from './fingerprints.js';

/** @import { Branch } from './branches.js' */
/** @import { Bytes } from './bytes.js' */
/**
 * An event that a run builds on: by branch and counter, with the run that has it, or its fingerprint.
 *
 * @typedef {{ peer: number, counter: number, run?: LinkedRun, print?: bigint }} Link
 * @typedef {{ peer: number, start: number, count: number, deps: Link[], previous?: Link, isFirst: boolean, salt: bigint,
 *   lamport?: number, commits: any[], prints?: bigint[] }} LinkedRun `isFirst`: of its branch, in the bytes
 * @typedef {{ peer: string, counter: number, fingerprint: bigint }} Marker an event that the other side has
 */

/**
 * The fingerprints of events outside of the bytes, salts and markers of an update.
 *
 * @param {Bytes} section
 * @param {LinkedRun[]} runs
 * @param {Branch[]} branches
 * @param {(event: { peer: number, counter: number }) => LinkedRun | undefined} find
 */
export function readLinks(section, runs, branches, find) {
  const outside = [];
  for (const run of runs) {
    link(run, branches);
    for (const event of linksOf(run)) {
      event.run = find(event);
      if (event.run === undefined) outside.push(event);
    }
    const isThere = run.previous?.run !== undefined;
    check('a branch that follows an event elsewhere', run.previous?.peer === run.peer || isThere || run.start === 0);
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
 * The fingerprints of the last events of a document's branches, at the end and at the horizon, and of its stubs; and salts.
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
      check('an event builds on one that is not there', event.run !== undefined || event.print !== undefined);
    }
  }
  for (const { peer, counter, print } of last) {
    const stub = stubs.find((stub) => stub.peer === peer && stub.counter === counter);
    check('two fingerprints of an event', stub === undefined || stub.print === print);
  }
  return leaves.map((peer, i) => ({ peer, print: tips[i] }));
}

/** The last compacted event of each peer, if one of the history follows it. */
function lastCompacted(runs, branches, { counts }) {
  const isFollowed = (peer) =>
    runs.some((run) => run.peer === peer) ||
    branches.some(({ parent }, branch) => parent === peer && counts[branch] === 0);
  const peers = [...branches.keys()].filter((peer) => counts[peer] > 0 && isFollowed(peer));
  return peers.map((peer) => ({ peer, counter: counts[peer] - 1 }));
}

/** Finds out which event of its author comes before a run, and whether the run depends on it. */
function link(run, branches) {
  if (run.start === 0) return;
  const { parent } = branches[run.peer];
  const previous = { peer: run.isFirst && parent !== undefined ? parent : run.peer, counter: run.start - 1 };
  const dep = run.deps.find(({ peer, counter }) => peer === previous.peer && counter === previous.counter);
  run.previous = dep ?? previous;
}

/** What a run builds on, in the order in which fingerprints are written: the previous event, then the others. */
function linksOf({ previous, deps }) {
  return [...(previous === undefined ? [] : [previous]), ...deps.filter((dep) => dep !== previous)];
}

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
 * Events: numbers of names, counters and fingerprints.
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
 * Computes the fingerprints of all events of these runs, each after what it builds on.
 *
 * @param {LinkedRun[]} runs
 * @param {Branch[]} branches
 * @param {(run: LinkedRun) => any[]} commitsOf with names
 */
export function computePrints(runs, branches, commitsOf) {
  for (let open = runs; open.length > 0;) {
    const left = open.filter((run) => !compute(run, branches[run.peer].author, commitsOf));
    check('events that build on each other', left.length < open.length);
    open = left;
  }
}

/** Computes the fingerprints of a run, if those of what it builds on are known. */
function compute(run, author, commitsOf) {
  if (!linksOf(run).every((event) => printOf(event) !== undefined)) return false;
  const { previous, salt } = run;
  const others = run.deps.filter((dep) => dep !== previous).map(printOf);
  run.prints = [];
  let ground = { author, previous: previous === undefined ? 0n : printOf(previous), salt, others };
  for (const ops of commitsOf(run)) {
    run.prints.push(fingerprint(ground, ops));
    ground = { author, previous: run.prints.at(-1), salt: 0n, others: [] };
  }
  return true;
}

/** @type {(event: Link) => bigint | undefined} */
export function printOf({ print, run, counter }) {
  return print ?? run?.prints?.[counter - run.start];
}

/** The fingerprints that the contract's `event-run` has. */
export function printsBefore({ previous, deps }) {
  return BigUint64Array.from([...(previous === undefined ? [] : [previous]), ...deps].map(printOf));
}

/**
 * Checks that the names, times and tips of a document's branches are those of its events, as far as it has them.
 *
 * @param {Branch[]} branches
 * @param {{ peer: number, print: bigint }[]} tips
 * @param {number[]} ends
 * @param {(event: { peer: number, counter: number }) => { print: bigint, lamport: number } | undefined} event
 */
export function checkPrints(branches, tips, ends, event) {
  for (const { peer, print } of tips) {
    const last = event({ peer, counter: ends[peer] - 1 });
    check('another last event', last === undefined || last.print === print);
  }
  for (const [peer, { author, name, first, parent, lamport }] of branches.entries()) {
    const begin = event({ peer, counter: ends[parent] ?? 0 });
    if (first === undefined || begin === undefined) continue;
    check('a branch with another first event', name === branchName(author, begin.print) && lamport === begin.lamport);
  }
}
