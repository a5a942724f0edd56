// A client of `converge serve` in Node, for the demo: the counterpart of `converge-rig write`. Writes rows, one after the
// other, and prints `kept ROW` for each that is on disk here, and `ack ROW` for each that the server acknowledged. Ends when
// the document has the expected number of rows, and prints `digest DIGEST`.
//
// usage: writer.js ADDRESS --document NAME --file FOLDER --rows N --total N
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from '../../host-js/src/client/index.js';
import { files } from '../../host-js/src/client/node.js';

const TABLE = 'acks';
/** The number of rows that are written before the server has acknowledged the first of them. */
const WINDOW = 16;
/** How long to wait for the server, in milliseconds. */
const WAIT = 1;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    document: { type: 'string', default: 'demo' },
    file: { type: 'string', default: 'target/writer' },
    rows: { type: 'string', default: '100' },
    total: { type: 'string', default: '100' },
  },
});
const rows = Number(values.rows);
const board = await connect(`http://${positionals[0]}`, values.document, { storage: files(values.file) });
const peer = board.doc.peer();
let written = 0;
let acknowledged = 0;
while (acknowledged < rows || count() < Number(values.total)) {
  const { unsent } = board.status;
  for (; acknowledged < written - unsent; acknowledged++) console.log(`ack ${peer} ${acknowledged}`);
  if (written < rows && unsent < WINDOW) {
    board.doc.insert(TABLE, `${peer} ${written}`, { number: written });
    await board.saved();
    console.log(`kept ${peer} ${written}`);
    written++;
  } else {
    await sleep(WAIT);
  }
}
await board.synced();
console.log(`digest ${board.doc.digestHex()}`);
await board.close();

function count() {
  return board.doc.tables().find(({ name }) => name === TABLE)?.rows ?? 0;
}
