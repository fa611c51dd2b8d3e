/** When to try to connect again, and when to leave it: back-off within a deadline. */
import { backoffMs } from "./backoff.js";

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
