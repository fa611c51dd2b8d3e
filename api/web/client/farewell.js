/**
 * Hanging up: the hangup is said behind all that was spoken, over whichever line stands next, and again over every new
 * one, until `closed` comes.
 *
 * It is given up where a line stands and nobody answers, and where somebody insists while there is none. That no line
 * comes any more is for its owner to notice.
 */
const AUDIO_MS = 120_000; // for a slow line to carry what was kept
const ANSWER_MS = 5000; // longer than a dead line goes unnoticed: that one is replaced, not given up

export class Farewell {
  #message;
  #link;
  #sender;
  #onUnanswered;
  #said = false;
  #timer = null;

  /**
   * @param {object} options
   * @param {string} [options.reason]
   * @param {{send(message: object): boolean}} options.link false where there is no line
   * @param {{whenSent(callback: () => void): void}} options.sender
   * @param {() => void} options.onUnanswered it is given up
   */
  constructor({ reason, link, sender, onUnanswered }) {
    this.#message = { type: "hangup", ...(reason === undefined ? {} : { reason }) };
    this.#link = link;
    this.#sender = sender;
    this.#onUnanswered = onUnanswered;
  }

  /** Says it when all audio is in the socket. For every line that stands, and where none does, for the next. */
  say() {
    if (!this.#said) this.#after(AUDIO_MS, () => this.insist());
    this.#sender.whenSent(() => this.#said || this.#sayNow());
  }

  /** Says it now, with what was spoken still behind it, and without a line not at all. */
  insist() {
    if (!this.#said && !this.#sayNow()) this.#onUnanswered();
  }

  /** Audio has become durable: the server is there, and may have more to read before it gets to the hangup. */
  progress() {
    if (this.#said) this.#awaitAnswer();
  }

  /** The line is gone, perhaps with the hangup. */
  lineLost() {
    this.#said = false;
    this.stop();
  }

  /** `closed` has come, or nothing will. */
  stop() {
    clearTimeout(this.#timer);
  }

  #sayNow() {
    this.#said = this.#link.send(this.#message);
    if (this.#said) this.#awaitAnswer();
    return this.#said;
  }

  #awaitAnswer() {
    this.#after(ANSWER_MS, this.#onUnanswered);
  }

  #after(ms, callback) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(callback, ms);
  }
}
