// Extracts prose from sources: from Markdown, from comments, and from string literals.

const FENCE = /^\s*(?:```|~~~)/;
const DOC_COMMENT = /^\s*\/\/(?:\/|!)/;

/** @typedef {{ line: number, text: string, isDoc?: boolean, isTable?: boolean }} Line `line` counts from 1 */

/** @type {Record<string, (text: string) => Line[]>} by file extension */
const READERS = { md: linesOfMarkdown, wit: linesOfComments };
const SOURCE = /\.(?:[cm]?js|jsx|rs|ts)$/;

/**
 * Returns whether a file contains prose. Declaration files are generated.
 *
 * @param {string} path
 */
export function hasProse(path) {
  return !path.endsWith('.d.ts') && (isSource(path) || extension(path) in READERS);
}

/**
 * Returns whether a file is a source in Rust, JavaScript or TypeScript.
 *
 * @param {string} path
 */
export function isSource(path) {
  return SOURCE.test(path);
}

/**
 * Returns the lines of a file that contain prose, without markers such as `///`.
 *
 * @param {string} path
 * @param {string} text
 */
export function proseOf(path, text) {
  return (READERS[extension(path)] ?? linesOfComments)(text);
}

/**
 * Joins prose lines that follow each other, so that phrases across two lines are found.
 *
 * @param {Line[]} lines
 * @returns {{ text: string, lineAt: (index: number) => number }[]} `lineAt` returns the line of an index
 */
export function paragraphs(lines) {
  const groups = /** @type {Line[][]} */ ([]);
  for (const line of lines) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && last.line + 1 === line.line && !line.isTable) groups.at(-1)?.push(line);
    else groups.push([line]);
  }
  return groups.map((group) => {
    const ends = /** @type {number[]} */ ([]);
    for (const { text } of group) ends.push((ends.at(-1) ?? 0) + text.length + 1);
    const lineAt = (/** @type {number} */ index) => group[ends.findIndex((end) => index < end)]?.line ?? 0;
    return { text: group.map(({ text }) => text).join(' '), lineAt };
  });
}

/**
 * Returns the string literals of Rust and JavaScript sources, as far as they fit into a line.
 *
 * @param {string} path
 * @param {string} text
 * @returns {Line[]}
 */
export function stringsOf(path, text) {
  if (!isSource(path)) return [];
  const quoted = path.endsWith('.rs') ? /"(?:[^"\\]|\\.)*"/g : /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g;
  const comments = new Set(linesOfComments(text).map(({ line }) => line));
  return numbered(text).flatMap(({ line, text }) =>
    comments.has(line) ? [] : (text.match(quoted) ?? []).map((text) => ({ line, text: text.slice(1, -1) })),
  );
}

/** @param {string} path */
function extension(path) {
  return path.split('.').at(-1) ?? '';
}

/** @param {string} text */
function numbered(text) {
  return text.split('\n').map((text, index) => ({ line: index + 1, text }));
}

/** @param {string} text */
function linesOfMarkdown(text) {
  let isCode = false;
  return numbered(text).flatMap(({ line, text }) => {
    if (FENCE.test(text)) {
      isCode = !isCode;
      return [];
    }
    return isCode || text === '' ? [] : [{ line, text: withoutCode(text), isTable: text.startsWith('|') }];
  });
}

/** @param {string} text */
function linesOfComments(text) {
  let isBlock = false;
  return numbered(text).flatMap(({ line, text }) => {
    const block = isBlock || /^\s*\/\*/.test(text);
    if (block) {
      isBlock = !text.includes('*/');
      const content = text
        .replace(/^\s*\/?\*+(?!\/)/, '')
        .replace(/\*\/.*$/, '')
        .trim();
      return content === '' ? [] : [{ line, text: withoutCode(content), isDoc: true }];
    }
    const comment = text.match(/^(?:.*?[\s;,{}()[\]])?\/\/[/!]?(?:\s(.*))?$/);
    const content = comment?.[1];
    if (content === undefined || content.trim() === '') return [];
    return [{ line, text: withoutCode(content), isDoc: DOC_COMMENT.test(text) }];
  });
}

/**
 * Replaces code in backticks and the targets of links, which are not prose.
 *
 * @param {string} text
 */
function withoutCode(text) {
  return text
    .replace(/`[^`]*`/g, '``')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/https?:\S+/g, '');
}
