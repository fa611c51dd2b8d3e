// Playing by absolute position: every law of playout.js without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeardTimeline } from "../../../api/web/audio/heard-timeline.js";
import { Playout } from "../../../api/web/audio/playout.js";

const BLOCK = 128;
const LOUD = 16384;

/** A playout and a loudspeaker that takes blocks from it. */
function speaker(options) {
  const playout = new Playout(options);
  const made = { playout, frame: 0, out: [], reports: [] };
  made.run = (blocks) => {
    for (let i = 0; i < blocks; i += 1) {
      const block = new Float32Array(BLOCK);
      playout.render(block, made.frame);
      made.frame += BLOCK;
      made.out.push(...block);
      made.reports.push(...playout.takeReports());
    }
    return made;
  };
  made.tell = (command) => {
    playout[command](made.frame);
    made.reports.push(...playout.takeReports());
  };
  made.push = (sample, count, generation = 0) => playout.push(sample, generation, ramp(sample, count), made.frame);
  made.of = (cause) => made.reports.filter(({ causes }) => causes.includes(cause));
  return made;
}

/** Samples that say which position they are. */
function ramp(sample, count) {
  return Int16Array.from({ length: count }, (_, i) => (sample + i) % 32000);
}

function positions(values) {
  return Array.from(values, (value) => Math.round(value * 32768));
}

function steepest(values) {
  return values.slice(1).reduce((most, value, i) => Math.max(most, Math.abs(value - values[i])), 0);
}

test("samples come out unchanged and in order, the first report when the first has been heard", () => {
  const it = speaker();
  it.push(1000, 300);
  it.run(1);
  assert.deepEqual(positions(it.out), [...ramp(1000, 128)]);
  assert.equal(it.of("started")[0].playedSample, 1128);
});

test("running dry is reported with the position after the last sample", () => {
  const it = speaker();
  it.push(0, 300);
  it.run(4);
  assert.deepEqual(it.of("empty").map(({ playedSample }) => playedSample), [300]);
});

test("a jump in the positions is played back to back and counted as a jump", () => {
  const it = speaker();
  it.push(0, 64);
  it.push(10_000, 64);
  it.run(1);
  assert.deepEqual(positions(it.out.slice(62, 66)), [62, 63, 10_000, 10_001]);
  it.run(1);
  assert.equal(it.reports.at(-1).playedSample, 10_064);
});

test("each reply's first sample is reported, also without a pause between them", () => {
  const it = speaker();
  it.push(0, 128, 1);
  it.push(128, 128, 2);
  it.run(2);
  assert.deepEqual(it.of("started").map(({ generation }) => generation), [1, 2]);
});

test("nothing counts as heard before it has left the loudspeaker", () => {
  const it = speaker();
  it.playout.latencyFrames = 256;
  it.push(0, 512);
  it.run(2);
  assert.deepEqual(it.reports, []);
  it.run(1);
  assert.deepEqual([it.of("started").length, it.reports[0].playedSample], [1, 128]);
  it.run(4);
  assert.deepEqual(it.of("empty").map(({ playedSample }) => playedSample), [512]);
});

test("while playing a report goes out every report_ms, and none in silence", () => {
  const it = speaker();
  it.playout.reportFrames = 2400;
  it.push(0, 24_000);
  it.run(190);
  const periodic = it.of("periodic").length;
  assert.ok(periodic >= 9 && periodic <= 10, `${periodic} in a second`);
  it.reports.length = 0;
  it.run(200);
  assert.deepEqual(it.reports, []);
});

test("a hold fades within 10 ms, is silent then, and keeps the position", () => {
  const it = speaker();
  it.playout.push(0, 0, new Int16Array(4800).fill(LOUD), 0);
  it.run(5);
  it.tell("hold");
  const heldFrom = it.out.length;
  it.run(10);
  const after = it.out.slice(heldFrom);
  assert.ok(after.findLastIndex((value) => value !== 0) < 240, "the fade is longer than 10 ms");
  assert.ok(steepest(it.out.slice(heldFrom - 1)) < 0.01, "the hold clicks");
  assert.deepEqual(it.of("hold").map(({ playedSample, held }) => [playedSample, held]), [[640, true]]);
});

test("a release plays on from the held sample, fading in", () => {
  const it = speaker();
  it.push(0, 4800);
  it.run(5);
  it.tell("hold");
  it.run(10);
  it.tell("release");
  const from = it.out.length;
  it.run(3);
  // The fade-in takes 120 samples; behind it lies exactly what follows the held position.
  assert.deepEqual(positions(it.out.slice(from + 120, from + 384)), [...ramp(640 + 120, 264)]);
  assert.equal(it.out[from], 0);
  assert.deepEqual(it.of("release").map(({ held }) => held), [false]);
});

test("a hold behind a slow loudspeaker reports at once where playback stops, and nothing less afterwards", () => {
  const it = speaker();
  it.playout.latencyFrames = 512;
  it.push(0, 4800);
  it.run(10);
  it.tell("hold");
  assert.deepEqual(it.of("hold").map(({ playedSample, held }) => [playedSample, held]), [[1280, true]]);
  it.run(10);
  it.tell("release");
  it.run(40);
  const positions = it.reports.map(({ playedSample }) => playedSample);
  assert.deepEqual(positions, positions.toSorted((a, b) => a - b));
  assert.equal(positions.at(-1), 4800);
});

test("a flush behind a slow loudspeaker reports what will have been heard, not what has been", () => {
  const it = speaker();
  it.playout.latencyFrames = 512;
  it.push(0, 4800);
  it.run(10);
  it.tell("flush");
  assert.deepEqual(it.of("flush").map(({ playedSample }) => playedSample), [1280]);
});

test("audio that arrives during a hold waits", () => {
  const it = speaker();
  it.tell("hold");
  it.push(0, 1000);
  it.run(5);
  assert.ok(it.out.every((value) => value === 0));
  it.tell("release");
  it.run(5);
  assert.ok(it.out.some((value) => value !== 0));
});

test("a flush throws away what is unplayed, ends a hold, and takes new audio", () => {
  const it = speaker();
  it.push(0, 4800);
  it.run(5);
  it.tell("hold");
  it.run(5);
  it.tell("flush");
  assert.deepEqual(it.of("flush").map(({ playedSample, held }) => [playedSample, held]), [[640, false]]);
  it.run(5);
  it.push(9600, 128, 1);
  const from = it.out.length;
  it.run(1);
  assert.deepEqual(positions(it.out.slice(from)), [...ramp(9600, 128)]);
  assert.equal(it.reports.at(-1).generation, 1);
});

test("a flush in the middle of a word does not click", () => {
  const it = speaker();
  it.playout.push(0, 0, new Int16Array(4800).fill(LOUD), 0);
  it.run(5);
  it.tell("flush");
  const from = it.out.length;
  it.run(5);
  assert.ok(steepest(it.out.slice(from - 1)) < 0.01);
});

test("a fade and what follows it are never added up", () => {
  const it = speaker();
  it.playout.push(0, 0, new Int16Array(4800).fill(30_000), 0);
  it.run(5);
  it.tell("flush");
  it.playout.push(9600, 1, new Int16Array(4800).fill(30_000), it.frame);
  it.run(5);
  assert.ok(it.out.every((value) => Math.abs(value) <= 30_000 / 32768));
});

test("running dry in the middle of a word does not click, and neither does going on", () => {
  const it = speaker();
  it.playout.push(0, 0, new Int16Array(640).fill(LOUD), 0);
  it.run(10);
  it.playout.push(640, 0, new Int16Array(2400).fill(LOUD), it.frame);
  it.run(10);
  assert.ok(steepest(it.out.slice(1)) < 0.01);
});

test("after running dry within a reply a little is gathered first; a new reply begins at once", () => {
  const it = speaker();
  it.push(0, 128, 1);
  it.run(4);
  it.push(128, 128, 1);
  it.run(2);
  assert.equal(it.of("started").length, 1);
  it.push(256, 1440, 1);
  it.run(1);
  assert.equal(it.of("started").length, 2);
  it.run(20);
  it.push(5000, 128, 2);
  it.run(1);
  assert.equal(it.of("started").length, 3);
});

test("the rest of a reply is played after a short wait even if it is less than is gathered", () => {
  const it = speaker();
  it.push(0, 128, 1);
  it.run(4);
  it.push(128, 64, 1);
  it.run(30);
  assert.equal(it.reports.at(-1).playedSample, 192);
});

test("a network that delivers single blocks causes at most 40 reports a second", () => {
  const it = speaker();
  for (let i = 0; i < 188; i += 1) {
    it.push(i * 100, 100, 1); // slower than it is played: dry again and again
    it.run(1);
  }
  assert.ok(it.reports.length <= 40, `${it.reports.length}`);
});

test("a full buffer refuses the newest and says how much", () => {
  const playout = new Playout({ capacityMs: 10 });
  assert.equal(playout.push(0, 0, ramp(0, 200), 0), 0);
  assert.equal(playout.push(200, 0, ramp(200, 100), 0), 60);
});

test("dropping gives the position where playback rests, without a report", () => {
  const it = speaker();
  it.playout.latencyFrames = 256;
  it.push(0, 4800);
  it.run(5);
  it.reports.length = 0;
  assert.equal(it.playout.drop(), 640);
  assert.deepEqual(it.playout.takeReports(), []);
});

test("what is sent again after a reconnect is never reported as less than before", () => {
  const it = speaker();
  it.push(0, 1280);
  it.run(10);
  it.playout.drop();
  it.push(640, 1280);
  it.run(3);
  assert.equal(it.reports.at(-1).playedSample, 1280);
  it.run(20);
  assert.equal(it.reports.at(-1).playedSample, 1920);
});

test("what was played already and comes once more is reported as played, or the server waits for it for ever", () => {
  const it = speaker();
  it.push(1000, 1280);
  it.run(10);
  it.playout.drop();
  it.reports.length = 0;
  it.push(1000, 400);
  it.push(1400, 400);
  it.run(10);
  assert.deepEqual(it.reports.map(({ causes, playedSample }) => [causes[0], playedSample]), [["started", 2280], ["empty", 2280]]);
});

test("the timeline knows what was heard inside a run, between runs and after them", () => {
  const timeline = new HeardTimeline();
  timeline.add(100, 0, 50);
  timeline.add(200, 1000, 50);
  assert.deepEqual([50, 120, 180, 200, 210, 400].map((frame) => timeline.heardAt(frame)), [0, 20, 50, 50, 1010, 1050]);
});
