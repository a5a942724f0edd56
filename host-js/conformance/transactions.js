// The calls of conformance cases on transactions, as tests/conformance/README.md defines them.

import * as n from './notation.js';

/** @import { Transaction } from '../dist/wit/interfaces/converge-sync-transactions.js' */
/** @import { Call } from './runner.js' */
/** @import { Json } from './notation.js' */

/**
 * A call on a transaction whose argument is a list of `count` elements.
 *
 * @param {number} count
 * @param {(transaction: Transaction, args: Json[]) => Json | void} f
 * @returns {Call}
 */
function onTransaction(count, f) {
  return {
    on: 'transaction',
    run: ({ scene, argument, on }) => f(scene.transaction(on).transaction, n.tuple(argument, count)) ?? null,
  };
}

/** @type {Record<string, Call>} */
export const TRANSACTION_CALLS = {
  begin: {
    on: 'replica',
    as: true,
    run({ scene, argument, on, as }) {
      n.tuple(argument, 0);
      scene.begin(as, on);
      return null;
    },
  },
  'commit-transaction': {
    on: 'replica',
    run({ scene, argument: name, on }) {
      const { replica, transaction } = scene.transaction(name);
      if (replica !== on) throw new n.Mistake(`the transaction ${name} was begun on ${replica}`);
      try {
        const event = scene.replica(on).commitTransaction(transaction);
        return event === undefined ? null : n.fromEvent(event);
      } finally {
        scene.endTransactions((_, known) => known === name);
      }
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
  'transaction.unset': onTransaction(3, (transaction, [table, row, columns]) =>
    transaction.unset(n.string(table), n.string(row), n.list(columns).map(n.string)),
  ),
  'transaction.splice': onTransaction(6, (transaction, [table, row, column, ...place]) => {
    const { at, remove, insert } = n.toPlace(place);
    return transaction.splice(n.string(table), n.string(row), n.string(column), at, remove, insert);
  }),
  'transaction.add': onTransaction(4, (transaction, [table, row, column, amount]) =>
    transaction.add(n.string(table), n.string(row), n.string(column), n.integer(amount)),
  ),
  'transaction.touched': onTransaction(0, (transaction) => transaction.touched().map(({ table, row }) => [table, row])),
  'transaction.drop': {
    on: 'transaction',
    run({ scene, argument, on }) {
      n.tuple(argument, 0);
      scene.transaction(on);
      scene.endTransactions((_, name) => name === on);
      return null;
    },
  },
};
