"""Faults that happen to a turn under way, or with none under way at all: what the model says that
is not so."""

import asyncio

from adapters.rehearsal.faults import Action, Fault
from adapters.rehearsal.session.conversation import Conversation
from adapters.rehearsal.session.link import Link
from adapters.rehearsal.session.reply import Reply
from adapters.rehearsal.wire import messages


class TurnFaults:
    """Carries these faults out in one session."""

    def __init__(self, conversation: Conversation, link: Link) -> None:
        self._conversation = conversation
        self._link = link
        link.on(Action.INTERRUPTED, self._phantom)
        link.on(Action.PREMATURE, self._end_early)
        link.on(Action.GAP, self._stall)
        link.on(Action.TONE, self._degenerate)

    async def _phantom(self, fault: Fault) -> None:
        self._link.spawn(self._interrupt(fault))  # a turn cannot stop itself from within

    async def _interrupt(self, fault: Fault) -> None:
        """Say that the turn was interrupted though nobody spoke."""
        stopped = None if fault.goes_on else await self._conversation.stop()
        await self._link.send(messages.server_content(interrupted=True))
        if stopped is not None:
            self._conversation.record(stopped)
        if fault.ends:
            await self._conversation.complete(stopped or Reply())

    async def _end_early(self, _: Fault) -> None:
        reply = self._conversation.under_way or Reply()
        await self._link.send(messages.turn_complete(messages.usage(reply.prompt, reply.audio_tokens)))

    async def _stall(self, fault: Fault) -> None:
        if reply := self._conversation.under_way:
            reply.stalled_until = asyncio.get_running_loop().time() + fault.ms / 1000

    async def _degenerate(self, fault: Fault) -> None:
        if reply := self._conversation.under_way:
            reply.toned, reply.tone_ms = True, fault.ms
