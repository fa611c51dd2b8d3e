/** Both directions of a call's sound: one microphone, one loudspeaker, and one meter for the two. */
import { AudioCapture } from "./audio-capture.js";
import { clientError } from "../client/errors.js";
import { Player } from "./player.js";
import { INTERVIEWER_RATE_HZ } from "../client/protocol.js";

const LEVEL_EVERY_MS = 66;

/**
 * @typedef {object} AudioHandlers
 * @property {(pcm: Int16Array) => void} onAudio
 * @property {(report: import("./playout.js").Report) => void} onReport
 * @property {(levels: {microphone: number, interviewer: number}) => void} onLevels
 * @property {(running: boolean) => void} onRunning
 * @property {(error: import("../client/errors.js").VivaError) => void} onTrouble
 */

export class CallAudio {
  #handlers;
  #capture;
  #player;
  #levels = { microphone: 0, interviewer: 0 };
  #timer;
  #closing;
  #stopped = new Set();
  #skippedSamples = 0;

  /** @param {AudioHandlers} handlers @param {number} messageMs @returns {Promise<CallAudio>} */
  static async create(handlers, messageMs) {
    const audio = new CallAudio(handlers);
    try {
      await audio.#open(messageMs);
    } catch (error) {
      await audio.close();
      throw error;
    }
    return audio;
  }

  constructor(handlers) {
    this.#handlers = handlers;
  }

  get rateHz() {
    return this.#capture.rateHz;
  }

  get output() {
    return this.#player.output;
  }

  get skippedMs() {
    return (1000 * this.#skippedSamples) / INTERVIEWER_RATE_HZ;
  }

  get hasMicrophone() {
    return this.#capture.hasDevice;
  }

  /** @param {MediaStream} stream @param {boolean} owned whether to stop the stream at the end */
  async begin(stream, owned) {
    this.#capture.use(stream, owned);
    await this.#player.resume();
    if (!this.#player.running) this.#runningChanged("player", false);
    this.#timer = setInterval(() => this.#handlers.onLevels({ ...this.#levels }), LEVEL_EVERY_MS);
  }

  useMicrophone(stream, owned) {
    this.#capture.use(stream, owned);
  }

  async runMicrophone() {
    await this.#capture.run();
  }

  async pauseMicrophone() {
    await this.#capture.pause();
    this.#levels.microphone = 0;
  }

  play(audio) {
    this.#player.play(audio);
  }

  command(type) {
    this.#player.command(type);
  }

  configurePlayback(settings) {
    this.#player.configure(settings);
  }

  dropPlayback() {
    return this.#player.drop();
  }

  /** @returns {Promise<void>} the same for every call of it */
  close() {
    clearInterval(this.#timer);
    this.#closing ??= Promise.all([this.#player?.close(), this.#capture?.close()]);
    return this.#closing;
  }

  async #open(messageMs) {
    this.#player = await Player.create({
      onReport: (report) => this.#handlers.onReport(report),
      onLevel: (level) => (this.#levels.interviewer = level),
      onRefused: (samples) => this.#skipped(samples),
      onRunning: (running) => this.#runningChanged("player", running),
    });
    this.#capture = await AudioCapture.create(
      {
        onAudio: (pcm, level) => {
          this.#levels.microphone = level;
          this.#handlers.onAudio(pcm);
        },
        onTrouble: (error) => this.#handlers.onTrouble(error),
        onRunning: (running) => this.#runningChanged("capture", running),
      },
      { messageMs },
    );
  }

  #skipped(samples) {
    const first = this.#skippedSamples === 0;
    this.#skippedSamples += samples;
    if (first) this.#handlers.onTrouble(clientError("playback_overflow"));
  }

  /** Two contexts, one fact for the candidate: the sound runs, or it does not. */
  #runningChanged(which, running) {
    const before = this.#stopped.size;
    if (running) this.#stopped.delete(which);
    else this.#stopped.add(which);
    const now = this.#stopped.size;
    if ((before === 0) === (now === 0)) return;
    this.#handlers.onRunning(now === 0);
    if (now > 0) this.#handlers.onTrouble(clientError("playback_suspended"));
  }
}
