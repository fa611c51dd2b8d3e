"""The model's side of a session: it listens to finished turns, thinks, speaks, and can be cut off.

At most one turn of the model is under way. It passes through thinking, speaking (audio faster than
real time), and playing (the server assumes that the client plays what it got) before it is
complete; an interruption ends it in any of these with `interrupted` and `turnComplete`.
"""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.rehearsal.config import RehearsalConfig
from adapters.rehearsal.faults import Action, Point
from adapters.rehearsal.hearing.recognition import Recogniser
from adapters.rehearsal.interviewer.interviewer import next_line
from adapters.rehearsal.session.history import History, Snapshot, Turn, text_tokens
from adapters.rehearsal.session.link import Link
from adapters.rehearsal.session.notes import heard_of_last_reply
from adapters.rehearsal.session.received import Window
from adapters.rehearsal.session.reply import Reply, sleep_until
from adapters.rehearsal.session.resumption import Handles
from adapters.rehearsal.speech.speech import Speech
from adapters.rehearsal.wire import messages
from adapters.rehearsal.wire.setup import Function, Setup


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions of a server share."""

    config: RehearsalConfig
    speech: Speech
    recogniser: Recogniser
    handles: Handles


class Conversation:
    """One session's turns. Every method is called from the session's reader, one at a time."""

    def __init__(
        self, setup: Setup, history: History, link: Link, services: Services, session: str, resumed: Snapshot | None
    ) -> None:
        self.setup = setup
        self.history = history
        self.session = session
        self.lineage = resumed.lineage if resumed is not None else session
        self._unanswered = list(resumed.unanswered) if resumed is not None else []
        self._lost_calls = bool(self._unanswered) and setup.lost_calls_swallow
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

    @property
    def under_way(self) -> Reply | None:
        """The turn of the model that is under way."""
        return self._reply if self.is_replying else None

    def hear(self, window: Window) -> None:
        """Take in a finished window: its words, in the order of the windows, whatever the model is
        doing."""
        self._hearing = self._link.spawn(self._take_in(window, bytes(window.pcm), self._hearing))

    def read(self, turns: Sequence[Turn]) -> None:
        """Take in typed turns, after what is still being listened to."""
        if self._hearing is None or self._hearing.done():
            self._add(turns)
        else:
            self._hearing = self._link.spawn(self._add_after(self._hearing, turns))

    def reply(self) -> None:
        """Answer what was taken in; after the turn under way, if there is one (that is how
        NO_INTERRUPTION works).

        A function call that a resumed session still waits for swallows the turn.
        """
        if self._lost_calls:
            self._lost_calls = False
            self._link.log.note("swallowed")
        elif not self.is_replying:
            self._speaking = self._link.spawn(self._answer(self._hearing))
        elif self._queued is None or self._queued.done():
            self._queued = self._link.spawn(self._answer_after(self._speaking))

    async def interrupt(self) -> None:
        """Cut off the turn under way, if any, and say so."""
        if self._queued is not None:
            self._queued.cancel()
        reply = await self.stop()
        if reply is None:
            return
        faults = await self._link.passes(Point.INTERRUPTION)
        late = faults.get(Action.LATE_AUDIO)
        if late is not None and not late.after:
            await self._talk_on(reply, late.ms)
        if Action.TURN_COMPLETE_FIRST in faults:
            await self.complete(reply)
        if Action.OMIT not in faults:
            await self._link.send(messages.server_content(interrupted=True))
        if late is not None and late.after:
            await self._talk_on(reply, late.ms)
        if reply.open_calls:
            await self._link.send(messages.tool_call_cancellation(list(reply.open_calls)))
        if Action.TURN_COMPLETE_FIRST not in faults:
            await self.complete(reply)

    async def stop(self) -> Reply | None:
        """Stop the turn under way without a word; None if there is none, or if its end is being
        sent already."""
        task, reply = self._speaking, self._reply
        self._speaking = self._reply = None
        if task is None or task.done():
            return None
        if reply is not None and reply.completing:
            await asyncio.wait([task])
            return None
        task.cancel()
        await asyncio.wait([task])
        reply = reply or Reply()
        reply.prompt = reply.prompt if reply.utterance else self.history.prompt_tokens()
        return reply

    def take_tool_responses(self, responses: Iterable[tuple[str, str]]) -> None:
        """Take in (call id, response as text) pairs. A response to a call that is not open any more
        only enters the history."""
        for call_id, text in responses:
            self.history.add(Turn("tool", text))
            if call_id in self._unanswered:
                self._unanswered.remove(call_id)
                self._lost_calls = self._lost_calls and bool(self._unanswered)
            if self._reply is not None and call_id in self._reply.open_calls:
                self._reply.tool_tokens += text_tokens(text)
                self._reply.open_calls.pop(call_id).set()

    async def _take_in(self, window: Window, pcm: bytes, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        window.text = await self._services.recogniser.transcribe(pcm, window.rate_hz)
        self._link.log.note("heard", window=window.number, text=window.text)
        notes = [heard_of_last_reply(text) for text in window.typed]
        for heard in notes:
            if heard is not None:
                self.history.correct(heard)
        if pcm or not window.typed:
            self.history.add(Turn("user", window.text, max(1, len(pcm) * 500 // window.rate_hz)))
        self._add([Turn("user", text) for text, heard in zip(window.typed, notes, strict=True) if heard is None])
        if self.setup.transcribe_input and window.text:
            faults = await self._link.passes(Point.INPUT_TRANSCRIPTION)
            if Action.OMIT not in faults:
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
        await sleep_until(thought)
        faults = await self._link.passes(Point.REPLY)
        if Action.SILENCE in faults:
            return
        if Action.CHOOSE_SILENCE in faults:
            await self.complete(reply, chose_silence=True)
            return
        reply.utterance, reply.meant = utterance, line.text
        self._link.log.note("replying", text=utterance.text)
        began = asyncio.get_running_loop().time()
        await reply.speak(self._link, began, self._services.config.speed)
        self.record(reply)
        if line.call is not None:
            await self._call(reply, line.call)
        faults = await self._link.passes(Point.GENERATION_COMPLETE)
        if Action.OMIT not in faults:
            await self._link.send(messages.server_content(generationComplete=True))
        await sleep_until(began + utterance.duration_ms / 1000 * self._services.config.assumed_playback)
        await self.complete(reply)

    async def _talk_on(self, reply: Reply, duration_ms: int) -> None:
        """Send more of a turn that was cut off, at its usual pace."""
        if reply.utterance is not None and reply.sent:
            now = asyncio.get_running_loop().time()
            await reply.speak(self._link, now, self._services.config.speed, duration_ms)

    async def _call(self, reply: Reply, function: Function) -> None:
        """Call a declared function; a blocking one holds the turn until the response is there."""
        call_id, answered = f"function-call-{secrets.randbits(63)}", asyncio.Event()
        self._unanswered.append(call_id)
        if function.blocking:
            reply.open_calls[call_id] = answered
        await self._link.send(messages.tool_call(call_id, function.name, {}))
        if function.blocking:
            await answered.wait()

    async def complete(self, reply: Reply, *, chose_silence: bool = False) -> None:
        """End a turn: put the sent part into the history, bill it, and say so."""
        self.record(reply)
        faults = await self._link.passes(Point.TURN_COMPLETE)
        if Action.OMIT in faults:
            return
        reply.completing = True
        usage = messages.usage(reply.prompt, reply.audio_tokens, reply.tool_tokens)
        await self._link.send(messages.turn_complete(usage, waiting=chose_silence))
        await self.offer_handle()

    async def offer_handle(self) -> None:
        """Give out a handle for the conversation as it is now, if the setup asked for handles."""
        if not self.setup.resumable:
            return
        if self._hearing is not None:  # what it is about to know belongs to the conversation as it is now
            await asyncio.wait([self._hearing])
        now = Snapshot(self.setup.model, tuple(self.history.turns), tuple(self._unanswered), self.session, self.lineage)
        await self._link.send(messages.resumption(self._services.handles.issue(now)))

    def record(self, reply: Reply) -> None:
        """Put what was sent into the history, once; a turn that was cut off before its first audio
        leaves nothing."""
        if reply.utterance is not None and reply.sent and not reply.recorded:
            reply.recorded = True
            utterance = reply.utterance
            stands_in = reply.sent == len(utterance.messages) and utterance.text != reply.meant
            said = utterance.said_until(reply.sent)
            self._link.log.note("said", text=said, audio_ms=reply.sent_ms)
            self.history.add(Turn("model", said, reply.sent_ms, reply.meant if stands_in else ""), reply.place)
