// Mutators in JavaScript, which assign the board's tasks to people. build.js builds the component.

const text = (val) => ({ tag: 'text', val });
const invalid = (expected) => ({ tag: 'invalid-arguments', val: expected });
const rejected = (why) => ({ tag: 'rejected', val: why });

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
    for (const { id, person: whose } of tasks(transaction)) {
      if (whose === person?.val) transaction.unset('tasks', id, ['person']);
    }
  },

  /**
   * `stamp(task)`: writes the time, which the host sets, and a random number, which is the same in
   * each call.
   */
  stamp(transaction, [task]) {
    const cells = [
      { column: 'stamped', value: { tag: 'integer', val: BigInt(Date.now()) } },
      { column: 'lot', value: { tag: 'real', val: Math.random() } },
    ];
    transaction.update('tasks', task.val, cells);
  },

  /** `fail()`: throws an exception that is not a mutation error. */
  fail() {
    console.error('a diagnostic message');
    null.f();
  },
};

/** Reads all tasks, page by page, as objects. */
function tasks(transaction) {
  const found = [];
  for (let after, more = true; more;) {
    const page = transaction.scan('tasks', {
      range: { tag: 'all' },
      descending: false,
      limit: 100,
      after,
      columns: [],
    });
    for (const { id, cells } of page.rows) {
      found.push({ id, ...Object.fromEntries(cells.map(({ column, value }) => [column, value.val])) });
    }
    after = page.rows.at(-1)?.id;
    more = page.more;
  }
  return found;
}

const exported = {
  names: () => Object.keys(mutators),

  apply(transaction, { name, arguments: args }) {
    if (!Object.hasOwn(mutators, name)) throw { tag: 'unknown-mutator' };
    try {
      mutators[name](transaction, args);
    } catch (error) {
      // If a call of the transaction fails, it throws an error with the contract's error as `payload`.
      if (error?.payload?.tag !== undefined) throw { tag: 'failed', val: error.payload };
      throw error;
    }
  },
};
export { exported as mutators };
