"""One Gemini session, from its dial to its loss.

A session reports through two functions and keeps three laws: it reports its loss once, nothing at
all after `stop`, and its connection is closed before its task ends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

from google import genai
from google.genai import types
from google.genai.live import AsyncSession
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from adapters.gemini.audio_decoder import AudioDecoder
from adapters.gemini.frames import UNREADABLE, FrameTap
from adapters.gemini.live_setup import LiveSetup, live_config
from adapters.gemini.losses import FAILURES, LostError, loss_of
from adapters.gemini.messages import inputs_of
from adapters.gemini.settings import GeminiSettings
from adapters.gemini.uplink import History, Outgoing, Uplink, UplinkCounts
from domain.inputs import Input, ModelConnected, ModelLost, ModelMessageUnrecognised
from domain.ports.model_link import LinkSink
from domain.record.conversation import SeedRequest

NOT_CONFIRMED = "Gemini did not confirm the set-up."


class GeminiSession:
    """A dialled session. `sink` is the call, which is fed on the loop, in order.

    `counts` are the link's, and go on from session to session; `seed` is what a fresh session has to
    be given of the conversation, which the call is asked for before the connection is opened.
    """

    def __init__(
        self,
        client: genai.Client,
        settings: GeminiSettings,
        setup: LiveSetup,
        sink: LinkSink,
        counts: UplinkCounts,
        seed: SeedRequest | None = None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._setup = setup
        self._sink = sink
        self._seed = seed
        self._uplink = Uplink(settings.uplink_bytes, sink.now_us, counts)
        self._voice = AudioDecoder()
        self._tap = FrameTap()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._lost = False
        self.connected = False

    @property
    def setup(self) -> LiveSetup:
        """What it was dialled with."""
        return self._setup

    def start(self, group: asyncio.TaskGroup, earlier: set[asyncio.Task[None]], wait_s: float) -> asyncio.Task[None]:
        """Run in `group`: once `earlier` sessions are closed and `wait_s` is over, connect and
        converse."""
        self._task = group.create_task(self._run(earlier, wait_s), name=f"gemini {self._setup.model}")
        return self._task

    def stop(self) -> None:
        """Deliver nothing more, and close. The task ends soon after (`close_timeout_ms` at the
        latest)."""
        closing_already = self._stopped or self._lost
        self._stopped = True
        self.connected = False
        if self._task is not None and not closing_already:
            self._task.cancel()

    def send(self, message: Outgoing) -> bool:
        """Queue a message; False if there is no connection to send it on, or none any more."""
        return self.connected and self._uplink.offer(message)

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return self._uplink.waiting

    async def _run(self, earlier: set[asyncio.Task[None]], wait_s: float) -> None:
        try:
            if earlier:
                await asyncio.wait(earlier)
            await asyncio.sleep(wait_s)
            if self._seed is not None:
                self._setup = replace(self._setup, seed=await self._sink.conversation(self._seed))
            async with AsyncExitStack() as connection:
                try:
                    await self._converse(await self._connect(connection))
                except* LostError as lost:
                    self._lose(lost)
        except asyncio.CancelledError:
            if not self._stopped:
                raise

    def _deliver(self, item: Input) -> None:
        if not self._stopped and not self._lost:
            self._sink.feed(item)

    def _lose(self, lost: ExceptionGroup[LostError]) -> None:
        """Report the first loss, before the connection is closed: closing may take its time."""
        first: BaseException = lost
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        assert isinstance(first, LostError)
        self.connected = False
        report = ModelLost(at_us=self._sink.now_us(), code=first.code, reason=first.reason, retryable=first.retryable)
        if not self._stopped and not self._lost:
            self._lost = True
            self._sink.feed(report)

    async def _connect(self, stack: AsyncExitStack) -> AsyncSession:
        """Open the connection and have the set-up confirmed. Raises `LostError`."""
        began_us = self._sink.now_us()
        opening = self._client.aio.live.connect(model=self._setup.model, config=live_config(self._setup))
        try:
            async with asyncio.timeout(self._settings.connect_timeout_ms / 1000):
                with self._tap.attached():
                    session = await stack.enter_async_context(opening)
        except FAILURES as error:
            raise loss_of(error, self._settings, self._setup.handle) from error
        if session.setup_complete is None:
            raise LostError(0, NOT_CONFIRMED, retryable=True)
        self.connected = True
        if self._setup.history:  # before anything that the news of the connection leads to
            self.send(History(self._setup.history))
        now_us = self._sink.now_us()
        self._deliver(
            ModelConnected(
                at_us=now_us,
                model=self._setup.model,
                resumed=bool(self._setup.handle),
                seeded_characters=sum(len(turn.text) for turn in self._setup.seed),
                setup_ms=(now_us - began_us) // 1000,
                service=self._settings.service,
            )
        )
        return session

    async def _converse(self, session: AsyncSession) -> None:
        """Send and receive until the session is lost: raises `LostError`, alone in a group."""
        async with asyncio.TaskGroup() as pair:
            pair.create_task(self._uplink.drain(session, self._settings.send_timeout_ms / 1000), name="gemini uplink")
            while True:
                await self._receive_turn(session.receive())

    async def _receive_turn(self, messages: AsyncIterator[types.LiveServerMessage]) -> None:
        """Deliver what arrives until the SDK ends its iterator, which it does after every turn and
        every error."""
        while True:
            try:
                message = await anext(messages)
            except StopAsyncIteration:
                return
            except (
                TypeError,
                AttributeError,
                ValueError,
            ) as error:  # a message the SDK trips over; the connection is fine
                fields = (*self._tap.unknown_fields(), *_misread(error)) or (UNREADABLE,)
                self._deliver(ModelMessageUnrecognised(at_us=self._sink.now_us(), fields=fields))
                return
            except FAILURES as error:
                raise loss_of(error, self._settings, self._setup.handle) from error
            for item in inputs_of(message, self._sink.now_us(), self._voice, self._tap.unknown_fields()):
                self._deliver(item)


def _misread(error: Exception) -> list[str]:
    """Where the SDK's types disagree with a message, without what it said."""
    if not isinstance(error, ValidationError):
        return []
    places = (problem["loc"] for problem in error.errors(include_input=False, include_url=False))
    return sorted(
        {".".join(to_camel(step) if isinstance(step, str) else str(step) for step in place) for place in places}
    )
