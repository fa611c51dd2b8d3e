/** What the page says about a hold, and about a line that is away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { awayWords, holdWords, seconds } from "../../../api/web/page/wording.js";

test("short lengths in tens of milliseconds, longer ones in tenths of a second", () => {
  assert.deepEqual([0, 14, 994, 995, 1249, 12_340].map(seconds), ["0 ms", "10 ms", "990 ms", "1.0 s", "1.2 s", "12.3 s"]);
});

test("a mark says how long it was held, and nothing of a hold that never was", () => {
  assert.equal(holdWords("release", 250), "held 250 ms, then went on");
  assert.equal(holdWords("flush", 1300), "held 1.3 s, then stopped: the floor is yours");
  assert.equal(holdWords("flush", null), "interviewer stopped: the floor is yours");
});

test("talking on is asked for only where what is said is kept", () => {
  const away = (microphone) => awayWords({ status: "reconnecting" }, microphone);
  assert.match(away(), /keep talking, it is kept/);
  const deaf = [{ muted: true }, { refused: true }, { paused: true }];
  for (const microphone of deaf) assert.doesNotMatch(away(microphone), /keep talking|it is kept/);
  assert.equal(new Set(deaf.map(away)).size, 3);
  assert.equal(away({ muted: true, refused: true, paused: true }), away({ muted: true }));
});

test("who has hung up is not asked to talk on, but to stay", () => {
  for (const status of ["reconnecting", "lost"]) {
    assert.equal(awayWords({ status, moving: true }, { leaving: true, muted: true }), "Ending: reconnecting, keep this page open");
  }
});

test("a move is a moment, and a lost line promises nothing", () => {
  assert.equal(awayWords({ status: "reconnecting", moving: true }, { muted: true }), "One moment …");
  assert.equal(awayWords({ status: "lost" }), "The connection is lost");
});
