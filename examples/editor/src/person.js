// The person who uses a replica: a name and a colour, kept in the browser.

/** @typedef {{ name: string, color: number }} Person `color` selects one of the colours of the style sheet */

const COLORS = 6;
const NAMES = ['Badger', 'Falcon', 'Heron', 'Lynx', 'Otter', 'Raven', 'Seal', 'Wren'];

/** @param {string} replica */
const keyOf = (replica) => `editor ${replica} person`;

/**
 * Returns the stored person, or stores a new one.
 *
 * @param {string} replica
 * @returns {Person}
 */
export function loadPerson(replica) {
  const stored = localStorage.getItem(keyOf(replica));
  if (stored !== null) return JSON.parse(stored);
  const person = { name: NAMES[randomBelow(NAMES.length)] ?? '', color: randomBelow(COLORS) };
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
