// A program written for the interface `mizchi:converge/converge` only: two peers with a list of tasks and cursors.
// `compat.test.js` generates the module that it imports.
import { converge } from '../../target/compat/compat.js';

const { createDoc, docInsert, docUpdate, docDelete, docMergeRemote, docGetPending, docSyncState } = converge;
const { ephemeralSet, ephemeralGet, ephemeralGetAll, ephemeralMerge } = converge;

const text = (val) => ({ tag: 'val-str', val });
const number = (val) => ({ tag: 'val-int', val });

/** The rows of a peer, which the program keeps up to date. */
class Tasks {
  rows = new Map();

  constructor(peer) {
    this.handle = createDoc(peer);
  }

  add(id, title) {
    const values = [
      { key: 'title', val: text(title) },
      { key: 'done', val: { tag: 'val-bool', val: false } },
      { key: 'weight', val: { tag: 'val-float', val: 0.5 } },
    ];
    const event = docInsert(this.handle, 'tasks', id, values);
    this.apply({ tag: 'insert-row', val: { tbl: 'tasks', rowId: id, values } });
    return event;
  }

  set(id, col, val) {
    const event = docUpdate(this.handle, 'tasks', id, col, val);
    this.apply({ tag: 'set-cell', val: { tbl: 'tasks', rowId: id, col, val } });
    return event;
  }

  remove(id) {
    const event = docDelete(this.handle, 'tasks', id);
    this.apply({ tag: 'delete-row', val: { tbl: 'tasks', rowId: id } });
    return event;
  }

  pull(other) {
    const events = docGetPending(other.handle, docSyncState(this.handle).versions);
    const ops = docMergeRemote(this.handle, events);
    for (const op of ops) this.apply(op);
    return ops.length;
  }

  apply({ tag, val: op }) {
    const cells = (values) => Object.fromEntries(values.map(({ key, val }) => [key, val.val]));
    if (tag === 'insert-row') this.rows.set(op.rowId, { ...this.rows.get(op.rowId), ...cells(op.values) });
    if (tag === 'set-cell') Object.assign(this.rows.get(op.rowId), { [op.col]: op.val.val });
    if (tag === 'delete-row') this.rows.delete(op.rowId);
  }
}

export function run() {
  const [ann, ben] = [new Tasks('ann'), new Tasks('ben')];
  const first = ann.add('t1', 'Write');
  const second = ann.add('t2', 'Read');
  ben.pull(ann);
  ann.set('t1', 'title', text('Write it down'));
  ben.set('t1', 'weight', number(2));
  ben.remove('t2');
  const pulled = [ann.pull(ben), ben.pull(ann), ben.pull(ann)];

  ephemeralSet(ann.handle, 'cursors', 'ann', text('t1'), 1_700_000_000_000);
  const cursors = ephemeralGetAll(ann.handle, 'cursors').map((entry) => ({ ns: 'cursors', ...entry }));
  const changed = ephemeralMerge(ben.handle, cursors).length;
  const cursor = ephemeralGet(ben.handle, 'cursors', 'ann');

  return {
    events: [first, second],
    pulled,
    rows: [ann.rows, ben.rows].map((rows) => Object.fromEntries(rows)),
    states: [docSyncState(ann.handle), docSyncState(ben.handle)],
    cursor,
    changed,
    unknown: docInsert(999, 'tasks', 't', []).id,
    none: ephemeralGet(ben.handle, 'cursors', 'nobody'),
  };
}
