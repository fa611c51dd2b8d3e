/**
 * Plays the interviewer's stream by absolute position: start, run dry, hold, release, flush, and what was heard.
 *
 * Pure arithmetic over blocks of samples: the worklet is a thin shell around it, and node tests it without a browser.
 * Laws: a hold stops within one block plus a fade and keeps the position (the faded samples are played again on
 * release); nothing is reported as heard before it has left the loudspeaker, but a hold and a flush report at once where
 * playback stops, because what is on its way to the loudspeaker cannot be called back; after running dry within a reply
 * a little is gathered before playing on, so that a poor network stutters seldom instead of constantly.
 */
import { HeardTimeline } from "./heard-timeline.js";
import { SampleRing } from "./sample-ring.js";

/**
 * @typedef {object} Report
 * @property {string[]} causes of `started`, `empty`, `hold`, `release`, `flush`, `periodic`
 * @property {number} playedSample
 * @property {boolean} held
 * @property {number} generation the reply that is, or was last, rendered; -1 before the first
 */

export class Playout {
  #ring;
  #timeline = new HeardTimeline();
  #marks = [];
  #reports = [];
  #held = false;
  #playing = false;
  #dry = false;
  #arrivedAtFrame = 0;
  #generation = -1;
  #fadeInLeft = 0;
  #tail = new Float32Array(0);
  #lastValue = 0;
  #lastReportFrame = 0;
  #reportedSample = 0;

  constructor({ rateHz = 24000, capacityMs = 10_000, fadeMs = 5, gatherMs = 60, gatherWaitMs = 100 } = {}) {
    const samples = (ms) => Math.round((ms * rateHz) / 1000);
    this.#ring = new SampleRing(samples(capacityMs));
    this.fadeSamples = samples(fadeMs);
    this.gatherSamples = samples(gatherMs);
    this.gatherWaitFrames = samples(gatherWaitMs);
    this.reportFrames = samples(100);
    /** How far the loudspeaker is behind rendering. */
    this.latencyFrames = 0;
  }

  /** Audio to be played after what is buffered. @returns {number} samples refused because the buffer is full */
  push(sample, generation, pcm, frame) {
    if (this.#ring.length === 0) this.#arrivedAtFrame = frame;
    return this.#ring.push(sample, generation, pcm);
  }

  hold(frame) {
    if (!this.#held && this.#playing) this.#fadeOut();
    this.#held = true;
    this.#report(["hold"], frame, this.#timeline.restSample);
  }

  release(frame) {
    if (this.#held) this.#fadeInLeft = this.fadeSamples;
    this.#held = false;
    this.#report(["release"], frame);
  }

  flush(frame) {
    this.drop();
    this.#held = false;
    this.#report(["flush"], frame, this.#timeline.restSample);
  }

  /** Throws the buffer away without a report. @returns {number} where playback stands: the samples before it will all be heard */
  drop() {
    if (!this.#held && this.#playing) this.#fadeOut();
    this.#ring.clear();
    this.#playing = false;
    this.#dry = false;
    this.#generation = -1;
    return this.#timeline.restSample;
  }

  /** What the server says after a reconnect. @param {boolean} held */
  setHeld(held) {
    this.#held = held;
  }

  /** Fills one block that begins at `frame`. @param {Float32Array} out @param {number} frame */
  render(out, frame) {
    out.fill(0);
    const faded = this.#playTail(out);
    const room = out.subarray(faded);
    const count = this.#mayPlay(frame) ? this.#play(room, frame + faded) : 0;
    if (count > 0) this.#lastValue = room[count - 1];
    if (count < room.length && this.#playing && !this.#held) {
      this.#runDry(frame + faded + count);
      this.#playTail(room.subarray(count));
    }
    this.#reportPassed(frame + out.length);
  }

  /** @returns {Report[]} reports for the server, oldest first */
  takeReports() {
    return this.#reports.splice(0);
  }

  #mayPlay(frame) {
    if (this.#held || this.#ring.length === 0) return false;
    if (!this.#dry || this.#ring.head.generation !== this.#generation) return true;
    return this.#ring.length >= this.gatherSamples || frame - this.#arrivedAtFrame >= this.gatherWaitFrames;
  }

  #play(out, frame) {
    let at = 0;
    while (at < out.length && this.#ring.head) {
      const { sample, generation, count: available } = this.#ring.head;
      if (!this.#playing || generation !== this.#generation) this.#start(frame + at, generation);
      const count = Math.min(out.length - at, available);
      this.#timeline.add(frame + at, sample, count);
      this.#ring.read(out, at, count);
      at += count;
    }
    for (let i = 0; i < at && this.#fadeInLeft > 0; i += 1, this.#fadeInLeft -= 1) {
      out[i] *= 1 - this.#fadeInLeft / this.fadeSamples;
    }
    return at;
  }

  #start(frame, generation) {
    if (this.#dry && generation === this.#generation) this.#fadeInLeft = this.fadeSamples;
    this.#playing = true;
    this.#dry = false;
    this.#generation = generation;
    this.#marks.push({ frame: frame + 1, cause: "started" });
  }

  #runDry(frame) {
    this.#playing = false;
    this.#dry = true;
    this.#marks.push({ frame, cause: "empty" });
    // The wave stops in the middle of nowhere: let its last value sink to zero instead of jumping there.
    this.#tail = Float32Array.from({ length: this.fadeSamples }, () => this.#lastValue);
    this.#shapeTail();
  }

  #fadeOut() {
    const next = new Float32Array(this.fadeSamples);
    const count = this.#ring.peek(next);
    next.fill(count > 0 ? next[count - 1] : this.#lastValue, count);
    this.#tail = next;
    this.#shapeTail();
  }

  #shapeTail() {
    for (let i = 0; i < this.#tail.length; i += 1) this.#tail[i] *= 1 - (i + 1) / this.#tail.length;
  }

  /** What fades out comes before anything new: the sum of both could be louder than full scale. */
  #playTail(out) {
    const count = Math.min(out.length, this.#tail.length);
    out.set(this.#tail.subarray(0, count));
    this.#tail = this.#tail.subarray(count);
    return count;
  }

  #reportPassed(frame) {
    const heardFrame = frame - this.latencyFrames;
    const causes = [];
    while (this.#marks.length > 0 && this.#marks[0].frame <= heardFrame) causes.push(this.#marks.shift().cause);
    const moved = this.#timeline.heardAt(heardFrame) > this.#reportedSample;
    if (moved && frame - this.#lastReportFrame >= this.reportFrames) causes.push("periodic");
    if (causes.length > 0) this.#report(causes, frame);
  }

  #report(causes, frame, atLeast = 0) {
    const heard = this.#timeline.heardAt(frame - this.latencyFrames);
    const playedSample = Math.max(this.#reportedSample, atLeast, heard);
    this.#reports.push({ causes, playedSample, held: this.#held, generation: this.#generation });
    this.#reportedSample = playedSample;
    this.#lastReportFrame = frame;
  }
}
