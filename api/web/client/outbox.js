/**
 * The candidate's audio that the server has not confirmed as durable yet.
 *
 * Law: numbers have no holes (the server refuses a gap), so audio that does not fit is refused *before* it gets a
 * number. The bound is at least twice the resuming wait; what is refused is counted, and its owner reports it.
 */
import { encodeAudio } from "./protocol.js";

export class Outbox {
  #messages = [];
  #first = 0;
  #samples = 0;

  /** @param {{rateHz: number, capacityMs?: number}} options */
  constructor({ rateHz, capacityMs = 60_000 }) {
    this.rateHz = rateHz;
    this.capacityMs = capacityMs;
    /** Samples that were refused because the outbox was full. */
    this.refusedSamples = 0;
  }

  /** The number of the oldest message kept. */
  get first() {
    return this.#first;
  }

  /** The number that the next message will get. */
  get next() {
    return this.#first + this.#messages.length;
  }

  get keptMs() {
    return (1000 * this.#samples) / this.rateHz;
  }

  get refusedMs() {
    return (1000 * this.refusedSamples) / this.rateHz;
  }

  /** Numbers and keeps one message. @param {Int16Array} pcm @returns {boolean} false if it was refused */
  add(pcm) {
    if (1000 * (this.#samples + pcm.length) > this.capacityMs * this.rateHz) {
      this.refusedSamples += pcm.length;
      return false;
    }
    this.#messages.push({ buffer: encodeAudio(this.next, pcm), samples: pcm.length });
    this.#samples += pcm.length;
    return true;
  }

  /** @param {number} seq @returns {ArrayBuffer | undefined} the message, if it is kept */
  get(seq) {
    return this.#messages[seq - this.#first]?.buffer;
  }

  /** Everything up to and including `seq` is durable and need not be kept. @param {number} seq */
  acknowledge(seq) {
    const done = this.#messages.splice(0, Math.max(0, seq + 1 - this.#first));
    this.#first += done.length;
    for (const { samples } of done) this.#samples -= samples;
  }

  /** Begins numbering at `seq`; only while nothing is kept (another page has begun this call). @param {number} seq */
  beginAt(seq) {
    if (this.#messages.length === 0) this.#first = seq;
  }
}
