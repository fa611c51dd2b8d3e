/**
 * Carries the microphone's audio into the connection, in order and once, and again after a reconnect.
 *
 * Messages are as short as the microphone delivers them while the network keeps up, and are joined up to 100 ms while
 * it does not, so that a slow line carries fewer headers. Never more than `MAX_QUEUED_BYTES` wait in the socket: a
 * `pong` must not stand behind half a minute of resent audio.
 */
import { Outbox } from "../client/outbox.js";

const JOINED_MS = 100;
const CONGESTED_MS = 100;
const MAX_QUEUED_BYTES = 256 * 1024;
const PUMP_AGAIN_MS = 20;

export class AudioSender {
  #link;
  #pending = [];
  #pendingSamples = 0;
  #cursor = 0;
  #sentEnd = 0;
  #open = false;
  #timer = null;
  #drained = [];
  #refusing = false;
  #onSettled = () => {};

  /**
   * @param {object} options
   * @param {{sendAudio(buffer: ArrayBuffer): void, bufferedAmount: number}} options.link
   * @param {number} options.rateHz
   * @param {number} [options.capacityMs] how much unconfirmed audio is kept
   * @param {(full: boolean) => void} [options.onFull] the outbox began, or ceased, to refuse audio
   */
  constructor({ link, rateHz, capacityMs, onFull = () => {} }) {
    this.#link = link;
    this.onFull = onFull;
    this.rateHz = rateHz;
    this.outbox = new Outbox({ rateHz, capacityMs });
    /** Messages that were sent more than once. */
    this.resentMessages = 0;
  }

  /** Audio from the microphone. @param {Int16Array} pcm */
  add(pcm) {
    this.#pending.push(pcm);
    this.#pendingSamples += pcm.length;
    if (!this.#congested() || 1000 * this.#pendingSamples >= JOINED_MS * this.rateHz) this.flush();
  }

  /** Numbers what is waiting to be joined, and sends what may be sent. */
  flush() {
    if (this.#pendingSamples > 0) {
      const pcm = new Int16Array(this.#pendingSamples);
      let at = 0;
      for (const piece of this.#pending) {
        pcm.set(piece, at);
        at += piece.length;
      }
      this.#pending = [];
      this.#pendingSamples = 0;
      this.#reportRefusal(!this.outbox.add(pcm));
    }
    this.#pump();
  }

  /** The call is ours (again): send from `nextSeq` on. @param {number} nextSeq @param {number} resumeWaitMs */
  resume(nextSeq, resumeWaitMs) {
    this.outbox.capacityMs = Math.max(this.outbox.capacityMs, 2 * resumeWaitMs);
    if (nextSeq > this.outbox.next) this.outbox.beginAt(nextSeq);
    this.#cursor = Math.max(nextSeq, this.outbox.first);
    this.#open = true;
    this.flush();
  }

  /** No connection will come any more. */
  stop() {
    this.suspend();
    this.#onSettled();
  }

  /** The connection is gone; audio is kept from here on. */
  suspend() {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** @param {number} seq everything up to and including it is durable */
  acknowledge(seq) {
    this.outbox.acknowledge(seq);
    if (this.outbox.keptMs === 0) this.#onSettled();
    this.#pump();
  }

  /** Sends the rest, over a new connection if it must be, and waits until all of it is durable, or `graceMs` have passed. @param {number} graceMs */
  async settle(graceMs) {
    this.flush();
    if (graceMs === 0 || this.outbox.keptMs === 0) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onSettled = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Calls back, once, when all audio added until now is in the socket; perhaps at once. @param {() => void} callback */
  whenSent(callback) {
    this.flush();
    if (this.#open && this.#cursor >= this.outbox.next) callback();
    else this.#drained.push(callback);
  }

  #pump() {
    if (!this.#open) return;
    this.#cursor = Math.max(this.#cursor, this.outbox.first);
    while (this.#cursor < this.outbox.next && this.#link.bufferedAmount < MAX_QUEUED_BYTES) {
      this.#link.sendAudio(this.outbox.get(this.#cursor));
      if (this.#cursor < this.#sentEnd) this.resentMessages += 1;
      this.#cursor += 1;
      this.#sentEnd = Math.max(this.#sentEnd, this.#cursor);
    }
    if (this.#cursor < this.outbox.next) this.#pumpLater();
    else this.#drained.splice(0).forEach((callback) => callback());
  }

  #pumpLater() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, PUMP_AGAIN_MS);
  }

  #congested() {
    return !this.#open || 1000 * this.#link.bufferedAmount > 2 * CONGESTED_MS * this.rateHz;
  }

  #reportRefusal(refused) {
    if (refused !== this.#refusing) this.onFull(refused);
    this.#refusing = refused;
  }
}
