// Who does which task of the board: mutators in JavaScript, built as a component by build.js.

const text = (val) => ({ tag: 'text', val });

const mutators = {
  /** `assign(task, person)`: somebody who has three tasks that are not done gets no other. */
  assign(transaction, [task, person]) {
    if (task?.tag !== 'text' || person?.tag !== 'text') throw 'assign takes a task and a person, as texts';
    if (transaction.get('tasks', task.val) === undefined) throw `there is no task ${JSON.stringify(task.val)}`;
    const busy = tasks(transaction).filter((cells) => cells.person === person.val && !cells.done);
    if (busy.length >= 3) throw `${person.val} has ${busy.length} tasks already`;
    transaction.update('tasks', task.val, [{ column: 'person', value: text(person.val) }]);
  },

  /** `leave(person)`: the tasks of somebody who goes are nobody's, all at once. */
  leave(transaction, [person]) {
    for (const { id, person: whose } of tasks(transaction)) {
      if (whose === person?.val) transaction.update('tasks', id, [{ column: 'person', value: { tag: 'null' } }]);
    }
  },

  /** `stamp(task)`: what WASI grants: a clock that the host sets, and random numbers that are none. */
  stamp(transaction, [task]) {
    const cells = [
      { column: 'stamped', value: { tag: 'integer', val: BigInt(Date.now()) } },
      { column: 'lot', value: { tag: 'real', val: Math.random() } },
    ];
    transaction.update('tasks', task.val, cells);
  },

  /** `fail()`: a defect. */
  fail() {
    console.error('this is what went wrong');
    null.f();
  },
};

/** All tasks as objects, page by page. */
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
  apply: (transaction, name, args) => mutators[name](transaction, args),
};
export { exported as mutators };
