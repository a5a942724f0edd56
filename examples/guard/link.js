// The guard in JavaScript: its parts, transpiled each by itself, linked with an engine of the package.

import { transpiled } from '../transpiled.js';

/** @import { Front } from '../../host-js/src/instance.js' */

/**
 * What `open(source, { front })` takes: the guard, with the schema of this name.
 *
 * @param {string} schema
 * @returns {Promise<Front>}
 */
export async function guard(schema) {
  const [front, described] = await Promise.all([transpiled('parts/guard.wasm'), transpiled(`parts/${schema}.wasm`)]);
  return (engine) => {
    const { durable, session, transactions, committing } = front.start({
      'converge:sync/types': {},
      'converge:sync/durable': engine.durable,
      'converge:sync/ephemeral': engine.ephemeral,
      'converge:sync/session': engine.session,
      'converge:sync/transactions': engine.transactions,
      'converge:sync/committing': engine.committing,
      'converge:guard/schema': described.start().schema,
    });
    return { durable, session, transactions, committing };
  };
}
