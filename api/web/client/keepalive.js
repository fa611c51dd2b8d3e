/**
 * Signs of life, both ways: a ping every interval, any message as an answer, and after `silenceMs` of silence the verdict.
 *
 * A socket can look open for minutes after the network under it has gone; this is what notices. Browsers slow down the
 * timers of a hidden page and stop them in a sleeping computer, while messages wait: silence counts only as far as
 * somebody has looked, at most `LONGEST_LOOK_MS` for each look.
 */
const LOOK_MS = 250;
const LONGEST_LOOK_MS = 1000;
const MAX_UNANSWERED = 10;

export class Keepalive {
  #timer = null;
  #intervalMs;
  #silenceMs;
  #silentMs;
  #lookedAtMs;
  #pingedAtMs;
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

  /** @param {{intervalMs: number, silenceMs: number}} times both from `ready` */
  start({ intervalMs, silenceMs }) {
    this.stop();
    this.#intervalMs = intervalMs;
    this.#silenceMs = silenceMs;
    this.#pingedAtMs = -Infinity;
    this.#timer = setInterval(() => this.look(), Math.min(LOOK_MS, intervalMs / 2));
    this.heard();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#sent.clear();
  }

  /** A message has come, whatever it says. */
  heard() {
    this.#silentMs = 0;
    this.#lookedAtMs = this.nowMs();
    this.look();
  }

  /** Pings if it is time, or says that the link is dead. Called by its own timer, and whenever something wakes the page. */
  look() {
    if (this.#timer === null) return;
    const nowMs = this.nowMs();
    this.#silentMs += Math.min(nowMs - this.#lookedAtMs, LONGEST_LOOK_MS);
    this.#lookedAtMs = nowMs;
    if (this.#silentMs >= this.#silenceMs) {
      this.stop();
      this.onDead();
    } else if (nowMs - this.#pingedAtMs >= this.#intervalMs) {
      this.#ping(nowMs);
    }
  }

  /** @param {number} id an answer; it also excuses the pings before it */
  pong(id) {
    const sentAt = this.#sent.get(id);
    if (sentAt === undefined) return;
    for (const earlier of this.#sent.keys()) if (earlier <= id) this.#sent.delete(earlier);
    this.onRoundTrip(this.nowMs() - sentAt);
  }

  #ping(nowMs) {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#pingedAtMs = nowMs;
    this.#sent.set(id, nowMs);
    this.#sent.delete(id - MAX_UNANSWERED);
    this.send({ type: "ping", id });
  }
}
