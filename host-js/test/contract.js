// The contract with checked arguments, which the build generates from wit/.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { generate } from '../scripts/checked.js';
import { parse } from '../scripts/wit.js';
import { open } from '../src/node.js';

const wit = new URL('../../wit/', import.meta.url);
const texts = await Promise.all((await readdir(wit)).map((name) => readFile(new URL(name, wit), 'utf8')));
const camel = (/** @type {string} */ name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

test('the generated contract has exactly the functions of wit/', async () => {
  const engine = await open();
  const doc = engine.create();
  const objects = /** @type {Record<string, object>} */ ({
    doc: doc.raw,
    session: engine.openSession(doc, engine.createStore(), { document: 'd' }).raw,
    store: engine.createStore().raw,
    transaction: doc.begin().raw,
    view: doc.openText('t', 'r', 'c').raw,
    'update-reader': engine.openUpdate(doc.save()).raw,
    watcher: doc.watch().raw,
  });
  const { interfaces, exports } = parse(texts);
  let functions = 0;
  for (const name of exports.get('converge') ?? []) {
    const found = interfaces.get(name) ?? assert.fail(name);
    const members = found.functions.map(({ name }) => camel(name));
    for (const [resource, definition] of found.types) {
      if (definition.kind !== 'resource') continue;
      const named = (/** @type {boolean} */ isStatic) =>
        definition.functions.filter((func) => func.isStatic === isStatic).map(({ name }) => camel(name));
      const Class = camel(`-${resource}`);
      const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(objects[resource]));
      assert.deepEqual(methods, ['constructor', ...named(false)], resource);
      if (named(true).length > 0) members.push(Class);
      assert.deepEqual(Object.keys(/** @type {any} */ (engine.raw)[name]?.[Class] ?? {}), named(true), resource);
      functions += definition.functions.length;
    }
    assert.deepEqual(Object.keys(/** @type {any} */ (engine.raw)[name] ?? {}).sort(), members.sort(), name);
    functions += found.functions.length;
  }
  assert.ok(functions > 60, `${functions} functions`);
});

test('unsupported WIT is an error', () => {
  const world = 'world w { export i; }';
  /** @type {[text: string, message: RegExp][]} */
  const unknown = [
    ['interface i { union u { a } }', /^WIT: union is not a supported kind of type$/],
    ['interface i { f: func(a: u8); }', /^no check is known for the type u8$/],
    ['interface i { f: func(a: tuple<u32, u32>); }', /^no check is known for the type tuple$/],
    ['interface i { f: async func(); }', /^WIT: func is expected, not async$/],
    ['interface i { f: func()', /^WIT: the text ends too early$/],
    ['interface other { }', /^the world w exports i, which is not in wit\/$/],
  ];
  for (const [text, message] of unknown) {
    assert.throws(() => generate(parse([world, text]), 'w'), { message }, text);
  }
});
