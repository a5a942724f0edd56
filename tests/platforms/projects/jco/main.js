// Runs the suite with the contract's exact types, on the component that plain jco transpiled.
import { durable, engine, ephemeral, session } from './converge/converge.js';

const { Doc } = durable;
const text = (column, val) => ({ column, value: { tag: 'text', val } });

const ann = Doc.create('ann');
const ben = Doc.create('ben');
ann.insert('people', 'p1', [
  text('name', 'Alice'),
  { column: 'age', value: { tag: 'integer', val: 30n } },
  { column: 'share', value: { tag: 'real', val: 0.5 } },
  { column: 'photo', value: { tag: 'blob', val: new Uint8Array([1, 2]) } },
]);
ben.insert('people', 'p1', [text('city', 'Århus'), text('name', 'Alicia')]);
ann.mergeUpdate(ben.updateSince(ann.summary()));
ben.mergeUpdate(ann.updateSince(ben.summary()));
check(hex(ann) === hex(ben), 'a merge');

const options = { timeToLive: 30_000, maxSkew: 600_000 };
const cursors = ephemeral.Store.create('ann', options);
const others = ephemeral.Store.create('cleo', options);
cursors.set('cursors', 'ann', { tag: 'text', val: 'people/p1' }, Date.now());
others.mergeUpdate(cursors.takeUpdate(), Date.now());
check(others.get('cursors', 'ann').value.val === 'people/p1', 'presence');

const cleo = Doc.create('cleo');
const everything = { events: true, entries: true, documents: true };
const sessionOptions = (nonce) => ({
  document: 'people',
  nonce,
  maxMessageBytes: 1 << 20,
  namespaces: [],
  readOnly: false,
  accept: everything,
  writers: [],
});
const here = session.Session.open(ann, cursors, sessionOptions(1n));
const there = session.Session.open(cleo, others, sessionOptions(2n));
const move = (from, to) => {
  for (let message; (message = from.poll(Date.now())) !== undefined;) to.receive(message, Date.now());
};
while (!(here.progress().inSync && there.progress().inSync)) {
  move(here, there);
  move(there, here);
}
check(hex(cleo) === hex(ann), 'a session');

let refused;
try {
  ann.update('people', 'nobody', []);
} catch (error) {
  refused = error;
}
check(refused?.payload?.tag === 'no-such-row' && refused.payload.val.row === 'nobody', `the refusal ${refused}`);

check(hex(Doc.load('cleo', cleo.save())) === hex(ann), 'saving and loading');
check(engine.version().length > 0, 'the version');
console.log(`converge ${hex(ann)}`);

function hex(doc) {
  return Array.from(doc.digest(), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function check(holds, what) {
  if (!holds) throw new Error(`${what} failed`);
}
