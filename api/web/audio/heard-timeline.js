/**
 * Which sample of the interviewer's stream leaves the loudspeaker at which frame of the audio clock.
 *
 * Rendering runs ahead of the loudspeaker by the output latency (a few ms wired, 200 ms over Bluetooth), and the stream
 * jumps and pauses, so "rendered position minus latency" would be wrong around every jump. Runs are kept instead.
 */
const MAX_RUNS = 256;

export class HeardTimeline {
  /** @type {{frame: number, sample: number, count: number}[]} */
  #runs = [];
  #heard = 0;

  /** Where rendering stands: the position after the last rendered sample. */
  restSample = 0;

  /** `count` samples from `sample` on are rendered at `frame`. @param {number} frame @param {number} sample @param {number} count */
  add(frame, sample, count) {
    const last = this.#runs.at(-1);
    if (last && last.frame + last.count === frame && last.sample + last.count === sample) last.count += count;
    else this.#runs.push({ frame, sample, count });
    // Older runs than this are far behind any loudspeaker; the bound only guards against a stopped clock.
    if (this.#runs.length > MAX_RUNS) this.#advance(this.#runs.shift(), Infinity);
    this.restSample = sample + count;
  }

  /** @param {number} frame of the loudspeaker @returns {number} everything before this position has been heard; never decreases */
  heardAt(frame) {
    while (this.#runs.length > 0) {
      const run = this.#runs[0];
      this.#advance(run, frame - run.frame);
      if (frame < run.frame + run.count) break;
      this.#runs.shift();
    }
    return this.#heard;
  }

  #advance(run, frames) {
    if (frames > 0) this.#heard = Math.max(this.#heard, run.sample + Math.min(frames, run.count));
  }
}
