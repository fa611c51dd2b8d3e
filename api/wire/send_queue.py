"""One connection's messages to its client: a bounded queue, drained by one task.

When a client does not keep up, stale messages are dropped, and only those: an interim transcript
that a later text replaces, a state that the call has left. They are counted, and an event says so.
When the queue is full all the same, nobody waits: `send` says no, and the call ends with a reason;
the playout sends only a few hundred ms ahead, so a full queue means that the client does not read.
Only then are the waiting messages given up (`give_up`), so that a client that reads again after all
finds the reason next. A replay for a client that has reconnected waits as one message of any size:
a long past does not make a client slow.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from api.wire.protocol import ServerAudio, encode_control, encode_server_audio

_LONGEST_QUEUE = 500
_BEHIND = 50
"""With so many messages waiting a client is slow: stale ones need not wait with them."""


class Wire(Protocol):
    """The part of a websocket that the queue uses."""

    async def send_text(self, data: str) -> None: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class _Waiting(NamedTuple):
    kind: str
    data: str | bytes | Iterator[dict[str, Any]]
    subject: Hashable
    """What this will be stale about when more is said of it; None for what never is."""


class SendQueue:
    """`send` and `send_audio` never wait; `run` carries what they queued to the wire until `finish`
    was called."""

    def __init__(self, wire: Wire, longest: int = _LONGEST_QUEUE, behind: int = _BEHIND) -> None:
        self._wire = wire
        self._queue: OrderedDict[int, _Waiting] = OrderedDict()
        self._newest: dict[Hashable, int] = {}
        self._filled = asyncio.Event()
        self._longest, self._behind = longest, behind
        self._audio_seq = self._number = 0
        self._shed: Counter[str] = Counter()
        self._again: Iterator[dict[str, Any]] = iter(())
        self._finished = False
        self.finishing = asyncio.Event()
        """Set once `finish` was called: the connection has a bounded time left."""
        self.close_code, self.close_reason = 1000, ""

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._queue)

    def send(self, message: dict[str, Any]) -> bool:
        """Queue a control message. False when the client has not read for too long."""
        about, replaceable = _subject(message)
        older = self._newest.pop(about, None)
        if older is not None and len(self._queue) >= self._behind:
            self._shed[self._queue.pop(older).kind] += 1
        return self._put(_Waiting(message["type"], encode_control(message), about if replaceable else None))

    def send_audio(self, generation: int, sample: int, pcm: bytes) -> bool:
        """Queue audio. False when the client has not read for too long."""
        audio = ServerAudio(self._audio_seq, generation, sample, pcm)
        self._audio_seq += 1
        return self._put(_Waiting("audio", encode_server_audio(audio), None))

    def send_again(self, messages: Iterable[dict[str, Any]]) -> bool:
        """Queue what the client has missed; each is encoded when its turn comes. False as for
        `send`."""
        return self._put(_Waiting("again", iter(messages), None))

    def take_shed(self, *, ended: bool = False) -> dict[str, int]:
        """How many messages of each type were thrown away since this last said so: once the client
        keeps up again.

        Or now, if the connection has ended.
        """
        if not self._shed or (len(self._queue) >= self._behind and not ended):
            return {}
        shed, self._shed = dict(self._shed), Counter()
        return shed

    def give_up(self) -> None:
        """Throw away what waits."""
        for each in self._queue.values():
            again = each.data if isinstance(each.data, Iterator) else None
            self._shed.update([each.kind] if again is None else (message["type"] for message in again))
        self._shed.update(message["type"] for message in self._again)
        self._queue.clear()
        self._newest.clear()

    def finish(self, code: int, reason: str) -> None:
        """Close the connection once everything queued before has gone out. Only the first call
        counts."""
        if not self._finished:
            self._finished = True
            self.finishing.set()
            self._filled.set()
            self.close_code, self.close_reason = code, reason[:120]

    async def run(self) -> None:
        """Send until finished; then close the connection."""
        while self._queue or not self._finished:
            if self._queue:
                await self._send_next()
            else:
                self._filled.clear()
                await self._filled.wait()
        await self._wire.close(self.close_code, self.close_reason)

    async def _send_next(self) -> None:
        number, message = self._queue.popitem(last=False)
        if self._newest.get(message.subject) == number:
            del self._newest[message.subject]
        if isinstance(message.data, str):
            await self._wire.send_text(message.data)
        elif isinstance(message.data, bytes):
            await self._wire.send_bytes(message.data)
        else:
            self._again = message.data
            for each in self._again:
                await self._wire.send_text(encode_control(each))
                await asyncio.sleep(0)  # a wire that takes all of it at once leaves others their turn

    def _put(self, message: _Waiting) -> bool:
        if self._finished:
            return True
        if len(self._queue) >= self._longest:
            return False
        self._number += 1
        self._queue[self._number] = message
        if message.subject is not None:
            self._newest[message.subject] = self._number
        self._filled.set()
        return True


def _subject(message: dict[str, Any]) -> tuple[Hashable, bool]:
    """What a message makes an earlier one stale about, and whether a later one makes it stale as
    well."""
    match message:
        case {"type": "transcript", "who": who, "number": number, "interim": interim}:
            return (who, number), bool(interim)
        case {"type": "state"}:
            return "state", True
        case _:
            return None, False
