/**
 * Our side of the pings: one every interval, and two without an answer mean that the connection is dead.
 *
 * A socket can look open for minutes after the network under it has gone; this is what notices.
 */
const MAX_UNANSWERED = 2;

export class Keepalive {
  #timer = null;
  #sent = new Map();
  #nextId = 1;

  /**
   * @param {object} options
   * @param {(message: {type: "ping", id: number}) => void} options.send
   * @param {(roundTripMs: number) => void} options.onRoundTrip
   * @param {() => void} options.onDead
   * @param {() => number} [options.nowMs]
   */
  constructor({ send, onRoundTrip, onDead, nowMs = () => performance.now() }) {
    this.send = send;
    this.onRoundTrip = onRoundTrip;
    this.onDead = onDead;
    this.nowMs = nowMs;
  }

  /** @param {number} intervalMs */
  start(intervalMs) {
    this.stop();
    this.#timer = setInterval(() => this.tick(), intervalMs);
    this.tick();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#sent.clear();
  }

  /** One ping, or the verdict. Called every interval. */
  tick() {
    if (this.#sent.size >= MAX_UNANSWERED) {
      this.stop();
      this.onDead();
      return;
    }
    const id = this.#nextId;
    this.#nextId += 1;
    this.#sent.set(id, this.nowMs());
    this.send({ type: "ping", id });
  }

  /** @param {number} id an answer; it also excuses the pings before it */
  pong(id) {
    const sentAt = this.#sent.get(id);
    if (sentAt === undefined) return;
    for (const earlier of this.#sent.keys()) if (earlier <= id) this.#sent.delete(earlier);
    this.onRoundTrip(this.nowMs() - sentAt);
  }
}
