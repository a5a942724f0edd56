// A second reader of saved documents and updates, written from docs/format.md alone. It decodes them into plain objects and
// computes the fingerprints of all events. It makes the cheap checks only: not whether dependencies are concurrent, and not
// whether the state matches the history, except for sums and texts where a caller asks for it.
import { BRANCH_MARK, beginOf, branchName, checkTrees, executionOrder, readBranches } from './branches.js';
import { ABSENT, Bytes, UnsupportedFeature, UnsupportedVersion, check, checkAscending, counting } from './bytes.js';
import { MAX_EVENTS, crc32, littleEndian, next, sorted, sum } from './bytes.js';
import { NO_EDITS, checkGrounds, checkKept, checkSums, readEdits, shownCells } from './edits.js';
import { isEdit } from './grounds.js';
import { checkPrints, computePrints, printOf, printsBefore, readDocumentLinks, readLinks } from './links.js';
import { FIRST_EVENT, checkStamp, checkState, comparing, copyValue, isKnown, isThere, readStates } from './states.js';
import { checkTextHistory, checkTexts, readContents, readPlaces } from './texts.js';
import { setInserted, shownTexts, textsAtHorizon } from './texts.js';

const [MAGIC, VERSION] = [[0xc7, 0x63, 0x76, 0x67], 1n];
/** @type {Record<number, 'document' | 'update'>} */
const KINDS = { 0x44: 'document', 0x55: 'update' };
const SECTIONS = { document: [1, 2, 3, 4, 6, 7, 8, 10, 11], update: [1, 2, 5, 6, 10] };
const [FINGERPRINTS, EDITS, OPTIONAL, FIRST_TO_SKIP] = [10, 11, [3, 7, 8, 11], 64];
const [USES_EDITS, FEATURES] = [2n, 2n]; // the bit of a feature, and the bits of all that are known
const BLOCK_ROWS = 128;
const OPS = /** @type {const} */ (['insert', 'update', 'delete', 'unset', 'splice', 'add']);

export { Corrupt, UnsupportedFeature, UnsupportedVersion } from './bytes.js';

/** @import { Branch } from './branches.js' */
/** @import { NumberedCell } from './bytes.js' */
/** @import { ShownText, Sum } from './edits.js' */
/** @import { Link, LinkedRun, Marker } from './links.js' */
/** @import { State } from './states.js' */
/** @import { Splice } from './texts.js' */
/** @import { Cell, EventId, EventRun, PeerVersion, RowOp } from '../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/**
 * A run of events. `lamport` is undefined if it depends on events outside of the bytes. `prints`
 * are the fingerprints of the events.
 *
 * @typedef {EventRun & { prints: bigint[] }} Run
 * @typedef {{ name: string, rows: { id: string, cells: Cell[] }[] }} Table visible cells of existing rows
 * @typedef {{ table: string, row: string, cells?: Cell[] }} ChangedRow the former cells; undefined if the
 *   row did not exist
 * @typedef {{ kind: 'document', peers: string[], places: number[], horizon: PeerVersion[], version: PeerVersion[],
 *   heads: EventId[], tables: Table[], runs: Run[], changed: ChangedRow[], waiting: Run[], sums: number, kept: number,
 *   texts: number, bases: number, horizonHeads: EventId[] }}
 *   Document `places`: the place of each peer in the order of execution; `sums`, `kept`, `texts` and `bases`: how many
 *   sums of additions, kept grounds, texts, and texts at the horizon the document has
 * @typedef {{ kind: 'update', peers: string[], runs: Run[], markers: Marker[] }} Update
 */
/**
 * The decoded parts, with numbers instead of names. A stamp is the number of an event and the place
 * of an operation in it.
 *
 * @typedef {{ get: (id: number) => Bytes } & Map<number, Bytes>} Sections by number; `get` returns undefined
 *   for an optional one that is absent
 * @typedef {ReturnType<typeof readNames>} Names
 * @typedef {{ peer: number, counter: number }} NumberedEvent
 * @typedef {{ table: number, id: string, state?: State, isNamed?: boolean }} NumberedRow
 * @typedef {NumberedRow & { state: State }} StateRow
 * @typedef {{ tag: RowOp['tag'], row: NumberedRow, cells: NumberedCell[], splice?: Splice }} NumberedOp
 * @typedef {{ peer: number, lamport: number }} Time
 * @typedef {Link & { lamport: number, known: number[] }} NamedEvent
 * @typedef {{ counts: number[], named: NamedEvent[], stamps: Time[] }} Horizon
 */

/**
 * Decodes a saved document or an update.
 *
 * @param {Uint8Array} bytes
 * @param {boolean} [checksEdits] whether to compute the sums and texts of a document again from its history
 * @returns {Document | Update}
 */
export function read(bytes, checksEdits = false) {
  const { kind, isMarked, sections } = readFrame(bytes);
  const content = kind === 'document' ? readDocument(sections, checksEdits) : readUpdate(sections);
  const hasEdits = usesEdits(content.runs) || (content.kind === 'document' && usesEdits(content.waiting));
  check('the features are not those of the content', isMarked === (hasEdits || sections.has(EDITS)));
  return content;
}

/** @param {{ commits: { tag: string }[][] }[]} runs */
function usesEdits(runs) {
  return runs.some(({ commits }) => commits.flat().some(isEdit));
}

/** @type {(sections: Sections) => Update} */
function readUpdate(sections) {
  return { kind: 'update', ...readEvents(sections, true) };
}

/** @param {Uint8Array} bytes */
function readFrame(bytes) {
  const frame = new Bytes(bytes);
  for (const byte of MAGIC) check('the magic bytes are wrong', frame.byte() === byte);
  const version = frame.varint();
  if (version !== VERSION) throw new UnsupportedVersion(`version ${version}`);
  const kind = KINDS[frame.byte()];
  const features = frame.varint();
  if ((features & ~FEATURES) !== 0n) throw new UnsupportedFeature(`features ${features}`);
  check('the kind is neither document nor update', kind !== undefined);
  const content = frame.part();
  const checksum = crc32(bytes.subarray(0, bytes.length - frame.left));
  check('the checksum is wrong', littleEndian(frame.take(4)) === BigInt(checksum));
  frame.end('the checksum');
  const sections = /** @type {Sections} */ (new Map());
  for (let last = 0; content.left > 0;) {
    const id = content.number();
    check('the sections are not sorted', id > last);
    last = id;
    const section = content.part();
    if (id >= FIRST_TO_SKIP) continue;
    check(`section ${id} is unexpected`, SECTIONS[kind].includes(id));
    sections.set(id, section);
  }
  for (const id of SECTIONS[kind]) {
    const isMissing = !sections.has(id) && !OPTIONAL.includes(id);
    check(`section ${id} is missing`, !isMissing || (kind === 'document' && id === FINGERPRINTS));
  }
  return { kind, isMarked: (features & USES_EDITS) !== 0n, sections };
}

/** @type {(sections: Sections, checksEdits: boolean) => Document} */
function readDocument(sections, checksEdits) {
  const names = readNames(readBranches(sections.get(1), true), sections.get(2));
  const { branches } = names;
  const horizon = readHorizon(sections.get(3), branches.length);
  const rows = readState(sections.get(4), names);
  const { runs, counts, find, end, splices } = readHistory(sections.get(6), names, rows, horizon, {
    isWhole: true,
    inOrder: true,
  });
  check('a peer has no events', !counts.includes(0));
  checkTrees(branches, counts);
  check('fingerprints are missing or unexpected', sections.has(FINGERPRINTS) === branches.length > 0);
  const prints = sections.get(FINGERPRINTS);
  const tips = branches.length > 0 ? readDocumentLinks(prints, runs, branches, horizon, find) : [];
  end();
  const changed = readChanged(sections.get(7), names, rows);
  const waiting = readWaiting(sections.get(8));
  const section = sections.get(EDITS);
  const edits = section === undefined ? NO_EDITS : readEdits(section, names.columns.length, splices.length);
  const { texts } = edits;
  setInserted(splices, texts.contents);
  const edited = [...edits.now, ...edits.changed, ...texts.bases, ...texts.present];
  names.checkUsed(edited.map(({ column }) => column));

  computePrints(runs, branches, names.commits);
  checkPrints(branches, tips, counts, (event) => {
    const run = find(event);
    if (run === undefined) return horizon.named.find(isSame(event));
    return { print: printOf({ ...event, run }), lamport: timeOf(run) + event.counter - run.start };
  });

  const events = runs.flatMap(({ peer, lamport = NaN, commits }) =>
    commits.map((_, k) => ({ peer, lamport: lamport + k })),
  );
  const given = [null, horizon.named.length > 0 ? null : undefined, ...horizon.stamps];
  const places = executionOrder(branches);
  for (const { state } of changed) checkState(state, given, places);
  const stamps = given.concat(events);
  const isEvent = (/** @type {Time} */ { peer, lamport }) =>
    events.some((event) => event.peer === peer && event.lamport === lamport);
  check('a stamp is that of an event of the history', !horizon.stamps.some(isEvent));
  const compare = comparing(stamps, places);
  const before = new Map(changed.map(({ number, state }) => [number, state]));
  checkGrounds(edits.now, (row) => rows[row]?.state, compare);
  checkGrounds(edits.changed, (row) => before.get(row), compare);
  for (const { ground } of edits.kept) {
    if (ground !== undefined) checkStamp(ground.stamp, stamps);
  }
  if (edits.kept.length > 0 || usesEdits(runs)) checkKept(runs, horizon, rows, edits);
  const parts = { texts, rows, changed: before, horizon, splices, compare };
  checkTexts(parts);
  if (checksEdits) {
    checkSums(runs, horizon, rows, before, edits, compare);
    checkTextHistory(runs, edits.kept, places, parts);
  }
  for (const { state, isNamed } of rows) {
    checkState(state, stamps, places);
    for (const cell of state.cells)
      check('a value belongs to no operation', cell.isWritten || cell.number < given.length);
    check('a row has neither operations nor a state', isNamed || isKnown(state));
  }
  for (const row of changed) check('a changed row has no operation or no state', row.isNamed && isKnown(row.state));

  const version = (/** @type {number[]} */ counts) => counts.map((count, peer) => ({ peer: names.peers[peer], count }));
  /** @type {(sums: Sum[], texts: ShownText[], row: number, state: State) => Cell[]} */
  const shown = (sums, texts, row, state) => {
    const ofRow = sums.filter((sum) => sum.row === row);
    return shownCells(state, ofRow, texts).map(names.cell);
  };
  const all = rows.map(({ table, id, state }, row) => {
    const cells = isThere(state) ? shown(edits.now, shownTexts(row, state, texts), row, state) : undefined;
    return { table, id, cells };
  });
  const tables = names.tables.map((name, table) => {
    const existing = all.filter((row) => row.table === table);
    return { name, rows: existing.flatMap(({ id, cells }) => (cells === undefined ? [] : [{ id, cells }])) };
  });
  return {
    kind: 'document',
    peers: names.peers,
    places,
    horizon: version(horizon.counts).filter(({ count }) => count > 0),
    version: version(counts),
    heads: headsOf(runs, horizon).map(names.event),
    tables: tables.filter((table) => table.rows.length > 0),
    runs: runs.map(names.run),
    changed: changed.map(({ number, table, id, state }) => {
      const cells = isThere(state) ? shown(edits.changed, textsAtHorizon(number, texts), number, state) : undefined;
      return { table: names.tables[table], row: id, cells };
    }),
    waiting,
    sums: edits.now.length,
    kept: edits.kept.length,
    texts: texts.present.length,
    bases: texts.bases.length,
    horizonHeads: headsOf([], horizon).map(names.event),
  };
}

/** @type {(section?: Bytes) => Run[]} */
function readWaiting(section) {
  if (section === undefined) return [];
  const { runs } = readParts(section, false);
  check('the section of waiting events is empty', runs.length > 0);
  const author = (/** @type {Run} */ { peer }) => peer.split(BRANCH_MARK)[0];
  for (const run of runs)
    check('a run has the name of another event', run.peer === branchName(author(run), run.prints[0]));
  /** @type {(a: Run, b: Run) => number} */
  const byAuthor = (a, b) => Buffer.compare(Buffer.from(author(a)), Buffer.from(author(b)));
  checkAscending(runs, (a, b) => byAuthor(a, b) || a.start - b.start || (a.prints[0] < b.prints[0] ? -1 : 1));
  return runs;
}

/**
 * Reads a page of events that one side of a session sends.
 *
 * @param {Uint8Array} bytes
 */
export function readPage(bytes) {
  return readParts(new Bytes(bytes), true).runs;
}

/**
 * Reads the sections of an update, one after the other.
 *
 * @param {Bytes} section
 * @param {boolean} inOrder
 */
function readParts(section, inOrder) {
  const parts = /** @type {Sections} */ (new Map(SECTIONS.update.map((id) => [id, section.part()])));
  section.end('the events');
  return readEvents(parts, inOrder);
}

/**
 * Reads the events of an update. `inOrder`: they come after those of their dependencies that are
 * included.
 *
 * @param {Sections} sections
 * @param {boolean} inOrder
 */
function readEvents(sections, inOrder) {
  const names = readNames(readBranches(sections.get(1), false), sections.get(2));
  const { branches } = names;
  const rows = readRows(sections.get(5), names.tables.length);
  const horizon = readHorizon(undefined, branches.length);
  const { runs, find, end } = readHistory(sections.get(6), names, rows, horizon, { isWhole: false, inOrder });
  const markers = readLinks(sections.get(FINGERPRINTS), runs, branches, find);
  end();
  names.checkUsed();
  for (const row of rows) check('a row has no operation', row.isNamed);
  const links = runs.flatMap(({ peer, deps, previous }) => [
    peer,
    ...[...deps, previous ?? { peer }].map(({ peer }) => peer),
  ]);
  const used = new Set([...links.map((peer) => names.peers[peer]), ...markers.map(({ peer }) => peer)]);
  check('a peer is not used', used.size === names.peers.length);
  computePrints(runs, branches, names.commits);
  return { peers: names.peers, runs: runs.map(names.run), markers };
}

/**
 * Reads the names of peers, tables, columns and shapes. Returns them with functions that resolve
 * indexes.
 *
 * @param {Branch[]} branches
 * @param {Bytes} nameSection
 */
function readNames(branches, nameSection) {
  const peers = branches.map(({ name }) => name);
  const [tables, columns] = [nameSection.names(), nameSection.names()];
  const lengths = nameSection.numbers(nameSection.number());
  const all = nameSection.deltas(sum(lengths)).map(counting);
  nameSection.end('the shapes');
  let at = 0;
  const shapes = lengths.map((length) => all.slice(at, (at += length)));
  for (const shape of shapes) checkAscending(shape, (a, b) => a - b);
  check('a shape is repeated', new Set(shapes.map(String)).size === shapes.length);
  let used = 0;
  const event = (/** @type {NumberedEvent} */ { peer, counter }) => ({ peer: peers[peer], counter });
  const cell = (/** @type {NumberedCell} */ { column, value }) =>
    /** @type {Cell} */ ({ column: columns[column], value });
  /** @type {(op: NumberedOp) => RowOp} */
  const op = ({ tag, row, cells, splice }) => {
    const val = { table: tables[row.table], row: row.id };
    if (tag === 'delete') return { tag, val };
    if (tag === 'unset') return { tag, val: { ...val, columns: cells.map(({ column }) => columns[column]) } };
    if (tag === 'splice') {
      const { column, at, remove, insert } = /** @type {Splice} */ (splice);
      return { tag, val: { ...val, column: columns[column], at, remove, insert } };
    }
    if (tag === 'add') {
      const [{ column, value }] = cells;
      return { tag, val: { ...val, column: columns[column], amount: value?.tag === 'integer' ? value.val : 0n } };
    }
    return { tag, val: { ...val, cells: cells.map(cell) } };
  };
  const commits = (/** @type {LinkedRun} */ run) => run.commits.map((commit) => commit.map(op));
  return {
    branches,
    peers,
    tables,
    columns,
    event,
    cell,
    commits,
    /** @type {(run: LinkedRun) => Run} */
    run: (run) => {
      const { peer, start, lamport, deps, salt, prints } = run;
      const fingerprints = printsBefore(run);
      return {
        peer: peers[peer],
        start,
        lamport,
        deps: deps.map(event),
        fingerprints,
        salt,
        commits: commits(run),
        prints,
      };
    },
    /**
     * Returns the cells of a shape, without values. Shapes are numbered in the order of their first
     * use.
     *
     * @param {number} shape
     * @returns {NumberedCell[]}
     */
    cells(shape) {
      check('a new shape is not the next one', shape < shapes.length && shape <= used);
      used = Math.max(used, shape + 1);
      return shapes[shape].map((column) => ({ column, value: undefined }));
    },
    /**
     * Checks that all shapes are used, and all columns: by shapes, or by sums and texts.
     *
     * @param {number[]} [ofEdits]
     */
    checkUsed(ofEdits = []) {
      check('a shape is not used', used === shapes.length);
      const found = sorted(new Set([...all, ...ofEdits]));
      check('the columns are not those of shapes, sums and texts', found.join() === [...columns.keys()].join());
    },
  };
}

/** @type {(section: Bytes | undefined, peers: number) => Horizon} */
function readHorizon(section, peers) {
  if (section === undefined) return { counts: new Array(peers).fill(0), named: [], stamps: [] };
  const counts = section.numbers(peers);
  const length = section.number();
  const namedPeers = section.numbers(length, peers);
  const distances = section.numbers(length);
  const lamports = section.deltas(length).map(counting);
  const unknown = section.numbers(length * peers);
  const named = namedPeers.map((peer, i) => ({
    peer,
    counter: counts[peer] - 1 - distances[i],
    lamport: lamports[i],
    known: counts.map((count, other) => count - unknown[i * peers + other]),
  }));
  for (const { peer, counter, lamport, known } of named) {
    // The lamport times of a peer grow, so an event with the time t depends on fewer than t events of any other peer.
    const isPossible = known.every((count, of) => count >= 0 && count < lamport + (of === peer ? 1 : 0));
    check('an event is impossible', isPossible && known[peer] === counter + 1);
  }
  checkAscending(named, (a, b) => a.peer - b.peer || a.counter - b.counter);
  const all = counts.map((_, peer) => Math.max(0, ...named.map(({ known }) => known[peer])));
  check('the named events do not cover the horizon', sum(counts) > 0 && String(all) === String(counts));

  const times = section.deltas(section.number()).map(counting);
  const stamps = section.numbers(times.length, peers).map((peer, i) => ({ peer, lamport: times[i] }));
  checkAscending(stamps, (a, b) => a.lamport - b.lamport || a.peer - b.peer);
  section.end('the horizon');
  return { counts, named, stamps };
}

/**
 * Reads the ids of the rows of each table, without states.
 *
 * @type {(section: Bytes, tables: number) => NumberedRow[]}
 */
function readRows(section, tables) {
  const rows = section.numbers(tables).flatMap((count, table) => {
    check('a table has no rows', count > 0);
    return section.texts(count).map((id) => ({ table, id }));
  });
  section.end('the rows');
  return rows;
}

/** @type {(section: Bytes, names: Names) => StateRow[]} */
function readState(section, names) {
  const counts = section.numbers(names.tables.length);
  const lengths = section.numbers(sum(counts.map((count) => Math.ceil(count / BLOCK_ROWS)))).values();
  const blocks = section.part();
  section.end('the state');
  const rows = counts.flatMap((count, table) => {
    check('a table has no rows', count > 0);
    const rows = /** @type {StateRow[]} */ ([]);
    for (let left = count; left > 0; left -= BLOCK_ROWS) {
      const block = new Bytes(blocks.take(next(lengths)));
      const ids = block.texts(Math.min(left, BLOCK_ROWS));
      const states = readStates(block, ids.length, names);
      block.end('a block');
      rows.push(...ids.map((id, i) => ({ table, id, state: states[i] })));
    }
    checkAscending(rows, (a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
    return rows;
  });
  blocks.end('the blocks');
  return rows;
}

/** @type {(section: Bytes | undefined, names: Names, rows: StateRow[]) => (StateRow & { number: number })[]} */
function readChanged(section, names, rows) {
  if (section === undefined) return [];
  const numbers = section.deltas(section.number()).map(counting);
  checkAscending(numbers, (a, b) => a - b);
  check('changed rows are missing or out of range', (numbers.at(-1) ?? Infinity) < rows.length);
  const states = readStates(
    section,
    numbers.length,
    names,
    numbers.map((number) => rows[number]),
  );
  section.end('the changed rows');
  return numbers.map((number, i) => ({ ...rows[number], number, state: states[i] }));
}

/**
 * Reads the events, with lamport times if they can be derived. `isWhole`: all dependencies are in
 * the bytes. `end` makes the checks that need the salts. What splices insert is read too, except in
 * a document, which has it elsewhere.
 *
 * @param {Bytes} section
 * @param {Names} names
 * @param {NumberedRow[]} rows
 * @param {Horizon} horizon
 * @param {{ isWhole: boolean, inOrder: boolean }} options
 */
function readHistory(section, names, rows, horizon, { isWhole, inOrder }) {
  const { runs, counts, find, end } = readRuns(section, names.branches, horizon, isWhole, inOrder);
  const opCounts = section.numbers(sum(runs.map((run) => run.count)));
  const tags = section.numbers(sum(opCounts), OPS.length).map((kind) => OPS[kind]);
  const rowNumbers = section.deltas(tags.length).map(counting);
  const shapes = section.numbers(tags.length).map(names.cells);
  let [event, op] = [0, 0];
  const lacking = /** @type {NumberedCell[]} */ ([]);
  const splices = /** @type {Splice[]} */ ([]);
  for (const run of runs) {
    run.commits = Array.from({ length: run.count }, () => {
      const number = FIRST_EVENT + horizon.stamps.length + event;
      return Array.from({ length: opCounts[event++] }, (_, place) => {
        const [tag, row, cells] = [tags[op], rows[rowNumbers[op]], shapes[op++]];
        check('the row of an operation is out of range', row !== undefined);
        check('an operation is of an unknown kind', tag !== undefined);
        check('a delete has cells', tag !== 'delete' || cells.length === 0);
        check('an edit does not have one cell', !isEdit({ tag }) || cells.length === 1);
        row.isNamed = true;
        if (tag === 'splice') {
          const splice = {
            row: rowNumbers[op - 1],
            column: cells[0].column,
            at: 0,
            remove: 0,
            count: 0,
            insert: '',
            from: 0,
          };
          splices.push(splice);
          return { tag, row, cells, splice };
        }
        for (const cell of cells) {
          if (tag === 'add' || !copyValue(cell, row.state, { number, place })) lacking.push(cell);
        }
        return { tag, row, cells };
      });
    });
  }
  section.values(lacking);
  for (const { tag, cells } of runs.flatMap(({ commits }) => commits.flat())) {
    const isUnset = tag === 'unset';
    check(
      'the values do not match the operation',
      cells.every(({ value }) => (value === ABSENT) === isUnset && (tag !== 'add' || value?.tag === 'integer')),
    );
  }
  if (splices.length > 0) readPlaces(section, splices);
  if (splices.length > 0 && !isWhole) setInserted(splices, readContents(section, names.columns.length));
  section.end('the history');
  return { runs, counts, find, end, splices };
}

/**
 * Reads the graph: runs without operations, and the number of events of each peer.
 *
 * @param {Bytes} section
 * @param {Branch[]} branches
 * @param {Horizon} horizon
 * @param {boolean} isWhole
 * @param {boolean} inOrder
 */
function readRuns(section, branches, horizon, isWhole, inOrder) {
  const counts = horizon.counts.slice();
  const runPeers = section.numbers(section.number(), counts.length);
  const gaps = section.numbers(runPeers.length);
  const eventCounts = section.numbers(runPeers.length);
  const depCounts = section.numbers(runPeers.length);
  const depPeers = section.numbers(sum(depCounts), counts.length);
  const distances = section.zigzags(depPeers.length);
  const byPeer = counts.map(() => /** @type {LinkedRun[]} */ ([]));
  const find = (/** @type {NumberedEvent} */ { peer, counter }) =>
    byPeer[peer].find((run) => run.start <= counter && counter < run.start + run.count);
  const lamportOf = (/** @type {NumberedEvent} */ event) => {
    const run = find(event);
    if (run !== undefined) return timeOf(run) + event.counter - run.start;
    return horizon.named.find(isSame(event))?.lamport;
  };
  let dep = 0;
  const outside = /** @type {NumberedEvent[]} */ ([]);
  const runs = runPeers.map((peer, i) => {
    const isFirst = byPeer[peer].length === 0 && horizon.counts[peer] === 0;
    const gap = isWhole && isFirst ? beginOf(branches[peer], counts) : 0;
    const [start, count] = [(counts[peer] += gaps[i]), eventCounts[i]];
    check('a run has no events, or a document lacks events', count > 0 && (!isWhole || gaps[i] === gap));
    const deps = Array.from({ length: depCounts[i] }, () => {
      const on = depPeers[dep];
      const counter = counts[on] - 1 - distances[dep++];
      check('a dependency is impossible', counter >= 0 && (on !== peer || counter === start - 1));
      return { peer: on, counter };
    });
    checkAscending(deps, (a, b) => a.peer - b.peer);
    check('an event does not depend on the previous one', start === 0 || deps.length > 0);
    // NaN if the time of a dependency is undefined.
    const lamport = 1 + Math.max(0, ...deps.map((dep) => lamportOf(dep) ?? NaN));
    outside.push(...deps.filter((event) => lamportOf(event) === undefined));
    const time = inOrder && lamport > 0 ? lamport : undefined;
    /** @type {LinkedRun} */
    const run = { peer, start, count, lamport: time, deps, isFirst, salt: 0n, commits: [], prints: [] };
    byPeer[peer].push(run);
    check('a peer has too many events', (counts[peer] += count) <= MAX_EVENTS);
    return run;
  });
  check('an event comes before a dependency', isWhole ? outside.length === 0 : !inOrder || !outside.some(find));
  if (isWhole) checkAscending(runs, (a, b) => timeOf(a) - timeOf(b) || a.peer - b.peer);
  const end = () => {
    for (const { peer, deps, salt } of runs) {
      const isAlone = deps.length === 1 && deps[0].peer === peer && salt === 0n;
      check('two runs could be one', !isAlone || find(deps[0]) === undefined);
    }
  };
  return { runs, counts, find, end };
}

/** @param {LinkedRun} run */
const timeOf = ({ lamport = NaN }) => lamport;
/** @type {(event: NumberedEvent) => (other: NumberedEvent) => boolean} */
const isSame = (event) => (other) => event.peer === other.peer && event.counter === other.counter;

/**
 * Returns the events that no other event depends on.
 *
 * @param {LinkedRun[]} runs
 * @param {Horizon} horizon
 * @returns {NumberedEvent[]}
 */
function headsOf(runs, { named }) {
  const ends = runs.map(({ peer, start, count }) => ({ peer, counter: start + count - 1 }));
  const hasDependents = (/** @type {NumberedEvent} */ { peer, counter }) =>
    runs.some(({ deps }) => deps.some((dep) => dep.peer === peer && dep.counter === counter)) ||
    named.some(({ known, ...other }) => known[peer] > counter && (other.peer !== peer || other.counter !== counter));
  return [...named, ...ends].filter((event) => !hasDependents(event)).sort((a, b) => a.peer - b.peer);
}
