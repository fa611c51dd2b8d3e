"""The model's side of a session: it listens to finished turns, thinks, speaks, and can be cut off.

At most one turn of the model is under way. It passes through thinking, speaking (audio faster than real time), and
playing (the server assumes that the client plays what it got) before it is complete; an interruption ends it in any
of these with `interrupted` and `turnComplete`.
"""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adapters.gemini.rehearsal import messages
from adapters.gemini.rehearsal.config import RehearsalConfig
from adapters.gemini.rehearsal.faults import Point
from adapters.gemini.rehearsal.history import AUDIO_TOKENS_PER_SECOND, History, Turn, text_tokens
from adapters.gemini.rehearsal.interviewer import next_line
from adapters.gemini.rehearsal.link import Link
from adapters.gemini.rehearsal.received import Window
from adapters.gemini.rehearsal.recognition import Recogniser
from adapters.gemini.rehearsal.resumption import Handles
from adapters.gemini.rehearsal.setup import Function, Setup
from adapters.gemini.rehearsal.speech import Speech
from adapters.gemini.rehearsal.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions of a server share."""

    config: RehearsalConfig
    speech: Speech
    recogniser: Recogniser
    handles: Handles


@dataclass(slots=True)
class Reply:
    """A turn of the model under way: what of it was sent, and the context it was billed for."""

    prompt: tuple[int, int] = (0, 0)
    place: int = 0
    """Where in the history it belongs: before whatever is taken in while it goes on."""
    meant: str = ""
    utterance: Utterance | None = None
    sent: int = 0
    recorded: bool = False
    completing: bool = False
    tool_tokens: int = 0
    open_calls: dict[str, asyncio.Event] = field(default_factory=dict)

    @property
    def sent_ms(self) -> int:
        return min(self.sent * self.utterance.chunk_ms, self.utterance.duration_ms) if self.utterance else 0

    @property
    def audio_tokens(self) -> int:
        return -(-self.sent_ms * AUDIO_TOKENS_PER_SECOND // 1000)


class Conversation:
    """One session's turns. Every method is called from the session's reader, one at a time."""

    def __init__(self, setup: Setup, history: History, link: Link, services: Services) -> None:
        self.setup = setup
        self.history = history
        self.instruction = setup.instruction
        self.functions = setup.functions
        self._link = link
        self._services = services
        self._reply: Reply | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._queued: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None

    @property
    def is_replying(self) -> bool:
        """Whether a turn of the model is under way, audible or not."""
        return self._speaking is not None and not self._speaking.done()

    def hear(self, window: Window) -> None:
        """Take in a finished window: its words, in the order of the windows, whatever the model is doing."""
        self._hearing = self._link.spawn(self._take_in(window, bytes(window.pcm), self._hearing))

    def read(self, turns: Sequence[Turn]) -> None:
        """Take in typed turns, after what is still being listened to."""
        if self._hearing is None or self._hearing.done():
            self._add(turns)
        else:
            self._hearing = self._link.spawn(self._add_after(self._hearing, turns))

    def reply(self) -> None:
        """Answer what was taken in; after the turn under way, if there is one (that is how NO_INTERRUPTION works)."""
        if not self.is_replying:
            self._speaking = self._link.spawn(self._answer(self._hearing))
        elif self._queued is None or self._queued.done():
            self._queued = self._link.spawn(self._answer_after(self._speaking))

    async def interrupt(self) -> None:
        """Cut off the turn under way, if any, and say so."""
        if self._queued is not None:
            self._queued.cancel()
        task, reply = self._speaking, self._reply
        self._speaking = self._reply = None
        if task is None or task.done():
            return
        if reply is not None and reply.completing:
            await asyncio.wait([task])
            return
        task.cancel()
        await asyncio.wait([task])
        reply = reply or Reply()
        reply.prompt = reply.prompt if reply.utterance else self.history.prompt_tokens()
        self._record(reply)
        await self._link.send(messages.server_content(interrupted=True))
        if reply.open_calls:
            await self._link.send(messages.tool_call_cancellation(list(reply.open_calls)))
        await self._complete(reply)

    def take_tool_responses(self, responses: Iterable[tuple[str, str]]) -> None:
        """Take in (call id, response as text) pairs. A call that is not open any more is only remembered."""
        for call_id, text in responses:
            self.history.add(Turn("tool", text))
            if self._reply is not None and call_id in self._reply.open_calls:
                self._reply.tool_tokens += text_tokens(text)
                self._reply.open_calls.pop(call_id).set()

    async def _take_in(self, window: Window, pcm: bytes, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        window.text = await self._services.recogniser.transcribe(pcm, window.rate_hz)
        if pcm or not window.typed:
            self.history.add(Turn("user", window.text, max(1, len(pcm) * 500 // window.rate_hz)))
        self._add([Turn("user", text) for text in window.typed])
        if self.setup.transcribe_input and window.text:
            await self._link.passes(Point.INPUT_TRANSCRIPTION)
            await self._link.send(messages.input_transcription(window.text))

    async def _add_after(self, before: asyncio.Task[None], turns: Sequence[Turn]) -> None:
        await asyncio.wait([before])
        self._add(turns)

    def _add(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            self.history.add(turn)

    async def _answer_after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._speaking = self._link.spawn(self._answer(self._hearing))

    async def _answer(self, hearing: asyncio.Task[None] | None) -> None:
        """One whole turn of the model."""
        self._reply = reply = Reply()
        if self.setup.resumable:
            await self._link.send(messages.resumption(""))
        thought = asyncio.get_running_loop().time() + self._services.config.thinking_ms / 1000
        if hearing is not None:
            await asyncio.wait([hearing])
        reply.prompt, reply.place = self.history.prompt_tokens(), len(self.history.turns)
        line = next_line(self.instruction, self.history.turns, self.functions)
        utterance = await self._services.speech.say(
            line.text, self.setup.voice, transcribed=self.setup.transcribe_output
        )
        await _sleep_until(thought)
        await self._link.passes(Point.REPLY)
        reply.utterance, reply.meant = utterance, line.text
        began = asyncio.get_running_loop().time()
        await self._speak(reply, utterance, began)
        self._record(reply)
        if line.call is not None:
            await self._call(reply, line.call)
        await self._link.passes(Point.GENERATION_COMPLETE)
        await self._link.send(messages.server_content(generationComplete=True))
        await _sleep_until(began + utterance.duration_ms / 1000 * self._services.config.assumed_playback)
        await self._complete(reply)

    async def _speak(self, reply: Reply, utterance: Utterance, began: float) -> None:
        step_s = utterance.chunk_ms / 1000 / self._services.config.speed
        for number, frame in enumerate(utterance.messages):
            await _sleep_until(began + number * step_s)
            reply.sent = number + 1
            await self._link.send(frame)

    async def _call(self, reply: Reply, function: Function) -> None:
        """Call a declared function; a blocking one holds the turn until the response is there."""
        call_id, answered = f"function-call-{secrets.randbits(63)}", asyncio.Event()
        if function.blocking:
            reply.open_calls[call_id] = answered
        await self._link.send(messages.tool_call(call_id, function.name, {}))
        if function.blocking:
            await answered.wait()

    async def _complete(self, reply: Reply) -> None:
        await self._link.passes(Point.TURN_COMPLETE)
        reply.completing = True
        usage = messages.usage(reply.prompt, reply.audio_tokens, reply.tool_tokens)
        await self._link.send(messages.turn_complete(usage))
        await self.offer_handle()

    async def offer_handle(self) -> None:
        """Give out a handle for the conversation as it is now, if the setup asked for handles."""
        if self.setup.resumable:
            handle = self._services.handles.issue(self.history.snapshot(self.setup.model))
            await self._link.send(messages.resumption(handle))

    def _record(self, reply: Reply) -> None:
        """Put what was sent into the history, once; a turn that was cut off before its first audio leaves nothing."""
        if reply.utterance is not None and reply.sent and not reply.recorded:
            reply.recorded = True
            utterance = reply.utterance
            stands_in = reply.sent == len(utterance.messages) and utterance.text != reply.meant
            said = utterance.said_until(reply.sent)
            self.history.add(Turn("model", said, reply.sent_ms, reply.meant if stands_in else ""), reply.place)


async def _sleep_until(moment: float) -> None:
    delay = moment - asyncio.get_running_loop().time()
    if delay > 0:
        await asyncio.sleep(delay)
