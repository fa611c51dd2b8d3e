// The wire format: bytes as docs/protocol.md has them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAudio, encodeAudio, hello, parseMessage } from "../../../api/web/client/protocol.js";

function interviewerAudio({ kind = 2, seq = 7, generation = 3, sample = 5_000_000_000n, pcm = [1, -1] } = {}) {
  const view = new DataView(new ArrayBuffer(20 + 2 * pcm.length));
  view.setUint8(0, kind);
  view.setUint32(4, seq, true);
  view.setUint32(8, generation, true);
  view.setBigUint64(12, sample, true);
  pcm.forEach((value, i) => view.setInt16(20 + 2 * i, value, true));
  return view.buffer;
}

test("the candidate's audio has kind 1, three zeros, and little-endian number and samples", () => {
  const bytes = [...new Uint8Array(encodeAudio(0x01020304, Int16Array.of(1, -2)))];
  assert.deepEqual(bytes, [1, 0, 0, 0, 4, 3, 2, 1, 1, 0, 0xfe, 0xff]);
});

test("an empty audio message is a bug of ours and is refused", () => {
  assert.throws(() => encodeAudio(0, new Int16Array(0)), RangeError);
});

test("the interviewer's audio is read with a position beyond 32 bits", () => {
  const audio = decodeAudio(interviewerAudio());
  assert.deepEqual({ ...audio, pcm: [...audio.pcm] }, { seq: 7, generation: 3, sample: 5_000_000_000, pcm: [1, -1] });
});

for (const [what, buffer] of Object.entries({
  "a wrong kind": interviewerAudio({ kind: 1 }),
  "no samples": interviewerAudio({ pcm: [] }),
  "a header cut short": new ArrayBuffer(12),
  "half a sample": interviewerAudio().slice(0, 23),
  "a position too large to count with": interviewerAudio({ sample: 2n ** 60n }),
})) {
  test(`${what} from the server is a typed error`, () => {
    assert.throws(() => decodeAudio(buffer), { name: "VivaError", code: "malformed_server_message" });
  });
}

for (const text of ["{", "null", "[]", '{"state":"x"}', '{"type":1}']) {
  test(`${text} from the server is a typed error`, () => {
    assert.throws(() => parseMessage(text), { name: "VivaError", code: "malformed_server_message" });
  });
}

test("unknown fields and unknown types from the server are read without complaint", () => {
  assert.deepEqual(parseMessage('{"type":"later","x":1}'), { type: "later", x: 1 });
});

test("a first hello carries no position, a resuming one carries it even if it is 0", () => {
  const first = { token: "t", rateHz: 48000, clientId: "me", seen: { version: 0, epoch: 0 } };
  const fields = { type: "hello", token: "t", rate_hz: 48000, client_id: "me", seen_version: 0, seen_epoch: 0 };
  assert.deepEqual(hello(first), fields);
  assert.equal(hello({ ...first, playedSample: 0 }).played_sample, 0);
});
