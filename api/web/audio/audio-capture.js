/**
 * The microphone as PCM16 messages at the audio context's own rate: the server resamples once, and well.
 */
import { keepRunning, openContext } from "./audio-context.js";
import { clientError } from "../client/errors.js";
import { MAX_RATE_HZ } from "../client/protocol.js";

const WORKLET = new URL("./capture-worklet.js", import.meta.url);
const PAUSE_WAIT_MS = 200;

export class AudioCapture {
  #context;
  #node;
  #source = null;
  #stream = null;
  #owned = false;
  #unwatch;
  #waiting = new Map();
  #nextId = 1;
  #trackEvents = null;

  /**
   * @param {object} handlers
   * @param {(pcm: Int16Array, level: number) => void} handlers.onAudio `level` is the root mean square, 0 to 1
   * @param {(error: VivaError) => void} handlers.onTrouble the device is gone or silenced by the system
   * @param {(running: boolean) => void} handlers.onRunning
   * @param {{messageMs?: number}} [options]
   * @returns {Promise<AudioCapture>}
   */
  static async create(handlers, { messageMs = 20 } = {}) {
    let context = openContext({ latencyHint: "interactive" });
    if (context.sampleRate > MAX_RATE_HZ) {
      await context.close();
      context = openContext({ latencyHint: "interactive", sampleRate: MAX_RATE_HZ });
    }
    await context.audioWorklet.addModule(WORKLET);
    return new AudioCapture(context, handlers, messageMs);
  }

  constructor(context, handlers, messageMs) {
    this.#context = context;
    this.handlers = handlers;
    this.#node = new AudioWorkletNode(context, "viva-capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { messageMs },
    });
    this.#node.port.onmessage = ({ data }) => this.#receive(data);
    // Some browsers run a worklet only if it leads somewhere; its output is silence.
    this.#node.connect(context.destination);
    this.#unwatch = keepRunning(context, handlers.onRunning);
  }

  get rateHz() {
    return this.#context.sampleRate;
  }

  /** False after the device was unplugged, until `use` is given another. */
  get hasDevice() {
    return this.#stream?.getAudioTracks().some((track) => track.readyState === "live") ?? false;
  }

  /** Listens to this stream from now on. @param {MediaStream} stream @param {boolean} owned whether to stop it at the end */
  use(stream, owned) {
    const [track] = stream.getAudioTracks();
    if (track === undefined) throw clientError("microphone_missing");
    this.#detachStream();
    this.#trackEvents = new AbortController();
    const { signal } = this.#trackEvents;
    track.addEventListener("ended", () => this.handlers.onTrouble(clientError("microphone_ended")), { signal });
    track.addEventListener("mute", () => this.handlers.onTrouble(clientError("microphone_silenced")), { signal });
    this.#stream = stream;
    this.#owned = owned;
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#node);
  }

  /** Begins, or begins again, to deliver audio. */
  async run() {
    if (this.#owned) this.#enable(true);
    this.#node.port.postMessage({ type: "run" });
    if (this.#context.state === "suspended") await Promise.race([this.#context.resume(), delay(PAUSE_WAIT_MS)]);
  }

  /** Stops delivering; resolves when the last of it has been delivered. */
  async pause() {
    if (this.#owned) this.#enable(false);
    const id = this.#nextId;
    this.#nextId += 1;
    const paused = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#node.port.postMessage({ type: "pause", id });
    // The audio thread of a suspended context may never answer.
    await Promise.race([paused, delay(PAUSE_WAIT_MS)]);
    this.#waiting.delete(id);
  }

  async close() {
    this.#unwatch();
    this.#detachStream();
    if (this.#context.state !== "closed") await this.#context.close();
  }

  #receive(data) {
    if (data.type === "audio") this.handlers.onAudio(data.pcm, data.level);
    else this.#waiting.get(data.id)?.();
  }

  #enable(enabled) {
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = enabled;
  }

  #detachStream() {
    this.#trackEvents?.abort();
    this.#source?.disconnect();
    this.#source = null;
    if (this.#owned) for (const track of this.#stream.getTracks()) track.stop();
    this.#stream = null;
    this.#owned = false;
  }
}

function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
