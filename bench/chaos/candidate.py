"""A candidate of the laboratory: holds a call through a proxy of their own, answers, interrupts, and
hangs up."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

from api.client import CallEndedError, OpenedCall, VivaClient, open_call
from bench.chaos.evidence.evidence import ClientEvidence
from bench.chaos.evidence.tap import Tap
from bench.chaos.rig.proxy import Proxy
from domain.errors import PeerError

RATE_HZ = 16_000
_CUE_S = 12.0
_END_S = 40.0
_OPENING_TRIES = 40
_OPENING_EVERY_S = 0.5
_THINKS_S = (0.2, 0.8)
_INTO_A_REPLY_S = (0.4, 1.5)
_INTERRUPTS = 0.25
_QUESTIONS = tuple(
    f"{start} {subject}?"
    for start in (
        "Could you tell me about",
        "What did you learn from",
        "What would you change about",
        "Who shaped",
        "What surprised you about",
        "What do you like about",
    )
    for subject in (
        "your last project",
        "the team you worked with",
        "a bug that you remember",
        "the tests you write",
        "the code you review",
        "the tools you use",
        "the deadlines you had",
        "the on-call weeks",
    )
)


@dataclass(slots=True)
class Manner:
    """How long the candidate's answers are, in seconds, and whether they interrupt at all."""

    answers_s: tuple[float, float] = (1.5, 4.0)
    interrupts: float = _INTERRUPTS


@dataclass(slots=True)
class Candidate:
    """One of them. `evidence` and `call_id` are there once the call has begun; `trouble` says what
    else went wrong."""

    number: int
    proxy: Proxy
    said: Mapping[str, bytes]
    seed: int
    manner: Manner = field(default_factory=Manner)
    call_id: str = ""
    evidence: ClientEvidence = field(default_factory=ClientEvidence)
    state: str = ""
    began_s: float = 0.0
    trouble: list[str] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    client: VivaClient | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """Tells Gemini's sessions apart."""
        return f"Chaos-{self.number:04d}"

    async def hold(self, until: asyncio.Event) -> None:
        """Open a call, be interviewed until it is time to hang up, and wait until the server has
        announced the end and acknowledged all audio."""
        opened = await self._open()
        self.call_id = opened.call_id
        client = VivaClient(opened, rate_hz=RATE_HZ, name="viva chaos", keep_heard=False)
        tap = Tap(client, self.proxy, self.number, self._on_message)
        self.evidence = tap.evidence
        try:
            async with client:
                self.client = client
                self.began_s = time()
                self.connected.set()
                speaking = asyncio.create_task(self._converse(client))
                await self._until(client, until)
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
                client.hangup("done")
                async with asyncio.timeout(_END_S):
                    await client.ended()
        except TimeoutError:
            self.trouble.append(f"the end of the call was not announced within {_END_S:.0f} s")
        except CallEndedError as error:
            self.trouble.append(f"{error.code}: {error.message}")
        finally:
            self.connected.set()
            tap.finish()
        if client.microphone.refused:
            self.trouble.append(f"{client.microphone.refused} messages were refused")

    async def _open(self) -> OpenedCall:
        """Open a call, as a page does that offers to try again."""
        context = {"role": "Engineer", "questions": _QUESTIONS, "duration_minutes": 60}
        for tries_left in reversed(range(_OPENING_TRIES)):
            try:
                url = f"http://127.0.0.1:{self.proxy.port}"
                return await open_call(url, agent="interviewer", candidate={"name": self.name}, context=context)
            except PeerError as error:
                if not tries_left:
                    raise
                self.trouble.append(f"opening: {error.code}")
                await asyncio.sleep(_OPENING_EVERY_S)
        raise AssertionError("a try is returned or raised")

    async def _until(self, client: VivaClient, until: asyncio.Event) -> None:
        """Wait until it is time to hang up, or the call is over."""
        waits = [asyncio.create_task(until.wait()), asyncio.create_task(client.ended())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["type"] in ("ready", "state"):
            self.state = message["state"]
        self._changed.set()

    async def _converse(self, client: VivaClient) -> None:
        """Wait for the interviewer, then answer or interrupt; after a while without one, speak all
        the same."""
        dice = random.Random(f"{self.seed} {self.number}")
        names = sorted(self.said)
        while True:
            await self._cue("model_speaking")
            if dice.random() < self.manner.interrupts:
                await asyncio.sleep(dice.uniform(*_INTO_A_REPLY_S))
            else:
                await self._cue("listening")
                await asyncio.sleep(dice.uniform(*_THINKS_S))
            pcm = self.said[dice.choice(names)]
            length = round(dice.uniform(*self.manner.answers_s) * RATE_HZ)
            client.microphone.say(pcm[: 2 * length])
            await client.microphone.spoken()

    async def _cue(self, state: str) -> None:
        try:
            async with asyncio.timeout(_CUE_S):
                while self.state != state:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return
