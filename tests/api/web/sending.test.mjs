// What happens to the candidate's audio between microphone and server: numbered, kept, bounded, sent again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AudioSender } from "../../../api/web/audio-sender.js";
import { backoffMs } from "../../../api/web/backoff.js";
import { Keepalive } from "../../../api/web/keepalive.js";
import { Outbox } from "../../../api/web/outbox.js";

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
  const told = [];
  const sender = new AudioSender({ link: link(), rateHz: RATE_HZ, capacityMs: 100, onFull: (full) => told.push(full) });
  for (let i = 0; i < 20; i += 1) sender.add(piece());
  assert.deepEqual(told, [true]);
  sender.resume(0, 0);
  sender.acknowledge(0);
  sender.add(piece());
  assert.deepEqual(told, [true, false]);
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

test("a pong gives the round trip, and two unanswered pings the verdict", () => {
  const seen = { pings: [], roundTrips: [], dead: 0 };
  let nowMs = 0;
  const keepalive = new Keepalive({
    send: ({ id }) => seen.pings.push(id),
    onRoundTrip: (ms) => seen.roundTrips.push(ms),
    onDead: () => (seen.dead += 1),
    nowMs: () => nowMs,
  });
  keepalive.start(1e6);
  nowMs = 42;
  keepalive.pong(1);
  keepalive.tick();
  keepalive.tick();
  assert.deepEqual(seen, { pings: [1, 2, 3], roundTrips: [42], dead: 0 });
  keepalive.tick();
  assert.deepEqual([seen.pings.length, seen.dead], [3, 1]);
});

test("a late pong excuses the pings before it, and an unknown one says nothing", () => {
  const seen = { dead: 0, roundTrips: 0 };
  const keepalive = new Keepalive({
    send() {},
    onRoundTrip: () => (seen.roundTrips += 1),
    onDead: () => (seen.dead += 1),
    nowMs: () => 0,
  });
  keepalive.start(1e6);
  keepalive.tick();
  keepalive.pong(2);
  keepalive.pong(99);
  keepalive.tick();
  keepalive.tick();
  assert.deepEqual(seen, { dead: 0, roundTrips: 1 });
  keepalive.stop();
});
