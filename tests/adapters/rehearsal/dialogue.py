"""A client of the rehearsal server for tests: the real google-genai SDK, listening in the
background."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession

from adapters.rehearsal import RehearsalConfig, RehearsalServer

CANDIDATE = Path(__file__).parents[2] / "data" / "candidate"
MODEL = "gemini-3.8-live"
INSTRUCTION = "You are an interviewer.\n\nQuestions:\n1. Who are you?\n2. What do you do?\n3. Why here?\n"
MANUAL = {"automatic_activity_detection": {"disabled": True}}
FRAME_BYTES = 640
Message = types.LiveServerMessage


def quick(**settings: Any) -> RehearsalConfig:
    """A server that loses no time: hardly thinks, sends at once, and takes its audio for played
    when it is sent."""
    return RehearsalConfig(**({"thinking_ms": 5, "speed": 1000.0, "assumed_playback": 0.0} | settings))


def recording(name: str) -> bytes:
    """A recorded answer as 16 kHz PCM16."""
    samples, rate_hz = soundfile.read(CANDIDATE / f"{name}.flac", dtype="int16")
    assert rate_hz == 16_000
    pcm: bytes = samples.astype("<i2").tobytes()
    return pcm


def silence(duration_ms: int) -> bytes:
    """Digital silence, 16 kHz PCM16."""
    return np.zeros(16 * duration_ms, "<i2").tobytes()


class Dialogue:
    """One session, and everything the server has said in it."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.messages: list[Message] = []
        self.closed: errors.APIError | None = None
        self._changed = asyncio.Condition()

    async def listen(self) -> None:
        """Collect messages until the connection closes."""
        try:
            while True:
                async for message in self.session.receive():
                    await self._note(message)
        except errors.APIError as error:
            self.closed = error
            async with self._changed:
                self._changed.notify_all()

    async def _note(self, message: Message) -> None:
        async with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    async def until(self, met: Callable[["Dialogue"], Any]) -> Any:
        """Wait until `met(self)` is true, and return it. Fails when the connection closes before."""
        async with self._changed:
            await self._changed.wait_for(lambda: met(self) or self.closed)
        found = met(self)
        assert found, f"closed before it came: {self.closed}; {self.course}"
        return found

    async def until_closed(self) -> errors.APIError:
        """Wait for the server to close, and return how it did."""
        await self.until(lambda dialogue: dialogue.closed)
        assert self.closed is not None
        return self.closed

    async def until_turns(self, count: int) -> None:
        """Wait until `count` turns of the model are complete."""
        await self.until(lambda dialogue: dialogue.course.count("turn_complete") >= count)

    async def begin(self) -> None:
        """Ask the interviewer to begin, and wait for its first turn's end."""
        await self.session.send_realtime_input(text="Please begin.")
        await self.until_turns(1)

    async def send(self, pcm: bytes, rate_hz: int = 16_000) -> None:
        """Send audio in frames of 640 bytes, as fast as it goes."""
        for start in range(0, len(pcm), FRAME_BYTES):
            blob = types.Blob(data=pcm[start : start + FRAME_BYTES], mime_type=f"audio/pcm;rate={rate_hz}")
            await self.session.send_realtime_input(audio=blob)

    async def window(self, pcm: bytes, rate_hz: int = 16_000) -> None:
        """Send audio inside an activity window of its own."""
        await self.session.send_realtime_input(activity_start=types.ActivityStart())
        await self.send(pcm, rate_hz)
        await self.session.send_realtime_input(activity_end=types.ActivityEnd())

    async def ask(self, text: str) -> None:
        """Send one finished typed turn as client content."""
        turn = types.Content(role="user", parts=[types.Part(text=text)])
        await self.session.send_client_content(turns=turn, turn_complete=True)

    @property
    def course(self) -> list[str]:
        """What happened, in order, runs of audio as one."""
        course: list[str] = []
        for message in self.messages:
            course += [name for name in _names(message) if name != "audio" or course[-1:] != ["audio"]]
        return course

    @property
    def audio(self) -> bytes:
        """All the model's audio, 24 kHz PCM16."""
        return b"".join(message.data or b"" for message in self.messages)

    def said(self, side: str = "output") -> list[str]:
        """Transcription pieces of one side, in order."""
        contents = [message.server_content for message in self.messages if message.server_content]
        pieces = [getattr(content, f"{side}_transcription") for content in contents]
        return [piece.text for piece in pieces if piece and piece.text]

    @property
    def handles(self) -> list[str]:
        """Resumption handles so far; an empty one where the session could not be resumed."""
        updates = [message.session_resumption_update for message in self.messages]
        return [update.new_handle or "" for update in updates if update]


def _names(message: Message) -> Sequence[str]:
    content = message.server_content
    names = [name for name in ("tool_call", "tool_call_cancellation", "go_away") if getattr(message, name)]
    if content is None:
        return names
    flags = ("input_transcription", "interrupted", "generation_complete", "turn_complete")
    return [*names, *(["audio"] if content.model_turn else []), *(name for name in flags if getattr(content, name))]


@asynccontextmanager
async def dial(
    server: RehearsalServer, *, model: str = MODEL, instruction: str = INSTRUCTION, **config: Any
) -> AsyncIterator[Dialogue]:
    """A session with `server` over TLS, manual activity detection unless `realtime_input_config`
    says otherwise."""
    context = ssl.create_default_context(cafile=str(server.ca_file))
    options = types.HttpOptions(base_url=server.wss_url, async_client_args={"ssl": context})
    client = genai.Client(api_key="rehearsal", http_options=options)
    settings = {
        "response_modalities": ["AUDIO"],
        "system_instruction": instruction,
        "realtime_input_config": MANUAL,
    } | config
    try:
        async with client.aio.live.connect(model=model, config=types.LiveConnectConfig(**settings)) as session:
            dialogue = Dialogue(session)
            listening = asyncio.create_task(dialogue.listen())
            try:
                yield dialogue
            finally:
                listening.cancel()
                await asyncio.wait([listening])
    finally:
        await client.aio.aclose()
        client.close()
