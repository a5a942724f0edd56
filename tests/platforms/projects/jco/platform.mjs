import assert from 'node:assert/strict';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Transpiles the component as docs/guide/other-hosts.md describes. */
const transpile = (project, ...options) =>
  project.run('jco', 'transpile', join(project.root, 'target/converge.wasm'), '-o', 'converge', ...options);

export default {
  title: 'the component, plain jco',
  isCheap: true,
  tool: '@bytecodealliance/jco',
  checks: {
    'transpile, Node': {
      async test(project) {
        await transpile(project);
        await project.runSuite('node', 'main.js');
      },
    },
    'the code of other-hosts.md': {
      async test(project) {
        const page = await readFile(join(project.root, 'docs/guide/other-hosts.md'), 'utf8');
        await project.write('documented.js', /^```js\n(.*?)^```/ms.exec(page)[1]);
        await transpile(project, '--strict');
        const printed = await project.run('node', 'documented.js');
        assert.match(printed, /val: 'Alice'.*tag: 'no-such-row', val: \{ table: 'people', row: 'p2' \}/s);
      },
    },
    'types, with documentation': {
      async test(project) {
        await cp(join(project.root, 'wit'), join(project.folder, 'wit'), { recursive: true });
        await project.run('jco', 'types', 'wit', '--world-name', 'converge', '--strict', '-o', 'types');
        // The types contain a comment of the contract in several lines.
        assert.match(await project.read('types/interfaces/converge-sync-durable.d.ts'), /^ *\/\*\*\n *\* \w/m);
      },
    },
  },
};
