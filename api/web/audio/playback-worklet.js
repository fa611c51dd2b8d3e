/** The audio thread's shell around `Playout`: commands come in over the port, reports and levels go out. */
import { Playout } from "./playout.js";

const LEVEL_EVERY_MS = 50;

class VivaPlayback extends AudioWorkletProcessor {
  #playout = new Playout({ rateHz: sampleRate });
  #power = 0;
  #powerFrames = 0;
  #silent = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#obey(data);
  }

  process(_inputs, [[out]]) {
    this.#playout.render(out, currentFrame);
    this.#postReports();
    this.#measure(out);
    return true;
  }

  #obey(command) {
    switch (command.type) {
      case "audio": {
        const refused = this.#playout.push(command.sample, command.generation, command.pcm, currentFrame);
        if (refused > 0) this.port.postMessage({ type: "refused", samples: refused });
        break;
      }
      case "hold":
      case "release":
      case "flush":
        this.#playout[command.type](currentFrame);
        break;
      case "drop":
        this.port.postMessage({ type: "dropped", id: command.id, restSample: this.#playout.drop() });
        break;
      case "settings":
        this.#configure(command);
        break;
    }
    this.#postReports();
  }

  #configure({ held, reportMs, latencyMs }) {
    if (held !== undefined) this.#playout.setHeld(held);
    if (reportMs !== undefined) this.#playout.reportFrames = Math.round((reportMs * sampleRate) / 1000);
    if (latencyMs !== undefined) this.#playout.latencyFrames = Math.round((latencyMs * sampleRate) / 1000);
  }

  #postReports() {
    for (const report of this.#playout.takeReports()) this.port.postMessage({ type: "report", ...report });
  }

  #measure(out) {
    for (const value of out) this.#power += value * value;
    this.#powerFrames += out.length;
    if (1000 * this.#powerFrames < LEVEL_EVERY_MS * sampleRate) return;
    const level = Math.sqrt(this.#power / this.#powerFrames);
    if (level > 0 || !this.#silent) this.port.postMessage({ type: "level", level });
    this.#silent = level === 0;
    this.#power = 0;
    this.#powerFrames = 0;
  }
}

registerProcessor("viva-playback", VivaPlayback);
