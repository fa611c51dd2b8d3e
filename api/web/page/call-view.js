/** The part of the page that shows one call; everything it knows comes from the call's events. */
import { PlaybackView } from "./playback-view.js";
import { TranscriptView } from "./transcript-view.js";
import { awayWords, connectionWords, LEAVING, MARKS, milliseconds, stateWords } from "./wording.js";

const ROWS = 100;

export class CallView {
  #call;
  #transcript;
  #playback;
  #state = { state: "resuming", missing: ["client"] };
  #connected = false;
  #away = null;
  #marked = false;
  #microphone = { leaving: false, muted: false, refused: false, paused: false };

  /** @param {import("../viva-client.js").VivaCall} call @param {(message: string | null) => void} notify shows a sentence, or takes it away */
  constructor(call, notify) {
    this.#call = call;
    this.notify = notify;
    this.#transcript = new TranscriptView(byId("transcript"));
    this.#playback = new PlaybackView({
      transcript: this.#transcript,
      meter: byId("voice-meter"),
      word: byId("voice-word"),
      tally: { hold: byId("holds"), release: byId("releases"), flush: byId("flushes") },
    });
    byId("latency").replaceChildren();
    byId("roundtrip").textContent = "–";
    byId("unstored").textContent = "–";
    byId("connection").textContent = "connecting";
    byId("end").hidden = true;
    byId("lost").hidden = true;
    byId("hangup").textContent = "Hang up";
    this.#showMuted(false);
    this.#showState(this.#state);
    for (const button of ["mute", "hangup"]) byId(button).disabled = false;
    this.#listen();
  }

  #listen() {
    const on = (type, show) => this.#call.addEventListener(type, ({ detail }) => show(detail));
    on("state", (detail) => this.#showState(detail));
    on("transcript", (detail) => this.#transcript.add(detail));
    on("latency", (detail) => this.#showLatency(detail));
    on("rollback", ({ version }) => this.#rollBack(version));
    for (const type of ["hold", "release", "flush"]) on(type, () => this.#playback[type]());
    on("connection", (detail) => this.#showConnection(detail));
    on("roundtrip", (detail) => (byId("roundtrip").textContent = `${Math.round(detail.round_trip_ms)} ms`));
    on("level", (detail) => this.#showLevels(detail));
    on("muted", (detail) => this.#showMuted(detail.muted));
    on("leaving", () => this.#showLeaving());
    on("sound", (detail) => this.#showSound(detail.running));
    on("error", (detail) => this.#showError(detail));
    on("closed", (detail) => this.#showEnd(detail));
  }

  #showState({ state, missing }) {
    this.#state = { state, missing };
    this.#playback.stateChanged(state);
    byId("state").dataset.state = state;
    byId("state-words").textContent = this.#microphone.leaving && state !== "closed" ? LEAVING : stateWords(state, missing);
    byId("state-name").textContent = state === "resuming" && missing?.length ? `${state} (${missing.join(", ")})` : state;
  }

  #showConnection(detail) {
    byId("connection").textContent = connectionWords(detail);
    byId("connection").dataset.status = detail.status;
    if (detail.status !== "connected") this.#playback.giveUp("lost");
    byId("lost").hidden = detail.status !== "lost";
    byId("lost-words").textContent = detail.message ?? "";
    // The server cannot tell us that it is not there: the page says so itself until the next `state`.
    if (detail.status !== "connected") this.#showState({ state: "resuming", missing: ["client"] });
    if (detail.status === "connected") this.#isBack();
    else if (this.#connected) this.#isAway(detail);
    if (detail.status === "lost") byId("retry").focus();
  }

  #isAway(detail) {
    this.#away = detail;
    this.#showAway();
    this.#offerToLeave();
    if (!detail.moving && !this.#marked) this.#markLine("reconnecting");
    this.#marked ||= !detail.moving;
  }

  #isBack() {
    if (this.#marked) this.#markLine("connected");
    this.#away = null;
    this.#marked = false;
    this.#connected = true;
  }

  /** What is promised of the candidate's words follows the microphone, also while the line is away. */
  #showAway() {
    if (this.#away) byId("state-words").textContent = awayWords(this.#away, this.#microphone);
  }

  #rollBack(version) {
    this.#transcript.rollBack(version);
    for (const row of [...byId("latency").rows]) if (Number(row.dataset.version) > version) row.remove();
  }

  #markLine(kind) {
    this.#transcript.mark(kind, MARKS[kind]);
  }

  #showLatency({ version, generation, endpoint_ms: endpoint, model_ms: model, response_ms: response }) {
    const row = document.createElement("tr");
    row.dataset.version = version;
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = String(generation);
    row.append(head);
    for (const ms of [endpoint, model, response]) row.insertCell().textContent = milliseconds(ms);
    const body = byId("latency");
    body.prepend(row);
    if (body.rows.length > ROWS) body.deleteRow(-1);
  }

  #showLevels({ microphone, interviewer }) {
    byId("mic-level").style.transform = `scaleX(${meterLength(microphone)})`;
    byId("voice-level").style.transform = `scaleX(${meterLength(interviewer)})`;
    this.#playback.tick();
    const unstoredMs = this.#call.statistics.unacknowledged_ms;
    byId("unstored").textContent = `${(unstoredMs / 1000).toFixed(1)} s`;
  }

  #showError({ code, message }) {
    if (code === "outbox_full" || code === "outbox_restored") this.#microphone.refused = code === "outbox_full";
    this.#showAway();
    this.notify(message);
  }

  #showSound(running) {
    this.#microphone.paused = !running;
    this.#showAway();
    if (running) this.notify(null);
  }

  #showMuted(muted) {
    this.#microphone.muted = muted;
    this.#showAway();
    byId("mute").setAttribute("aria-pressed", String(muted));
    byId("mute").textContent = muted ? "Unmute" : "Mute";
  }

  #showLeaving() {
    this.#microphone.leaving = true;
    for (const button of ["mute", "hangup"]) byId(button).disabled = true;
    this.#showState(this.#state);
    this.#showAway();
    this.#offerToLeave();
  }

  /** Nobody is kept waiting for a line: who has hung up may go without it. */
  #offerToLeave() {
    if (!this.#away || !this.#microphone.leaving) return;
    byId("hangup").disabled = false;
    byId("hangup").textContent = "Leave now";
  }

  #showEnd({ reason, detail, durable }) {
    this.#away = null;
    this.#playback.giveUp("ended");
    this.#showState({ state: "closed", missing: [] });
    this.#showLevels({ microphone: 0, interviewer: 0 });
    byId("unstored").textContent = "–";
    byId("connection").textContent = "closed";
    delete byId("connection").dataset.status;
    byId("lost").hidden = true;
    for (const button of ["mute", "hangup"]) byId(button).disabled = true;
    byId("end-detail").textContent = detail || "Thank you for your time.";
    byId("end-reason").textContent = reason;
    byId("end-durable").textContent = durable ? "· stored" : "· not confirmed as stored";
    byId("end").hidden = false;
    byId("end").focus();
  }
}

/** Loudness is heard in decibels: −60 dB is an empty meter, full scale a full one. */
function meterLength(level) {
  if (level <= 0.001) return 0;
  return Math.min(1, 1 + Math.log10(level) / 3).toFixed(3);
}

function byId(id) {
  return document.getElementById(id);
}
