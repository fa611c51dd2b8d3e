/** What the page says: the states of a call in a candidate's words, and why a call ended. */

const STATES = {
  listening: "Listening: take your time",
  candidate_speaking: "You are speaking",
  model_speaking: "The interviewer is speaking",
  interrupted: "I hear you – holding",
  resuming: "One moment …",
  closed: "The interview is over",
};

const MISSING = {
  client: "Connecting you …",
  model: "Connecting the interviewer …",
  pause: "The interview is paused",
};

/** The candidate has hung up, and the server has not said yet that it is over. */
export const LEAVING = "Ending the interview …";

/** @param {string} state @param {string[]} missing @returns {string} */
export function stateWords(state, missing = []) {
  if (state !== "resuming") return STATES[state] ?? state;
  // What the candidate's own side lacks comes first: only that they can do something about.
  const first = ["client", "model", "pause"].find((link) => missing.includes(link));
  return MISSING[first] ?? STATES.resuming;
}

const RECONNECTING = {
  heard: "Reconnecting: keep talking, it is kept",
  muted: "Reconnecting: you are muted",
  refused: "Reconnecting: please pause",
  paused: "Reconnecting: you are not heard",
};

/**
 * What stands in the place of the state while nothing of the server is heard.
 * @param {{status: string, moving?: boolean}} detail of the event `connection`
 * @param {{leaving?: boolean, muted?: boolean, refused?: boolean, paused?: boolean}} [microphone] why what is said now is not kept: the candidate has hung up, it is off, the outbox is full, the browser has paused the sound
 */
export function awayWords({ status, moving }, { leaving, muted, refused, paused } = {}) {
  if (leaving) return "Ending: reconnecting, keep this page open";
  if (status === "lost") return "The connection is lost";
  if (moving) return STATES.resuming;
  // What the candidate can do something about comes first.
  return RECONNECTING[muted ? "muted" : paused ? "paused" : refused ? "refused" : "heard"];
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

/** @param {number} ms @returns {string} a length that is spoken of: below a second in tens of ms, else in tenths of a second */
export function seconds(ms) {
  return ms < 995 ? `${10 * Math.round(ms / 10)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export const HOLDING = "interviewer held …";

const AFTER_HOLD = {
  release: "went on",
  flush: "stopped: the floor is yours",
  lost: "the connection was lost",
  ended: "the interview ended",
};

/** @param {string} kind what came of a hold @param {number | null} heldMs null where nothing was held @returns {string} */
export function holdWords(kind, heldMs) {
  return heldMs === null ? `interviewer ${AFTER_HOLD[kind]}` : `held ${seconds(heldMs)}, then ${AFTER_HOLD[kind]}`;
}

export const MARKS = {
  reconnecting: "connection lost, reconnecting",
  connected: "connection is back",
};
