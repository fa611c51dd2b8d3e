/**
 * What goes on inside a call: wires microphone, loudspeaker and connection together, and ends each of them once.
 *
 * `VivaCall` is the surface over it; events leave through the `emit` it was given.
 */
import { CallAudio } from "../audio/call-audio.js";
import { AudioSender } from "../audio/audio-sender.js";
import { Connection } from "./connection.js";
import { clientError, VivaError } from "./errors.js";
import { Farewell } from "./farewell.js";
import { requestMicrophone } from "../audio/microphone.js";

const CLIENT_NAME = "viva-client.js";

export class CallSession {
  #ticket;
  #emit;
  #audio = null;
  #connection = null;
  #sender = null;
  #started = null;
  #underWay = false;
  #muted = false;
  #mutedAtServer = false;
  #closed = false;
  #onClosed;
  #over = new Promise((resolve) => (this.#onClosed = resolve));
  #farewell = null;
  #lost = false;
  #reconnects = 0;
  #roundTripMs = null;

  /** @param {import("./call-request.js").CallTicket} ticket @param {(type: string, detail: object) => void} emit */
  constructor(ticket, emit) {
    this.#ticket = ticket;
    this.#emit = (type, detail) => this.#closed || emit(type, detail);
  }

  get muted() {
    return this.#muted;
  }

  get output() {
    return this.#audio?.output ?? null;
  }

  /** `refused_ms`: candidate's audio lost to a full outbox; `skipped_ms`: interviewer's audio lost to a full buffer. */
  get statistics() {
    return {
      unacknowledged_ms: this.#sender?.outbox.keptMs ?? 0,
      refused_ms: this.#sender?.outbox.refusedMs ?? 0,
      skipped_ms: this.#audio?.skippedMs ?? 0,
      resent_messages: this.#sender?.resentMessages ?? 0,
      reconnects: this.#reconnects,
      round_trip_ms: this.#roundTripMs,
      rate_hz: this.#audio?.rateHz ?? null,
    };
  }

  async start({ microphone, constraints, messageMs, keepMs }) {
    const owned = microphone === true;
    const stream = owned ? await requestMicrophone(constraints) : microphone;
    try {
      this.#audio = await CallAudio.create(this.#audioHandlers(), messageMs);
      await this.#audio.begin(stream, owned);
      await this.#connect(keepMs);
    } catch (error) {
      if (owned) for (const track of stream.getTracks()) track.stop();
      await this.#release();
      throw error;
    }
  }

  async mute() {
    if (this.#closed || this.#farewell || this.#muted) return;
    this.#setMuted(true);
    await this.#audio.pauseMicrophone();
    this.#tellMuted();
  }

  async unmute() {
    if (this.#closed || this.#farewell || !this.#muted) return;
    if (!this.#audio.hasMicrophone) this.#audio.useMicrophone(await requestMicrophone(), true);
    this.#setMuted(false);
    this.#tellMuted();
    await this.#audio.runMicrophone();
  }

  useMicrophone(stream) {
    this.#audio.useMicrophone(stream, false);
  }

  retry() {
    this.#connection?.retry();
  }

  async hangup(reason, immediately) {
    if (this.#closed || this.#connection === null) return;
    const again = this.#farewell !== null;
    const onUnanswered = () => this.#leave();
    this.#farewell ??= new Farewell({ reason, link: this.#connection, sender: this.#sender, onUnanswered });
    if (again || immediately || this.#lost || !this.#underWay) {
      this.#sender.flush();
      this.#farewell.insist();
    } else {
      await this.#audio.pauseMicrophone();
      this.#emit("leaving", {});
      if (!this.#closed) this.#farewell.say();
    }
    await this.#over;
  }

  /** Goes without the server's word. */
  #leave() {
    const code = this.#sender.outbox.keptMs > 0 ? "hangup_incomplete" : "hangup_unconfirmed";
    this.#finish({ reason: "hangup", detail: clientError(code).message, durable: false });
  }

  #connect(keepMs) {
    const { url, token } = this.#ticket;
    const { rateHz } = this.#audio;
    const started = new Promise((resolve, reject) => (this.#started = { resolve, reject }));
    this.#connection = new Connection(
      { url, token, rateHz, agent: CLIENT_NAME },
      {
        playedSample: () => this.#audio.dropPlayback(),
        onReady: (ready, rolledBackTo) => this.#ready(ready, rolledBackTo),
        onMessage: (message) => this.#message(message),
        onAudio: (audio) => this.#audio.play(audio),
        onStatus: (status) => this.#statusChanged(status),
        onRoundTrip: (ms) => this.#roundTrip(ms),
        onEnd: (error) => this.#ended(error),
      },
    );
    const onFull = (full) => this.#tell(clientError(full ? "outbox_full" : "outbox_restored"));
    this.#sender = new AudioSender({ link: this.#connection, rateHz, capacityMs: keepMs, onFull });
    this.#connection.connect();
    return started;
  }

  #audioHandlers() {
    return {
      onAudio: (pcm) => this.#sender?.add(pcm),
      onReport: ({ playedSample, held }) =>
        this.#connection?.send({ type: "playback", played_sample: playedSample, held }),
      onLevels: (levels) => this.#emit("level", levels),
      onRunning: (running) => this.#emit("sound", { running }),
      onTrouble: (error) => this.#trouble(error),
    };
  }

  #ready(ready, rolledBackTo) {
    if (ready.resumed) this.#reconnects += 1;
    if (rolledBackTo !== null) this.#emit("rollback", { version: rolledBackTo });
    this.#mutedAtServer = ready.muted;
    this.#audio.configurePlayback({ held: ready.held, reportMs: ready.report_ms });
    this.#sender.resume(ready.next_seq, ready.resume_wait_ms);
    if (ready.state === "closed") return; // only the rest of the audio is wanted; `closed` follows
    this.#tellMuted();
    if (this.#farewell) this.#farewell.say();
    else if (!this.#muted) this.#audio.runMicrophone();
    this.#emit("state", { type: "state", state: ready.state, missing: ready.missing, version: ready.version });
    this.#underWay = true;
    this.#started.resolve();
  }

  #message(message) {
    switch (message.type) {
      case "ack":
        this.#sender.acknowledge(message.seq);
        this.#farewell?.progress();
        break;
      case "hold":
      case "release":
      case "flush":
        this.#audio.command(message.type);
        this.#emit(message.type, message);
        break;
      case "closed":
        this.#finish(message);
        break;
      case "state":
      case "transcript":
      case "latency":
      case "error":
      case "go_away":
        this.#emit(message.type, message);
    }
  }

  #statusChanged(status) {
    if (status.status !== "connected") {
      this.#sender.suspend();
      this.#farewell?.lineLost();
    }
    this.#lost = status.status === "lost";
    if (this.#lost && this.#farewell) this.#leave();
    else this.#emit("connection", status);
  }

  #roundTrip(ms) {
    this.#roundTripMs = Math.round(10 * ms) / 10;
    this.#emit("roundtrip", { round_trip_ms: this.#roundTripMs });
  }

  #trouble(error) {
    this.#tell(error);
    if (error.code === "microphone_ended") this.mute();
  }

  #tell({ code, message, fatal }) {
    this.#emit("error", { code, message, fatal });
  }

  #setMuted(muted) {
    this.#muted = muted;
    this.#emit("muted", { muted });
  }

  /** The server hears of it after the audio that was spoken before. After a reconnect it may have to hear it again. */
  #tellMuted() {
    this.#sender?.whenSent(() => {
      if (this.#muted === this.#mutedAtServer) return;
      if (this.#connection.send({ type: this.#muted ? "mute" : "unmute" })) this.#mutedAtServer = this.#muted;
    });
  }

  /** The connection is over for good: `closed` was heard before (no error), or nothing more will come. */
  #ended(error) {
    this.#sender.stop();
    if (error === null || this.#closed) return;
    if (!this.#underWay) {
      this.#started.reject(error);
      return;
    }
    this.#tell(error);
    this.#finish({ reason: error.code, detail: error.message, durable: false });
  }

  async #finish({ reason, detail, durable, grace_ms: graceMs = 0 }) {
    if (this.#closed) return;
    this.#emit("closed", { reason, detail, durable });
    this.#closed = true;
    this.#farewell?.stop();
    this.#onClosed();
    this.#started.reject(new VivaError(reason, detail, { fatal: true }));
    await this.#audio.pauseMicrophone();
    await this.#sender.settle(graceMs);
    await this.#release();
  }

  async #release() {
    this.#connection?.close();
    this.#sender?.stop();
    await this.#audio?.close();
  }
}
