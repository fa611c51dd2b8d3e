/**
 * The Viva client for a browser: one class that holds a call (docs/javascript-client.md).
 *
 *     const call = await VivaCall.open({ agent: "default", candidate: { name: "Ada" }, context });
 *     call.addEventListener("transcript", ({ detail }) => show(detail.who, detail.text));
 *     await call.start({ microphone: true });
 *
 * Nothing here is global: two calls on one page do not know of each other.
 */
import { listAgents, openCall } from "./client/call-request.js";
import { CallSession } from "./client/call-session.js";
import { VivaError } from "./client/errors.js";
import { requestMicrophone } from "./audio/microphone.js";

export { listAgents, requestMicrophone, VivaError };

/**
 * A call. Events are `CustomEvent`s; those named like a message of `viva.v1` carry that message as `detail`.
 *
 * | event | detail |
 * |---|---|
 * | `state`, `transcript`, `latency`, `hold`, `release`, `flush`, `go_away` | the server's message |
 * | `error` | `{code, message, fatal}`: show `message`, it says what to do |
 * | `rollback` | `{version}`: `transcript` and `latency` of later versions no longer hold; those that do are sent again |
 * | `connection` | `{status: "connected" \| "reconnecting" \| "lost", attempt, retry_in_ms, moving, message}`: after `lost`, `retry` or `hangup` |
 * | `roundtrip` | `{round_trip_ms}` |
 * | `level` | `{microphone, interviewer}`: root mean square, 0 to 1, about 15 times a second |
 * | `muted` | `{muted}` |
 * | `leaving` | `{}`: `hangup` was asked for and the microphone is off; `closed` follows when what was said is handed in |
 * | `sound` | `{running}`: false while the browser keeps the sound paused (an `error` says so too) |
 * | `closed` | `{reason, detail, durable}`: once, always the last |
 */
export class VivaCall extends EventTarget {
  #ticket;
  #session;

  /** @param {import("./client/call-request.js").CallTicket} ticket the answer to `POST /calls`, where your own server has made that request */
  constructor(ticket) {
    super();
    this.#ticket = ticket;
    this.#session = new CallSession(ticket, (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })));
  }

  /**
   * Opens a call on the server. Say `start` soon: its token is short-lived.
   * @param {object} options
   * @param {string | URL} [options.baseUrl] where Viva is served; this page's own folder by default
   * @param {string} options.agent
   * @param {{name: string, reference?: string}} options.candidate
   * @param {{role: string, questions: string[], language?: string, duration_minutes?: number}} options.context
   * @param {HeadersInit} [options.headers] such as the authorisation that your deployment asks for
   * @returns {Promise<VivaCall>}
   * @throws {VivaError} with the server's sentence
   */
  static async open({ baseUrl = document.baseURI, agent, candidate, context, headers }) {
    return new VivaCall(await openCall(baseUrl, { agent, candidate, context }, headers));
  }

  get callId() {
    return this.#ticket.call_id;
  }

  get muted() {
    return this.#session.muted;
  }

  /** The interviewer's voice as a node, for a visualiser or a recorder; null before `start`. @returns {AudioNode | null} */
  get output() {
    return this.#session.output;
  }

  /** Counters for a status page or a bug report; see `CallSession.statistics`. */
  get statistics() {
    return this.#session.statistics;
  }

  /**
   * Takes the microphone and connects. Call it from a click: browsers allow sound only after one.
   * @param {object} [options]
   * @param {true | MediaStream} [options.microphone] a stream of your own is not stopped at the end
   * @param {MediaTrackConstraints} [options.constraints] for `microphone: true`; echo cancellation and the like are on
   * @param {number} [options.messageMs] length of an audio message, 20 to 40
   * @param {number} [options.keepMs] how much unconfirmed audio is kept; never less than twice the server's resuming wait
   * @returns {Promise<void>} when the call is under way
   * @throws {VivaError} no microphone, no connection, or the server's refusal
   */
  start({ microphone = true, constraints, messageMs = 20, keepMs = 60_000 } = {}) {
    return this.#session.start({ microphone, constraints, messageMs, keepMs });
  }

  /** Switches the microphone off: nothing is sent until `unmute`. @returns {Promise<void>} */
  mute() {
    return this.#session.mute();
  }

  /** Switches it on again; asks for a new one if the old one was unplugged. @returns {Promise<void>} @throws {VivaError} */
  unmute() {
    return this.#session.unmute();
  }

  /** Listens to another microphone from now on. @param {MediaStream} stream which is not stopped at the end */
  useMicrophone(stream) {
    this.#session.useMicrophone(stream);
  }

  /** Tries to connect again at once: before its time while reconnecting, or once more after the connection was `lost`. */
  retry() {
    this.#session.retry();
  }

  /**
   * Ends the call. While the line is away, the client goes on reconnecting, hands in what was said, and then hangs up;
   * asked a second time, or after the connection was `lost`, it leaves without.
   * @param {string} [reason]
   * @param {{immediately?: boolean}} [options] without waiting for anything: for `pagehide`, where nothing runs later
   * @returns {Promise<void>} after `closed`
   */
  hangup(reason, { immediately = false } = {}) {
    return this.#session.hangup(reason, immediately);
  }
}
