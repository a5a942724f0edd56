// Bundles entry points of the package.

import { build } from 'esbuild';
import { root } from './write.js';

/**
 * Returns an entry point that exports everything of other ones, as esbuild's option `stdin`.
 *
 * @param {string[]} names without the folder src and the extension
 */
export function joined(names) {
  return { contents: names.map((name) => `export * from './src/${name}.js';`).join('\n'), resolveDir: root };
}

/**
 * Bundles entry points for browsers, and minifies the result.
 *
 * @param {string[]} names
 * @returns {Promise<string>}
 */
export async function bundle(...names) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: joined(names),
    bundle: true,
    format: 'esm',
    minify: true,
    target: 'es2022',
    logLevel: 'warning',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}
