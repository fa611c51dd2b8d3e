"""The transcript of a call, for a client that missed some of it and for a session that knows none
of it.

It follows from the log. Memory holds this process's own part, at most 20,000 messages (a call of
three hours has a few thousand); older ones are read from the log when they are needed, once, in one
read.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import structlog

from api.live.call_ports import CallPorts
from api.wire.messages import message_of
from domain.effects import TellTranscript
from domain.errors import StoreUnavailableError
from domain.event import Event
from domain.record.client_messages import REPLAYED, ReplayableMessage, messages_in
from domain.record.conversation import CONVERSATION, Conversation, SeedRequest, Turn, seed_turns

_log = structlog.get_logger(__name__)
_MOST = 20_000
_EVENTS_AT_ONCE = 100
_LOOK_AGAIN_S = 0.25
_TEXT = frozenset({*CONVERSATION, *REPLAYED})
_TOPICS = tuple(sorted(kind.TOPIC for kind in _TEXT))


class Transcript:
    """One call's. Of a call that was recovered, `messages` and `events` are all there are from
    version `known_from` on."""

    def __init__(
        self,
        call_id: UUID,
        ports: CallPorts,
        known_from: int = 1,
        messages: Iterable[ReplayableMessage] = (),
        events: Sequence[Event] = (),
        most: int = _MOST,
    ) -> None:
        self._call_id = call_id
        self._ports = ports
        self._most = most
        self._messages: deque[ReplayableMessage] = deque()
        self._messages_from = known_from
        """From this version on, the messages are complete."""
        self._conversation: Conversation | None = Conversation() if known_from == 1 else None
        """None as long as its beginning is in the log alone."""
        self._recovered_from = known_from
        self._since: list[Event] = []
        """The events of text from there on, as long as there is no conversation to fold them into."""
        self._reading = asyncio.Lock()
        for message in messages:
            self.keep(message)
        self.fold(events)

    def keep(self, message: ReplayableMessage) -> None:
        """Keep a message for the client, connected or not. Interim texts are not kept: others
        replace them."""
        if _is_interim(message):
            return
        self._messages.append(message)
        if len(self._messages) > self._most:
            self._messages_from = self._messages.popleft().version + 1

    def fold(self, events: Iterable[Event]) -> None:
        """These happened next."""
        for event in events:
            if self._conversation is not None:
                self._conversation.fold(event)
            elif type(event) in _TEXT:
                self._since.append(event)

    def after(self, version: int) -> Iterator[dict[str, Any]]:
        """The messages for a client that has seen everything up to `version`, as of now."""
        missed = [message for message in self._messages if message.version > version]
        return (message_of(message) | {"again": True} for message in missed)

    async def reach_back(self, version: int) -> None:
        """Hold all messages that rest on events after `version`, read from the log where memory
        does not have them. Raises `StoreError`."""
        if version + 1 < self._messages_from:
            await self._read()

    async def seed(self, request: SeedRequest) -> tuple[Turn, ...]:
        """The seed of a session that knows nothing. Waits for a database that
        is away."""
        while self._conversation is None:
            try:
                await self._read()
            except StoreUnavailableError as error:
                _log.warning("conversation_waits", call_id=str(self._call_id), error=str(error))
                await asyncio.sleep(_LOOK_AGAIN_S)
        return seed_turns(self._conversation, request)

    async def _read(self) -> None:
        """Read the messages that memory does not hold, unless that was done meanwhile."""
        async with self._reading:  # of those that miss it at a time, the first one reads
            if self._messages_from == 1 and self._conversation is not None:
                return
            before = max(self._messages_from, self._recovered_from)
            older = await self._events_before(before)
            messages = [message for message in messages_in(older) if not _is_interim(message)]
            newest = messages[-1].version if messages else 0
            self._messages = deque([*messages, *(each for each in self._messages if each.version > newest)])
            self._messages_from = 1
            if self._conversation is None:
                conversation = Conversation()
                for event in (
                    *(each for each in older if each.originator_version < self._recovered_from),
                    *self._since,
                ):
                    conversation.fold(event)
                self._conversation, self._since = conversation, []

    async def _events_before(self, version: int) -> list[Event]:
        """The events of text before `version`, decoded a few at a time: other calls are being held."""
        stored = await self._ports.reader.select_events(self._call_id, lte=version - 1, topics=_TOPICS)
        events = []
        for number, each in enumerate(stored, start=1):
            events.append(self._ports.codec.to_event(each))
            if number % _EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return events


def _is_interim(message: ReplayableMessage) -> bool:
    return isinstance(message, TellTranscript) and message.interim
