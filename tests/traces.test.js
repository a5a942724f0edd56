// Replays the published histories of texts in Node: typed by their authors, and merged in several
// orders, groups and ways, with interruptions. Each must end with the published text.
//
// The random cases have their seeds in their names. CONVERGE_SEEDS is the number of seeds of each
// case, CONVERGE_FIRST_SEED the first of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addFingerprints } from '../host-js/bin/history.js';
import { COLUMN, History, ROW, Random, TABLE } from './history.js';
import { byAuthors, byCopies, byEvents, bySessions, contentsOf, engine, interrupted, using } from './replicas.js';
import { CONCURRENT, CONFORMANCE, SEQUENTIAL, missing, readConformance, readTrace, sha256 } from './traces.js';

/** @import { Contents } from './replicas.js' */

const SEEDS = Number(process.env.CONVERGE_SEEDS ?? 2);
const FIRST_SEED = Number(process.env.CONVERGE_FIRST_SEED ?? 0);
const seeds = Array.from({ length: SEEDS }, (_, number) => FIRST_SEED + number);

/** The slower cases run with each second seed. */
const fewerSeeds = seeds.filter((_, number) => number % 2 === 0);

/** Too long for the random cases, which take several times as long as typing. */
const LONGEST = 'automerge-paper';
/** The random cases merge long histories in at least this many groups. */
const GROUPS = 8;
/** One event in 32 of a long history is typed on a copy, and all of one short history in 4. */
const [COPIED_EVENTS, COPIED_HISTORIES] = [32, 4];
/** The maximum sizes of messages in sessions, for long and for short histories. */
const SIZES = [1_000, 65_536, 1 << 20];
const SMALL_SIZES = [64, 200, 4_000];

/**
 * Returns a function that calls `make` once.
 *
 * @template T
 * @param {() => T} make
 * @returns {() => T}
 */
function once(make) {
  /** @type {{ value: T } | undefined} */
  let made;
  return () => (made ??= { value: make() }).value;
}

/**
 * Checks that a document has the same rows, and the same bytes unless it was compacted.
 *
 * @param {string} what
 * @param {Contents} found
 * @param {Contents} expected
 */
function checkSame(what, found, expected, isCompacted = false) {
  assert.ok(found.text === expected.text, `${what}: another text`);
  assert.equal(found.digest, expected.digest, `${what}: another digest`);
  if (!isCompacted) assert.ok(Buffer.compare(found.saved, expected.saved) === 0, `${what}: other bytes`);
  const peeked = engine.peek(found.saved, TABLE, ROW)?.[COLUMN];
  assert.ok(String(peeked ?? '') === expected.text, `${what}: peek returns another text`);
}

/**
 * Merges everything as one update, loads it, and compacts it.
 *
 * @param {History} history
 * @param {Contents} expected
 */
function checkAtOnce({ name, events }, expected) {
  using([engine.load(expected.saved, { peer: 'loaded' }), engine.create('merged')], (loaded, merged) => {
    checkSame(`${name}, loaded`, contentsOf(loaded), expected);
    assert.equal(merged.mergeUpdate(loaded.updateSince()).applied, events.length);
    checkSame(`${name}, as one update`, contentsOf(merged), expected);
    loaded.compact([]);
    const compacted = contentsOf(loaded);
    checkSame(`${name}, compacted`, compacted, expected, true);
    using([engine.load(compacted.saved, { peer: 'again' })], (again) => {
      checkSame(`${name}, compacted and loaded`, contentsOf(again), compacted);
    });
  });
}

for (const [name, end] of Object.entries({ ...SEQUENTIAL, ...CONCURRENT })) {
  const skip = missing(name);
  const isConcurrent = name in CONCURRENT;
  const read = once(() => new History(readTrace(name)));
  const reference = once(() => byEvents(read()));

  test(`${name}, by events`, { skip }, () => {
    assert.equal(sha256(read().end), end);
    assert.equal(sha256(reference().text), end);
  });

  test(`${name}, as one update, loaded and compacted`, { skip }, () => checkAtOnce(read(), reference()));

  if (name === 'node-nodecc') {
    test(`${name}, typed on copies of older versions`, { skip }, () => {
      checkSame(name, byCopies(read(), COPIED_EVENTS), reference());
    });
  } else {
    test(`${name}, typed by ${isConcurrent ? 'its authors' : 'its author'}`, { skip }, () => {
      for (const contents of byAuthors(read())) checkSame(name, contents, reference());
    });
  }

  for (const seed of name === LONGEST ? [] : seeds) {
    const order = isConcurrent ? 'shuffled' : 'in file order';
    test(`${name}, ${order}, in groups, with interruptions, seed ${seed}`, { skip }, () => {
      const [history, random] = [read(), new Random(seed)];
      const order = isConcurrent ? history.shuffled(random) : history.order();
      const way = { order, max: Math.ceil(order.length / GROUPS), reload: 6, compact: 6 * (seed % 2) };
      checkSame(name, interrupted(history, way, random), reference(), way.compact > 0);
    });
  }

  for (const seed of isConcurrent || name === 'sveltecomponent' ? seeds : []) {
    test(`${name}, by sessions, seed ${seed}`, { skip }, () => {
      for (const contents of bySessions(read(), SIZES, new Random(seed))) checkSame(name, contents, reference());
    });
  }
}

const skip = missing(CONFORMANCE.name);
const all = once(() =>
  readConformance().map((trace) => {
    const history = new History(trace);
    return { history, reference: byEvents(history) };
  }),
);

test('conformance, by events', { skip }, () => {
  assert.equal(all().length, CONFORMANCE.histories);
  for (const { history, reference } of all()) assert.equal(reference.text, history.end, history.name);
  assert.equal(
    sha256(
      all()
        .map(({ reference }) => reference.text)
        .join('\n'),
    ),
    CONFORMANCE.sha256,
  );
});

test('conformance, as one update, loaded and compacted', { skip }, () => {
  for (const { history, reference } of all()) checkAtOnce(history, reference);
});

test('conformance, typed on copies of older versions', { skip }, () => {
  for (const [number, { history, reference }] of all().entries()) {
    if (number % COPIED_HISTORIES === 0) checkSame(history.name, byCopies(history), reference);
  }
});

for (const seed of seeds) {
  test(`conformance, shuffled, in groups, with interruptions, seed ${seed}`, { skip }, () => {
    const random = new Random(seed);
    for (const { history, reference } of all()) {
      const order = history.shuffled(random);
      const way = { order, max: 1 + random.below(20), reload: 2, compact: random.below(2) * 4 };
      checkSame(history.name, interrupted(history, way, random), reference, way.compact > 0);
    }
  });
}

for (const seed of fewerSeeds) {
  test(`conformance, after waiting for what they build on, seed ${seed}`, { skip }, () => {
    const random = new Random(seed);
    for (const { history, reference } of all()) {
      const runs = history.order().map((index) => history.run(index));
      addFingerprints(engine, runs);
      const way = { order: random.shuffled(history.order()), max: 1 + random.below(20), reload: 2, compact: 0 };
      checkSame(history.name, interrupted(history, way, random, runs), reference);
    }
  });

  test(`conformance, by sessions, seed ${seed}`, { skip }, () => {
    const random = new Random(seed);
    for (const { history, reference } of all()) {
      for (const contents of bySessions(history, SMALL_SIZES, random)) checkSame(history.name, contents, reference);
    }
  });
}
