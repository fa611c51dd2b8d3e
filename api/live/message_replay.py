"""The messages that a call's client keeps, to be sent again to one that missed them.

They follow from the log. The newest are held in memory, at most 20,000 (a call of three hours has a
few thousand); for a client that has seen less than that, as after a reload of its page, the others
are read from the log.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from api.live.call_ports import CallPorts
from api.wire.messages import message_of
from domain.effects import TellTranscript
from domain.record.client_messages import ReplayableMessage, messages_in

_MOST = 20_000
_EVENTS_AT_ONCE = 100


class MessageReplay:
    """One call's. `known_from` is the version from which on `messages` are all there are."""

    def __init__(self, known_from: int = 1, messages: Iterable[ReplayableMessage] = (), most: int = _MOST) -> None:
        self._known_from = known_from
        self._most = most
        self._messages: deque[ReplayableMessage] = deque()
        self._reading = asyncio.Lock()
        for message in messages:
            self.keep(message)

    def keep(self, message: ReplayableMessage) -> None:
        """The client was sent this, or would have been. Interim texts are not kept: others replace
        them."""
        if _is_interim(message):
            return
        self._messages.append(message)
        if len(self._messages) > self._most:
            self._known_from = self._messages.popleft().version + 1

    def after(self, version: int) -> Iterator[dict[str, Any]]:
        """The messages for a client that has seen everything up to `version`, as of now."""
        missed = [message for message in self._messages if message.version > version]
        return (message_of(message) | {"again": True} for message in missed)

    async def reach_back(self, version: int, ports: CallPorts, call_id: UUID) -> None:
        """Hold all that rests on events after `version`, read from the log where memory has let it
        go. Raises `StoreError`."""
        if version + 1 >= self._known_from:
            return
        async with self._reading:  # of those that miss it at a time, the first one reads
            if self._known_from == 1:
                return
            older = await _messages_before(self._known_from, ports, call_id)
            newest = older[-1].version if older else 0
            self._messages = deque([*older, *(each for each in self._messages if each.version > newest)])
            self._known_from = 1


async def _messages_before(version: int, ports: CallPorts, call_id: UUID) -> list[ReplayableMessage]:
    """On the loop a few events at a time: other calls are being held."""
    stored = await ports.reader.select_events(call_id, lte=version - 1)
    messages = []
    for number, message in enumerate(messages_in(map(ports.codec.to_event, stored)), start=1):
        if message is not None and not _is_interim(message):
            messages.append(message)
        if number % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return messages


def _is_interim(message: ReplayableMessage) -> bool:
    return isinstance(message, TellTranscript) and message.interim
