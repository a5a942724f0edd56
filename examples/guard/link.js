// Links the guard, whose parts are transpiled one by one, with an engine of the package.

import { transpiled } from '../transpiled.js';

/** @import { Front } from '../../host-js/src/types.js' */

/**
 * Returns the guard with the named schema, for `open(source, { front })`.
 *
 * @param {string} schema
 * @param {{ asByCli?: boolean }} [options] the options of `transpiled`
 * @returns {Promise<Front>}
 */
export async function guard(schema, options) {
  const [front, described] = await Promise.all([
    transpiled('parts/guard.wasm', options),
    transpiled(`parts/${schema}.wasm`, options),
  ]);
  return (engine) => {
    const { durable, session, texts, transactions } = front.start({
      'converge:sync/types': {},
      'converge:sync/durable': engine.durable,
      'converge:sync/ephemeral': engine.ephemeral,
      'converge:sync/session': engine.session,
      'converge:sync/texts': engine.texts,
      'converge:sync/transactions': engine.transactions,
      'converge:guard/schema': described.start().schema,
    });
    return { durable, session, texts, transactions };
  };
}
