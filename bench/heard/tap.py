"""The second-best recording: what the page hands to the browser's audio output, taken from inside
the page.

Needs nothing but the browser. It has every rendered sample, fades and gaps included; what it leaves
out is the way from there to the loudspeaker: the browser's resampler, the device's buffer, and
dropouts in it.
"""

import base64
from time import monotonic

import numpy as np

from bench.heard.sound import RATE_HZ, Recording
from tests.api.web.chromium import Page

_SCRIPT = """
(() => {
  const worklet = `registerProcessor("heard-tap", class extends AudioWorkletProcessor {
    process([[input]]) {
      this.port.postMessage({ frame: currentFrame, block: input ? input.slice() : new Float32Array(128) });
      return true;
    }
  });`;
  const connect = AudioNode.prototype.connect;
  const tap = (window.heardTap = { blocks: [], arrivals: [] });
  AudioNode.prototype.connect = function (target, ...rest) {
    const { context } = this;
    if (target === context.destination && context.sampleRate === RATE) {
      tap.context = context;
      const url = URL.createObjectURL(new Blob([worklet], { type: "text/javascript" }));
      context.audioWorklet.addModule(url).then(() => {
        const node = new AudioWorkletNode(context, "heard-tap");
        node.port.onmessage = ({ data: { frame, block } }) => {
          if (tap.blocks.length === 0) tap.firstFrame = frame;
          tap.arrivals.push([frame - tap.firstFrame + block.length, performance.now()]);
          tap.blocks.push(Int16Array.from(block, (value) => Math.round(32767 * value)));
        };
        connect.call(this, node);
        connect.call(node, target);
      });
    }
    return connect.call(this, target, ...rest);
  };
})();
"""
_COLLECT = """
  const { blocks, arrivals } = heardTap;
  const bytes = new Uint8Array(await new Blob(blocks).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { pcm: btoa(text), arrivals };
"""


async def tapped(page: Page) -> None:
    """From the next load on, this page's output is kept."""
    await page.call("Page.setBypassCSP", enabled=True)
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=_SCRIPT.replace("RATE", str(RATE_HZ)))


async def tap_recorded(page: Page) -> Recording:
    """What the page has played since it was loaded."""
    page_began_s = monotonic() - await page.run("return performance.now()") / 1000
    found = await page.run(_COLLECT)
    wave = np.frombuffer(base64.b64decode(found["pcm"]), "<i2").astype(np.float32) / np.float32(32768)
    return Recording.dated(wave, [(count, page_began_s + at_ms / 1000) for count, at_ms in found["arrivals"]])
