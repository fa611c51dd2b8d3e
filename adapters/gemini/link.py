"""A call's link to Gemini: dials sessions one after the other and carries the call's effects to the
newest one.

Everything a call asks for is synchronous and never waits. An old connection is closed before the
next is opened (a resume on top of an open one is refused), and whatever an old session still says
is not delivered.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from google import genai

from adapters.gemini.live_setup import LiveSetup, live_setup
from adapters.gemini.session import GeminiSession
from adapters.gemini.settings import GeminiSettings
from adapters.gemini.uplink import Note, Outgoing, Signal, Stretch, Text, ToolAnswer, UplinkCounts, chunks
from domain.effects import DialModel
from domain.events import CallOpened
from domain.inputs import UplinkMeasured
from domain.ports.model_link import InputSink, ModelLink
from domain.sound.rates import millis

JITTER = 0.25
"""The most that is added to a wait, as a share of it: calls that were lost together do not come
back together."""


@dataclass(slots=True)
class LinkCounts:
    """What the link has done. `sent` are messages handed to a session; `uplink` counts how they
    went out. `unsent` are messages that found no session to go to, or its queue full: the core
    still has the audio of an unanswered turn, and sends it again to the next session."""

    dials: int = 0
    sent: int = 0
    unsent: int = 0
    uplink: UplinkCounts = field(default_factory=UplinkCounts)


class GeminiLink(ModelLink):
    """`async with GeminiLink(...) as link:` runs the link's tasks, in `group` if one is given.

    `setup` is what all its sessions have in common (`live_setup`). `sink` is the call: it is fed on the event loop, in
    order, and may call the link back. `jitter` returns 0..1.
    """

    def __init__(
        self,
        *,
        client: genai.Client,
        settings: GeminiSettings,
        setup: LiveSetup,
        sink: InputSink,
        group: asyncio.TaskGroup | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._settings = settings
        self.setup = setup
        """How the next session is set up."""
        self.sink = sink
        self._own_group = asyncio.TaskGroup() if group is None else None
        self._group = group
        self._jitter = jitter
        self.session: GeminiSession | None = None
        """The newest."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts = LinkCounts()

    async def __aenter__(self) -> Self:
        if self._own_group is not None:
            self._group = await self._own_group.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self.aclose()
        if self._own_group is not None:
            await self._own_group.__aexit__(*raised)

    async def aclose(self) -> None:
        """Close whatever is open; nothing is delivered any more. Safe to call twice."""
        self._drop_session()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def dial(self, effect: DialModel) -> None:
        """Give up the session there is, wait, and set up a new one; `ModelConnected` or `ModelLost`
        follows.

        The effect's model, handle and seed stand above the set-up's. Needs the link to be
        entered.
        """
        assert self._group is not None, "enter the link before dialling"
        self._drop_session()
        self.counts.dials += 1
        session = self.new_session(effect)
        wait_s = effect.wait_ms / 1000 * (1 + JITTER * self._jitter())
        task = session.start(self._group, set(self._tasks), wait_s)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.session = session

    def new_session(self, effect: DialModel) -> GeminiSession:
        """A session as the dial wants it, not started."""
        seed = () if effect.handle else effect.seed
        setup = replace(self.setup, model=effect.model, handle=effect.handle, seed=seed)
        return GeminiSession(self._client, self._settings, setup, self.sink, self.counts.uplink)

    def open_activity(self) -> None:
        """The candidate begins to speak. Nothing is sent where Gemini decides turns."""
        if not self._gemini_decides:
            self._send(Signal.ACTIVITY_START)

    def send_audio(self, voice: bytes | AsyncGenerator[bytes]) -> None:
        """The candidate's voice, mono PCM16 at 16 kHz, of any length; in pages if it has to be read
        first."""
        if isinstance(voice, bytes):
            for chunk in chunks(voice):
                self._send(chunk)
        else:
            self._send(Stretch(voice))

    def close_activity(self) -> None:
        """The candidate has finished. Nothing is sent where Gemini decides turns."""
        if not self._gemini_decides:
            self._send(Signal.ACTIVITY_END)

    def audio_stream_end(self) -> None:
        """The microphone is muted: Gemini's detector need not wait for silence. Nothing is sent
        where Viva decides."""
        if self._gemini_decides:
            self._send(Signal.AUDIO_STREAM_END)

    def send_text(self, text: str) -> None:
        """A turn in text, which the model answers."""
        self._send(Text(text))

    def send_note(self, text: str) -> None:
        """Something the model should know, as text within the open window of activity: no turn of
        its own."""
        if not self._gemini_decides:
            self._send(Note(text))

    def answer_tool(self, tool_call_id: str, name: str, result: dict[str, Any]) -> None:
        """The result of a function call."""
        self._send(ToolAnswer(tool_call_id, name, result))

    def measured(self) -> UplinkMeasured:
        """How the call's audio has gone out so far."""
        counts = self.counts.uplink
        return UplinkMeasured(
            at_us=self.sink.now_us(),
            messages=counts.messages,
            joined=counts.joined,
            largest_chunk_ms=millis(counts.largest_chunk_bytes // 2),
            longest_wait_ms=counts.longest_wait_ms,
        )

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return 0 if self.session is None else self.session.waiting

    @property
    def _gemini_decides(self) -> bool:
        return self.session is not None and self.session.setup.turns == "gemini"

    def _send(self, message: Outgoing) -> None:
        if self.session is not None and self.session.send(message):
            self.counts.sent += 1
        else:
            self.counts.unsent += 1

    def _drop_session(self) -> None:
        if self.session is not None:
            self.session.stop()
            self.session = None


def link_maker(client: genai.Client, settings: GeminiSettings) -> Callable[[CallOpened, InputSink], ModelLink]:
    """What makes the link of a call, over one client for all of them."""

    def make(opened: CallOpened, sink: InputSink) -> ModelLink:
        return GeminiLink(client=client, settings=settings, setup=live_setup(opened), sink=sink)

    return make
