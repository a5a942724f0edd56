// The rule for texts, as simple as it can be stated: characters in Fugue's tree, and each splice reads the tree as its author
// had it.

/**
 * A character of a text. Its parent is the character, or the root, at whose left or right side it
 * was inserted.
 *
 * @template Edit
 * @typedef {{ value: string, place: number, edit?: Edit, left: Char<Edit>[], right: Char<Edit>[], removers: Edit[] }} Char
 *   `place`: the index in the text of the ground, or in that which the edit inserts
 */

/**
 * The text of a ground, and all splices that have this ground.
 *
 * @template Edit
 */
export class Text {
  /** @type {Char<Edit>} */
  #root = char('', 0);
  #compare;

  /**
   * @param {string} ground the text that the ground left there
   * @param {(a: Edit, b: Edit) => number} compare compares the names of edits
   */
  constructor(ground, compare) {
    this.#compare = compare;
    let last = this.#root;
    for (const [place, value] of [...ground].entries()) {
      const next = char(value, place);
      last.right.push(next);
      last = next;
    }
  }

  /**
   * Executes a splice, after all those that its author saw. Returns whether its place existed for
   * its author; if not, it does nothing.
   *
   * @param {Edit} edit
   * @param {{ at: number, remove: number, insert: string }} splice
   * @param {(edit: Edit) => boolean} seen whether the author saw another edit
   */
  splice(edit, { at, remove, insert }, seen) {
    const existing = this.#ordered().filter((char) => char.edit === undefined || seen(char.edit));
    const shown = this.shown(seen);
    if (at + remove > shown.length) return false;
    for (const { removers } of shown.slice(at, at + remove)) removers.push(edit);
    let left = at === 0 ? this.#root : shown[at - 1];
    for (const [place, value] of [...insert].entries()) {
      const next = char(value, place, edit);
      if (left.right.some((other) => other.edit === undefined || seen(other.edit))) {
        this.#add(existing[existing.indexOf(left) + 1].left, next);
      } else {
        this.#add(left.right, next);
      }
      left = next;
    }
    return true;
  }

  /**
   * Returns the characters that show, to an author if `seen` is passed.
   *
   * @param {(edit: Edit) => boolean} [seen] whether the author saw an edit
   */
  shown(seen = () => true) {
    const existing = this.#ordered().filter(({ edit }) => edit === undefined || seen(edit));
    return existing.filter(({ removers }) => !removers.some(seen));
  }

  /** Returns the text with all splices. */
  read() {
    const values = this.shown().map(({ value }) => value);
    return values.join('');
  }

  /**
   * Adds a character to its siblings. The names of their edits decide the order; characters of the
   * ground are first.
   *
   * @param {Char<Edit>[]} siblings
   * @param {Char<Edit>} next
   */
  #add(siblings, next) {
    siblings.push(next);
    siblings.sort(({ edit: a }, { edit: b }) =>
      a === undefined || b === undefined ? Number(a !== undefined) - Number(b !== undefined) : this.#compare(a, b),
    );
  }

  /** Returns all characters, removed ones too, in the order of the tree. */
  #ordered() {
    const order = /** @type {Char<Edit>[]} */ ([]);
    // The parts of the tree that are not listed yet, the next one last: a character, or all below it too.
    const rest = [{ char: this.#root, isAlone: false }];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const { char, isAlone } = next;
      if (isAlone) {
        order.push(char);
        continue;
      }
      const below = [...char.left, undefined, ...char.right].reverse();
      rest.push(...below.map((child) => ({ char: child ?? char, isAlone: child === undefined })));
    }
    return order.filter((char) => char !== this.#root);
  }
}

/**
 * @template Edit
 * @param {string} value
 * @param {number} place
 * @param {Edit} [edit]
 * @returns {Char<Edit>}
 */
function char(value, place, edit) {
  return { value, place, edit, left: [], right: [], removers: [] };
}
