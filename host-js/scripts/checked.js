// Generates dist/contract.js from wit/: the contract's functions and resources with checked
// arguments, error classes and disposable resources. The generated functions call jco's glue.

/** @import { Definition, Func, Package, Type } from './wit.js' */

/** The functions of src/check.js that check types without members. */
const PRIMITIVES = /** @type {Record<string, string>} */ ({
  bool: 'boolean',
  f64: 'f64',
  milliseconds: 'milliseconds',
  s64: 's64',
  string: 'string',
  u32: 'u32',
  u64: 'u64',
});

/** The checks of bytes that can be larger than a blob, by the name of the parameter. */
const BYTES = /** @type {Record<string, string>} */ ({
  bytes: 'saved',
  saved: 'saved',
  summaries: 'summary',
  summary: 'summary',
  update: 'saved',
});

/** The names of resources in error messages, if they differ from the names in the contract. */
const KINDS = /** @type {Record<string, string>} */ ({ doc: 'document' });

/** The methods whose calls nest if a transport delivers a message before `send` returns. */
const NESTING = ['session.poll', 'session.receive'];

const IMPORTS = `import * as check from '../src/check.js';
import { Resource } from '../src/instance.js';
import { checkStack } from '../src/stack.js';`;

/**
 * Generates the source of the module.
 *
 * @param {Package} contract
 * @param {string} world whose exports are generated
 * @returns {string}
 */
export function generate({ interfaces, exports }, world) {
  const exported = (exports.get(world) ?? []).map((name) => {
    const found = interfaces.get(name);
    if (found === undefined) throw new Error(`the world ${world} exports ${name}, which is not in wit/`);
    return { name, ...found };
  });
  const checks = new Checks(new Map(exported.flatMap(({ types }) => [...types])));
  /** @type {string[]} */
  const classes = [];
  /** @type {string[]} */
  const members = [];
  for (const { name, types, functions } of exported) {
    const own = functions.map((func) => plainFunction(func, `exports.${name}`, checks));
    for (const [resource, definition] of types) {
      if (definition.kind !== 'resource') continue;
      const of = `exports.${name}.${pascal(resource)}`;
      const statics = definition.functions.filter(({ isStatic }) => isStatic);
      const methods = definition.functions.filter(({ isStatic }) => !isStatic);
      if (statics.length > 0) {
        own.push(`${pascal(resource)}: {\n${statics.map((func) => plainFunction(func, of, checks)).join(',\n')},\n}`);
      }
      classes.push(
        `class ${pascal(resource)} extends Resource {
        static kind = '${KINDS[resource] ?? resource.replaceAll('-', ' ')}';

        ${methods.map((func) => method(func, resource, checks)).join('\n\n')}
        }`,
      );
    }
    if (own.length > 0) members.push(`${name}: {\n${own.join(',\n')},\n}`);
  }
  return [
    '// The contract with checked arguments. Made by scripts/checked.js from wit/.',
    IMPORTS,
    `export function contract(instance) {\nconst { exports } = instance;\nreturn {\n${members.join(',\n')},\n};\n}`,
    ...classes,
    ...checks.functions(),
  ].join('\n\n');
}

/**
 * Generates a function of an interface, or a static function of a resource.
 *
 * @param {Func} func
 * @param {string} of the object of the glue that has the function
 * @param {Checks} checks
 */
function plainFunction(func, of, checks) {
  const { lines, args } = checkedArguments(func, 'instance', checks);
  const call = `instance.call(() => ${of}.${camel(func.name)}(${args}))`;
  return withBody(func, [...lines, `return ${result(func, call, 'instance', checks)};`]);
}

/**
 * @param {Func} func
 * @param {string} resource
 * @param {Checks} checks
 */
function method(func, resource, checks) {
  const instance = 'Resource.instanceOf(this)';
  const { lines, args } = checkedArguments(func, instance, checks);
  if (NESTING.includes(`${resource}.${func.name}`)) lines.push('checkStack();');
  const object = camel(resource);
  const call = `Resource.use(this, (${object}) => ${object}.${camel(func.name)}(${args}))`;
  return withBody(func, [...lines, `return ${result(func, call, instance, checks)};`]);
}

/**
 * @param {Func} func
 * @param {string[]} lines
 */
function withBody({ name, params }, lines) {
  return `${camel(name)}(${params.map(({ name }) => camel(name)).join(', ')}) {\n${lines.join('\n')}\n}`;
}

/**
 * Generates the statements that check arguments, and the arguments for the glue.
 *
 * @param {Func} func
 * @param {string} instance an expression
 * @param {Checks} checks
 */
function checkedArguments({ params }, instance, checks) {
  /** @type {string[]} */
  const lines = [];
  const args = params.map(({ name, type }) => {
    const param = camel(name);
    const of = type.name === 'borrow' ? (type.of[0] ?? type) : type;
    if (!checks.isResource(of)) {
      lines.push(checks.statement(type, param, `'${param}'`, name));
      return param;
    }
    const way = type.name === 'borrow' ? 'lend' : 'give';
    lines.push(`const ${param}Object = Resource.${way}(${param}, '${param}', ${pascal(of.name)}, ${instance});`);
    return `${param}Object`;
  });
  return { lines, args: args.join(', ') };
}

/**
 * Generates the result of a call. Resources of the glue are wrapped in those of this module.
 *
 * @param {Func} func
 * @param {string} call an expression
 * @param {string} instance an expression
 * @param {Checks} checks
 */
function result({ result }, call, instance, checks) {
  const made = result?.name === 'result' ? result.of[0] : result;
  return made !== undefined && checks.isResource(made) ? `new ${pascal(made.name)}(${instance}, ${call})` : call;
}

/** Generates the checks of types. */
class Checks {
  #types;
  /** @type {Map<string, string>} */
  #functions = new Map();

  /** @param {Map<string, Definition>} types */
  constructor(types) {
    this.#types = types;
  }

  /** The functions that the generated checks call. */
  functions() {
    return this.#functions.values();
  }

  /** @param {Type} type */
  isResource({ name }) {
    return this.#types.get(name)?.kind === 'resource';
  }

  /**
   * Generates a statement that checks a value.
   *
   * @param {Type} type
   * @param {string} value an expression
   * @param {string} what an expression
   * @param {string} name of the parameter or member
   * @returns {string}
   */
  statement(type, value, what, name) {
    const [of] = type.of;
    if (type.name === 'option' && of) return `if (${value} !== undefined) ${this.statement(of, value, what, name)}`;
    if (type.name === 'list' && of?.name === 'u8') return `check.${BYTES[name] ?? 'bytes'}(${value}, ${what});`;
    if (type.name === 'list' && of?.name === 'u64') return `check.u64s(${value}, ${what});`;
    if (type.name === 'list' && of) return `check.each(${value}, ${what}, ${this.#reference(of, name)});`;
    if (of) throw new Error(`no check is known for the type ${type.name}`);
    return `${this.#reference(type, name)}(${value}, ${what});`;
  }

  /**
   * Generates a function that checks a value.
   *
   * @param {Type} type
   * @param {string} name of the parameter or member
   */
  #reference(type, name) {
    const primitive = PRIMITIVES[type.name];
    if (primitive !== undefined) return `check.${primitive}`;
    if (type.of.length > 0) return `(value, what) => { ${this.statement(type, 'value', 'what', name)} }`;
    const definition = this.#types.get(type.name);
    if (definition === undefined) throw new Error(`no check is known for the type ${type.name}`);
    const checks = `check${pascal(type.name)}`;
    if (!this.#functions.has(checks)) {
      // Set before the function is generated, because types can contain themselves through a list.
      this.#functions.set(checks, '');
      this.#functions.set(checks, `function ${checks}(value, what) {\n${this.#definition(type.name, definition)}\n}`);
    }
    return checks;
  }

  /**
   * @param {string} name
   * @param {Definition} definition
   * @returns {string} the body of a function that checks `value`, which error messages call `what`
   */
  #definition(name, definition) {
    switch (definition.kind) {
      case 'type':
        return this.statement(definition.type, 'value', 'what', name);
      case 'record': {
        const members = definition.members.map(({ name, type }) =>
          this.statement(type, `record.${camel(name)}`, `'${camel(name)}'`, name),
        );
        return ['const record = check.object(value, what);', ...members].join('\n');
      }
      case 'variant': {
        const cases = definition.members.map(({ name, type }) =>
          [`case '${name}':`, type && this.statement(type, 'val', `'${name}'`, name), 'return;']
            .filter(Boolean)
            .join('\n'),
        );
        const refuse = 'check.refuse(`${what} has no case ${check.show(tag)}`);';
        return `const { tag, val } = check.object(value, what);\nswitch (tag) {\n${cases.join('\n')}\ndefault:\n${refuse}\n}`;
      }
      case 'flags': {
        const flags = definition.members.map(({ name }) => camel(name));
        return `check.flags(value, what, ${JSON.stringify(flags)});`;
      }
      case 'enum': {
        const cases = definition.members.map(({ name }) => name);
        return `check.oneOf(value, what, ${JSON.stringify(cases)});`;
      }
      default:
        throw new Error(`no check is known for the ${definition.kind} ${name}`);
    }
  }
}

/** @param {string} name */
function camel(name) {
  return name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}

/** @param {string} name */
function pascal(name) {
  return camel(`-${name}`);
}
