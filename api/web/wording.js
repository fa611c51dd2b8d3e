/** What the page says: the states of a call in a candidate's words, and why a call ended. */

const STATES = {
  listening: "Listening: take your time",
  candidate_speaking: "You are speaking",
  model_speaking: "The interviewer is speaking",
  interrupted: "Go on: the interviewer waits",
  resuming: "One moment …",
  closed: "The interview is over",
};

const MISSING = {
  client: "Connecting you …",
  model: "Connecting the interviewer …",
  pause: "The interview is paused",
};

/** @param {string} state @param {string[]} missing @returns {string} */
export function stateWords(state, missing = []) {
  if (state !== "resuming") return STATES[state] ?? state;
  // What the candidate's own side lacks comes first: only that they can do something about.
  const first = ["client", "model", "pause"].find((link) => missing.includes(link));
  return MISSING[first] ?? STATES.resuming;
}

/** @param {{status: string, attempt: number}} detail of the event `connection` */
export function connectionWords({ status, attempt }) {
  if (status === "connected") return "connected";
  return status === "lost" ? "lost" : `reconnecting, try ${attempt}`;
}

/** @param {number} ms @returns {string} −1 is "unknown" on the wire */
export function milliseconds(ms) {
  return Number.isFinite(ms) && ms >= 0 ? String(Math.round(ms)) : "–";
}

export const MARKS = {
  hold: "interviewer held",
  release: "interviewer goes on",
  flush: "interviewer stopped: the floor is yours",
  reconnecting: "connection lost, reconnecting",
  connected: "connection is back",
};
