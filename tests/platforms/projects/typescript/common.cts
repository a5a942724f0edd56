// A CommonJS file, which must compile even if TypeScript does not allow it to require ES modules.
import { ConvergeError, NoSuchRowError, open, type Cells, type Doc, type Session } from '@converge/sync';
import { loadFile, saveFile } from '@converge/sync/files';
import { open as openInline } from '@converge/sync/inline';
import { Mutators } from '@converge/sync/mutators';
import sync = require('@converge/sync');

export async function main(send: (doc: Doc, session?: Session) => Promise<void>): Promise<Cells | undefined> {
  const engine = await open();
  const doc = await loadFile(engine, 'notes', { peer: 'ann' });
  try {
    doc.update('people', 'nobody', {});
  } catch (error) {
    if (error instanceof NoSuchRowError) console.log(error.payload.table.length);
    if (error instanceof ConvergeError) throw new TypeError((error satisfies ConvergeError).case);
  }
  await send(doc);
  await saveFile(doc, 'notes');
  const other: Promise<sync.Engine> = openInline();
  console.log(Mutators.name, sync.real(1).valueOf(), (await other).version());
  // @ts-expect-error a file has a name
  await saveFile(doc);
  return doc.get('people', 'p1');
}
