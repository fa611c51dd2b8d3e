/**
 * Which messages this client has seen, so that it misses none and shows none twice after a reconnect.
 *
 * Only transcripts and latencies count: the rest is true for a moment, and `ready` says it anew. A takeover by another
 * server may roll the call back: messages above `kept_version` then no longer hold, and the server sends them as they are now.
 */
const COUNTED = new Set(["transcript", "latency"]);

export class Seen {
  /** The newest version that a counted message rested on. */
  version = 0;
  /** The ownership of the call under which that was; 0 before the first `ready`. */
  epoch = 0;
  #caughtUpFrom = 0;

  /** @param {{epoch: number, kept_version: number}} ready @returns {boolean} whether the call was rolled back: messages above `version` no longer hold */
  resume({ epoch, kept_version: kept }) {
    const rolledBack = kept < this.version;
    if (rolledBack) this.version = kept;
    this.epoch = epoch;
    this.#caughtUpFrom = this.version;
    return rolledBack;
  }

  /** @param {{type: string, version: number, again?: boolean}} message @returns {boolean} false if the client has seen it */
  isNew({ type, version, again }) {
    if (!COUNTED.has(type)) return true;
    if (again && version <= this.#caughtUpFrom) return false;
    this.version = Math.max(this.version, version);
    return true;
  }
}
