// Keeps every sample that reaches it, with the frame at which the first one came.
class Recorder extends AudioWorkletProcessor {
  process([[input]]) {
    if (input) this.port.postMessage({ frame: currentFrame, samples: input.slice() });
    return true;
  }
}

registerProcessor("recorder", Recorder);
