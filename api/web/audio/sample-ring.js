/**
 * A bounded ring of the interviewer's samples, each with its absolute position in the stream.
 *
 * When full, the newest audio is refused: what waits longest is what the candidate hears next.
 */

/** @typedef {{sample: number, generation: number, count: number}} Segment samples that follow each other */

export class SampleRing {
  #pcm;
  #read = 0;
  #length = 0;
  /** @type {Segment[]} */
  #segments = [];

  /** @param {number} capacity in samples */
  constructor(capacity) {
    this.#pcm = new Int16Array(capacity);
  }

  get length() {
    return this.#length;
  }

  /** What is read next. @returns {Segment | undefined} */
  get head() {
    return this.#segments[0];
  }

  /** @param {number} sample @param {number} generation @param {Int16Array} pcm @returns {number} samples refused */
  push(sample, generation, pcm) {
    const count = Math.min(pcm.length, this.#pcm.length - this.#length);
    for (let i = 0, at = (this.#read + this.#length) % this.#pcm.length; i < count; i += 1) {
      this.#pcm[at] = pcm[i];
      at = at + 1 === this.#pcm.length ? 0 : at + 1;
    }
    this.#length += count;
    if (count > 0) this.#extend(sample, generation, count);
    return pcm.length - count;
  }

  /** Copies, without consuming. @param {Float32Array} out @returns {number} samples written */
  peek(out) {
    const count = Math.min(out.length, this.#length);
    this.#copy(out, 0, count);
    return count;
  }

  /** Consumes from the head segment. @param {Float32Array} out @param {number} at @param {number} count not above `head.count` */
  read(out, at, count) {
    this.#copy(out, at, count);
    this.#read = (this.#read + count) % this.#pcm.length;
    this.#length -= count;
    const head = this.#segments[0];
    head.sample += count;
    head.count -= count;
    if (head.count === 0) this.#segments.shift();
  }

  clear() {
    this.#length = 0;
    this.#segments = [];
  }

  #copy(out, at, count) {
    for (let i = 0, from = this.#read; i < count; i += 1) {
      out[at + i] = this.#pcm[from] / 32768;
      from = from + 1 === this.#pcm.length ? 0 : from + 1;
    }
  }

  #extend(sample, generation, count) {
    const last = this.#segments.at(-1);
    if (last && last.generation === generation && last.sample + last.count === sample) last.count += count;
    else this.#segments.push({ sample, generation, count });
  }
}
