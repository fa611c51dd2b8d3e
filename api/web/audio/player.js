/**
 * The main thread's handle on the interviewer's voice.
 *
 * The context runs at the stream's own 24 kHz: the browser then resamples to the device with its own good filter, and
 * every frame of the audio clock is one sample of the stream, so that positions are exact.
 */
import { keepRunning, openContext } from "./audio-context.js";
import { INTERVIEWER_RATE_HZ } from "../client/protocol.js";

const WORKLET = new URL("./playback-worklet.js", import.meta.url);
const LATENCY_EVERY_MS = 1000;
const MAX_LATENCY_MS = 1000;
const DROP_WAIT_MS = 200;

export class Player {
  #context;
  #node;
  #unwatch;
  #waiting = new Map();
  #nextId = 1;
  #timer;
  #playedSample = 0;

  /**
   * @param {object} handlers
   * @param {(report: import("./playout.js").Report) => void} handlers.onReport
   * @param {(level: number) => void} handlers.onLevel root mean square, 0 to 1
   * @param {(samples: number) => void} handlers.onRefused the buffer was full and this much was skipped
   * @param {(running: boolean) => void} handlers.onRunning
   * @returns {Promise<Player>}
   */
  static async create(handlers) {
    const context = openContext({ latencyHint: "interactive", sampleRate: INTERVIEWER_RATE_HZ });
    await context.audioWorklet.addModule(WORKLET);
    return new Player(context, handlers);
  }

  constructor(context, handlers) {
    this.#context = context;
    this.handlers = handlers;
    this.#node = new AudioWorkletNode(context, "viva-playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => this.#receive(data);
    this.#node.connect(context.destination);
    this.#unwatch = keepRunning(context, handlers.onRunning);
    this.#timer = setInterval(() => this.#tellLatency(), LATENCY_EVERY_MS);
    this.#tellLatency();
  }

  /** The interviewer's voice as a node, for a visualiser or a recorder. @returns {AudioNode} */
  get output() {
    return this.#node;
  }

  get running() {
    return this.#context.state === "running";
  }

  /** Wakes a context that was created without a click; gives up silently where the browser insists on one. */
  async resume() {
    const refused = new Promise((resolve) => setTimeout(resolve, DROP_WAIT_MS));
    if (!this.running) await Promise.race([this.#context.resume(), refused]);
  }

  /** @param {import("../client/protocol.js").InterviewerAudio} audio */
  play({ sample, generation, pcm }) {
    this.#node.port.postMessage({ type: "audio", sample, generation, pcm }, [pcm.buffer]);
  }

  /** @param {"hold" | "release" | "flush"} type */
  command(type) {
    this.#node.port.postMessage({ type });
  }

  /** @param {{held?: boolean, reportMs?: number}} settings */
  configure(settings) {
    this.#node.port.postMessage({ type: "settings", ...settings });
  }

  /** Throws the buffer away. @returns {Promise<number>} the position where playback stands */
  async drop() {
    const id = this.#nextId;
    this.#nextId += 1;
    const dropped = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#node.port.postMessage({ type: "drop", id });
    // The audio thread of a suspended context may not answer; what it last reported is then still true.
    const late = new Promise((resolve) => setTimeout(() => resolve(this.#playedSample), DROP_WAIT_MS));
    const restSample = await Promise.race([dropped, late]);
    this.#waiting.delete(id);
    return Math.max(restSample, this.#playedSample);
  }

  async close() {
    clearInterval(this.#timer);
    this.#unwatch();
    if (this.#context.state !== "closed") await this.#context.close();
  }

  #receive(data) {
    switch (data.type) {
      case "report":
        this.#playedSample = data.playedSample;
        this.handlers.onReport(data);
        break;
      case "level":
        this.handlers.onLevel(data.level);
        break;
      case "refused":
        this.handlers.onRefused(data.samples);
        break;
      case "dropped":
        this.#waiting.get(data.id)?.(data.restSample);
        break;
    }
  }

  #tellLatency() {
    // Not every browser measures it; the base latency is then the best that is known.
    const seconds = this.#context.outputLatency || this.#context.baseLatency || 0;
    this.configure({ latencyMs: Math.min(MAX_LATENCY_MS, 1000 * seconds) });
  }
}
