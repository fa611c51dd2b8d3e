/**
 * `viva.v1` on the wire: binary headers and JSON messages, nothing else (docs/protocol.md).
 *
 * Pure functions without a socket or a browser, so that they are tested under node.
 */
import { VivaError } from "./errors.js";

export const SUBPROTOCOL = "viva.v1";
export const INTERVIEWER_RATE_HZ = 24000;
export const MIN_RATE_HZ = 8000;
export const MAX_RATE_HZ = 48000;

const CANDIDATE_KIND = 1;
const CANDIDATE_HEADER_BYTES = 8;
const INTERVIEWER_KIND = 2;
const INTERVIEWER_HEADER_BYTES = 20;
const LITTLE_ENDIAN_HOST = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * @typedef {object} InterviewerAudio
 * @property {number} seq counts this connection's audio messages from 0
 * @property {number} generation which reply this belongs to
 * @property {number} sample position of the first sample in the interviewer's stream of this call
 * @property {Int16Array} pcm mono, 24,000 Hz
 */

/** One audio message of the candidate. @param {number} seq @param {Int16Array} pcm @returns {ArrayBuffer} */
export function encodeAudio(seq, pcm) {
  if (pcm.length === 0) throw new RangeError("an audio message holds at least one sample");
  const buffer = new ArrayBuffer(CANDIDATE_HEADER_BYTES + 2 * pcm.length);
  const view = new DataView(buffer);
  view.setUint8(0, CANDIDATE_KIND);
  view.setUint32(4, seq, true);
  if (LITTLE_ENDIAN_HOST) new Int16Array(buffer, CANDIDATE_HEADER_BYTES).set(pcm);
  else pcm.forEach((value, i) => view.setInt16(CANDIDATE_HEADER_BYTES + 2 * i, value, true));
  return buffer;
}

/** @param {ArrayBuffer} buffer @returns {InterviewerAudio} @throws {VivaError} code `malformed_server_message` */
export function decodeAudio(buffer) {
  const pcmBytes = buffer.byteLength - INTERVIEWER_HEADER_BYTES;
  if (pcmBytes < 2 || pcmBytes % 2 !== 0) throw malformed(`an audio message of ${buffer.byteLength} bytes`);
  const view = new DataView(buffer);
  if (view.getUint8(0) !== INTERVIEWER_KIND) throw malformed(`a binary message of kind ${view.getUint8(0)}`);
  const sample = view.getBigUint64(12, true);
  if (sample > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`an audio position of ${sample}`);
  return {
    seq: view.getUint32(4, true),
    generation: view.getUint32(8, true),
    sample: Number(sample),
    pcm: pcmFrom(view, pcmBytes / 2),
  };
}

/** @param {string} text @returns {{type: string}} @throws {VivaError} code `malformed_server_message` */
export function parseMessage(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw malformed("text that is not JSON");
    throw error;
  }
  if (message === null || typeof message !== "object" || typeof message.type !== "string") {
    throw malformed("a message without a type");
  }
  return message;
}

/**
 * The first message of every connection.
 * @param {{token: string, rateHz: number, playedSample?: number, agent?: string, clientId: string, seen: {version: number, epoch: number}}} fields
 */
export function hello({ token, rateHz, playedSample, agent, clientId, seen }) {
  return {
    type: "hello",
    token,
    rate_hz: rateHz,
    client_id: clientId,
    seen_version: seen.version,
    seen_epoch: seen.epoch,
    ...(playedSample === undefined ? {} : { played_sample: playedSample }),
    ...(agent === undefined ? {} : { agent }),
  };
}

function pcmFrom(view, samples) {
  // A copy, because a view of 16-bit numbers over somebody else's buffer would keep all of it alive.
  const pcm = new Int16Array(samples);
  for (let i = 0; i < samples; i += 1) pcm[i] = view.getInt16(INTERVIEWER_HEADER_BYTES + 2 * i, true);
  return pcm;
}

function malformed(what) {
  return new VivaError("malformed_server_message", `The server sent ${what}. Reload the page and try again.`);
}
