/** Hanging up: behind the audio, over every new line, and not for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AudioSender } from "../../../api/web/audio/audio-sender.js";
import { Farewell } from "../../../api/web/client/farewell.js";

const HANGUP = { type: "hangup", reason: "candidate" };

/** A line, and a farewell over it; `sent` is what went out, audio as its number. */
function leaving(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = { sent: [], stands: false, givenUp: 0 };
  const link = {
    bufferedAmount: 0,
    sendAudio: (buffer) => seen.sent.push(new DataView(buffer).getUint32(4, true)),
    send: (message) => seen.stands && Boolean(seen.sent.push(message)),
  };
  const sender = new AudioSender({ link, rateHz: 1000 });
  const farewell = new Farewell({ reason: "candidate", link, sender, onUnanswered: () => (seen.givenUp += 1) });
  const stands = (nextSeq = 0) => {
    seen.stands = true;
    sender.resume(nextSeq, 30_000);
  };
  const breaks = () => {
    seen.stands = false;
    sender.suspend();
    farewell.lineLost();
  };
  return { seen, link, sender, farewell, stands, breaks, tick: (ms) => context.mock.timers.tick(ms) };
}

function speak(sender, messages) {
  for (let i = 0; i < messages; i += 1) sender.add(new Int16Array(100));
}

test("while the line is away it is kept, and sent once, behind the spoken audio", (context) => {
  const { seen, sender, farewell, stands } = leaving(context);
  speak(sender, 3);
  farewell.say();
  assert.deepEqual(seen, { sent: [], stands: false, givenUp: 0 });
  stands();
  farewell.say();
  assert.deepEqual(seen.sent, [0, 1, 2, HANGUP]);
});

test("a line that breaks before the answer takes it with it: it is said again", (context) => {
  const { seen, sender, farewell, stands, breaks, tick } = leaving(context);
  stands();
  speak(sender, 2);
  farewell.say();
  breaks();
  tick(60_000);
  assert.equal(seen.givenUp, 0);
  seen.sent = [];
  stands(1);
  farewell.say();
  assert.deepEqual(seen.sent, [1, HANGUP]);
});

test("a line that stands and brings no answer is given up after five seconds without progress", (context) => {
  const { seen, farewell, stands, tick } = leaving(context);
  stands();
  farewell.say();
  tick(4_000);
  farewell.progress();
  tick(4_000);
  assert.equal(seen.givenUp, 0);
  tick(1_000);
  assert.equal(seen.givenUp, 1);
});

test("who insists without a line goes at once; with one, the hangup overtakes the audio", (context) => {
  const { seen, link, sender, farewell, stands, breaks } = leaving(context);
  stands();
  link.bufferedAmount = 1024 * 1024;
  speak(sender, 3);
  farewell.say();
  assert.deepEqual(seen.sent, []);
  farewell.insist();
  farewell.insist();
  assert.deepEqual([seen.sent, seen.givenUp], [[HANGUP], 0]);
  breaks();
  farewell.insist();
  assert.equal(seen.givenUp, 1);
  sender.stop();
});

test("a line that takes no audio for two minutes is told all the same", (context) => {
  const { seen, link, sender, farewell, stands, tick } = leaving(context);
  stands();
  link.bufferedAmount = 1024 * 1024;
  speak(sender, 1);
  farewell.say();
  tick(120_000);
  assert.deepEqual(seen.sent, [HANGUP]);
  farewell.stop();
  sender.stop();
});
