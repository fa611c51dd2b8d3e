"""What the paths cost: `python -m bench.paths`. A candidate's frame from its message to the model's
queue, and back.

CPU time of this thread, with everything the loop does for it; what the kernel and TLS add is in
`bench.gemini` and `bench.load`. The stages are measured alone, on what went through the whole; what
is left is carrying effects out, the clock and the loop's turns.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any

from google import genai
from google.genai import types

from adapters.gemini.audio_decoder import AudioDecoder
from adapters.gemini.client import open_client
from adapters.gemini.frames import FrameTap
from adapters.gemini.messages import inputs_of
from adapters.gemini.uplink import PCM_16K
from adapters.voice.factory import make_detector
from adapters.voice.resample import SoxrResampler
from api.cli.loop import run as run_on_loop
from api.live.intake import AudioIntake
from api.wire.protocol import decode_audio
from bench.cpu import Stopwatch, cpu_us, ratios
from bench.paths.scene import FRAME_US, SETTINGS, Detector, Rig, SwallowingSocket, scene, sdk_session, voice_json
from bench.report import Section, console, spread
from domain.call import Call
from domain.inputs import CandidateFrame, ModelAudio
from domain.states import State

COMMAND = "python -m bench.paths"
ROUNDS, QUICK_ROUNDS = 9, 3
MODEL_MESSAGES = 500
_CLIENT_RATES = (16_000, 48_000)

Costs = dict[str, float]


async def _hear(rig: Rig, messages: list[bytes]) -> float:
    """CPU µs a message, each taken as it comes, with a turn of the loop of its own."""
    client, clock, watch = rig.live.client, rig.clock, Stopwatch()
    with watch:
        for message in messages:
            clock.moment_us += FRAME_US
            client.take_audio(decode_audio(message))
            await asyncio.sleep(0)
    return watch.us_each(len(messages))


async def whole_up(client: genai.Client, rate_hz: int, detector: Detector) -> tuple[float, float]:
    """(listening to a pause, hearing an answer), µs a frame."""
    pause, answer = scene(rate_hz)
    async with Rig(client, rate_hz, detector) as rig:
        quiet_us = await _hear(rig, pause)
        assert rig.call.state is State.LISTENING, rig.call.state
        speech_us = await _hear(rig, answer)
        assert rig.call.state is State.CANDIDATE_SPEAKING, rig.call.state
        assert rig.link.counts.sent > len(answer) // 3
    return quiet_us, speech_us


async def stages_up(client: genai.Client) -> Costs:
    """Each stage alone, µs a frame of the answer at 16 kHz unless it says otherwise."""
    costs: Costs = {}
    pause, answer = scene(16_000)
    everything = [*pause, *answer]
    costs["decode the message"] = cpu_us(lambda: [decode_audio(each) for each in everything], len(everything))
    for rate_hz in _CLIENT_RATES:
        audio = [decode_audio(each) for part in scene(rate_hz) for each in part]
        intake = AudioIntake(rate_hz, SoxrResampler)
        taken = partial(_each, intake.take, audio)
        costs[f"intake at {rate_hz // 1000} kHz"] = cpu_us(taken, len(audio))
    for kind in ("webrtc", "cascade"):
        detector = make_detector(kind)
        for part, messages in (("pause", pause), ("answer", answer)):
            frames = [decode_audio(each).pcm for each in messages]
            costs[f"detector {kind}, {part}"] = cpu_us(partial(_each, detector.analyse, frames), len(frames))
    async with Rig(client, 16_000, "cascade", recording=True) as rig:
        before = len(rig.passed)
        await _hear(rig, everything)
        costs["Call.handle"] = _handled(rig, before, CandidateFrame, len(everything))
        costs["appender, mapper, store in memory"] = await _logged(rig, before, len(everything))
    return costs


def _each(act: Callable[[Any], object], items: list[Any]) -> None:
    for item in items:
        act(item)


def _handled(rig: Rig, before: int, kind: type, count: int) -> float:
    """All that passed through the rig's call through a fresh one, inputs of `kind` counted from
    `before` on."""
    call, watch = Call(rig.opened), Stopwatch()
    _each(call.handle, [happened for happened, _ in rig.passed[:before]])
    for counted, group in groupby(
        (happened for happened, _ in rig.passed[before:]), key=lambda each: type(each) is kind
    ):
        inputs = list(group)
        if not counted:
            _each(call.handle, inputs)
            continue
        with watch:
            _each(call.handle, inputs)
    assert call.state is rig.call.state, (call.state, rig.call.state)
    return watch.us_each(count)


async def _logged(rig: Rig, before: int, count: int) -> float:
    """What was decided from there on once more, into a fresh appender, until all is durable."""
    book, watch = rig.appender(), Stopwatch()
    decisions = [decision for _, decision in rig.passed[before:] if decision.events]
    with watch:
        for decision in decisions:
            book.record(decision)
            await asyncio.sleep(0)
    return watch.us_each(count)


async def sdk_up(client: genai.Client) -> Costs:
    """What the SDK does to audio on its way out, µs a message, its socket excluded."""
    costs: Costs = {}
    session = sdk_session(client, SwallowingSocket())
    for ms in (20, 40):
        pcm = bytes(32 * ms)
        watch = Stopwatch()
        with watch:
            for _ in range(200):
                await session.send_realtime_input(audio=types.Blob(data=pcm, mime_type=PCM_16K))
        costs[f"SDK: encode {ms} ms"] = watch.us_each(200)
    watch = Stopwatch()
    with watch:
        for _ in range(1_000):
            await asyncio.sleep(0)
    costs["bare turn of the loop"] = watch.us_each(1_000)
    return costs


async def model_path(client: genai.Client) -> Costs:
    """A message of the model's voice, 40 ms, from the SDK's JSON to the client's wire; whole and by
    stage."""
    costs: Costs = {}
    socket = SwallowingSocket(voice_json())
    sdk = sdk_session(client, socket)
    tap, decoder = FrameTap(), AudioDecoder()
    tap.frame = socket.message
    watch = Stopwatch()
    with watch:
        messages = [await sdk._receive() for _ in range(MODEL_MESSAGES)]
    costs["SDK: JSON to message object"] = watch.us_each(MODEL_MESSAGES)
    costs["look for unknown fields"] = cpu_us(lambda: [tap.unknown_fields() for _ in messages], MODEL_MESSAGES)
    costs["message object to inputs"] = cpu_us(
        lambda: [list(inputs_of(each, 0, decoder)) for each in messages], MODEL_MESSAGES
    )
    async with Rig(client, 16_000, "webrtc") as rig:
        costs["whole, from message object to wire"] = await _speak(rig, messages, decoder, tap)
        costs["encode, queue, send_queue's task"] = await _sent(rig)
    async with Rig(client, 16_000, "webrtc", recording=True) as rig:
        before = len(rig.passed)
        await _speak(rig, messages, decoder, tap)
        costs["Call.handle with playout"] = _handled(rig, before, ModelAudio, MODEL_MESSAGES)
    return costs


async def _speak(rig: Rig, messages: list[types.LiveServerMessage], decoder: AudioDecoder, tap: FrameTap) -> float:
    """CPU µs a message; what the client reports every 200 ms is not counted."""
    watch, sent_before = Stopwatch(), rig.wire.bytes
    for number, message in enumerate(messages):
        at_us = rig.later(40_000)
        with watch:
            for item in inputs_of(message, at_us, decoder, tap.unknown_fields()):
                rig.live.model.feed(item)
            await asyncio.sleep(0)
        if number % 5 == 0:
            rig.report(at_us)
    assert rig.wire.bytes - sent_before > 0.9 * MODEL_MESSAGES * 1920
    return watch.us_each(MODEL_MESSAGES)


async def _sent(rig: Rig) -> float:
    send_queue, watch = rig.send_queue, Stopwatch()
    pcm = bytes(1920)
    with watch:
        for number in range(MODEL_MESSAGES):
            send_queue.send_audio(1, number * 960, pcm)
            await asyncio.sleep(0)
    return watch.us_each(MODEL_MESSAGES)


async def measure(count: int) -> dict[str, list[float]]:
    """Every figure, once a round."""
    found: dict[str, list[float]] = {}
    async with open_client(SETTINGS) as client:
        for number in range(count + 1):
            costs: Costs = {}
            for rate_hz, detector in ((16_000, "cascade"), (16_000, "webrtc"), (48_000, "cascade")):
                quiet_us, speech_us = await whole_up(client, rate_hz, detector)  # type: ignore[arg-type]
                name = f"whole at {rate_hz // 1000} kHz, {detector}"
                costs |= {f"{name}, pause": quiet_us, f"{name}, answer": speech_us}
            costs |= await stages_up(client) | await sdk_up(client) | await model_path(client)
            costs["floor: bare decode + SDK encode, 20 ms"] = costs["decode the message"] + costs["SDK: encode 20 ms"]
            if number:
                for name, cost_us in costs.items():
                    found.setdefault(name, []).append(cost_us)
    return found


_FLOOR = "floor: bare decode + SDK encode, 20 ms"
_DOWN = ("SDK: JSON to message object", "look for unknown fields", "message object to inputs")
_DOWN_REST = ("Call.handle with playout", "encode, queue, send_queue's task", "whole, from message object to wire")


def sections(*, quick: bool = False) -> list[Section]:
    """Measure everything."""
    found = run_on_loop(measure(QUICK_ROUNDS if quick else ROUNDS))
    columns = ("stage", "µs", "of the floor")
    up = Section("paths", "The candidate's frame: CPU µs per 20 ms, median (lowest-highest)", COMMAND, columns)
    down = Section("paths_model", "The model's voice: CPU µs per message of 40 ms", COMMAND, columns)
    below = {*_DOWN, *_DOWN_REST}
    for name, values in found.items():
        section = down if name in below else up
        section.rows.append((name, spread(values), spread(ratios(values, found[_FLOOR]), 2)))
        section.facts[name] = values
    up.notes = [
        "The whole ends at the link's queue; while a candidate speaks, encoding 40 ms for every two frames follows."
    ]
    return [up, down]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds instead of {ROUNDS}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    for section in sections(quick=options.quick):
        if options.json:
            print(json.dumps(section.as_dict()))
        else:
            section.print(console())
