/**
 * What the server has told this client so far, so that nothing is missed or shown twice after a reconnect.
 *
 * Only transcripts and latencies count: the rest is true for a moment and is told anew by `ready`. A takeover by another
 * server may roll the call back; what was told above `kept_version` is then void, and is told again as it happened.
 */
const COUNTED = new Set(["transcript", "latency"]);

export class Seen {
  /** The newest version that a counted message rested on. */
  version = 0;
  /** The ownership of the call under which that was; 0 before the first `ready`. */
  epoch = 0;
  #caughtUpFrom = 0;

  /** @param {{epoch: number, kept_version: number}} ready @returns {boolean} whether something told is void: all above `version` */
  resume({ epoch, kept_version: kept }) {
    const rolledBack = kept < this.version;
    if (rolledBack) this.version = kept;
    this.epoch = epoch;
    this.#caughtUpFrom = this.version;
    return rolledBack;
  }

  /** @param {{type: string, version: number, again?: boolean}} message @returns {boolean} false if it has been told before */
  isNew({ type, version, again }) {
    if (!COUNTED.has(type)) return true;
    if (again && version <= this.#caughtUpFrom) return false;
    this.version = Math.max(this.version, version);
    return true;
  }
}
