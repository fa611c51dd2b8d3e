"""The candidates of the load: real clients that hold an interview each, speaking a third of the
time.

Each answers with a recording, waits a while before it does, and speaks over every third reply. All
that it sends and hears carries time marks (`bench.marks`).
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from api.cli.screenplay import Stage, read_recording
from api.client import VivaClient, open_call
from api.wire.protocol import ServerAudio
from bench.marks import mark_of, marked

RATE_HZ = 16_000
ANSWERS = ("answer_1", "answer_2", "answer_3")
INTERRUPTION = "interruption"
_BEFORE_AN_ANSWER_S = (1.5, 4.0)
_INTO_A_REPLY_S = 1.2
_CUE_TIMEOUT_S = 40.0
_QUESTIONS = [
    f"{start} {subject}?"
    for subject in ("your last project", "the team you worked with", "a bug that you remember", "how you test")
    for start in (
        "Could you tell me about",
        "What did you learn from",
        "What would you change about",
        "Who helped with",
    )
]


@dataclass(slots=True)
class Seen:
    """What all clients saw since `begin`; delays in ms."""

    firsts: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """Per call: when a reply's first audio arrived, and how long after the model sent it."""
    spoken_s: float = 0.0
    sent_s: float = 0.0
    replies: int = 0
    interruptions: int = 0
    hold_ms: list[float] = field(default_factory=list)
    """From the first sample of an interruption to the server's `hold`."""
    troubles: list[str] = field(default_factory=list)


class Candidate:
    """One call."""

    def __init__(self, number: int, seen: Seen, said: dict[str, bytes]) -> None:
        self.number = number
        self.seen = seen
        self.ready = asyncio.Event()
        self._said = said
        self._dice = random.Random(number)
        self._sent = 0
        self._generation = 0
        self._interrupting_at = 0.0

    async def hold(self, base_url: str, until: asyncio.Event) -> None:
        """Be interviewed until `until` is set."""
        context = {"role": "Engineer", "questions": _QUESTIONS, "duration_minutes": 180}
        opened = await open_call(
            base_url, agent="interviewer", candidate={"name": f"Load {self.number}"}, context=context
        )
        async with VivaClient(opened, rate_hz=RATE_HZ, name="viva bench", keep_heard=False) as client:
            self._tap(client)
            stage = Stage(client, lambda _head, _text: None)
            follower = asyncio.create_task(self._follow(client, stage))
            speaker = asyncio.create_task(self._converse(client, stage))
            self.ready.set()
            await until.wait()
            speaker.cancel()
            await asyncio.gather(speaker, return_exceptions=True)
            if client.error is not None or client.closed is not None or client.connections != 1:
                self.seen.troubles.append(f"call {self.number}: {client.error or client.closed or 'reconnected'}")
            if client.microphone.refused:
                self.seen.troubles.append(f"call {self.number}: {client.microphone.refused} frames never acknowledged")
            client.hangup("measured")
            await asyncio.gather(follower, return_exceptions=True)

    def _tap(self, client: VivaClient) -> None:
        push, take = client.microphone.push, client.loudspeaker.take

        def push_marked(pcm: bytes) -> None:
            self._sent += 1
            self.seen.sent_s += 0.02
            push(marked(pcm, self.number, self._sent))

        def take_marked(audio: ServerAudio) -> None:
            if audio.generation != self._generation:
                self._generation = audio.generation
                self.seen.replies += 1
                mark = mark_of(audio.pcm)
                if mark is None:
                    self.seen.troubles.append(f"call {self.number}: an unmarked reply")
                else:
                    self.seen.firsts.setdefault(self.number, []).append((monotonic(), mark.age_ms))
            take(audio)

        client.microphone.push = push_marked  # type: ignore[method-assign]
        client.loudspeaker.take = take_marked  # type: ignore[method-assign]

    async def _follow(self, client: VivaClient, stage: Stage) -> None:
        async for message in client.messages():
            if message["type"] == "hold" and self._interrupting_at:
                self.seen.hold_ms.append((monotonic() - self._interrupting_at) * 1000)
                self._interrupting_at = 0.0
            stage.take(message)
        stage.over()

    async def _converse(self, client: VivaClient, stage: Stage) -> None:
        turn = self.number
        while await self._cue(stage, "model_speaking"):
            turn += 1
            if turn % 3 == 0:
                await asyncio.sleep(_INTO_A_REPLY_S)
                if stage.state != "model_speaking":
                    continue
                self.seen.interruptions += 1
                self._interrupting_at = monotonic()
                await self._say(client, INTERRUPTION)
            else:
                await self._cue(stage, "listening")
                await asyncio.sleep(self._dice.uniform(*_BEFORE_AN_ANSWER_S))
                await self._say(client, ANSWERS[turn % len(ANSWERS)])

    async def _cue(self, stage: Stage, state: str) -> bool:
        try:
            return await stage.until(lambda: stage.state == state, _CUE_TIMEOUT_S)
        except TimeoutError:
            self.seen.troubles.append(f"call {self.number}: waited for {state} in {stage.state}")
            return False

    async def _say(self, client: VivaClient, name: str) -> None:
        pcm = self._said[name]
        self.seen.spoken_s += len(pcm) / 2 / RATE_HZ
        client.microphone.say(pcm)
        await client.microphone.spoken()


def recordings(folder: Path) -> dict[str, bytes]:
    """What candidates say, by name."""
    return {name: read_recording(folder / f"{name}.flac")[0] for name in (*ANSWERS, INTERRUPTION)}


def added_ms(
    ends: Mapping[int, Sequence[tuple[float, float]]], firsts: Mapping[int, Sequence[tuple[float, float]]]
) -> list[float]:
    """What Viva added to each response: the way up of the frame that ended the answer, the way down
    of the reply."""
    added: list[float] = []
    for call, replies in firsts.items():
        for arrived, down_ms in replies:
            before = [(at, up_ms) for at, up_ms in ends.get(call, ()) if at < arrived]
            if before and arrived - before[-1][0] < 5.0:
                added.append(before[-1][1] + down_ms)
    return added


def fresh(seen: Seen) -> None:
    """Begin to measure: forget what was seen while the calls settled in."""
    empty: Any = Seen()
    for name in Seen.__slots__:
        if name != "troubles":
            setattr(seen, name, getattr(empty, name))
