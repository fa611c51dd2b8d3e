/** The audio thread's side of the microphone: blocks of 128 floats in, PCM16 messages of `messageMs` and their level out. */

class VivaCapture extends AudioWorkletProcessor {
  #pcm;
  #filled = 0;
  #power = 0;
  #running = false;

  constructor({ processorOptions: { messageMs } }) {
    super();
    this.messageSamples = Math.round((messageMs * sampleRate) / 1000);
    this.#pcm = new Int16Array(this.messageSamples);
    this.port.onmessage = ({ data }) => this.#obey(data);
  }

  process([[input]]) {
    if (!this.#running || input === undefined) return true;
    for (const value of input) {
      const clipped = Math.max(-1, Math.min(1, value));
      this.#power += clipped * clipped;
      this.#pcm[this.#filled] = Math.round(clipped * 32767);
      this.#filled += 1;
      if (this.#filled === this.messageSamples) this.#post();
    }
    return true;
  }

  #obey({ type, id }) {
    this.#running = type === "run";
    if (type !== "pause") return;
    // What was spoken before the pause still belongs to the call.
    if (this.#filled > 0) this.#post();
    this.port.postMessage({ type: "paused", id });
  }

  #post() {
    const pcm = this.#pcm.slice(0, this.#filled);
    const level = Math.sqrt(this.#power / this.#filled);
    this.port.postMessage({ type: "audio", pcm, level }, [pcm.buffer]);
    this.#filled = 0;
    this.#power = 0;
  }
}

registerProcessor("viva-capture", VivaCapture);
