"""One client's connection: reads its messages, finds its activity, and drives the conversation."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from adapters.rehearsal.faults import Action, Fault, FaultWatch, Point
from adapters.rehearsal.hearing.ear import Ear
from adapters.rehearsal.session.activity import INPUT_HZ, ActivityDetector, Edge, Step
from adapters.rehearsal.session.conversation import Conversation, Services
from adapters.rehearsal.session.floor import Floor
from adapters.rehearsal.session.history import History, Snapshot, Turn
from adapters.rehearsal.session.link import Link, LinkDroppedError
from adapters.rehearsal.session.notes import instructed_conversation
from adapters.rehearsal.session.received import Received, Window
from adapters.rehearsal.session.session_log import SessionLog
from adapters.rehearsal.session.turn_faults import TurnFaults
from adapters.rehearsal.wire import messages
from adapters.rehearsal.wire.parsing import read_message
from adapters.rehearsal.wire.refusal import BAD_PAYLOAD, RefusalError, invalid
from adapters.rehearsal.wire.setup import Setup, content_text, read_functions, read_setup, read_turns

_FOR_EVER_S = 1e6
CONTEXT_FULL = "The input token count exceeds the maximum number of tokens allowed for this session."


class Session:
    """What one connection received and holds; inspected through `setup`, `received` and `history`."""

    def __init__(
        self, connection: ServerConnection, services: Services, watch: FaultWatch, *, vertex: bool, number: int
    ) -> None:
        self.id = secrets.token_hex(8)
        self.number = number
        self.setup: Setup | None = None
        self.received = Received(services.config.keep_bytes)
        self.refusal: RefusalError | None = None
        self.closed = asyncio.Event()
        self._connection = connection
        self._services = services
        self._watch = watch
        self._vertex = vertex
        self._conversation: Conversation | None = None
        self._seeding = False
        self._ear = Ear()
        self._deaf_until = 0.0
        self.log = SessionLog(services.config.session_logs, f"{number:05d}-{self.id}")

    @property
    def lineage(self) -> str:
        """The id of the session that this one goes back to through its handle; empty until it has
        begun."""
        return self._conversation.lineage if self._conversation else ""

    @property
    def live(self) -> bool:
        """Whether its setup was accepted and its connection lives."""
        return self._conversation is not None and not self.closed.is_set()

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
        window = self._floor.window if self._conversation else None
        return [*self.received.windows, *([window] if window else [])]

    async def run(self) -> None:
        """Serve the connection until it ends, in whatever way."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._link = link = Link(self._connection, self._watch, tasks, self.log)
                link.on(Action.STALL, self._stop_reading)
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
            self.log.note("refused", code=self.refusal.close_code, reason=self.refusal.reason)
            await self._connection.close(self.refusal.close_code, self.refusal.reason)
        self.log.note("closed", code=self._connection.close_code)
        self.log.close()

    def strike(self, fault: Fault) -> bool:
        """Let an action happen now; False where the session has not begun or is over."""
        return self.live and self._link.strike(fault)

    async def _stop_reading(self, fault: Fault) -> None:
        self._deaf_until = asyncio.get_running_loop().time() + (fault.ms / 1000 or _FOR_EVER_S)

    async def _read(self, link: Link) -> None:
        async for frame in self._connection:
            if self._deaf_until:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._deaf_until):
                        await self._connection.wait_closed()
                        return
                self._deaf_until = 0.0
            name, message = read_message(frame)
            self.received.messages[name] += 1
            self.log.received(name, message)
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
        resumed = await self._resume(setup, link)
        instructed = [Turn(role, text) for role, text in instructed_conversation(setup.instruction)]
        history = History(setup.instruction, resumed.turns if resumed else instructed, compresses=setup.compresses)
        self._conversation = Conversation(setup, history, link, self._services, self.id, resumed)
        self.log.note(
            "begun",
            session=self.id,
            lineage=self.lineage,
            follows=resumed.session if resumed else "",
            seeded=setup.seeded,
            turns=len(history.turns),
        )
        self._floor = Floor(self._conversation, link, self._services, self.received)
        TurnFaults(self._conversation, link)
        self._seeding = setup.seeded and not setup.handle
        self._detector = None if setup.detection.manual else ActivityDetector(setup.detection)
        config = self._services.config
        link.spawn(link.end_of_life(config.lifetime_ms, config.go_away_ms))
        faults = await link.passes(Point.SETUP_COMPLETE)
        if Action.OMIT not in faults:
            await link.send(messages.setup_complete(self.id))

    async def _resume(self, setup: Setup, link: Link) -> Snapshot | None:
        """What the setup's handle stands for; None without one."""
        if not setup.handle:
            return None
        faults = await link.passes(Point.RESUME)
        snapshot = self._services.handles.resume(setup.handle, setup.model)
        return replace(snapshot, turns=(), unanswered=()) if Action.FORGET in faults else snapshot

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
        conversation.read(read_turns(message))
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
            await self._floor.open()
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
            self._floor.close()

    async def _audio(self, blob: Mapping[str, Any], conversation: Conversation) -> None:
        pcm = self._ear.decode(blob, "realtimeInput.audio")
        self.received.audio(pcm)
        self.log.audio(pcm)
        if self._detector is None:
            self._floor.append(pcm, self._ear.rate_hz)
        else:
            for step in self._detector.feed(self._ear.at_16k(pcm)):
                await self._take(step, conversation)
        await self._link.passes(Point.RECEIVED_BYTES, len(pcm))

    async def _take(self, step: Step, conversation: Conversation) -> None:
        """One frame's outcome of the automatic detection."""
        if step.edge is Edge.START:
            await self._floor.open()
        self._floor.append(step.pcm, INPUT_HZ)
        if step.edge is Edge.END:
            self._floor.close()

    async def _stream_ended(self, conversation: Conversation) -> None:
        step = self._detector.end_stream() if self._detector else None
        if step is not None:
            await self._take(step, conversation)

    async def _text(self, text: str, conversation: Conversation) -> None:
        if self._floor.window is not None:
            self._floor.window.typed.append(text)
            return
        if conversation.setup.detection.interrupts:
            await conversation.interrupt()
        conversation.read([Turn("user", text)])
        conversation.reply()


def _require(allowed: bool, otherwise: str) -> None:
    if not allowed:
        raise invalid(otherwise)
