// Moves messages of all sessions of a document, and lets nothing out that is not stored.
//
// A round captures what is not stored yet, polls all sessions at the same moment, stores what was captured, and then sends
// the polled messages. So a message never shows an event that is not stored, and an application that writes without a
// pause delays no message: its later writes are captured by the next round.

/** @import { Session } from '../session.js' */
/** @import { Received } from '../types.js' */

/** The maximum number of bytes that are polled from a session in a round. */
const ROUND_BYTES = 256 * 1024;
/** The delay before a session whose transport has no room is polled again. */
const ROOM_MS = 20;

/**
 * What a link calls.
 *
 * @typedef {object} LinkHandlers
 * @property {(message: Uint8Array<ArrayBuffer>) => void} send
 * @property {() => boolean} hasRoom whether the transport can take a message now
 * @property {(received: Received) => void} onReceived what a message changed
 * @property {(error: unknown) => void} onFailed the session ended with an error
 */

/** One session over one transport. */
export class Link {
  #session;
  #handlers;
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #polled = [];
  #isEnded = false;
  #hasReceived = false;

  /**
   * @param {Session} session
   * @param {LinkHandlers} handlers
   */
  constructor(session, handlers) {
    this.#session = session;
    this.#handlers = handlers;
  }

  get isEnded() {
    return this.#isEnded;
  }

  /** Whether the other side has said anything. Before, `progress` does not know what it has. */
  get hasReceived() {
    return this.#hasReceived;
  }

  progress() {
    return this.#session.progress();
  }

  /** @param {Uint8Array} message */
  receive(message) {
    if (this.#isEnded) return;
    let received;
    try {
      received = this.#session.receive(message);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#hasReceived = true;
    this.#handlers.onReceived(received);
  }

  /**
   * Polls messages, and holds them back.
   *
   * @returns {'empty' | 'more' | 'full'} whether there are more messages, or the transport has no room
   */
  poll() {
    if (this.#isEnded) return 'empty';
    if (!this.#handlers.hasRoom()) return 'full';
    try {
      for (let bytes = 0; bytes < ROUND_BYTES;) {
        const message = this.#session.poll();
        if (message === undefined) return 'empty';
        this.#polled.push(message);
        bytes += message.length;
      }
    } catch (error) {
      this.fail(error);
      return 'empty';
    }
    return 'more';
  }

  /** Sends the messages that are held back. */
  send() {
    for (const message of this.#polled.splice(0)) this.#handlers.send(message);
  }

  end() {
    this.#isEnded = true;
    this.#polled = [];
    this.#session.dispose();
  }

  /**
   * Ends the session because of an error.
   *
   * @param {unknown} error
   */
  fail(error) {
    if (this.#isEnded) return;
    this.end();
    this.#handlers.onFailed(error);
  }
}

/** Runs rounds, and jobs between rounds. */
export class Pump {
  #capture;
  #onRound;
  #onFailed;
  /** @type {Set<Link>} */
  #links = new Set();
  /**
   * Each with the number of rounds that had begun when it was queued.
   *
   * @type {{ run: () => Promise<void>, queuedAt: number }[]}
   */
  #jobs = [];
  #rounds = 0;
  #isWanted = false;
  #isRunning = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #roomTimer;

  /**
   * @param {() => (() => Promise<boolean>) | undefined} capture takes what is not stored yet, and
   *   returns a function that stores it, or `undefined` if everything is stored. The function
   *   resolves with whether what was polled can be sent
   * @param {() => void} onRound is called after each round
   * @param {(error: unknown) => void} onFailed is called if the engine fails in a round
   */
  constructor(capture, onRound, onFailed) {
    this.#capture = capture;
    this.#onRound = onRound;
    this.#onFailed = onFailed;
  }

  /** @param {Link} link */
  add(link) {
    this.#links.add(link);
    this.trigger();
  }

  /** @param {Link} link */
  remove(link) {
    this.#links.delete(link);
    link.end();
  }

  /** Starts a round soon: after the present call, or after the round that is in progress. */
  trigger() {
    this.#isWanted = true;
    this.#start();
  }

  /**
   * Runs a job between two rounds: after the one that is wanted at the time of the call, if any.
   *
   * @template T
   * @param {() => T | Promise<T>} job
   * @returns {Promise<T>}
   */
  run(job) {
    return new Promise((resolve, reject) => {
      const run = async () => {
        try {
          resolve(await job());
        } catch (error) {
          reject(error);
        }
      };
      this.#jobs.push({ run, queuedAt: this.#rounds });
      this.#start();
    });
  }

  /** Removes all links. */
  clear() {
    clearTimeout(this.#roomTimer);
    for (const link of [...this.#links]) this.remove(link);
  }

  #start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    queueMicrotask(() => this.#run());
  }

  async #run() {
    try {
      for (;;) {
        const [job] = this.#jobs;
        if (job !== undefined && (!this.#isWanted || job.queuedAt < this.#rounds)) {
          this.#jobs.shift();
          await job.run();
        } else if (this.#isWanted) {
          await this.#round();
        } else {
          break;
        }
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #round() {
    this.#isWanted = false;
    this.#rounds++;
    try {
      await this.#exchange();
    } catch (error) {
      this.#onFailed(error);
    }
  }

  async #exchange() {
    const keep = this.#capture();
    const links = [...this.#links];
    for (const link of links) {
      const state = link.poll();
      if (state === 'more') this.#isWanted = true;
      if (state === 'full') this.#waitForRoom();
    }
    const canSend = keep === undefined || (await keep());
    for (const link of links) {
      if (canSend && !link.isEnded) link.send();
    }
    this.#onRound();
  }

  #waitForRoom() {
    clearTimeout(this.#roomTimer);
    this.#roomTimer = setTimeout(() => this.trigger(), ROOM_MS);
  }
}
