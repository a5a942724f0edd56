// Mutators in JavaScript, which assign the board's tasks to people. build.js builds the component.

/** @import { Value } from '../../../host-js/dist/wit/interfaces/converge-sync-types.js' */
/** @import { Transaction } from '../../../host-js/dist/wit/interfaces/converge-sync-transactions.js' */
/** @typedef {{ id: string, person?: unknown, done?: unknown }} Task */

/** @type {(val: string) => Value} */
const text = (val) => ({ tag: 'text', val });
const invalid = (/** @type {string} */ expected) => ({ tag: 'invalid-arguments', val: expected });
const rejected = (/** @type {string} */ why) => ({ tag: 'rejected', val: why });

/** @type {Record<string, (transaction: Transaction, args: Value[]) => void>} */
const mutators = {
  /** `assign(task, person)`: assigns a task. A person has at most three open tasks. */
  assign(transaction, [task, person]) {
    if (task?.tag !== 'text' || person?.tag !== 'text')
      throw invalid('the arguments must be two texts: a task and a person');
    if (transaction.get('tasks', task.val) === undefined)
      throw rejected(`task ${JSON.stringify(task.val)} does not exist`);
    const busy = tasks(transaction).filter((cells) => cells.person === person.val && !cells.done);
    if (busy.length >= 3) throw rejected(`${person.val} already has ${busy.length} tasks`);
    transaction.update('tasks', task.val, [{ column: 'person', value: text(person.val) }]);
  },

  /** `leave(person)`: unassigns all tasks of a person, in one event. */
  leave(transaction, [person]) {
    if (person?.tag !== 'text') throw invalid('the argument must be a text: a person');
    for (const { id, person: whose } of tasks(transaction)) {
      if (whose === person.val) transaction.unset('tasks', id, ['person']);
    }
  },

  /**
   * `vote(task, votes)`: adds votes to a task. The votes of several people all count.
   *
   * Components by componentize-js stop if they pass a negative integer of 64 bits to an import; see
   * https://github.com/bytecodealliance/ComponentizeJS/issues/343.
   */
  vote(transaction, [task, votes]) {
    if (task?.tag !== 'text' || votes?.tag !== 'integer' || votes.val < 0n)
      throw invalid('the arguments must be a text and an integer from 0 on: a task and votes');
    transaction.add('tasks', task.val, 'votes', votes.val);
  },

  /**
   * `note(task, at, remove, insert)`: edits the notes of a task: removes `remove` characters at
   * `at`, then inserts `insert` there. The edits of several people all count.
   */
  note(transaction, [task, at, remove, insert]) {
    if (task?.tag !== 'text' || at?.tag !== 'integer' || remove?.tag !== 'integer' || insert?.tag !== 'text')
      throw invalid('the arguments must be a text, two integers and a text: a task, at, remove and insert');
    if ([at.val, remove.val].some((number) => number < 0n || number > 0xffff_ffffn))
      throw invalid('at and remove must be integers from 0 to 4294967295');
    transaction.splice('tasks', task.val, 'notes', Number(at.val), Number(remove.val), insert.val);
  },

  /**
   * `stamp(task)`: writes the time, which the host sets, and a random number, which is the same in
   * each call.
   */
  stamp(transaction, [task]) {
    if (task?.tag !== 'text') throw invalid('the argument must be a text: a task');
    transaction.update('tasks', task.val, [
      { column: 'stamped', value: { tag: 'integer', val: BigInt(Date.now()) } },
      { column: 'lot', value: { tag: 'real', val: Math.random() } },
    ]);
  },

  /** `fail()`: throws an exception that is not a mutation error. */
  fail() {
    console.error('a diagnostic message');
    throw new TypeError('a mistake');
  },
};

/**
 * Reads all tasks, page by page, as objects.
 *
 * @param {Transaction} transaction
 */
function tasks(transaction) {
  const found = /** @type {Task[]} */ ([]);
  for (let after = /** @type {string | undefined} */ (undefined), more = true; more;) {
    const page = transaction.scan('tasks', {
      range: { tag: 'all' },
      descending: false,
      limit: 100,
      after,
      columns: [],
    });
    for (const { id, shape, values } of page.rows) {
      const columns = page.shapes[shape] ?? [];
      found.push({
        id,
        ...Object.fromEntries(values.map((value, at) => [columns[at], 'val' in value ? value.val : null])),
      });
    }
    after = page.rows.at(-1)?.id;
    more = page.more;
  }
  return found;
}

const exported = {
  names: () => Object.keys(mutators),

  /** @type {(transaction: Transaction, call: { name: string, arguments: Value[] }) => void} */
  apply(transaction, { name, arguments: args }) {
    if (!Object.hasOwn(mutators, name)) throw { tag: 'unknown-mutator' };
    try {
      mutators[name](transaction, args);
    } catch (error) {
      // If a call of the transaction fails, it throws an error with the contract's error as `payload`.
      const payload = /** @type {{ payload?: { tag?: string } } | undefined} */ (error)?.payload;
      if (payload?.tag !== undefined) throw { tag: 'failed', val: payload };
      throw error;
    }
  },
};
export { exported as mutators };
