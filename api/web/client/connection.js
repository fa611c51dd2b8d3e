/**
 * One call's websocket over its whole life: hello, signs of life, loss, and coming back until the server stops waiting.
 *
 * After that it is *lost*, not over: `retry` tries again, whenever somebody asks for it. Over it is after `closed`, or
 * after an error that would only repeat itself (`finalError`).
 */
import { clientError, finalError, isMove, passes, VivaError } from "./errors.js";
import { Keepalive } from "./keepalive.js";
import { decodeAudio, hello, parseMessage, SUBPROTOCOL } from "./protocol.js";
import { Retries } from "./retries.js";
import { Seen } from "./seen.js";

const ATTEMPT_MS = 5000;
const BY_HAND_MS = 10_000;
const FATAL_CLOSE_MS = 2000;
const NORMAL_CLOSE = 1000;

/**
 * @typedef {object} ConnectionStatus
 * @property {"connected" | "reconnecting" | "lost"} status
 * @property {number} attempt which try since the connection was there, or since somebody asked for more, from 1; 0 while connected
 * @property {number} retry_in_ms
 * @property {boolean} moving the server has asked for it, and another one is ready: nothing is wrong
 * @property {string} [message] when lost: a sentence for people
 */

/**
 * @typedef {object} ConnectionHandlers
 * @property {() => Promise<number>} playedSample where playback stands, asked before every resuming hello
 * @property {(ready: object, rolledBackTo: number | null) => void} onReady messages above that version no longer hold
 * @property {(message: {type: string}) => void} onMessage every other message, once
 * @property {(audio: import("./protocol.js").InterviewerAudio) => void} onAudio
 * @property {(status: ConnectionStatus) => void} onStatus
 * @property {(roundTripMs: number) => void} onRoundTrip
 * @property {(error: VivaError | null) => void} onEnd the connection is over for good; null after `closed`
 */

export class Connection {
  #clientId = crypto.randomUUID();
  #seen = new Seen();
  #retries = new Retries();
  #socket = null;
  #live = false;
  #token;
  #ready = null;
  #moving = false;
  #timers = new Set();
  #notNow = null;
  #fatal = null;
  #closedByServer = false;
  #ended = false;
  #watch = new AbortController();

  /** @param {{url: string, token: string, rateHz: number, agent: string, firstWaitMs?: number}} options @param {ConnectionHandlers} handlers */
  constructor({ url, token, rateHz, agent, firstWaitMs = 10_000 }, handlers) {
    this.url = url;
    this.rateHz = rateHz;
    this.agent = agent;
    this.handlers = handlers;
    this.#token = token;
    this.#retries.begin(firstWaitMs);
    this.keepalive = new Keepalive({
      send: (message) => this.send(message),
      onRoundTrip: (ms) => handlers.onRoundTrip(ms),
      onDead: () => this.#lose(),
    });
    const { signal } = this.#watch;
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
    window.addEventListener("online", () => this.#wake(), { signal });
  }

  get isReady() {
    return this.#live && this.#socket?.readyState === WebSocket.OPEN;
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

  /** Tries at once, and for a while, where a connection is missing: before its time, or after it was given up. */
  retry() {
    if (this.#ended || this.#socket !== null) return;
    this.#cancelAll();
    if (!this.#retries.underWay) {
      this.#retries.begin(BY_HAND_MS);
      this.#retries.next(true);
    }
    this.#status("reconnecting");
    this.connect();
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
    this.#watch.abort();
    this.#cancelAll();
    this.#detach(NORMAL_CLOSE);
  }

  async #sayHello(socket) {
    const playedSample = this.#ready === null ? undefined : await this.handlers.playedSample();
    if (socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return;
    const { rateHz, agent } = this;
    socket.send(
      JSON.stringify(hello({ token: this.#token, rateHz, playedSample, agent, clientId: this.#clientId, seen: this.#seen })),
    );
  }

  #receive(data, tooSlow) {
    if (this.#live) this.keepalive.heard();
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
        return;
      case "ping":
        this.send({ type: "pong", id: message.id });
        return;
      case "pong":
        this.keepalive.pong(message.id);
        return;
      case "error":
        if (message.fatal) return this.#refused(message);
        break;
      case "go_away":
        this.#moving = message.reason === "moving";
        break;
      case "closed":
        if (!this.#closedByServer) this.#retries.begin(message.grace_ms);
        this.#closedByServer = true;
    }
    if (this.#seen.isNew(message)) this.handlers.onMessage(message);
  }

  #becomeReady(ready) {
    const rolledBack = this.#seen.resume(ready);
    this.#token = ready.token ?? this.#token;
    this.#ready = ready;
    this.#live = true;
    this.#notNow = null;
    if (!this.#closedByServer) this.#retries.succeed();
    this.#status("connected");
    this.handlers.onReady(ready, rolledBack ? this.#seen.version : null);
    this.keepalive.start({ intervalMs: ready.ping_interval_ms, silenceMs: ready.silence_ms });
  }

  #refused({ code, message }) {
    const error = new VivaError(code, message, { fatal: true });
    this.keepalive.stop();
    if (passes(code)) {
      this.#notNow = error;
      this.#lose();
    } else {
      this.#fatal = error;
      this.#after(FATAL_CLOSE_MS, () => this.#end(error));
    }
  }

  #dropped(code, reason) {
    const error = this.#fatal ?? finalError(code, reason);
    if (error !== null) this.#end(error);
    else if (this.#closedByServer && code === NORMAL_CLOSE) this.#end(null);
    else {
      this.#moving ||= this.#live && isMove(code);
      this.#lose();
    }
  }

  #lose() {
    if (this.#ended) return;
    const moving = this.#moving;
    this.#live = this.#moving = false;
    this.#cancelAll();
    this.#detach();
    if (!this.#retries.underWay) this.#retries.begin(this.#ready.resume_wait_ms);
    const retryInMs = this.#retries.next(moving);
    if (retryInMs === null) return this.#giveUp();
    this.#status("reconnecting", { retry_in_ms: Math.round(retryInMs), moving });
    this.#after(retryInMs, () => this.connect());
  }

  #giveUp() {
    if (this.#closedByServer) return this.#end(null);
    if (this.#ready === null) return this.#end(this.#notNow ?? clientError("connection_failed", { fatal: true }));
    this.#status("lost", { message: (this.#notNow ?? clientError("connection_lost")).message });
    this.#retries.succeed();
  }

  /** The page is shown again, or the network is back: whatever waits for a slowed timer is looked at now. */
  #wake() {
    if (this.#live) this.keepalive.look();
    else if (this.#retries.underWay) this.retry();
  }

  #status(status, more = {}) {
    this.handlers.onStatus({ status, attempt: this.#retries.attempt, retry_in_ms: 0, moving: false, ...more });
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

  #cancelAll() {
    this.keepalive.stop();
    for (const timer of this.#timers) this.#cancel(timer);
  }
}
