// Types what one of the two peers of a session typed, like `converge-rig type` of tests/rig, which types what the other one typed
// and listens for this process. The history is one of the folder that CONVERGE_TRACES names.
//
// usage: typist.js HISTORY --peer NAME --hub PORT --pause MS
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { onMessages, send } from '../../../host-js/bin/wire.js';
import { open } from '../../../host-js/src/node.js';
import { readTrace } from '../../traces.js';
import { Person } from './person.js';

/** The minimum number of keystrokes between two periods offline. */
const ONLINE_KEYSTROKES = 100;
/** A person goes offline only if this many keystrokes can be typed alone. */
const MIN_ALONE = 20;
/** The maximum number of keystrokes in a period offline. */
const OFFLINE_KEYSTROKES = 150;
/** The interval between reports, and the maximum wait for a message. */
const REPORT_INTERVAL_MS = 100;

/**
 * The run of a person: alternately online and offline, until both persons have typed everything.
 */
class Run {
  #person;
  #port;
  #pauseMs;
  #typed = performance.now();
  #reported = -Infinity;
  /** Bytes sent and received. */
  #bytes = 0;
  /** The number of keystrokes that were typed without a connection. */
  #offline = 0;
  /** The number of periods offline. */
  #periods = 0;

  /**
   * @param {Person} person
   * @param {number} port
   * @param {number} pauseMs
   */
  constructor(person, port, pauseMs) {
    this.#person = person;
    this.#port = port;
    this.#pauseMs = pauseMs;
  }

  async finish() {
    while (!(await this.#runOnline())) await this.#runOffline();
    this.#reported = -Infinity;
    this.#report('done');
    this.#print('done', this.#person.end());
  }

  /** Types without a connection, at most until a keystroke of the other person is needed. */
  async #runOffline() {
    this.#periods += 1;
    for (let keystrokes = 0; keystrokes < OFFLINE_KEYSTROKES && this.#person.canType(); keystrokes++) {
      await this.#untilDue();
      this.#typeNext();
      this.#offline += 1;
      this.#report('offline');
    }
  }

  /** Types with a connection. Returns whether both persons have everything. */
  async #runOnline() {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    try {
      return await this.#converse(socket);
    } finally {
      socket.destroySoon();
    }
  }

  /** @param {import('node:net').Socket} socket */
  async #converse(socket) {
    const person = this.#person;
    const session = person.openSession();
    const sendAll = () => session.flush((message) => (this.#bytes += send(socket, message)));
    /** @type {Uint8Array[]} */
    const inbox = [];
    let isClosed = false;
    let wake = () => {};
    const notice = () => {
      isClosed = true;
      wake();
    };
    // At the end, the side that is in sync first closes the connection. The other side may write to it then.
    socket.on('error', notice).on('end', notice).on('close', notice);
    onMessages(socket, (message) => {
      inbox.push(message);
      wake();
    });
    // Whether both sides exchange keystrokes, or have nothing to exchange.
    let hasMet = false;
    let keystrokes = 0;
    for (;;) {
      sendAll();
      if (person.canType()) {
        await this.#untilDue();
      } else if (inbox.length === 0 && !isClosed) {
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, REPORT_INTERVAL_MS);
          wake = () => {
            clearTimeout(timer);
            resolve(undefined);
          };
        });
      }
      for (const message of inbox.splice(0)) {
        this.#bytes += message.length;
        hasMet = person.receive(session, message) || hasMet;
        sendAll();
      }
      if ((!hasMet || person.hasAll) && session.progress().inSync) {
        hasMet = true;
        if (person.hasAll) return true;
      }
      if (isClosed) return person.hasAll;
      if (person.canType() && this.#isDue()) {
        this.#typeNext();
        keystrokes += 1;
        if (!hasMet) this.#offline += 1;
      }
      this.#report(hasMet ? 'online' : 'connecting');
      if (hasMet && keystrokes >= ONLINE_KEYSTROKES && person.canType(MIN_ALONE)) {
        sendAll();
        return false;
      }
    }
  }

  #isDue() {
    return performance.now() - this.#typed >= this.#pauseMs;
  }

  /** Waits until the next keystroke is due, and lets the socket work meanwhile. */
  async #untilDue() {
    const rest = this.#pauseMs - (performance.now() - this.#typed);
    await (rest > 0 ? sleep(Math.ceil(rest)) : turn());
  }

  #typeNext() {
    this.#typed = performance.now();
    this.#person.typeNext();
  }

  /**
   * Prints at intervals what the person sees.
   *
   * @param {string} activity
   */
  #report(activity) {
    if (performance.now() - this.#reported < REPORT_INTERVAL_MS) return;
    this.#reported = performance.now();
    this.#person.showCursor();
    this.#print('status', { activity, ...this.#person.screen() });
  }

  /**
   * Prints a line, with the counts of this run.
   *
   * @param {string} kind
   * @param {object} facts
   */
  #print(kind, facts) {
    const { peer, count: typed, merged } = this.#person;
    const counts = { typed, merged, bytes: this.#bytes, offline: this.#offline, periods: this.#periods };
    process.stdout.write(`${kind}\t${peer}\t${JSON.stringify({ ...counts, ...facts })}\n`);
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: 'string', default: '001' },
    hub: { type: 'string', default: '0' },
    pause: { type: 'string', default: '0' },
  },
});
const person = new Person(await open(), readTrace(positionals[0]), values.peer);
await new Run(person, Number(values.hub), Number(values.pause)).finish();
