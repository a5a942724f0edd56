// Reads the texts of spliced cells in the bytes of documents and updates, as docs/format.md defines them, and computes them
// again from the history.
import { check, checkAscending, counting, unzigzag, utf8 } from './bytes.js';
import { Text } from './fugue.js';
import { DELETE, WRITE, groundAfter, groundOf, isEdit, isLast, isSeen, kindOf } from './grounds.js';
import { knownCounts, latestOf, opsByRow, opsOfState, placeOf } from './grounds.js';

const [NO_TEXT, ON_DELETE, ON_WRITE, VOID] = [0, 1, 3, 1]; // classes of splices; a void one has 1 more
const [SHOWS_NOTHING, FROM_GROUND, FROM_HORIZON] = [0, 1, 2]; // sources of texts
const [OF_GROUND, FIRST_PEER] = [0, 1]; // origins of characters

/** @import { Bytes } from './bytes.js' */
/** @import { ShownText } from './edits.js' */
/** @import { Horizon, StateRow } from './format.js' */
/** @import { Compare, Ground, Kept, PlacedOp } from './grounds.js' */
/** @import { LinkedRun } from './links.js' */
/** @import { State } from './states.js' */
/**
 * @typedef {{ row: number, column: number }} CellNumbers
 * @typedef {CellNumbers & { at: number, remove: number, count: number, insert: string, from: number }} Splice
 *   `count`: the inserted characters; `from`: the first byte of these in the contents of the cell
 * @typedef {{ origin: number, first: number, place: number, offset: number, ofEach: number, scalars: number }} Span
 *   characters of a text at the horizon whose names follow each other
 * @typedef {CellNumbers & { kind: number, spans: Span[], bytes: Uint8Array }} Base a text at the horizon
 * @typedef {{ start: number, end: number }} Range
 * @typedef {CellNumbers & { kind: number, source: number, ranges: Range[] }} Present a present text
 * @typedef {ReturnType<typeof readTexts>} Texts
 * @typedef {{ texts: Texts, rows: StateRow[], changed: Map<number, State>, horizon: Horizon, splices: Splice[],
 *   compare: Compare }} Parts of a document; `changed`: the states of changed rows at the horizon, by number of the row
 */

/** @type {Texts} */
export const NO_TEXTS = { bases: [], contents: new Map(), classes: [], present: [] };

/**
 * Reads the texts at the horizon, what splices insert, the classes of the splices, and the present
 * texts.
 *
 * @param {Bytes} section
 * @param {number} columns
 * @param {number} splices how many splices the history has
 */
export function readTexts(section, columns, splices) {
  const bases = readBases(section, columns);
  const contents = readContents(section, columns);
  const classes = section.numbers(splices, ON_WRITE + VOID + 1);
  const present = readPresent(section, columns);
  check('the texts are empty', bases.length + contents.size + present.length > 0);
  return { bases, contents, classes, present };
}

/** @type {(section: Bytes, columns: number) => Base[]} */
function readBases(section, columns) {
  const count = section.number();
  if (count === 0) return [];
  const cells = readCells(section, count, columns);
  const counts = section.numbers(count);
  const total = counts.reduce((all, count) => all + count, 0);
  const origins = section.numbers(total);
  const firsts = section.deltas(total).map(counting);
  const inserted = origins.filter((origin) => origin !== OF_GROUND).length;
  const [places, offsets, ofEach] = [section.numbers(inserted), section.numbers(inserted), section.numbers(inserted)];
  const scalars = section.numbers(total);
  const chars = [...utf8(section.take(section.varint()))];
  let [span, named, char] = [0, 0, 0];
  const bases = cells.map((cell, i) => {
    const spans = /** @type {Span[]} */ ([]);
    const start = char;
    for (let k = 0; k < counts[i]; k++, span++) {
      const [origin, first] = [origins[span], firsts[span]];
      const name = { place: 0, offset: 0, ofEach: 1 };
      if (origin !== OF_GROUND) {
        Object.assign(name, { place: places[named], offset: offsets[named], ofEach: ofEach[named] });
        named++;
      }
      spans.push({ origin, first, ...name, scalars: scalars[span] });
      const isNamed = origin === OF_GROUND ? first + scalars[span] <= 2 ** 32 : name.offset < name.ofEach;
      check('characters have no names', scalars[span] > 0 && isNamed);
      check('two spans of characters could be one', k === 0 || !isNext(spans[k - 1], spans[k]));
      char += scalars[span];
    }
    return { ...cell, spans, bytes: Buffer.from(chars.slice(start, char).join('')) };
  });
  check('the texts at the horizon have other characters', char === chars.length);
  return bases;
}

/** @type {(span: Span, next: Span) => boolean} */
function isNext(span, next) {
  const { event, offset } = nameAt(span, span.scalars);
  const isSame = span.origin === next.origin && span.place === next.place && span.ofEach === next.ofEach;
  return isSame && event === next.first && offset === next.offset;
}

/**
 * Returns the counter of the event that inserted a character, and the character's index in the
 * inserted text.
 *
 * @param {Span} span
 * @param {number} index
 */
function nameAt({ first, offset, ofEach }, index) {
  return { event: first + Math.floor((offset + index) / ofEach), offset: (offset + index) % ofEach };
}

/**
 * Reads where splices act, and how much they remove and insert.
 *
 * @param {Bytes} section
 * @param {Splice[]} splices
 */
export function readPlaces(section, splices) {
  const distances = section.zigzags(splices.length);
  const [removed, inserted] = [section.numbers(splices.length, 2 ** 32), section.numbers(splices.length, 2 ** 32)];
  let expected = 0;
  for (const [i, splice] of splices.entries()) {
    const at = expected + distances[i];
    check('a splice is at no position', at >= 0 && at < 2 ** 32);
    Object.assign(splice, { at, remove: removed[i], count: inserted[i] });
    expected = Math.min(at + inserted[i], 2 ** 32 - 1);
  }
}

/**
 * Reads what the splices of each cell insert, by cell.
 *
 * @param {Bytes} section
 * @param {number} columnCount
 * @returns {Map<string, Uint8Array>}
 */
export function readContents(section, columnCount) {
  const count = section.number();
  if (count === 0) return new Map();
  const rows = section.deltas(count).map(counting);
  const columns = section.numbers(count, columnCount);
  const lengths = section.numbers(count);
  const cells = rows.map((row, i) => ({ row, column: columns[i] }));
  checkAscending(cells, (a, b) => a.row - b.row || a.column - b.column);
  return new Map(cells.map((cell, i) => [nameOf(cell), section.take(lengths[i])]));
}

/**
 * Sets what each splice inserts.
 *
 * @param {Splice[]} splices in the order of the history
 * @param {Map<string, Uint8Array>} contents
 */
export function setInserted(splices, contents) {
  const left = new Map([...contents].map(([name, bytes]) => [name, { chars: [...utf8(bytes)], at: 0, from: 0 }]));
  const used = new Set(splices.map(nameOf));
  check(
    'a cell with contents has no splice',
    [...left.keys()].every((name) => used.has(name)),
  );
  for (const splice of splices) {
    const content = left.get(nameOf(splice));
    check('the inserted text is missing', content !== undefined);
    const end = content.at + splice.count;
    check('the inserted text is too short', end <= content.chars.length);
    splice.insert = content.chars.slice(content.at, end).join('');
    splice.from = content.from;
    content.at = end;
    content.from += Buffer.byteLength(splice.insert);
  }
  for (const { chars, at } of left.values()) check('more is inserted than splices insert', at === chars.length);
}

/** @type {(section: Bytes, columns: number) => Present[]} */
function readPresent(section, columns) {
  const count = section.number();
  if (count === 0) return [];
  const cells = readCells(section, count, columns);
  const sources = section.numbers(count, FROM_HORIZON + 1);
  const counts = section.numbers(count);
  const total = counts.reduce((all, count) => all + count, 0);
  const starts = section.column(total).map((number) => Number(unzigzag(number)));
  const lengths = section.numbers(total);
  let range = 0;
  return cells.map((cell, i) => {
    let end = 0;
    const ranges = Array.from({ length: counts[i] }, (_, k) => {
      const start = end + starts[range];
      check('two ranges of a text could be one', k === 0 || start !== end);
      end = start + lengths[range++];
      check('a range of a text is nowhere', start >= 0 && start < end);
      return { start, end };
    });
    return { ...cell, source: sources[i], ranges };
  });
}

/** @type {(section: Bytes, count: number, columnCount: number) => (CellNumbers & { kind: number })[]} */
function readCells(section, count, columnCount) {
  const rows = section.deltas(count).map(counting);
  const columns = section.numbers(count, columnCount);
  const kinds = section.numbers(count, WRITE + 1);
  const cells = rows.map((row, i) => ({ row, column: columns[i], kind: kinds[i] }));
  checkAscending(cells, (a, b) => a.row - b.row || a.column - b.column || Math.sign(a.kind) - Math.sign(b.kind));
  return cells;
}

/**
 * Checks that each text belongs to a cell that can be spliced, and shows characters of its base and
 * of its splices.
 *
 * @param {Parts} parts
 */
export function checkTexts(parts) {
  const { texts, rows, changed, horizon, splices, compare } = parts;
  for (const { spans } of texts.bases) {
    for (const span of spans) {
      const isKnown = nameAt(span, span.scalars - 1).event < (horizon.counts[span.origin - FIRST_PEER] ?? 0);
      check('a character at the horizon is of no compacted event', span.origin === OF_GROUND || isKnown);
    }
  }
  for (const base of texts.bases) {
    check('a text at the horizon belongs to no cell that can be spliced', groundAtHorizon(base, parts) !== undefined);
    const isUsed = texts.present.some((text) => text.source === FROM_HORIZON && isOf(text)(base));
    check('a text at the horizon is not used', changed.has(base.row) || isUsed);
  }
  for (const [i, splice] of splices.entries()) {
    const text = texts.present.find((text) => isOf(text)({ ...splice, kind: kindOfClass(texts.classes[i]) }));
    check('a splice belongs to no text', texts.classes[i] === NO_TEXT || text !== undefined);
  }
  for (const text of texts.present) {
    const { row, column, kind, source, ranges } = text;
    const state = rows[row]?.state;
    const ground = state && groundOf(text, 'splice', state, compare);
    check('a text belongs to no cell that can be spliced', ground !== undefined);
    const base = texts.bases.find(isOf(text));
    const isRight = source !== FROM_HORIZON || (base !== undefined && isSame(groundAtHorizon(base, parts), ground));
    check('a text begins with another one at the horizon', isRight);

    const { bytes, baseLength } = contentOf(text, texts, state);
    const [held, shown] = [new Uint8Array(bytes.length).fill(1, 0, baseLength), new Uint8Array(bytes.length)];
    let isEdited = false;
    for (const [i, { from, insert, ...splice }] of splices.entries()) {
      const class_ = texts.classes[i];
      if (class_ === NO_TEXT || isVoid(class_) || !isOf(text)({ ...splice, kind: kindOfClass(class_) })) continue;
      isEdited = true;
      held.fill(1, baseLength + from, baseLength + from + Buffer.byteLength(insert));
    }
    for (const { start, end } of ranges) {
      check('a range of a text is beyond its content', end <= bytes.length);
      const isFree = held.subarray(start, end).every((is) => is === 1) && !shown.subarray(start, end).includes(1);
      check('a text shows a part twice, or one that it does not have', isFree);
      shown.fill(1, start, end);
      utf8(bytes.subarray(start, end));
    }
    const written = kind === DELETE ? undefined : latestOf(state, column)?.value;
    const shows = source === FROM_HORIZON || written?.tag === 'text' || isEdited;
    check('a text shows although all its edits are void, or does not show', shows === (source !== SHOWS_NOTHING));
  }
}

/**
 * Checks that the present texts of a document, and the classes of its splices, follow from its
 * history: from the texts at the horizon, and the splices since.
 *
 * @param {LinkedRun[]} runs
 * @param {Kept[]} keptGrounds
 * @param {number[]} places of the peers in the order of execution
 * @param {Parts} parts
 */
export function checkTextHistory(runs, keptGrounds, places, parts) {
  const { texts, rows, changed, horizon, splices, compare } = parts;
  const known = knownCounts(runs, horizon);
  const kept = new Map(keptGrounds.map(({ edit, ground }) => [placeOf(edit), { ground }]));
  const classes = /** @type {Map<Splice | undefined, number>} */ (new Map());
  const byRow = opsByRow(runs, horizon, rows);
  const edited = [...texts.bases, ...texts.present].map(({ row }) => row);
  const expected = [...new Set([...byRow.keys(), ...edited])].flatMap((number) => {
    const ops = byRow.get(number) ?? [];
    const { state } = rows[number];
    const base = changed.get(number);
    const plain = [...(base === undefined ? [] : opsOfState(base)), ...ops.filter((op) => !isEdit(op))];
    const found = /** @type {Map<string, History>} */ (new Map());
    /** @type {(column: number, ground: Ground | undefined) => History | undefined} */
    const textOn = (column, ground) => {
      if (ground === undefined || !isLast(ground, state, column, compare)) return undefined;
      const name = `${column} ${ground.isWrite}`;
      const text = found.get(name) ?? newText({ row: number, column }, ground, places, parts);
      found.set(name, text);
      return text;
    };
    for (const base of texts.bases) {
      if (base.row === number) textOn(base.column, groundAtHorizon(base, parts));
    }
    for (const op of ops) {
      if (op.splice === undefined) continue;
      const { column } = op.splice;
      const counts = known.get(op.run) ?? [];
      const isPast = (/** @type {PlacedOp} */ other) => isSeen(other, op, counts);
      const computed = () => ({ ground: groundAfter(plain.filter(isPast), column, 'splice', compare) });
      const { ground } = kept.get(placeOf(op)) ?? computed();
      const text = textOn(column, ground);
      if (text === undefined) continue;
      const isValid = text.chars.splice(op, op.splice, isPast);
      text.isEdited ||= isValid;
      classes.set(op.splice, (ground?.isWrite ? ON_WRITE : ON_DELETE) + (isValid ? 0 : VOID));
    }
    return [...found.values()].map(presentOf);
  });
  const present = expected.sort((a, b) => a.row - b.row || a.column - b.column || a.kind - b.kind);
  check('the texts do not follow from the history', show(texts.present) === show(present));
  const inOrder = splices.map((splice) => classes.get(splice) ?? NO_TEXT);
  check('the classes of splices do not follow from the history', String(inOrder) === String(texts.classes));
}

/**
 * A text as its history makes it; `base` is what it begins with.
 *
 * @typedef {Omit<Present, 'ranges'> & { base: string, isEdited: boolean, chars: Text<PlacedOp> }} History
 * @type {(cell: CellNumbers, ground: Ground, places: number[], parts: Parts) => History}
 */
function newText({ row, column }, ground, places, parts) {
  const { texts, rows, compare } = parts;
  const { state } = rows[row];
  const kind = kindOf(ground, state, column, compare);
  const atHorizon = texts.bases.find((base) => isOf({ row, column, kind })(base));
  const isFromHorizon = atHorizon !== undefined && isSame(groundAtHorizon(atHorizon, parts), ground);
  const written = ground.isWrite ? latestOf(state, column)?.value : undefined;
  const source = isFromHorizon ? FROM_HORIZON : written?.tag === 'text' ? FROM_GROUND : SHOWS_NOTHING;
  const base = isFromHorizon ? utf8(atHorizon.bytes) : written?.tag === 'text' ? written.val : '';
  const chars = new Text(base, (/** @type {PlacedOp} */ a, /** @type {PlacedOp} */ b) => {
    const place = (/** @type {PlacedOp} */ { run }) => places[run?.peer ?? 0];
    return place(a) - place(b) || a.counter - b.counter || a.place - b.place;
  });
  return { row, column, kind, source, base, isEdited: false, chars };
}

/** @type {(text: History) => Present} */
function presentOf({ base, isEdited, chars, source, ...cell }) {
  const ranges = /** @type {Range[]} */ ([]);
  for (const { value, place, edit } of chars.shown()) {
    const [text, from] = edit?.splice === undefined ? [base, 0] : [edit.splice.insert, edit.splice.from];
    const before = edit === undefined ? 0 : Buffer.byteLength(base);
    const start = before + from + Buffer.byteLength([...text].slice(0, place).join(''));
    const [last, end] = [ranges.at(-1), start + Buffer.byteLength(value)];
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  return { ...cell, source: source === SHOWS_NOTHING && isEdited ? FROM_GROUND : source, ranges };
}

/** @param {Present[]} texts */
function show(texts) {
  const ofText = (/** @type {Present} */ { row, column, kind, source, ranges }) => {
    const shown = ranges.map(({ start, end }) => `${start}-${end}`);
    return `${row} ${column} ${kind} ${source}: ${shown.join()}`;
  };
  return texts.map(ofText).join('\n');
}

/**
 * Returns the texts of a row with their characters.
 *
 * @param {number} row
 * @param {State} state
 * @param {Texts} texts
 * @returns {ShownText[]}
 */
export function shownTexts(row, state, texts) {
  const ofRow = texts.present.filter((text) => text.row === row);
  return ofRow.map((text) => {
    const { column, kind, source, ranges } = text;
    const { bytes } = contentOf(text, texts, state);
    const shown = ranges.map(({ start, end }) => utf8(bytes.subarray(start, end))).join('');
    return { column, kind, text: source === SHOWS_NOTHING ? undefined : shown };
  });
}

/**
 * Returns the texts that a row had at the horizon.
 *
 * @param {number} row
 * @param {Texts} texts
 * @returns {ShownText[]}
 */
export function textsAtHorizon(row, { bases }) {
  const ofRow = bases.filter((base) => base.row === row);
  return ofRow.map(({ column, kind, bytes }) => ({ column, kind, text: utf8(bytes) }));
}

/**
 * Returns what the ranges of a text refer to: its base, then what the splices of the cell insert.
 *
 * @param {Present} text
 * @param {Texts} texts
 * @param {State} state
 */
function contentOf(text, { bases, contents }, state) {
  const written = text.kind === DELETE ? undefined : latestOf(state, text.column)?.value;
  const ofGround = () => Buffer.from(written?.tag === 'text' ? written.val : '');
  const base = text.source === FROM_HORIZON ? bases.find(isOf(text))?.bytes : ofGround();
  const bytes = Buffer.concat([base ?? Buffer.alloc(0), contents.get(nameOf(text)) ?? Buffer.alloc(0)]);
  return { bytes, baseLength: base?.length ?? 0 };
}

/**
 * Returns the ground of a text at the horizon, if its row had one.
 *
 * @param {Base} base
 * @param {Parts} parts
 */
function groundAtHorizon(base, { rows, changed, compare }) {
  const row = rows[base.row];
  const state = changed.get(base.row) ?? (row?.isNamed ? undefined : row?.state);
  return state && groundOf(base, 'splice', state, compare);
}

/** @type {(class_: number) => boolean} */
const isVoid = (class_) => class_ === ON_DELETE + VOID || class_ === ON_WRITE + VOID;
/** @type {(class_: number) => number} */
const kindOfClass = (class_) => (class_ >= ON_WRITE ? WRITE : DELETE);
/** @type {(cell: CellNumbers) => string} */
const nameOf = ({ row, column }) => `${row} ${column}`;
/** @type {(one: Ground | undefined, other: Ground) => boolean} */
const isSame = (one, other) => one?.isWrite === other.isWrite && placeOf(one.stamp) === placeOf(other.stamp);
/**
 * Returns whether texts are of one cell, and the grounds of both are writes or deletes.
 *
 * @type {(text: CellNumbers & { kind: number }) => (other: CellNumbers & { kind: number }) => boolean}
 */
const isOf = (text) => (other) =>
  text.row === other.row && text.column === other.column && (text.kind === DELETE) === (other.kind === DELETE);
