// What happens to the candidate's audio between microphone and server: numbered, kept, bounded, sent again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AudioSender } from "../../../api/web/audio/audio-sender.js";
import { Keepalive } from "../../../api/web/client/keepalive.js";
import { finalError, isMove, passes } from "../../../api/web/client/errors.js";
import { backoffMs, Retries } from "../../../api/web/client/retries.js";
import { Seen } from "../../../api/web/client/seen.js";
import { Outbox } from "../../../api/web/client/outbox.js";

const RATE_HZ = 1000; // one sample a millisecond

function link() {
  return {
    bufferedAmount: 0,
    sent: [],
    sendAudio(buffer) {
      this.sent.push({ seq: new DataView(buffer).getUint32(4, true), samples: (buffer.byteLength - 8) / 2 });
    },
  };
}

function piece(samples = 20, value = 1) {
  return new Int16Array(samples).fill(value);
}

function numbers(line) {
  return line.sent.map(({ seq }) => seq);
}

test("audio is kept until it is acknowledged", () => {
  const outbox = new Outbox({ rateHz: RATE_HZ });
  for (let i = 0; i < 3; i += 1) outbox.add(piece());
  outbox.acknowledge(1);
  assert.deepEqual([outbox.first, outbox.next, outbox.keptMs], [2, 3, 20]);
  assert.equal(outbox.get(1), undefined);
  assert.ok(outbox.get(2));
});

test("an acknowledgement that comes twice, or late, changes nothing", () => {
  const outbox = new Outbox({ rateHz: RATE_HZ });
  for (let i = 0; i < 3; i += 1) outbox.add(piece());
  outbox.acknowledge(1);
  outbox.acknowledge(0);
  outbox.acknowledge(1);
  assert.deepEqual([outbox.first, outbox.keptMs], [2, 20]);
});

test("a full outbox refuses new audio before it has a number, and counts it", () => {
  const outbox = new Outbox({ rateHz: RATE_HZ, capacityMs: 50 });
  assert.deepEqual([outbox.add(piece()), outbox.add(piece()), outbox.add(piece())], [true, true, false]);
  assert.deepEqual([outbox.next, outbox.refusedMs], [2, 20]);
  outbox.acknowledge(0);
  assert.equal(outbox.add(piece()), true);
  assert.equal(new DataView(outbox.get(2)).getUint32(4, true), 2);
});

test("on a free line every piece is a message of its own", () => {
  const line = link();
  const sender = new AudioSender({ link: line, rateHz: RATE_HZ });
  sender.resume(0, 30_000);
  for (let i = 0; i < 3; i += 1) sender.add(piece());
  assert.deepEqual(line.sent, [0, 1, 2].map((seq) => ({ seq, samples: 20 })));
});

test("on a congested line pieces are joined into messages of 100 ms", () => {
  const line = link();
  const sender = new AudioSender({ link: line, rateHz: RATE_HZ });
  sender.resume(0, 30_000);
  line.bufferedAmount = 1000;
  for (let i = 0; i < 12; i += 1) sender.add(piece());
  assert.deepEqual(line.sent, [0, 1].map((seq) => ({ seq, samples: 100 })));
  sender.flush();
  assert.deepEqual(line.sent[2], { seq: 2, samples: 40 });
  sender.suspend();
});

test("after a reconnect audio is sent again from the number the server names, and kept all the same", () => {
  const line = link();
  const sender = new AudioSender({ link: line, rateHz: RATE_HZ });
  sender.resume(0, 30_000);
  for (let i = 0; i < 5; i += 1) sender.add(piece());
  sender.acknowledge(1);
  sender.suspend();
  for (let i = 0; i < 5; i += 1) sender.add(piece());
  line.sent = [];
  sender.resume(3, 30_000);
  assert.deepEqual(numbers(line), [3, 4, 5]);
  assert.deepEqual([sender.outbox.first, sender.resentMessages], [2, 2]);
});

test("a server that has rolled back gets what it has forgotten", () => {
  const line = link();
  const sender = new AudioSender({ link: line, rateHz: RATE_HZ });
  sender.resume(0, 30_000);
  for (let i = 0; i < 5; i += 1) sender.add(piece());
  sender.suspend();
  line.sent = [];
  sender.resume(0, 30_000);
  assert.deepEqual(numbers(line), [0, 1, 2, 3, 4]);
});

test("the outbox holds at least twice what the server waits for us", () => {
  const sender = new AudioSender({ link: link(), rateHz: RATE_HZ, capacityMs: 1000 });
  sender.resume(0, 30_000);
  assert.equal(sender.outbox.capacityMs, 60_000);
});

test("a full outbox is reported when it begins and when it ends, not for every piece", () => {
  const fullness = [];
  const sender = new AudioSender({ link: link(), rateHz: RATE_HZ, capacityMs: 100, onFull: (full) => fullness.push(full) });
  for (let i = 0; i < 20; i += 1) sender.add(piece());
  assert.deepEqual(fullness, [true]);
  sender.resume(0, 0);
  sender.acknowledge(0);
  sender.add(piece());
  assert.deepEqual(fullness, [true, false]);
});

test("no more than 256 KiB wait in the socket, so that a pong is not stuck behind old audio", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const line = link();
  line.sendAudio = function (buffer) {
    this.bufferedAmount += buffer.byteLength;
    this.sent.push(buffer);
  };
  const sender = new AudioSender({ link: line, rateHz: 48_000 });
  for (let i = 0; i < 1000; i += 1) sender.add(piece(960));
  sender.resume(0, 30_000);
  assert.ok(line.bufferedAmount < 256 * 1024 + 10_000, `${line.bufferedAmount}`);
  for (let i = 0; i < 10; i += 1) {
    line.bufferedAmount = 0;
    context.mock.timers.tick(20);
  }
  assert.equal(line.sent.length, sender.outbox.next);
});

test("who waits for the audio to be sent is called after a reconnect has sent it", () => {
  const sender = new AudioSender({ link: link(), rateHz: RATE_HZ });
  let called = 0;
  sender.add(piece());
  sender.whenSent(() => (called += 1));
  assert.equal(called, 0);
  sender.resume(0, 30_000);
  assert.equal(called, 1);
});

test("settling waits for the last acknowledgement", async () => {
  const sender = new AudioSender({ link: link(), rateHz: RATE_HZ });
  sender.resume(0, 30_000);
  sender.add(piece());
  const settled = sender.settle(60_000);
  sender.acknowledge(0);
  await settled;
  assert.equal(sender.outbox.keptMs, 0);
});

test("waits between tries double from 100 ms to 1 s, up to a fifth early", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 50].map((n) => backoffMs(n, () => 0)), [100, 200, 400, 800, 1000, 1000]);
  assert.equal(backoffMs(0, () => 1), 80);
});

function keepalive(start = { intervalMs: 1000, silenceMs: 3000 }) {
  const seen = { pings: 0, roundTrips: [], dead: 0, nowMs: 0 };
  const kept = new Keepalive({
    send: () => (seen.pings += 1),
    onRoundTrip: (ms) => seen.roundTrips.push(ms),
    onDead: () => (seen.dead += 1),
    nowMs: () => seen.nowMs,
  });
  kept.start(start);
  const passes = (ms, lookEveryMs = 250) => {
    for (const end = seen.nowMs + ms; seen.nowMs < end; ) {
      seen.nowMs += lookEveryMs;
      kept.look();
    }
  };
  return { kept, seen, passes };
}

test("a ping every second, each with its round trip; three seconds of silence are a lost line", () => {
  const { kept, seen, passes } = keepalive();
  seen.nowMs = 42;
  kept.pong(1);
  passes(2500);
  assert.deepEqual([seen.pings, seen.roundTrips, seen.dead], [3, [42], 0]);
  passes(500);
  assert.equal(seen.dead, 1);
});

test("any message is a sign of life", () => {
  const { kept, seen, passes } = keepalive();
  for (let i = 0; i < 5; i += 1) {
    passes(2000);
    kept.heard();
  }
  assert.equal(seen.dead, 0);
  kept.stop();
});

test("a page whose timers were stopped does not blame the line: what was sent meanwhile is heard first", () => {
  const { kept, seen } = keepalive();
  seen.nowMs = 600_000;
  kept.look();
  assert.equal(seen.dead, 0);
  kept.heard();
  seen.nowMs += 250;
  kept.look();
  assert.equal(seen.dead, 0);
  kept.stop();
});

test("tries go on until their time is over, at once where the server has moved, and begin anew by hand", () => {
  let nowMs = 0;
  const retries = new Retries(() => nowMs);
  retries.begin(10_000);
  assert.equal(retries.next(true), 0);
  assert.ok(retries.next(false) >= 80);
  nowMs = 9_990;
  assert.equal(retries.next(false), 10);
  nowMs = 10_000;
  assert.equal(retries.next(false), null);
  retries.begin(5_000);
  assert.deepEqual([retries.attempt, retries.next(true)], [0, 0]);
});

test("a replayed message is passed on once, and what a takeover rolled back comes anew", () => {
  const seen = new Seen();
  const isNew = (version, again) => seen.isNew({ type: "transcript", version, again });
  assert.equal(seen.resume({ epoch: 1, kept_version: 0 }), false);
  assert.deepEqual([isNew(4), isNew(9), seen.version], [true, true, 9]);
  assert.equal(seen.resume({ epoch: 1, kept_version: 9 }), false);
  assert.deepEqual([isNew(9, true), isNew(12, true)], [false, true]);
  assert.equal(seen.resume({ epoch: 2, kept_version: 5 }), true);
  assert.deepEqual([seen.version, seen.epoch], [5, 2]);
  assert.deepEqual([isNew(4, true), isNew(7, true), seen.isNew({ type: "state" })], [false, true, true]);
});

test("only refusals that would repeat themselves are final", () => {
  assert.ok(["moving", "call_busy", "server_full", "store_unavailable"].every(passes));
  assert.ok(!passes("token_expired"));
  assert.equal(finalError(4409, "replaced").code, "replaced");
  assert.equal(finalError(4423, "already_connected").code, "already_connected");
  assert.equal(finalError(4400, "a sentence").message, "a sentence");
  assert.ok([1001, 1006, 1011, 1012, 1013].every((code) => finalError(code, "") === null));
  assert.ok(isMove(1012) && !isMove(1013));
});
