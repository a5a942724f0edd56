// The order of the tasks in a column: each has a text, and the texts are compared as strings. A task that moves gets a text
// between those of its new neighbours, so no other task changes. Rows of other programs can lack these texts; then all tasks
// of the column get new ones.

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Random digits at the end, so that two people who move tasks to one place get different texts. */
const RANDOM_DIGITS = 3;

/**
 * Returns a text that is sorted after `low` and before `high`.
 *
 * @param {string} low an earlier result, or an empty text for the start
 * @param {string} [high] an earlier result that is greater than `low`, or nothing for the end
 * @returns {string}
 */
export function between(low, high) {
  let text = '';
  let end = high;
  for (let i = 0; ; i++) {
    const from = Math.max(DIGITS.indexOf(low.charAt(i) || '0'), 0);
    const to = end === undefined || i >= end.length ? DIGITS.length : DIGITS.indexOf(end.charAt(i));
    if (to - from > 1) return text + DIGITS.charAt((from + to) >> 1) + randomDigits();
    text += DIGITS.charAt(from);
    // From here on, every digit is below `high`.
    if (to > from) end = undefined;
  }
}

/**
 * Returns texts in ascending order, for rows that have none or whose texts leave no room.
 *
 * @param {number} count
 * @param {string} [low] as in `between`
 * @param {string} [high]
 * @returns {string[]}
 */
export function spread(count, low = '', high) {
  if (count === 0) return [];
  const before = count >> 1;
  const middle = between(low, high);
  return [...spread(before, low, middle), middle, ...spread(count - before - 1, middle, high)];
}

function randomDigits() {
  let text = '';
  // Never 0, because nothing fits between a text and the same text followed by 0.
  while (text.length < RANDOM_DIGITS) text += DIGITS.charAt(1 + Math.floor(Math.random() * (DIGITS.length - 1)));
  return text;
}
