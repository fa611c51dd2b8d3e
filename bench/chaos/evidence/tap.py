"""Writes a client's journal while the product's own client holds the call; all it changes is marks
in the audio."""

from collections.abc import Callable
from time import monotonic, time
from typing import Any

from api.client import VivaClient
from api.wire.protocol import ServerAudio
from bench.chaos.evidence.evidence import ClientJournal, Connection, MessageReplay, Played, Received
from bench.chaos.rig.door import Door, Passage
from bench.marks import MARKED_SAMPLES, marked


class Tap:
    """`journal` fills while the call goes on. `told` is called with each message, once it is
    written down."""

    def __init__(self, client: VivaClient, door: Door, number: int, told: Callable[[dict[str, Any]], None]) -> None:
        self.journal = ClientJournal(rate_hz=client.rate_hz)
        self._client = client
        self._door = door
        self._number = number
        self._told = told
        self._epoch = 1
        self._passages: list[tuple[Connection, Passage]] = []
        self._push = client.microphone.push
        self._take = client.loudspeaker.take
        self._play = client.loudspeaker._play
        self._put = client.inbox.put
        client.microphone.push = self.push  # type: ignore[method-assign]
        client.loudspeaker.take = self.take  # type: ignore[method-assign]
        client.loudspeaker._play = self.play  # type: ignore[method-assign]
        client.inbox.put = self.arrive  # type: ignore[method-assign]

    def finish(self) -> ClientJournal:
        """The call is over: the journal, with the ends of its connections."""
        for connection, passage in self._passages:
            connection.ended_s = passage.ended_s
        last = self._client.closed or self._client.error or {}
        self.journal.ended_as = str(last.get("reason") or last.get("code") or "")
        return self.journal

    def push(self, pcm: bytes) -> None:
        """A message of the microphone's, marked: silence, too, is unlike any other then."""
        if len(pcm) >= 2 * MARKED_SAMPLES:
            pcm = marked(pcm, self._number & 0xFF, len(self.journal.sent) & 0xFFFF)
        self.journal.sent.append(pcm)
        self._push(pcm)

    def take(self, audio: ServerAudio) -> None:
        """A message of the interviewer's voice."""
        self.journal.received.append(Received(time(), audio.generation, audio.sample, audio.pcm))
        self._take(audio)

    def play(self, due: int, now: float) -> None:
        """A tick of the loudspeaker."""
        loudspeaker = self._client.loudspeaker
        before = loudspeaker.played_sample
        self._play(due, now)
        after = loudspeaker.played_sample
        if after > before:
            played = min(after - before, due)
            at_s = time() - (monotonic() - now)  # of the tick, however long ago that is by now
            self.journal.played.append(Played(at_s, loudspeaker.playing_generation, after - played, after))

    def arrive(self, message: dict[str, Any]) -> None:
        """A control message of the server's."""
        passage = self._door.newest
        server = passage.backend if passage is not None else ""
        if message["type"] == "ready":
            self._epoch = message["epoch"]
            connection = Connection(time())
            self.journal.connections.append(connection)
            if passage is not None:
                self._passages.append((connection, passage))
        self.journal.told.append(MessageReplay(time(), server, self._epoch, message))
        self._put(message)
        self._told(message)
