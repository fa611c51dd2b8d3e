/** The demonstration page: a form, a call, an end. Everything about calls is in `viva-client.js`. */
import { CallView } from "./page/call-view.js";
import { clientError, VivaError } from "./client/errors.js";
import { listAgents, requestMicrophone, VivaCall } from "./viva-client.js";

let call = null;

function notify(message) {
  byId("notice").hidden = !message;
  byId("notice-text").textContent = message ?? "";
}

function show(id) {
  byId("setup").hidden = id !== "setup";
  byId("call").hidden = id !== "call";
}

async function fillAgents() {
  const agents = await listAgents(document.baseURI);
  byId("agent").replaceChildren(...agents.map(({ id, name }) => new Option(name, id)));
}

function interview() {
  const value = (id) => byId(id).value.trim();
  const questions = value("questions").split("\n").map((line) => line.trim()).filter(Boolean);
  const duration = byId("minutes").valueAsNumber;
  return {
    agent: value("agent"),
    candidate: { name: value("name") },
    context: { role: value("role"), questions, language: value("language"), duration_minutes: duration },
  };
}

async function begin() {
  // The microphone comes first: the call's token should not age while somebody reads the browser's question.
  const microphone = await requestMicrophone();
  try {
    call = await VivaCall.open(interview());
    new CallView(call, notify);
    call.addEventListener("leaving", () => silence(microphone));
    call.addEventListener("closed", () => stop(microphone));
    show("call");
    byId("state").scrollIntoView({ block: "nearest" });
    await call.start({ microphone });
  } catch (error) {
    stop(microphone);
    show("setup");
    throw error;
  }
}

function silence(microphone) {
  for (const track of microphone.getTracks()) track.stop();
}

function stop(microphone) {
  silence(microphone);
  call = null;
}

/** Runs what a button started, and says in a sentence why it failed. */
async function attempt(button, action) {
  button.disabled = true;
  notify(null);
  try {
    await action();
  } catch (error) {
    if (!(error instanceof VivaError)) throw error;
    notify(error.message);
  } finally {
    button.disabled = false;
  }
}

byId("setup").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(byId("begin"), begin);
});
byId("mute").addEventListener("click", ({ currentTarget }) => {
  attempt(currentTarget, () => (call.muted ? call.unmute() : call.mute()));
});
byId("retry").addEventListener("click", () => call?.retry());
// The second click of a double click is no second decision: it would leave without what was said.
byId("hangup").addEventListener("click", ({ detail: clicks }) => clicks > 1 || call?.hangup());
byId("again").addEventListener("click", () => {
  notify(null);
  show("setup");
  byId("begin").focus();
});
byId("notice-close").addEventListener("click", () => notify(null));
// A closed tab is an end, not a dropped line: nobody should be waited for.
window.addEventListener("pagehide", () => call?.hangup("page closed", { immediately: true }));

if (globalThis.isSecureContext) {
  attempt(byId("agent"), fillAgents);
} else {
  notify(clientError("insecure_context").message);
  byId("begin").disabled = true;
}

function byId(id) {
  return document.getElementById(id);
}
