// The calls of conformance cases on update readers, as tests/conformance/README.md defines them.

import * as n from './notation.js';

/** @import { Call } from './runner.js' */

/** @type {Record<string, Call>} */
export const READER_CALLS = {
  'update-reader.open': {
    as: true,
    run({ scene, argument, as }) {
      scene.addReader(as, scene.engine.raw.durable.UpdateReader.open(scene.bytes(argument)));
      return null;
    },
  },
  'update-reader.next': {
    on: 'update reader',
    run: ({ scene, argument, on }) => n.fromBatch(scene.reader(on).next(n.number(argument))),
  },
  'update-reader.drop': {
    on: 'update reader',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      scene.dropReader(n.string(on));
      return null;
    },
  },
};
