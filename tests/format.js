// A second reader of saved documents and updates, written from docs/format.md alone. It decodes them into plain objects,
// and checks what comes cheap: not whether dependencies are concurrent, nor whether a state is what its history makes.

const [MAGIC, VERSION] = [[0xc7, 0x63, 0x76, 0x67], 1n];
const KINDS = { 0x44: 'document', 0x55: 'update' };
const SECTIONS = { document: [1, 2, 3, 4, 6, 7, 8], update: [1, 2, 5, 6] };
const [OPTIONAL, FIRST_TO_SKIP] = [[3, 7, 8], 64];
const BLOCK_ROWS = 128;
const [MOST_NAME_BYTES, MOST_EVENTS, MOST_SHARED, MOST_CODES] = [256, 2 ** 32 - 1, 128, 4096];
const OPS = ['insert', 'update', 'delete'];
const [NULL, FALSE, TRUE] = [{ tag: 'null' }, { tag: 'boolean', val: false }, { tag: 'boolean', val: true }];
const VALUES = [NULL, FALSE, TRUE, 'integer', 'real', 'text', 'blob'];
const [NONE, SETTLED, FIRST_EVENT] = [0, 1, 2]; // what numbers in stamps mean

/** @import { Cell, EventId, EventRun, PeerVersion } from '../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/**
 * @typedef {Omit<EventRun, 'lamport'> & { lamport?: number }} Run undefined where it follows from events that are not here
 * @typedef {{ name: string, rows: { id: string, cells: Cell[] }[] }} Table cells that show, rows that are there
 * @typedef {{ table: string, row: string, cells?: Cell[] }} ChangedRow as it was; undefined where it was not there
 * @typedef {{ kind: 'document', peers: string[], horizon: PeerVersion[], version: PeerVersion[], heads: EventId[],
 *   tables: Table[], runs: Run[], changed: ChangedRow[], waiting: Run[] }} Document
 * @typedef {{ kind: 'update', peers: string[], runs: Run[] }} Update
 */

/** Bytes that break a rule of docs/format.md; bytes of another version. */
export class Corrupt extends Error {}
export class UnsupportedVersion extends Error {}

/** @type {(bytes: Uint8Array) => Document | Update} what is in a saved document or an update */
export function read(bytes) {
  const { kind, sections } = readFrame(bytes);
  return kind === 'document' ? readDocument(sections) : { kind, ...readEvents(sections, true) };
}

function readFrame(bytes) {
  const frame = new Bytes(bytes);
  for (const byte of MAGIC) check('the first bytes are others', frame.byte() === byte);
  const version = frame.varint();
  if (version !== VERSION) throw new UnsupportedVersion(`version ${version}`);
  const kind = KINDS[frame.byte()];
  check('neither a document nor an update', kind !== undefined);
  check('an unknown feature', frame.varint() === 0n);
  const content = frame.part();
  const checksum = crc32(bytes.subarray(0, bytes.length - frame.left));
  check('the checksum is another one', littleEndian(frame.take(4)) === BigInt(checksum));
  frame.end('the checksum');
  const sections = new Map();
  for (let last = 0; content.left > 0;) {
    const id = content.number();
    check('the sections are not in their order', id > last);
    last = id;
    const section = content.part();
    if (id >= FIRST_TO_SKIP) continue;
    check(`section ${id} in this place`, SECTIONS[kind].includes(id));
    sections.set(id, section);
  }
  for (const id of SECTIONS[kind]) check(`no section ${id}`, sections.has(id) || OPTIONAL.includes(id));
  return { kind, sections };
}

function readDocument(sections) {
  const names = readNames(sections.get(1), sections.get(2));
  const horizon = readHorizon(sections.get(3), names.peers.length);
  const rows = readState(sections.get(4), names);
  const { runs, counts } = readHistory(sections.get(6), names, rows, horizon, { isWhole: true, inOrder: true });
  const changed = readChanged(sections.get(7), names, rows);
  const waiting = readWaiting(sections.get(8));
  names.checkUsed();
  check('a peer without events', !counts.includes(0));
  const events = runs.flatMap(({ peer, lamport, commits }) => commits.map((_, k) => ({ peer, lamport: lamport + k })));
  const given = [null, horizon.named.length > 0 ? null : undefined, ...horizon.stamps];
  for (const { state } of changed) checkState(state, given);
  const stamps = given.concat(events);
  for (const { state, isNamed } of rows) {
    checkState(state, stamps);
    for (const cell of state.cells) check('a value of no operation', cell.isWritten || cell.number < given.length);
    check('a row of which nothing is known', isNamed || isKnown(state));
  }
  for (const row of changed) check('a changed row of no operation, or of nothing', row.isNamed && isKnown(row.state));

  const version = (counts) => counts.map((count, peer) => ({ peer: names.peers[peer], count }));
  const shown = ({ cells }) => cells.filter((cell) => cell.shows).map(names.cell);
  const tables = names.tables.map((name, table) => {
    const there = rows.filter((row) => row.table === table && isThere(row.state));
    return { name, rows: there.map(({ id, state }) => ({ id, cells: shown(state) })) };
  });
  return {
    kind: 'document',
    peers: names.peers,
    horizon: version(horizon.counts).filter(({ count }) => count > 0),
    version: version(counts),
    heads: headsOf(runs, horizon).map(names.event),
    tables: tables.filter((table) => table.rows.length > 0),
    runs: runs.map(names.run),
    changed: changed.map(({ table, id, state }) => {
      return { table: names.tables[table], row: id, cells: isThere(state) ? shown(state) : undefined };
    }),
    waiting,
  };
}

export function readWaiting(section) {
  if (section === undefined) return [];
  const parts = new Map(SECTIONS.update.map((id) => [id, section.part()]));
  section.end('the waiting events');
  const { runs } = readEvents(parts, false);
  check('no waiting events', runs.length > 0);
  return runs;
}

/** The events of an update. `inOrder`: they come after what they build on, as far as that is here. */
function readEvents(sections, inOrder) {
  const names = readNames(sections.get(1), sections.get(2));
  const rows = readRows(sections.get(5), names.tables.length);
  const horizon = readHorizon(undefined, names.peers.length);
  const { runs } = readHistory(sections.get(6), names, rows, horizon, { isWhole: false, inOrder });
  names.checkUsed();
  for (const row of rows) check('a row that no operation names', row.isNamed);
  const used = new Set(runs.flatMap(({ peer, deps }) => [peer, ...deps.map((dep) => dep.peer)]));
  check('a peer that nothing names', used.size === names.peers.length);
  return { peers: names.peers, runs: runs.map(names.run) };
}

/** What is called by numbers, and what turns those into names. */
function readNames(peerSection, nameSection) {
  const peers = peerSection.names();
  peerSection.end('the peers');
  const [tables, columns] = [nameSection.names(), nameSection.names()];
  const lengths = nameSection.numbers(nameSection.number());
  const all = nameSection.deltas(sum(lengths)).map(counting);
  check('other columns than those of the shapes', sorted(new Set(all)).join() === [...columns.keys()].join());
  nameSection.end('the shapes');
  let at = 0;
  const shapes = lengths.map((length) => all.slice(at, (at += length)));
  for (const shape of shapes) checkAscending(shape, (a, b) => a - b);
  check('a shape comes twice', new Set(shapes.map(String)).size === shapes.length);
  let used = 0;
  const event = ({ peer, counter }) => ({ peer: peers[peer], counter });
  const cell = ({ column, value }) => ({ column: columns[column], value });
  const op = ({ tag, row, cells }) => {
    const val = { table: tables[row.table], row: row.id };
    return { tag, val: tag === 'delete' ? val : { ...val, cells: cells.map(cell) } };
  };
  return {
    peers,
    tables,
    event,
    cell,
    run({ peer, start, lamport, deps, commits }) {
      const named = commits.map((commit) => commit.map(op));
      return { peer: peers[peer], start, lamport, deps: deps.map(event), commits: named };
    },
    /** The cells, yet without values, of a shape. Shapes are numbered as they are first used. */
    cells(shape) {
      check('a shape that is not the next new one', shape < shapes.length && shape <= used);
      used = Math.max(used, shape + 1);
      return shapes[shape].map((column) => ({ column, value: undefined }));
    },
    checkUsed: () => check('a shape that nothing uses', used === shapes.length),
  };
}

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
    // A peer's times grow, so an event of time t builds on fewer than t events of any other peer.
    const isPossible = known.every((count, of) => count >= 0 && count < lamport + (of === peer ? 1 : 0));
    check('an event that cannot be', isPossible && known[peer] === counter + 1);
  }
  checkAscending(named, (a, b) => a.peer - b.peer || a.counter - b.counter);
  const all = counts.map((_, peer) => Math.max(0, ...named.map(({ known }) => known[peer])));
  check('events that do not make the horizon', sum(counts) > 0 && String(all) === String(counts));

  const times = section.deltas(section.number()).map(counting);
  const stamps = section.numbers(times.length, peers).map((peer, i) => ({ peer, lamport: times[i] }));
  checkAscending(stamps, (a, b) => a.lamport - b.lamport || a.peer - b.peer);
  section.end('the horizon');
  return { counts, named, stamps };
}

/** The rows of so many tables, of which no state is known. */
function readRows(section, tables) {
  const rows = section.numbers(tables).flatMap((count, table) => {
    check('a table without rows', count > 0);
    return section.texts(count).map((id) => ({ table, id }));
  });
  section.end('the rows');
  return rows;
}

function readState(section, names) {
  const counts = section.numbers(names.tables.length);
  const lengths = section.numbers(sum(counts.map((count) => Math.ceil(count / BLOCK_ROWS)))).values();
  const blocks = section.part();
  section.end('the state');
  const rows = counts.flatMap((count, table) => {
    check('a table without rows', count > 0);
    const rows = [];
    for (let left = count; left > 0; left -= BLOCK_ROWS) {
      const block = new Bytes(blocks.take(lengths.next().value));
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

function readChanged(section, names, rows) {
  if (section === undefined) return [];
  const numbers = section.deltas(section.number()).map(counting);
  checkAscending(numbers, (a, b) => a - b);
  check('no changed rows, or some that are not listed', numbers.at(-1) < rows.length);
  const states = readStates(
    section,
    numbers.length,
    names,
    numbers.map((number) => rows[number]),
  );
  section.end('the changed rows');
  return numbers.map((number, i) => ({ ...rows[number], state: states[i] }));
}

/** The states of `count` rows. What the states of `known` hold too is not written again. */
function readStates(bytes, count, names, known = []) {
  const deletes = [bytes.numbers(count), bytes.numbers(count)];
  const firsts = [bytes.deltas(count).map(counting), bytes.deltas(count).map(counting)];
  const furtherCounts = bytes.numbers(count);
  const further = [bytes.zigzags(sum(furtherCounts)), bytes.numbers(sum(furtherCounts))];
  const shapes = bytes.numbers(count).map(names.cells);
  const cellCount = sum(shapes.map((cells) => cells.length));
  const writes = [bytes.zigzags(cellCount), bytes.zigzags(cellCount)];
  const shows = bytes.numbers(cellCount, 2);
  let [insertsSoFar, cellsSoFar] = [0, 0];
  const lacking = [];
  const states = shapes.map((cells, i) => {
    const [number, place] = firsts.map((column) => column[i]);
    const inserts = [{ number, place }];
    for (let k = 0; k < furtherCounts[i]; k++, insertsSoFar++) {
      inserts.push({ number: number + further[0][insertsSoFar], place: further[1][insertsSoFar] });
    }
    for (const cell of cells) {
      cell.number = number + writes[0][cellsSoFar];
      cell.place = place + writes[1][cellsSoFar];
      cell.shows = shows[cellsSoFar++] === 1;
      if (!isHeld(cell, known[i]?.state, cell)) lacking.push(cell);
    }
    return { remove: { number: deletes[0][i], place: deletes[1][i] }, inserts, cells };
  });
  bytes.values(lacking);
  return states;
}

/** Gives a cell the value of the row's state that the same operation wrote, if there is one. */
function isHeld(cell, state, { number, place }) {
  const same = state?.cells.find(
    (held) => held.column === cell.column && held.number === number && held.place === place,
  );
  if (same === undefined) return false;
  same.isWritten = true;
  cell.value = same.value;
  return true;
}

/** Checks that the stamps of a state are possible, and that the cells show that do. */
function checkState({ remove, inserts, cells }, stamps) {
  for (const { number, place } of [remove, ...inserts, ...cells]) {
    const isEvent = number >= FIRST_EVENT && number < stamps.length && place >= 0;
    check('a stamp of nothing', isEvent || (stamps[number] === null && place === 0));
  }
  const compare = (a, b) => {
    const [one, other] = [stamps[a.number], stamps[b.number]];
    if (one === null || other === null) return a.number - b.number;
    return one.lamport - other.lamport || one.peer - other.peer || a.place - b.place;
  };
  check('a settled delete', remove.number !== SETTLED);
  if (isThere({ inserts })) checkAscending([remove, ...inserts], compare);
  else check('further inserts of a row that is not there', inserts.length === 1);
  for (const cell of cells) {
    check('a write before the delete', compare(remove, cell) < 0);
    check('a cell shows, or not', cell.shows === (isThere({ inserts }) && compare(inserts[0], cell) <= 0));
    check('a settled write that does not show', cell.shows || cell.number !== SETTLED);
  }
}

/** The events, with lamport times where those follow. `isWhole`: nothing that they build on is elsewhere. */
function readHistory(section, names, rows, horizon, { isWhole, inOrder }) {
  const { runs, counts } = readRuns(section, horizon, isWhole, inOrder);
  const opCounts = section.numbers(sum(runs.map((run) => run.count)));
  const tags = section.numbers(sum(opCounts), OPS.length).map((kind) => OPS[kind]);
  const rowNumbers = section.deltas(tags.length).map(counting);
  const shapes = section.numbers(tags.length).map(names.cells);
  let [event, op] = [0, 0];
  const lacking = [];
  for (const run of runs) {
    run.commits = Array.from({ length: run.count }, () => {
      const number = FIRST_EVENT + horizon.stamps.length + event;
      return Array.from({ length: opCounts[event++] }, (_, place) => {
        const [tag, row, cells] = [tags[op], rows[rowNumbers[op]], shapes[op++]];
        check('an operation on a row that is not listed', row !== undefined);
        check('a delete with cells', tag !== 'delete' || cells.length === 0);
        row.isNamed = true;
        for (const cell of cells) {
          if (!isHeld(cell, row.state, { number, place })) lacking.push(cell);
        }
        return { tag, row, cells };
      });
    });
  }
  section.values(lacking);
  section.end('the history');
  return { runs, counts };
}

/** The graph: runs, yet without operations, and how many events each peer has in the end. */
function readRuns(section, horizon, isWhole, inOrder) {
  const counts = horizon.counts.slice();
  const runPeers = section.numbers(section.number(), counts.length);
  const gaps = section.numbers(runPeers.length);
  const eventCounts = section.numbers(runPeers.length);
  const depCounts = section.numbers(runPeers.length);
  const depPeers = section.numbers(sum(depCounts), counts.length);
  const distances = section.zigzags(depPeers.length);
  const byPeer = counts.map(() => []);
  const runOf = ({ peer, counter }) =>
    byPeer[peer].find((run) => run.start <= counter && counter < run.start + run.count);
  const lamportOf = (event) => {
    const run = runOf(event);
    if (run !== undefined) return run.lamport + event.counter - run.start;
    return horizon.named.find(({ peer, counter }) => peer === event.peer && counter === event.counter)?.lamport;
  };
  let dep = 0;
  const elsewhere = [];
  const runs = runPeers.map((peer, i) => {
    const [start, count] = [(counts[peer] += gaps[i]), eventCounts[i]];
    check('a run without events, or a document without some', count > 0 && (!isWhole || gaps[i] === 0));
    const deps = Array.from({ length: depCounts[i] }, () => {
      const on = depPeers[dep];
      const counter = counts[on] - 1 - distances[dep++];
      check('an event cannot build on this one', counter >= 0 && (on !== peer || counter === start - 1));
      return { peer: on, counter };
    });
    checkAscending(deps, (a, b) => a.peer - b.peer);
    check('a run could be longer', deps.length !== 1 || deps[0].peer !== peer || runOf(deps[0]) === undefined);
    // What follows from an undefined time is not a number.
    const lamport = 1 + Math.max(0, ...deps.map(lamportOf));
    elsewhere.push(...deps.filter((event) => lamportOf(event) === undefined));
    const run = { peer, start, count, lamport: inOrder && lamport > 0 ? lamport : undefined, deps };
    byPeer[peer].push(run);
    check('more events than a peer can have', (counts[peer] += count) <= MOST_EVENTS);
    return run;
  });
  check('an event before what it builds on', isWhole ? elsewhere.length === 0 : !inOrder || !elsewhere.some(runOf));
  if (isWhole) checkAscending(runs, (a, b) => a.lamport - b.lamport || a.peer - b.peer);
  if (!inOrder) checkAscending(runs, (a, b) => a.peer - b.peer || a.start - b.start);
  return { runs, counts };
}

/** The events that no other one builds on. */
function headsOf(runs, { named }) {
  const ends = runs.map(({ peer, start, count }) => ({ peer, counter: start + count - 1 }));
  const isBuilt = ({ peer, counter }) =>
    runs.some(({ deps }) => deps.some((dep) => dep.peer === peer && dep.counter === counter)) ||
    named.some(({ known, ...other }) => known[peer] > counter && (other.peer !== peer || other.counter !== counter));
  return [...named, ...ends].filter((event) => !isBuilt(event)).sort((a, b) => a.peer - b.peer);
}

/** Bytes that are read one thing after the other. */
export class Bytes {
  #at = 0;
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get left() {
    return this.#bytes.length - this.#at;
  }

  end(what) {
    check(`bytes behind ${what}`, this.left === 0);
  }

  take(count) {
    check('more bytes than there are', count <= this.left);
    return this.#bytes.subarray(this.#at, (this.#at += Number(count)));
  }

  byte() {
    return this.take(1)[0];
  }

  varint() {
    let number = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      number |= BigInt(byte & 127) << shift;
      check('a number of more than 64 bits', number < 2n ** 64n && shift < 70n);
      check('a number that is longer than it must be', byte > 0 || shift === 0n);
      if (byte < 128) return number;
    }
  }

  /** A varint that counts something. */
  number() {
    return counting(this.varint());
  }

  /** A varint and so many bytes. */
  part() {
    return new Bytes(this.take(this.varint()));
  }

  /** A column of so many numbers. `count` may be anything, so nothing is made by it. */
  column(count, isFixed = false) {
    const head = this.varint();
    if (head % 2n === 1n) {
      check('a single number, where there are none or more', count === 1 && !isFixed);
      return [head >> 1n];
    }
    const content = new Bytes(this.take(head >> 1n));
    const next = () => (isFixed ? littleEndian(content.take(8)) : content.varint());
    const [groups, numbers] = [[], []];
    while (content.left > 0) {
      const group = content.byte();
      groups.push(group);
      const number = next();
      numbers.push(number);
      for (let k = 0; k < group % 128; k++) numbers.push(group < 128 ? number : next());
    }
    check(`a column of ${numbers.length} numbers, not ${count}`, numbers.length === count);
    check('a single number that is written as more', isFixed || count !== 1 || numbers[0] >= 2n ** 63n);
    check('a column in other groups than a writer makes', String(groups) === String(groupsOf(numbers)));
    return numbers;
  }

  /** A column of numbers that count something, each below `bound`. */
  numbers(count, bound = Infinity) {
    const numbers = this.column(count).map(counting);
    for (const number of numbers) check('a number of what is not there', number < bound);
    return numbers;
  }

  zigzags(count) {
    return this.column(count).map((number) => Number(unzigzag(number)));
  }

  /** A delta column. */
  deltas(count) {
    let last = 0n;
    return this.column(count).map((number) => (last = BigInt.asUintN(64, last + unzigzag(number))));
  }

  names() {
    const names = this.texts(this.number());
    for (const name of names) check('a name of too many bytes', Buffer.byteLength(name) <= MOST_NAME_BYTES);
    return names;
  }

  /** Sorted texts, none of them empty. */
  texts(count) {
    const shared = this.numbers(count);
    const lengths = this.numbers(count);
    const rest = this.part();
    let last = Buffer.alloc(0);
    const texts = shared.map((start, i) => {
      const text = Buffer.concat([last.subarray(0, start), rest.take(lengths[i])]);
      let same = 0;
      while (same < MOST_SHARED && same < last.length && last[same] === text[same]) same++;
      check('a text shares more, or less, with the one before', start === same);
      check('texts that do not ascend', Buffer.compare(last, text) < 0);
      last = text;
      return utf8(text);
    });
    rest.end('the texts');
    return texts;
  }

  /** Texts that may repeat, or blobs; `make` makes each from its bytes, once. */
  dictionary(count, make) {
    const codes = this.numbers(count);
    const lengths = this.numbers(codes.filter((code) => code === 0).length).values();
    const content = this.part();
    const [known, coded] = [new Set(), []];
    const all = codes.map((code) => {
      check('a code that no text has', code <= coded.length);
      if (code > 0) return coded[code - 1];
      const bytes = content.take(lengths.next().value);
      const key = Buffer.from(bytes).toString('latin1');
      check('a text that has a code comes again', !known.has(key));
      const made = make(bytes);
      if (coded.length < MOST_CODES) {
        known.add(key);
        coded.push(made);
      }
      return made;
    });
    content.end('the texts');
    return all;
  }

  /** Values, into the cells that lack them. */
  values(cells) {
    const columns = sorted(new Set(cells.map(({ column }) => column)));
    check('values of other columns', this.number() === columns.length);
    for (const column of columns) {
      check('values of another column', this.number() === column);
      const here = cells.filter((cell) => cell.column === column);
      const bits = this.byte();
      check('an unknown kind of values', bits < 16);
      const kinds = this.numbers(here.length, VALUES.length);
      for (const [i, cell] of here.entries()) cell.value = VALUES[kinds[i]];
      const some = (bit, tag, readSome) => {
        const those = here.filter((_, i) => VALUES[kinds[i]] === tag);
        check('kinds of values that are not there, or not named', those.length > 0 === (bits & bit) > 0);
        if (those.length > 0) for (const [i, val] of readSome(those.length).entries()) those[i].value = { tag, val };
      };
      some(1, 'integer', (count) => this.deltas(count).map((bits) => BigInt.asIntN(64, bits)));
      some(2, 'real', (count) => this.column(count, true).map(real));
      some(4, 'text', (count) => this.dictionary(count, utf8));
      some(8, 'blob', (count) => this.dictionary(count, (bytes) => new Uint8Array(bytes)));
    }
  }
}

const isThere = ({ inserts }) => inserts[0].number !== NONE;
const isKnown = (state) => isThere(state) || state.remove.number !== NONE || state.cells.length > 0;
const littleEndian = (bytes) => bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);
const unzigzag = (number) => (number % 2n === 0n ? number / 2n : -(number + 1n) / 2n);

/** The groups into which a writer puts a column. A reader may take others; this one is here to test writers. */
function groupsOf(numbers) {
  const groups = [];
  for (let at = 0, equal; at < numbers.length; at += equal) {
    for (equal = 1; equal < 128 && numbers[at + equal] === numbers[at];) equal++;
    if (equal >= 3) groups.push(equal - 1);
    for (let k = equal < 3 ? equal : 0; k > 0; k--) {
      const last = groups.at(-1) ?? 0;
      if (last >= 128 && last < 255) groups[groups.length - 1]++;
      else groups.push(128);
    }
  }
  return groups;
}

function counting(number) {
  check('a number beyond anything that can be', number <= Number.MAX_SAFE_INTEGER);
  return Number(number);
}

function real(bits) {
  const [number] = new Float64Array(BigUint64Array.of(bits).buffer);
  check('another NaN', !Number.isNaN(number) || bits === 0x7ff8000000000000n);
  return number;
}

export function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Corrupt('not UTF-8');
  }
}

function checkAscending(list, compare) {
  for (let i = 1; i < list.length; i++) check('a list does not ascend', compare(list[i - 1], list[i]) < 0);
}

export function check(what, isRight) {
  if (!isRight) throw new Corrupt(what);
}

export function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
