/** Which refusals and closings would only repeat themselves, and which pass: a fatal error is final, a dropped line is not. */
import { clientError, VivaError } from "./errors.js";

const PASSING = new Set(["moving", "call_busy", "server_full", "store_unavailable"]);
const MESSAGE_TOO_BIG = 1009;
const SERVICE_RESTART = 1012;
const OWN_SENTENCES = { 4409: "replaced", 4423: "already_connected" };

/** @param {string} code of a fatal error message @returns {boolean} whether to connect again in a moment */
export function passes(code) {
  return PASSING.has(code);
}

/** @param {number} closeCode @returns {boolean} whether another server is ready to take the call over */
export function isMove(closeCode) {
  return closeCode === SERVICE_RESTART;
}

/** @param {number} closeCode @param {string} reason of the close frame @returns {VivaError | null} null: connect again */
export function finalError(closeCode, reason) {
  const own = OWN_SENTENCES[closeCode];
  if (own) return clientError(own, { fatal: true });
  const refused = (closeCode >= 4400 && closeCode < 4500) || closeCode === MESSAGE_TOO_BIG;
  if (!refused) return null;
  return reason ? new VivaError("connection_refused", reason, { fatal: true }) : clientError("connection_refused", { fatal: true });
}
