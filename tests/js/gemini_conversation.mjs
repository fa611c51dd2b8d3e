// Holds one conversation with a Gemini Live server through Google's JavaScript SDK, and prints what happened as JSON.
// usage: node gemini_conversation.mjs BASE_URL PCM_FILE (16 kHz mono PCM16)
import { readFileSync } from "node:fs";
import { GoogleGenAI, Modality } from "@google/genai";

const [baseUrl, pcmFile] = process.argv.slice(2);
const FRAME_BYTES = 3200;
const course = [];
const words = { input: "", output: "" };
let audioBytes = 0;
let turns = 0;
let wake = () => {};

function onmessage(message) {
  const content = message.serverContent ?? {};
  for (const part of content.modelTurn?.parts ?? []) {
    audioBytes += Buffer.from(part.inlineData.data, "base64").length;
    if (course.at(-1) !== "audio") course.push("audio");
  }
  words.input += content.inputTranscription?.text ?? "";
  words.output += content.outputTranscription?.text ?? "";
  for (const name of ["interrupted", "generationComplete", "turnComplete"]) if (content[name]) course.push(name);
  if (message.sessionResumptionUpdate?.newHandle) course.push("handle");
  if (content.turnComplete) turns += 1;
  wake();
}

async function turnsReach(count) {
  while (turns < count) await new Promise((resolve) => (wake = resolve));
}

const client = new GoogleGenAI({ apiKey: "rehearsal", httpOptions: { baseUrl } });
const closed = new Promise((resolve) => (globalThis.noteClosed = resolve));
const session = await client.live.connect({
  model: "gemini-3.8-live",
  config: {
    responseModalities: [Modality.AUDIO],
    systemInstruction: "Questions:\n1. Who are you?\n2. What do you do?",
    inputAudioTranscription: {},
    outputAudioTranscription: {},
    sessionResumption: {},
    realtimeInputConfig: { automaticActivityDetection: { disabled: true } },
  },
  callbacks: { onmessage, onclose: (event) => globalThis.noteClosed(event), onerror: (event) => console.error(event.message) },
});

session.sendClientContent({ turns: [{ role: "user", parts: [{ text: "Please begin." }] }], turnComplete: true });
await turnsReach(1);
const pcm = readFileSync(pcmFile);
session.sendRealtimeInput({ activityStart: {} });
for (let start = 0; start < pcm.length; start += FRAME_BYTES) {
  const data = pcm.subarray(start, start + FRAME_BYTES).toString("base64");
  session.sendRealtimeInput({ audio: { data, mimeType: "audio/pcm;rate=16000" } });
}
session.sendRealtimeInput({ activityEnd: {} });
await turnsReach(2);
session.sendRealtimeInput({ audioStreamEnd: true }); // refused with manual activity detection
const { code, reason } = await closed;
console.log(JSON.stringify({ course, words, audioBytes, close: { code, reason } }));
