// The calls of conformance cases on views of texts, as tests/conformance/README.md defines them.

import * as n from './notation.js';

/** @import { View } from '../dist/wit/interfaces/converge-sync-texts.js' */
/** @import { Call } from './runner.js' */
/** @import { Json } from './notation.js' */

/**
 * A call on a view.
 *
 * @param {(view: View, argument: Json | undefined) => Json} f
 * @returns {Call}
 */
function onView(f) {
  return { on: 'view', run: ({ scene, argument, on }) => f(scene.view(on).view, argument) };
}

/**
 * A call on a view whose argument is a list of `count` elements.
 *
 * @param {number} count
 * @param {(view: View, args: Json[]) => Json} f
 * @returns {Call}
 */
function onViewWith(count, f) {
  return onView((view, argument) => f(view, n.tuple(argument, count)));
}

/** @type {Record<string, Call>} */
export const VIEW_CALLS = {
  'view.open': {
    on: 'replica',
    as: true,
    run({ scene, argument, on, as }) {
      const [table, row, column, unit] = n.tuple(argument, 4);
      scene.openView(as, on, (doc) =>
        scene.engine.raw.texts.View.open(doc, n.string(table), n.string(row), n.string(column), n.toUnit(unit)),
      );
      return null;
    },
  },
  'view.read': onViewWith(0, (view) => view.read() ?? null),
  'view.length': onViewWith(0, (view) => view.length()),
  'view.slice': onViewWith(2, (view, [start, end]) => view.slice(n.number(start), n.number(end))),
  'view.edit': onView((view, changes) =>
    n.fromEvent(view.edit(n.list(changes).map((change) => n.toPlace(n.tuple(change, 3))))),
  ),
  'view.take': onViewWith(0, (view) => view.take()?.map(({ at, remove, insert }) => [at, remove, insert]) ?? null),
  'view.rewrite': onView((view, text) => {
    const event = view.rewrite(n.string(text));
    return event === undefined ? null : n.fromEvent(event);
  }),
  'view.anchor': {
    on: 'view',
    as: true,
    run({ scene, argument, on, as }) {
      const [at, side] = n.tuple(argument, 2);
      return scene.keep(as, scene.view(on).view.anchor(n.number(at), n.toSide(side)));
    },
  },
  'view.position': {
    on: 'view',
    run: ({ scene, argument, on }) => scene.view(on).view.position(scene.bytes(argument)) ?? null,
  },
  'view.drop': {
    on: 'view',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      scene.view(on);
      scene.dropViews((_, name) => name === on);
      return null;
    },
  },
};
