/** Asks for the microphone and says in a sentence why there is none. */
import { clientError } from "../client/errors.js";

/**
 * What the browser does to the voice before we see it. Echo cancellation is needed without headphones: otherwise the
 * interviewer interrupts itself. The others help on laptops; switch them off for measurements.
 * @type {MediaTrackConstraints}
 */
export const VOICE_CONSTRAINTS = {
  channelCount: 1,
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

const CODES = {
  NotAllowedError: "microphone_denied",
  SecurityError: "microphone_denied",
  NotFoundError: "microphone_missing",
  OverconstrainedError: "microphone_missing",
  NotReadableError: "microphone_busy",
  AbortError: "microphone_busy",
};

/**
 * @param {MediaTrackConstraints} [constraints] merged over `VOICE_CONSTRAINTS`
 * @returns {Promise<MediaStream>}
 * @throws {VivaError} `insecure_context`, `unsupported_browser`, `microphone_denied`, `…_missing` or `…_busy`
 */
export async function requestMicrophone(constraints = {}) {
  if (!globalThis.isSecureContext) throw clientError("insecure_context");
  if (!navigator.mediaDevices?.getUserMedia) throw clientError("unsupported_browser");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...VOICE_CONSTRAINTS, ...constraints } });
  } catch (error) {
    const code = CODES[error.name];
    throw code === undefined ? error : clientError(code);
  }
}
