// A page's worth of client without the page: opens calls, keeps their events and what came out of the loudspeaker.
import { VivaCall } from "/web/viva-client.js";

const EVENTS = ["state", "transcript", "latency", "rollback", "hold", "release", "flush", "go_away", "error", "connection", "roundtrip", "muted", "leaving", "sound", "closed"];

export async function place(start = {}) {
  const context = { role: "Engineer", questions: ["Why?"] };
  const call = await VivaCall.open({ baseUrl: "/", agent: "default", candidate: { name: "Sam" }, context });
  const events = [];
  for (const type of EVENTS) {
    call.addEventListener(type, ({ detail }) => events.push({ type, detail, at: performance.now() }));
  }
  const constraints = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  await call.start({ constraints, ...start });
  const recorded = await record(call.output);
  const placed = { call, events, recorded, seen: (type) => events.filter((event) => event.type === type) };
  return placed;
}

/** Every sample of the output, as sent to the device, from now on. */
async function record(output) {
  const { context } = output;
  await context.audioWorklet.addModule("/tests/recorder-worklet.js");
  const node = new AudioWorkletNode(context, "recorder");
  const samples = [];
  node.port.onmessage = ({ data }) => samples.push(...data.samples);
  output.connect(node).connect(context.destination);
  return samples;
}
