/** When to try to connect again, and when to leave it: back-off within a deadline, doubling from 100 ms to 1 s. */

const FIRST_MS = 100;
const LONGEST_MS = 1000;
const JITTER = 0.2;

/**
 * How long to wait before the next try, a little early at random.
 *
 * @param {number} attempt failed tries so far, from 0
 * @param {() => number} [random] evenly distributed over [0, 1): many clients of one restarted server must not return together
 * @returns {number} milliseconds
 */
export function backoffMs(attempt, random = Math.random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return full * (1 - JITTER * random());
}

export class Retries {
  #deadlineMs = null;
  /** Tries that were made, or are about to be, since `begin`. */
  attempt = 0;

  /** @param {() => number} [nowMs] */
  constructor(nowMs = () => performance.now()) {
    this.nowMs = nowMs;
  }

  /** From now on tries are made for so long. @param {number} forMs */
  begin(forMs) {
    this.#deadlineMs = this.nowMs() + forMs;
    this.attempt = 0;
  }

  /** The connection stands; the next loss begins anew. */
  succeed() {
    this.#deadlineMs = null;
    this.attempt = 0;
  }

  get underWay() {
    return this.#deadlineMs !== null;
  }

  /** @param {boolean} atOnce somebody is known to be there @returns {number | null} ms until the next try; null: no more */
  next(atOnce) {
    const leftMs = this.#deadlineMs - this.nowMs();
    if (leftMs <= 0) return null;
    const waitMs = atOnce ? 0 : Math.min(leftMs, backoffMs(this.attempt));
    this.attempt += 1;
    return waitMs;
  }
}
