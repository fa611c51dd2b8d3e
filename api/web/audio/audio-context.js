/**
 * Audio contexts that stay running: browsers suspend them for a hidden page, a phone call, or a missing click.
 */
import { clientError } from "../client/errors.js";

const GESTURES = ["pointerdown", "keydown"];

/** @param {AudioContextOptions} options @returns {AudioContext} @throws {VivaError} where the browser has no audio worklets */
export function openContext(options) {
  if (!globalThis.isSecureContext) throw clientError("insecure_context");
  if (!globalThis.AudioContext || !globalThis.AudioWorkletNode) throw clientError("unsupported_browser");
  return new AudioContext(options);
}

/**
 * Resumes the context whenever the page is shown or touched, and tells when it stops and runs again.
 * @param {AudioContext} context
 * @param {(running: boolean) => void} onChange
 * @returns {() => void} ends the watch
 */
export function keepRunning(context, onChange) {
  let running = true;
  const wake = () => {
    // Refused without a gesture: then `onChange(false)` stands, and the next click tries again.
    if (context.state !== "running" && context.state !== "closed") context.resume().catch(() => {});
  };
  const changed = () => {
    const now = context.state === "running";
    if (context.state === "closed" || now === running) return;
    running = now;
    onChange(running);
    wake();
  };
  const shown = () => document.visibilityState === "visible" && wake();
  context.addEventListener("statechange", changed);
  document.addEventListener("visibilitychange", shown);
  for (const gesture of GESTURES) window.addEventListener(gesture, wake);
  return () => {
    context.removeEventListener("statechange", changed);
    document.removeEventListener("visibilitychange", shown);
    for (const gesture of GESTURES) window.removeEventListener(gesture, wake);
  };
}
