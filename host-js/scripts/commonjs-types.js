// Generates types/*.d.cts, the types of dist/converge.cjs for each entry point. They refer to the
// types of the ES modules, because with Node before 20.19 TypeScript allows CommonJS to import the
// types of an ES module, but not its values.

import { write } from './write.js';

/** The classes with a type parameter, and their declarations. */
const GENERIC = {
  ConvergeError: "<Case extends esm.ConvergeError['case'] = esm.ConvergeError['case']> = esm.ConvergeError<Case>",
};

export async function writeCommonjsTypes() {
  for (const name of ['node', 'files', 'mutators']) {
    const from = `from './${name}.js' with { 'resolution-mode': 'import' };`;
    const values = Object.entries(await import(`../src/${name}.js`)).flatMap(([value, is]) => [
      `export declare const ${value}: typeof esm.${value};`,
      ...(isClass(is) ? [`export type ${value}${Reflect.get(GENERIC, value) ?? ` = esm.${value}`};`] : []),
    ]);
    await write(
      `types/${name}.d.cts`,
      [`import type * as esm ${from}`, `export type * ${from}`, ...values, ''].join('\n'),
    );
  }
}

/** @param {unknown} value */
function isClass(value) {
  return typeof value === 'function' && /^class\b/.test(String(value));
}
