// The person who uses this replica: a name and a colour, kept in the browser.

/** @typedef {{ id: string, name: string, color: number }} Person `color` selects one of the colours of the style sheet */

export const COLORS = 8;
export const MAX_NAME_LENGTH = 30;
const NAMES = ['Badger', 'Falcon', 'Heron', 'Lynx', 'Otter', 'Raven', 'Seal', 'Wren'];

/** @param {string} replica */
const keyOf = (replica) => `board ${replica} person`;

/**
 * Returns the stored person, or stores a new one.
 *
 * @param {string} replica
 * @returns {Person}
 */
export function loadPerson(replica) {
  const stored = localStorage.getItem(keyOf(replica));
  if (stored !== null) return JSON.parse(stored);
  const person = { id: crypto.randomUUID(), name: NAMES[randomBelow(NAMES.length)], color: randomBelow(COLORS) };
  savePerson(replica, person);
  return person;
}

/** @param {string} replica @param {Person} person */
export function savePerson(replica, person) {
  localStorage.setItem(keyOf(replica), JSON.stringify(person));
}

/** @param {number} limit */
function randomBelow(limit) {
  return Math.floor(Math.random() * limit);
}
