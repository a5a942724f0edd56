// Phrases that documents, comments and messages should not contain, because they are not plain English.

/**
 * Phrases, each with a sentence that contains it, and the words to use instead.
 *
 * @type {[phrase: RegExp, example: string, instead: string][]}
 */
export const PHRASES = [
  [/(?:^|[.;:,] |\band )gives (?!up\b|way\b)/i, 'Merges events; gives a report.', 'returns'],
  [/\bis given (?:an?|both|the|what)\b/, 'Every call is given the same document.', 'gets'],
  [/\b(?:none|nothing) where\b/i, 'None where there is no row.', '`none` if'],
  [/\bwhoever\b|(?:^|[.;:] )Who [a-z]+ (?![^.;]*\?)/, 'Who relays merges the events.', 'a peer that'],
  [/\bwhat (?:came|comes of|was written|(?:is|was) (?:not )?there)\b/i, 'Reads what is there.', 'a noun'],
  [/\bso many\b|\bas many of (?:them|these|those) as\b/i, 'Makes room for so many rows.', 'the count, or at most N'],
  [/\btells\b(?!(?: \S+){0,6} (?:apart|from|story|stories)\b)/i, 'It tells how far it is.', 'reports'],
  [/\b(?:goes|go|went) on\b(?! (?:an?|the|top)\b)/i, 'The session goes on.', 'continues'],
  [/\btakes in (?:an?|any|entries|events|every\w*|it|runs|what)\b|\btaken in\b/i, 'Takes in entries.', 'merges'],
  [/\bstands? still\b|\bclocks?\b[^.]*\bgo(?:es)? back\b/i, 'A clock that stands still.', 'does not advance'],
  [/\bdear(?:er|est)?\b/i, 'The call is dear.', 'expensive'],
  [/\bmend(?:ed|ing|s)?\b/i, 'The bug is mended.', 'fixes'],
  [/\bshall\b|\b(?:is|are) to be\b/i, 'The event that is to be written.', 'must, or the present tense'],
  [/\bfor good\b(?! (?:measure|reason))/i, 'The instance is gone for good.', 'permanently'],
  [/\bbeside\b/i, 'The README beside it.', 'next to, or in addition'],
];
/** Phrases that are not searched for in string literals, because keys of data match them. */
export const NOT_IN_STRINGS = [PHRASES[0][0], PHRASES[3][0]];
/** Identifiers of limits that should start with `max_` or `min_`. */
export const LIMIT_NAMES = /\b(?:MOST|LEAST|most|least)_\w+/g;
