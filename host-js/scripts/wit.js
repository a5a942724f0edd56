// Parses WIT files. Only the part of the language that the contract uses is supported; anything
// else is an error, so that no change of the contract is ignored.

/**
 * A type: a name, with arguments in the case of `list`, `option`, `result` and `borrow`.
 *
 * @typedef {{ name: string, of: Type[] }} Type
 */

/** @typedef {{ name: string, type: Type | undefined }} Member */

/** @typedef {{ name: string, isStatic: boolean, params: { name: string, type: Type }[], result: Type | undefined }} Func */

/**
 * @typedef {{ kind: 'record', members: { name: string, type: Type }[] } | { kind: 'variant', members: Member[] }
 *   | { kind: 'enum' | 'flags', members: Member[] } | { kind: 'type', type: Type } | { kind: 'resource', functions: Func[] }} Definition
 */

/** @typedef {{ types: Map<string, Definition>, functions: Func[] }} Interface */

/** @typedef {{ interfaces: Map<string, Interface>, exports: Map<string, string[]> }} Package exports: by world */

/** A comment or an attribute such as `@since(…)`, which is skipped, or else a token. */
const TOKENS = /\/\/.*|@\w+\([^)]*\)|(package[^;]*;|[a-z][\w-]*|->|_|[^\s\w])/g;

/**
 * Reads the files of a package.
 *
 * @param {string[]} texts
 * @returns {Package}
 */
export function parse(texts) {
  const read = new Reader(texts.flatMap((text) => [...text.matchAll(TOKENS)].flatMap(([, token]) => token ?? [])));
  /** @type {Package} */
  const found = { interfaces: new Map(), exports: new Map() };
  while (!read.isAtEnd()) {
    const token = read.next();
    if (token === 'interface') found.interfaces.set(read.next(), readInterface(read));
    else if (token === 'world') found.exports.set(read.next(), readWorld(read));
    else if (!token.startsWith('package')) throw new Error(`WIT: ${token} is not expected between interfaces`);
  }
  return found;
}

class Reader {
  #tokens;
  #at = 0;

  /** @param {string[]} tokens */
  constructor(tokens) {
    this.#tokens = tokens;
  }

  isAtEnd() {
    return this.#at === this.#tokens.length;
  }

  next() {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Error('WIT: the text ends too early');
    return token;
  }

  /**
   * Returns whether this token is next, and skips it if so.
   *
   * @param {string} token
   */
  skip(token) {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  /** @param {string[]} tokens */
  expect(...tokens) {
    for (const token of tokens) {
      const found = this.next();
      if (found !== token) throw new Error(`WIT: ${token} is expected, not ${found}`);
    }
  }

  /**
   * Reads elements up to a closing bracket, with commas in between and perhaps after the last one.
   *
   * @template T
   * @param {string} close
   * @param {() => T} element
   */
  list(close, element) {
    /** @type {T[]} */
    const elements = [];
    while (!this.skip(close)) {
      elements.push(element());
      if (!this.skip(',')) {
        this.expect(close);
        break;
      }
    }
    return elements;
  }
}

/**
 * @param {Reader} read
 * @returns {string[]} the interfaces that the world exports
 */
function readWorld(read) {
  /** @type {string[]} */
  const exported = [];
  read.expect('{');
  while (!read.skip('}')) {
    const direction = read.next();
    const name = read.next();
    if (direction === 'export') exported.push(name);
    read.expect(';');
  }
  return exported;
}

/** @param {Reader} read */
function readInterface(read) {
  /** @type {Interface} */
  const found = { types: new Map(), functions: [] };
  read.expect('{');
  while (!read.skip('}')) {
    const token = read.next();
    if (token === 'use') {
      // Names are unique in the contract, so the interface that defines them does not matter.
      while (read.next() !== ';');
    } else if (read.skip(':')) {
      found.functions.push(readFunction(read, token));
    } else {
      found.types.set(read.next(), readDefinition(read, token));
    }
  }
  return found;
}

/**
 * @param {Reader} read
 * @param {string} kind
 * @returns {Definition}
 */
function readDefinition(read, kind) {
  switch (kind) {
    case 'type': {
      read.expect('=');
      const type = readType(read);
      read.expect(';');
      return { kind, type };
    }
    case 'record':
      read.expect('{');
      return { kind, members: read.list('}', () => readField(read)) };
    case 'variant':
    case 'enum':
    case 'flags':
      read.expect('{');
      return { kind, members: read.list('}', () => ({ name: read.next(), type: readPayload(read) })) };
    case 'resource': {
      /** @type {Func[]} */
      const functions = [];
      read.expect('{');
      while (!read.skip('}')) {
        const name = read.next();
        read.expect(':');
        functions.push(readFunction(read, name));
      }
      return { kind, functions };
    }
    default:
      throw new Error(`WIT: ${kind} is not a supported kind of type`);
  }
}

/**
 * @param {Reader} read
 * @param {string} name
 * @returns {Func}
 */
function readFunction(read, name) {
  const isStatic = read.skip('static');
  read.expect('func', '(');
  const params = read.list(')', () => readField(read));
  const result = read.skip('->') ? readType(read) : undefined;
  read.expect(';');
  return { name, isStatic, params, result };
}

/** @param {Reader} read */
function readField(read) {
  const name = read.next();
  read.expect(':');
  return { name, type: readType(read) };
}

/** @param {Reader} read */
function readPayload(read) {
  if (!read.skip('(')) return undefined;
  const type = readType(read);
  read.expect(')');
  return type;
}

/**
 * @param {Reader} read
 * @returns {Type}
 */
function readType(read) {
  const name = read.next();
  return { name, of: read.skip('<') ? read.list('>', () => readType(read)) : [] };
}
