/**
 * One call's websocket over its whole life: hello, keep-alive, loss, and coming back until the server stops waiting.
 *
 * What must not be retried is told apart here: a fatal error repeats itself on every reconnect, a dropped line does not.
 */
import { backoffMs } from "./backoff.js";
import { clientError, VivaError } from "./errors.js";
import { Keepalive } from "./keepalive.js";
import { decodeAudio, hello, parseMessage, SUBPROTOCOL } from "./protocol.js";

const ATTEMPT_MS = 5000;
const FATAL_CLOSE_MS = 2000;
const MESSAGE_TOO_BIG = 1009;

/**
 * @typedef {object} ConnectionHandlers
 * @property {() => Promise<number>} playedSample where playback stands, asked before every resuming hello
 * @property {(ready: object) => void} onReady
 * @property {(message: {type: string}) => void} onMessage every other message
 * @property {(audio: import("./protocol.js").InterviewerAudio) => void} onAudio
 * @property {(status: {status: "connected" | "reconnecting" | "lost", attempt: number, retry_in_ms: number}) => void} onStatus
 * @property {(roundTripMs: number) => void} onRoundTrip
 * @property {(error: VivaError | null) => void} onEnd the connection is over for good; null after `closed`
 */

export class Connection {
  #socket = null;
  #token;
  #ready = null;
  #attempt = 0;
  #deadline;
  #timers = new Set();
  #fatal = null;
  #closedByServer = false;
  #ended = false;

  /** @param {{url: string, token: string, rateHz: number, agent: string, firstWaitMs?: number}} options @param {ConnectionHandlers} handlers */
  constructor({ url, token, rateHz, agent, firstWaitMs = 10_000 }, handlers) {
    this.url = url;
    this.rateHz = rateHz;
    this.agent = agent;
    this.handlers = handlers;
    this.#token = token;
    this.#deadline = performance.now() + firstWaitMs;
    this.keepalive = new Keepalive({
      send: (message) => this.send(message),
      onRoundTrip: (ms) => handlers.onRoundTrip(ms),
      onDead: () => this.#lose(),
    });
  }

  get isReady() {
    return this.#ready !== null && this.#socket?.readyState === WebSocket.OPEN;
  }

  get bufferedAmount() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** One try to connect; on failure the next follows by itself. */
  connect() {
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const tooSlow = this.#after(ATTEMPT_MS, () => this.#lose());
    socket.onopen = () => this.#sayHello(socket);
    socket.onmessage = ({ data }) => this.#receive(data, tooSlow);
    socket.onclose = ({ code, reason }) => this.#dropped(code, reason);
  }

  /** @param {object} message @returns {boolean} false if there is no connection to send it over */
  send(message) {
    if (!this.isReady) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** @param {ArrayBuffer} buffer */
  sendAudio(buffer) {
    if (this.isReady) this.#socket.send(buffer);
  }

  /** Ends it; nothing is called back any more. */
  close() {
    this.#ended = true;
    this.keepalive.stop();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#detach(1000);
  }

  async #sayHello(socket) {
    const playedSample = this.#ready === null ? undefined : await this.handlers.playedSample();
    if (socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify(hello({ token: this.#token, rateHz: this.rateHz, playedSample, agent: this.agent })));
  }

  #receive(data, tooSlow) {
    try {
      if (typeof data === "string") this.#message(parseMessage(data), tooSlow);
      else this.handlers.onAudio(decodeAudio(data));
    } catch (error) {
      if (!(error instanceof VivaError)) throw error;
      this.handlers.onMessage({ type: "error", code: error.code, message: error.message, fatal: false });
    }
  }

  #message(message, tooSlow) {
    switch (message.type) {
      case "ready":
        this.#cancel(tooSlow);
        this.#becomeReady(message);
        break;
      case "ping":
        this.send({ type: "pong", id: message.id });
        break;
      case "pong":
        this.keepalive.pong(message.id);
        break;
      case "error":
        if (message.fatal) this.#refused(new VivaError(message.code, message.message, { fatal: true }));
        else this.handlers.onMessage(message);
        break;
      case "closed":
        this.#closedByServer = true;
        this.keepalive.stop();
        this.handlers.onMessage(message);
        break;
      default:
        this.handlers.onMessage(message);
    }
  }

  #becomeReady(ready) {
    this.#token = ready.token ?? this.#token;
    this.#ready = ready;
    this.#attempt = 0;
    this.#deadline = null;
    this.handlers.onStatus({ status: "connected", attempt: 0, retry_in_ms: 0 });
    this.handlers.onReady(ready);
    this.keepalive.start(ready.ping_interval_ms);
  }

  #refused(error) {
    this.#fatal = error;
    this.keepalive.stop();
    this.#after(FATAL_CLOSE_MS, () => this.#dropped(1006, ""));
  }

  #dropped(code, reason) {
    const refusedByCode = (code >= 4400 && code < 4500) || code === MESSAGE_TOO_BIG;
    if (this.#closedByServer) this.#end(null);
    else if (this.#fatal) this.#end(this.#fatal);
    else if (refusedByCode && reason) this.#end(new VivaError("connection_refused", reason, { fatal: true }));
    else if (refusedByCode) this.#end(clientError("connection_refused", { fatal: true }));
    else this.#lose();
  }

  #lose() {
    if (this.#ended) return;
    this.keepalive.stop();
    for (const timer of this.#timers) this.#cancel(timer);
    this.#detach();
    const waitMs = this.#ready?.resume_wait_ms ?? 0;
    this.#deadline ??= performance.now() + waitMs;
    const leftMs = this.#deadline - performance.now();
    if (leftMs <= 0) {
      this.handlers.onStatus({ status: "lost", attempt: this.#attempt, retry_in_ms: 0 });
      this.#end(clientError(this.#ready ? "connection_lost" : "connection_failed", { fatal: true }));
      return;
    }
    const retryInMs = Math.min(leftMs, backoffMs(this.#attempt));
    this.#attempt += 1;
    this.handlers.onStatus({ status: "reconnecting", attempt: this.#attempt, retry_in_ms: Math.round(retryInMs) });
    this.#after(retryInMs, () => this.connect());
  }

  #end(error) {
    if (this.#ended) return;
    this.close();
    this.handlers.onEnd(error);
  }

  #detach(code) {
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  #after(ms, callback) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer) {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}
