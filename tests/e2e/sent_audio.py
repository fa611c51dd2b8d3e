"""The candidate's audio as a page sent it, overheard in the page itself.

The microphone is opened at the rate at which Viva stores: what was sent and what is stored are then
the same samples.
"""

import base64
from dataclasses import dataclass

from tests.api.web.chromium import Page

RATE_HZ = 16_000
_SCRIPT = """
(() => {
  const Real = window.AudioContext;
  window.AudioContext = class extends Real {
    constructor(options) { super({ sampleRate: RATE_HZ, ...options }); }
  };
  const sent = (window.sentAudio = { messages: [], again: 0, altered: 0 });
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (data instanceof ArrayBuffer) {
      const seq = new DataView(data).getUint32(4, true);
      const before = sent.messages[seq];
      sent.messages[seq] ??= new Uint8Array(data.slice(8));
      if (before) sent.again += 1;
      if (before && String(before) !== String(new Uint8Array(data, 8))) sent.altered += 1;
    }
    return send.call(this, data);
  };
})();
"""
_COLLECT = """
  const { messages, again, altered } = sentAudio;
  const bytes = new Uint8Array(await new Blob(messages).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { pcm: btoa(text), again, altered };
"""


@dataclass(frozen=True, slots=True)
class SentAudio:
    """PCM16 at `RATE_HZ`, each message once; `again` were sent more often, `altered` of them not as
    before."""

    pcm: bytes
    again: int
    altered: int


async def overheard(page: Page) -> None:
    """From the next load on, what this page sends is kept."""
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=_SCRIPT.replace("RATE_HZ", str(RATE_HZ)))


async def sent_audio(page: Page) -> SentAudio:
    """What the page has sent since it was loaded."""
    found = await page.run(_COLLECT)
    return SentAudio(base64.b64decode(found["pcm"]), found["again"], found["altered"])
