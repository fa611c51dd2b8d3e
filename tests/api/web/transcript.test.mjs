// Pieces of transcript become turns.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Transcript } from "../../../api/web/client/transcript.js";
import { connectionWords, milliseconds, stateWords } from "../../../api/web/page/wording.js";

function piece(who, number, text, interim = false, turn = number) {
  return { who, number, turn, text, interim };
}

test("final pieces of a turn are joined as they are", () => {
  const transcript = new Transcript();
  transcript.add(piece("interviewer", 1, "Good "));
  transcript.add(piece("interviewer", 1, "morning."));
  assert.equal(transcript.turns[0].text, "Good morning.");
});

test("an interim text is replaced by the next piece, interim or final", () => {
  const transcript = new Transcript();
  transcript.add(piece("candidate", 1, "I work"));
  transcript.add(piece("candidate", 1, " on dada", true));
  assert.equal(transcript.add(piece("candidate", 1, " on data", true)).interim, " on data");
  const turn = transcript.add(piece("candidate", 1, " on databases."));
  assert.deepEqual([turn.text, turn.interim], ["I work on databases.", ""]);
});

test("the two voices count their turns apart, and an answer that is transcribed late stands before its reply", () => {
  const transcript = new Transcript();
  transcript.add(piece("interviewer", 1, "Why?", false, 0));
  transcript.add(piece("interviewer", 2, "I see.", false, 1));
  transcript.add(piece("candidate", 1, "Because."));
  transcript.add(piece("interviewer", 2, " And how?", false, 1));
  assert.deepEqual(transcript.turns.map(({ who, number }) => `${who} ${number}`), ["interviewer 1", "candidate 1", "interviewer 2"]);
});

test("every state has words for a candidate, and an unknown one is shown as it is", () => {
  const states = ["listening", "candidate_speaking", "model_speaking", "interrupted", "resuming", "closed"];
  for (const state of states) assert.notEqual(stateWords(state), state);
  assert.equal(stateWords("resuming", ["model", "client"]), "Connecting you …");
  assert.equal(stateWords("dreaming"), "dreaming");
});

test("unknown latencies are a dash", () => {
  assert.deepEqual([milliseconds(-1), milliseconds(undefined), milliseconds(412.4)], ["–", "–", "412"]);
});

test("a reconnect names its try", () => {
  assert.equal(connectionWords({ status: "reconnecting", attempt: 3 }), "reconnecting, try 3");
});

test("what a takeover rolled back is taken away again, turn by turn", () => {
  const transcript = new Transcript();
  transcript.add({ ...piece("interviewer", 1, "Why "), version: 3 });
  transcript.add({ ...piece("interviewer", 1, "then?"), version: 8 });
  transcript.add({ ...piece("candidate", 1, "Because."), version: 9 });
  const changed = transcript.rollBack(5);
  assert.deepEqual(changed.map(({ who }) => who), ["interviewer", "candidate"]);
  assert.deepEqual(transcript.turns.map(({ text }) => text), ["Why "]);
  assert.deepEqual(transcript.rollBack(5), []);
});

test("a roll-back keeps the interim text that still holds, and takes away only what rests on later versions", () => {
  const transcript = new Transcript();
  transcript.add({ ...piece("candidate", 1, "I work"), version: 3 });
  transcript.add({ ...piece("candidate", 1, " on dada", true), version: 5 });
  transcript.add({ ...piece("interviewer", 2, "And", true), version: 4 });
  assert.deepEqual(transcript.rollBack(5), []);
  assert.deepEqual(transcript.turns.map(({ text, interim }) => text + interim), ["I work on dada", "And"]);
  assert.deepEqual(transcript.rollBack(4).map(({ who }) => who), ["candidate"]);
  assert.deepEqual(transcript.turns.map(({ text, interim }) => [text, interim]), [["I work", ""], ["", "And"]]);
  transcript.rollBack(3);
  assert.deepEqual(transcript.turns.map(({ who }) => who), ["candidate"]);
});
