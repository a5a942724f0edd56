// Saves a document in a file twice, and loads it.
import * as sync from '@converge/sync';
import { loadFile, saveFile } from '@converge/sync/files';
import { mkdirSync, readdirSync } from 'node:fs';
import process from 'node:process';
import { suite } from './suite.js';

const [folder] = process.argv.slice(2);
mkdirSync(folder);
const keep = async (bytes) => {
  for (let saves = 0; saves < 2; saves++) await saveFile({ save: () => bytes }, `${folder}/notes`);
  return (await loadFile(await sync.open(), `${folder}/notes`)).save();
};
const digest = await suite(sync, keep);
const refused = await saveFile({ save: () => new Uint8Array() }, folder).catch((error) => error.name);
const files = readdirSync(folder).join();
if (refused !== 'InvalidArgumentError' || files !== 'notes') throw new Error(`${refused}, ${files}`);
console.log(`converge ${digest}`);
