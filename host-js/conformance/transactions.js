// The calls of conformance cases on transactions, as tests/conformance/README.md defines them.

import * as n from './notation.js';

/** @import { RawTransaction } from '../src/index.js' */
/** @import { Call } from './runner.js' */
/** @import { Json } from './notation.js' */

/**
 * A call on a transaction whose argument is a list of so many.
 *
 * @param {number} count
 * @param {(transaction: RawTransaction, args: Json[]) => Json | void} f
 * @returns {Call}
 */
function onTransaction(count, f) {
  return {
    on: 'transaction',
    run: ({ scene, argument, on }) => f(scene.transaction(on).transaction, n.tuple(argument, count)) ?? null,
  };
}

/**
 * The end of a transaction, after which its name is free.
 *
 * @param {(transaction: RawTransaction) => Json} f
 * @returns {Call}
 */
function endsTransaction(f) {
  return {
    on: 'transaction',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      const { transaction } = scene.transaction(on);
      try {
        return f(transaction);
      } finally {
        scene.endTransactions((_, name) => name === on);
      }
    },
  };
}

/** @type {Record<string, Call>} */
export const TRANSACTION_CALLS = {
  'transaction.begin': {
    on: 'replica',
    as: true,
    run({ scene, argument, on, as }) {
      n.tuple(argument, 0);
      scene.begin(as, on);
      return null;
    },
  },
  'transaction.get': onTransaction(2, (transaction, [table, row]) => {
    const cells = transaction.get(n.string(table), n.string(row));
    return cells === undefined ? null : n.fromCells(cells);
  }),
  'transaction.scan': onTransaction(2, (transaction, [table, options]) =>
    n.fromPage(transaction.scan(n.string(table), n.toScanOptions(options))),
  ),
  'transaction.insert': onTransaction(3, (transaction, [table, row, cells]) =>
    transaction.insert(n.string(table), n.string(row), n.toCells(cells)),
  ),
  'transaction.update': onTransaction(3, (transaction, [table, row, cells]) =>
    transaction.update(n.string(table), n.string(row), n.toCells(cells)),
  ),
  'transaction.delete': onTransaction(2, (transaction, [table, row]) =>
    transaction.delete(n.string(table), n.string(row)),
  ),
  'transaction.commit': endsTransaction((transaction) => {
    const event = transaction.commit();
    return event === undefined ? null : n.fromEvent(event);
  }),
  'transaction.drop': endsTransaction(() => null),
};
