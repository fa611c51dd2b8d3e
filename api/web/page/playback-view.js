/**
 * Shows what the server does with the interviewer's voice: held, playing on, or stopped for good.
 *
 * One mark in the transcript a hold: it says "holding" until it is known what came of it, and how long it took. The
 * meter shows the same now, and the tally how often so far. Lengths are those of this client: from message to message.
 */
import { HOLDING, holdWords, seconds } from "./wording.js";

export class PlaybackView {
  #transcript;
  #meter;
  #word;
  #tally;
  #counts = { hold: 0, release: 0, flush: 0 };
  #mark = null;
  #heldAtMs = 0;

  /**
   * @param {object} parts
   * @param {import("./transcript-view.js").TranscriptView} parts.transcript
   * @param {HTMLElement} parts.meter gets `data-playback`: `held`, `released`, `flushed` or none
   * @param {HTMLElement} parts.word beside the meter
   * @param {Record<"hold" | "release" | "flush", HTMLElement>} parts.tally
   */
  constructor({ transcript, meter, word, tally }) {
    this.#transcript = transcript;
    this.#meter = meter;
    this.#word = word;
    this.#tally = tally;
    this.#show("", "");
    for (const kind of Object.keys(this.#counts)) this.#tally[kind].textContent = "0";
  }

  get held() {
    return this.#mark !== null;
  }

  hold() {
    if (this.held) return;
    this.#count("hold");
    this.#heldAtMs = performance.now();
    this.#mark = this.#transcript.mark("hold", HOLDING);
    this.#show("held", "held");
  }

  /** It was nothing: the interviewer plays on. */
  release() {
    this.#count("release");
    this.#resolve("release");
    this.#show("released", "goes on");
  }

  /** An interruption; where Gemini decides turns, one that was never held. */
  flush() {
    this.#count("flush");
    this.#resolve("flush");
    this.#show("flushed", "stopped");
  }

  /** Nobody will say what came of a hold. @param {"lost" | "ended"} kind the line was lost, or the call is over */
  giveUp(kind) {
    if (this.held) this.#resolve(kind);
    this.#show("", "");
  }

  /** What was done stays beside the meter until somebody else has the floor. @param {string} state of the call */
  stateChanged(state) {
    const done = this.#meter.dataset.playback;
    const over = state === "model_speaking" ? done === "flushed" : done === "released";
    if (over) this.#show("", "");
  }

  /** Says how long the voice is held by now; called about 15 times a second. */
  tick() {
    if (this.held) this.#word.textContent = `held ${seconds(this.#heldMs)}`;
  }

  get #heldMs() {
    return performance.now() - this.#heldAtMs;
  }

  #count(kind) {
    this.#counts[kind] += 1;
    this.#tally[kind].textContent = String(this.#counts[kind]);
  }

  #resolve(kind) {
    const words = holdWords(kind, this.held ? this.#heldMs : null);
    if (this.held) this.#transcript.replaceMark(this.#mark, kind, words);
    else this.#transcript.mark(kind, words);
    this.#mark = null;
  }

  #show(playback, word) {
    this.#meter.dataset.playback = playback;
    this.#word.textContent = word;
  }
}
