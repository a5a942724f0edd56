// Shows two people who type: a picture of both texts on a terminal, and lines of a log elsewhere.

/**
 * What a person reports: the keystrokes that the person typed, how many of them without a
 * connection, those of the other person in the text, the bytes sent and received, the periods
 * offline, and a part of the text with the cursors in it.
 *
 * @typedef {{ typed: number, offline: number, merged: number, bytes: number, periods: number, activity: string, text: string,
 *   cursors: Record<string, number> }} Report
 */
/**
 * What a person has at the end.
 *
 * @typedef {{ text: string, digest: string }} End
 */

const REDRAW_INTERVAL_MS = 50;
const LOG_INTERVAL_MS = 2000;
/** The lines of text that show of each person, and their maximum width. */
const LINES = 4;
const MAX_COLUMNS = 100;
const CURSOR = '▏';

export class Board {
  /** @type {Map<string, Report>} by peer */
  #reports = new Map();
  /** @type {Map<string, End>} by peer */
  #ends = new Map();
  #start = performance.now();
  #shown = 0;
  #height = 0;
  #names;
  #total;

  /**
   * @param {Map<string, string>} names the names to show, by peer
   * @param {number} total the number of keystrokes of the session
   */
  constructor(names, total) {
    this.#names = names;
    this.#total = total;
  }

  /**
   * @param {string} peer
   * @param {Report} report
   */
  update(peer, report) {
    this.#reports.set(peer, report);
    const interval = process.stdout.isTTY ? REDRAW_INTERVAL_MS : LOG_INTERVAL_MS;
    if (performance.now() - this.#shown < interval) return;
    this.#shown = performance.now();
    if (process.stdout.isTTY) this.#draw();
    else console.log(`  ${this.#summary()}`);
  }

  /**
   * @param {string} peer
   * @param {End} end
   */
  finish(peer, { text, digest }) {
    this.#ends.set(peer, { text, digest });
  }

  /** Shows the last reports, and returns the ends and the counts of the run. */
  end() {
    if (process.stdout.isTTY) this.#draw();
    const reports = [...this.#reports.values()];
    const seconds = (performance.now() - this.#start) / 1000;
    return {
      people: [...this.#names].map(([peer, name]) => ({ name, ...this.#ends.get(peer) })),
      seconds: seconds.toFixed(1),
      keystrokesPerSecond: Math.round(this.#total / seconds),
      periods: Math.max(0, ...reports.map(({ periods }) => periods)),
      offline: reports.reduce((sum, { offline }) => sum + offline, 0),
      bytes: this.#bytes(),
    };
  }

  /** The bytes on the socket. Each person counts those in both directions. */
  #bytes() {
    return Math.max(0, ...[...this.#reports.values()].map(({ bytes }) => bytes));
  }

  #summary() {
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1);
    const reports = [...this.#names].map(([peer, name]) => ({ name, ...this.#reports.get(peer) }));
    const typed = reports.reduce((sum, { typed = 0 }) => sum + typed, 0);
    const activities = reports.map(({ name, activity = 'starting' }) => `${name} ${activity}`);
    return `${seconds.padStart(5)} s  ${typed} of ${this.#total} keystrokes, ${Math.round(this.#bytes() / 1024)} KiB on the socket, ${activities.join(', ')}`;
  }

  #draw() {
    const columns = Math.min(MAX_COLUMNS, process.stdout.columns || MAX_COLUMNS) - 4;
    const lines = [...this.#names].flatMap(([peer, name]) => {
      const report = this.#reports.get(peer);
      const { typed = 0, merged = 0, offline = 0, periods = 0, activity = 'starting' } = report ?? {};
      const facts = `${typed} typed, ${merged} merged, ${periods} times offline, with ${offline} typed`;
      const screen = report === undefined ? [] : this.#screen(peer, report, columns);
      return [
        `\x1b[1m${name}\x1b[0m  ${facts}  ${activity}`.slice(0, columns),
        ...Array.from({ length: LINES }, (_, line) => `\x1b[90m│\x1b[0m ${screen[line] ?? ''}`),
      ];
    });
    lines.push(this.#summary().slice(0, columns));
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : '';
    process.stdout.write(up + lines.map((line) => `\x1b[2K  ${line}\n`).join(''));
    this.#height = lines.length;
  }

  /**
   * Returns the last lines up to the line with the person's cursor, with the cursors of both
   * people.
   *
   * @param {string} peer
   * @param {Report} report
   * @param {number} columns
   */
  #screen(peer, { text, cursors }, columns) {
    /** @type {string[]} */
    const lines = [''];
    let [width, ownLine] = [0, 0];
    const characters = [...text];
    for (const [at, character] of [...characters, ''].entries()) {
      for (const [number, owner] of [...this.#names.keys()].entries()) {
        if (cursors[owner] !== at) continue;
        lines[lines.length - 1] += `\x1b[${owner === peer ? 1 : 2};3${2 + number}m${CURSOR}\x1b[0m`;
        width += 1;
        if (owner === peer) ownLine = lines.length - 1;
      }
      const isEnd = character === '\n';
      if (isEnd || width >= columns - 2) {
        lines.push('');
        width = 0;
      }
      if (isEnd) continue;
      lines[lines.length - 1] += character === '\t' ? ' ' : character;
      width += 1;
    }
    const end = Math.max(LINES, ownLine + 2);
    return lines.slice(0, end).slice(-LINES);
  }
}
