"""One client's connection: reads its messages, finds its activity, and drives the conversation."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from adapters.gemini.rehearsal import messages
from adapters.gemini.rehearsal.activity import INPUT_HZ, ActivityDetector, Edge, Step
from adapters.gemini.rehearsal.conversation import Conversation, Services
from adapters.gemini.rehearsal.ear import Ear
from adapters.gemini.rehearsal.faults import FaultWatch, Point
from adapters.gemini.rehearsal.history import History, Turn
from adapters.gemini.rehearsal.interim import send_interim
from adapters.gemini.rehearsal.link import Link, LinkDroppedError
from adapters.gemini.rehearsal.mishaps import Mishaps
from adapters.gemini.rehearsal.received import Received, Window
from adapters.gemini.rehearsal.refusal import BAD_PAYLOAD, RefusalError, invalid
from adapters.gemini.rehearsal.setup import Setup, content_text, read_functions, read_setup
from adapters.gemini.rehearsal.wire import read_message

LONGEST_WINDOW_MS = 300_000
CONTEXT_FULL = "The input token count exceeds the maximum number of tokens allowed for this session."


class Session:
    """What one connection received and holds; inspected through `setup`, `received` and `history`."""

    def __init__(self, connection: ServerConnection, services: Services, watch: FaultWatch, *, vertex: bool) -> None:
        self.id = secrets.token_hex(8)
        self.setup: Setup | None = None
        self.received = Received(services.config.keep_bytes)
        self.refusal: RefusalError | None = None
        self.closed = asyncio.Event()
        self._connection = connection
        self._services = services
        self._watch = watch
        self._vertex = vertex
        self._conversation: Conversation | None = None
        self._window: Window | None = None
        self._seeding = False
        self._ear = Ear()

    @property
    def history(self) -> list[Turn]:
        """Every turn in the model's context, the model's as sent."""
        return self._conversation.history.turns if self._conversation else []

    @property
    def received_pcm(self) -> bytes:
        """All audio received, in or out of windows, within the budget of `keep_bytes`."""
        return bytes(self.received.pcm)

    @property
    def windows(self) -> list[Window]:
        """The finished windows of user activity, and the open one."""
        return [*self.received.windows, *([self._window] if self._window else [])]

    async def run(self) -> None:
        """Serve the connection until it ends, in whatever way."""
        try:
            async with asyncio.TaskGroup() as tasks:
                link = Link(self._connection, self._watch, tasks)
                try:
                    await self._read(link)
                except RefusalError as refusal:
                    self.refusal = refusal
                finally:
                    link.stop()
        except* (ConnectionClosed, LinkDroppedError):
            pass  # how a client leaves is its own affair
        finally:
            self.closed.set()
        if self.refusal is not None:
            await self._connection.close(self.refusal.close_code, self.refusal.reason)

    async def _read(self, link: Link) -> None:
        async for frame in self._connection:
            name, message = read_message(frame)
            self.received.messages[name] += 1
            if name == "setup":
                await self._begin(message, link)
            elif self._conversation is None:
                raise invalid("setup must be the first message, and its setupComplete must have arrived.")
            else:
                await self._handle(name, message, self._conversation)
                if self._conversation.history.is_full:
                    raise RefusalError(BAD_PAYLOAD, CONTEXT_FULL)

    async def _begin(self, message: Mapping[str, Any], link: Link) -> None:
        if self._conversation is not None:
            raise invalid("setup must be sent once, as the first message.")
        self.setup = setup = read_setup(message, self._services.config.models, vertex=self._vertex)
        turns = self._services.handles.resume(setup.handle, setup.model).turns if setup.handle else ()
        history = History(setup.instruction, turns, compresses=setup.compresses)
        self._conversation = Conversation(setup, history, link, self._services)
        Mishaps(self._conversation, link)
        self._seeding = setup.seeded and not setup.handle
        self._link = link
        self._detector = None if setup.detection.manual else ActivityDetector(setup.detection)
        config = self._services.config
        link.spawn(link.end_of_life(config.lifetime_ms, config.go_away_ms))
        await link.passes(Point.SETUP_COMPLETE)
        await link.send(messages.setup_complete(self.id))

    async def _handle(self, name: str, message: Mapping[str, Any], conversation: Conversation) -> None:
        match name:
            case "realtimeInput":
                await self._realtime(message, conversation)
            case "clientContent":
                await self._content(message, conversation)
            case "toolResponse":
                responses = message.get("functionResponses", ())
                conversation.take_tool_responses(
                    (item.get("id", ""), json.dumps(item.get("response", {}))) for item in responses
                )
            case "contextUpdate":
                if "systemInstruction" in message:
                    conversation.instruction = content_text(message["systemInstruction"])
                if "tools" in message:
                    conversation.functions = read_functions(message["tools"].get("tools", ()), conversation.setup.model)

    async def _content(self, message: Mapping[str, Any], conversation: Conversation) -> None:
        complete = message.get("turnComplete", False)
        await conversation.interrupt()
        conversation.read(_turns(message))
        seeding, self._seeding = self._seeding, self._seeding and not complete
        if complete and (not seeding or conversation.setup.seed_is_answered):
            conversation.reply()
        elif complete:
            await conversation.offer_handle()

    async def _realtime(self, message: Mapping[str, Any], conversation: Conversation) -> None:
        self._seeding = False
        manual = self._detector is None
        if "activityStart" in message:
            _require(manual, "Explicit activity control is not supported when automatic activity detection is enabled.")
            await self._open(conversation)
        if "mediaChunks" in message:
            _require(
                "2.5" in conversation.setup.model,
                "realtime_input.media_chunks is deprecated. Use audio, video, or text instead.",
            )
        chunks = [item for item in message.get("mediaChunks", ()) if item.get("mimeType", "").startswith("audio/")]
        for blob in [*chunks, *([message["audio"]] if "audio" in message else ())]:
            await self._audio(blob, conversation)
        if "text" in message:
            await self._text(message["text"], conversation)
        if message.get("audioStreamEnd"):
            _require(not manual, "Audio stream end is not supported when automatic activity detection is disabled.")
            await self._stream_ended(conversation)
        if "activityEnd" in message:
            _require(manual, "Explicit activity control is not supported when automatic activity detection is enabled.")
            self._close(conversation)

    async def _audio(self, blob: Mapping[str, Any], conversation: Conversation) -> None:
        pcm = self._ear.decode(blob, "realtimeInput.audio")
        self.received.audio(pcm)
        if self._detector is None:
            self._append(pcm, self._ear.rate_hz)
        else:
            for step in self._detector.feed(self._ear.at_16k(pcm)):
                await self._take(step, conversation)
        await self._link.passes(Point.RECEIVED_BYTES, len(pcm))

    async def _take(self, step: Step, conversation: Conversation) -> None:
        """One frame's outcome of the automatic detection."""
        if step.edge is Edge.START:
            await self._open(conversation)
        self._append(step.pcm, INPUT_HZ)
        if step.edge is Edge.END:
            self._close(conversation)

    async def _stream_ended(self, conversation: Conversation) -> None:
        step = self._detector.end_stream() if self._detector else None
        if step is not None:
            await self._take(step, conversation)

    async def _text(self, text: str, conversation: Conversation) -> None:
        if self._window is not None:
            self._window.typed.append(text)
            return
        if conversation.setup.detection.interrupts:
            await conversation.interrupt()
        conversation.read([Turn("user", text)])
        conversation.reply()

    async def _open(self, conversation: Conversation) -> None:
        if self._window is None:
            self._window = Window()
            config = self._services.config
            if config.interim_ms and conversation.setup.transcribe_input:
                self._link.spawn(send_interim(self._window, self._link, self._services.recogniser, config.interim_ms))
            if conversation.setup.detection.interrupts:
                await conversation.interrupt()

    def _append(self, pcm: bytes, rate_hz: int) -> None:
        window = self._window
        if window is None or not pcm:
            return
        window.rate_hz = rate_hz
        if len(window.pcm) < rate_hz * 2 * LONGEST_WINDOW_MS // 1000:
            window.pcm += pcm
        else:
            window.overflowed = True

    def _close(self, conversation: Conversation) -> None:
        window, self._window = self._window, None
        if window is not None:
            window.closed = True
            conversation.hear(window)
            self.received.window(window)
            conversation.reply()


def _turns(message: Mapping[str, Any]) -> list[Turn]:
    """The turns of a clientContent. Refuses (1007) a role that is neither user nor model, as Gemini does."""
    turns = []
    for content in message.get("turns", ()):
        role = content.get("role") or "user"
        _require(role in {"user", "model"}, "Please use a valid role: user, model.")
        turns.append(Turn(role, content_text(content)))
    return turns


def _require(allowed: bool, otherwise: str) -> None:
    if not allowed:
        raise invalid(otherwise)
