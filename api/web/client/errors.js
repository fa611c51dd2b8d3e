/**
 * What can go wrong on the candidate's side, each with a sentence that says what to do.
 *
 * The server's own errors arrive with their sentence and are passed on unchanged; this file holds only what the browser
 * and the network do to us. And which refusals and closings would only repeat themselves, and which pass: a fatal error
 * is final, a dropped line is not.
 */
/** An error with a stable code and a sentence for people. `fatal` means: the call cannot go on. */
export class VivaError extends Error {
  /** @param {string} code @param {string} message @param {{fatal?: boolean, status?: number}} [more] */
  constructor(code, message, { fatal = false, status } = {}) {
    super(message);
    this.name = "VivaError";
    this.code = code;
    this.fatal = fatal;
    /** HTTP status, where the error is an HTTP answer. */
    this.status = status;
  }
}

const SENTENCES = {
  insecure_context:
    "This page was not loaded over a secure connection, so the browser does not give it the microphone. " +
    "Open it with an address that begins with https://, or on this computer as http://localhost.",
  unsupported_browser:
    "This browser cannot take part in a call: it has no microphone access or no audio worklets. " +
    "Please use a current Chrome, Edge, Firefox or Safari.",
  microphone_denied:
    "The microphone is not allowed for this page. Click the symbol beside the address, allow the microphone, and try again.",
  microphone_missing: "No microphone was found. Connect one and try again.",
  microphone_busy:
    "The microphone cannot be opened, probably because another program uses it. Close that program and try again.",
  microphone_ended:
    "The microphone was disconnected, so you are muted. Connect it again, or another one, and press Unmute.",
  microphone_silenced:
    "The system has silenced the microphone: nothing you say is heard. Look for a mute key on your headset or keyboard.",
  playback_suspended: "The browser has paused the sound. Click anywhere on this page to hear the interviewer again.",
  playback_overflow:
    "More of the interviewer's audio arrived than can wait to be played, and some of it was skipped. Please ask for it to be repeated.",
  outbox_full:
    "The server has not confirmed your audio for too long, and some of what you say is lost. Please pause until the connection is back.",
  outbox_restored: "Your audio is being sent again. Please repeat what you said in the meantime.",
  server_unreachable: "The interview server cannot be reached. Check your internet connection and try again.",
  server_answer: "The interview server gave an answer that this page does not understand. Reload the page and try again.",
  connection_failed: "No connection to the interview could be made. Check your internet connection and begin again.",
  connection_lost:
    "The connection has been away for too long. Check your internet connection and try again: what is kept of your answer is sent then.",
  replaced: "This interview goes on in another window or on another device.",
  already_connected: "This interview is open in another window or on another device. Go on there, or close it there first.",
  connection_refused: "The server ended the connection. Please begin again.",
  malformed_server_message: "The server sent a message that this page does not understand. Reload the page.",
  hangup_unconfirmed: "You have left the interview; the server could not confirm it any more.",
  hangup_incomplete: "You have left the interview before the server could confirm it: the last of what you said may be missing.",
};

/** @param {keyof typeof SENTENCES} code @param {{fatal?: boolean, status?: number}} [more] @returns {VivaError} */
export function clientError(code, more) {
  return new VivaError(code, SENTENCES[code], more);
}

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
