"""Records what a client sends and receives while the product's own client holds the call. All it
changes is marks in the audio."""

from collections.abc import Callable
from time import monotonic, time
from typing import Any

from api.client import VivaClient
from api.wire.protocol import ServerAudio
from bench.chaos.evidence.evidence import ClientEvidence, Connection, Played, Received, ReceivedMessage
from bench.chaos.rig.proxy import Passage, Proxy
from bench.marks import MARKED_SAMPLES, marked


class Tap:
    """`evidence` fills while the call goes on. `on_message` is called with each message, once it is
    recorded."""

    def __init__(
        self, client: VivaClient, proxy: Proxy, number: int, on_message: Callable[[dict[str, Any]], None]
    ) -> None:
        self.evidence = ClientEvidence(rate_hz=client.rate_hz)
        self._client = client
        self._proxy = proxy
        self._number = number
        self._on_message = on_message
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

    def finish(self) -> ClientEvidence:
        """The call is over: the evidence, with the ends of its connections."""
        for connection, passage in self._passages:
            connection.ended_s = passage.ended_s
        last = self._client.closed or self._client.error or {}
        self.evidence.ended_as = str(last.get("reason") or last.get("code") or "")
        return self.evidence

    def push(self, pcm: bytes) -> None:
        """A message of the microphone's, marked: silence, too, is unlike any other then."""
        if len(pcm) >= 2 * MARKED_SAMPLES:
            pcm = marked(pcm, self._number & 0xFF, len(self.evidence.sent) & 0xFFFF)
        self.evidence.sent.append(pcm)
        self._push(pcm)

    def take(self, audio: ServerAudio) -> None:
        """A message of the interviewer's voice."""
        self.evidence.received.append(Received(time(), audio.generation, audio.sample, audio.pcm))
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
            self.evidence.played.append(Played(at_s, loudspeaker.playing_generation, after - played, after))

    def arrive(self, message: dict[str, Any]) -> None:
        """A control message of the server's."""
        passage = self._proxy.newest
        server = passage.backend if passage is not None else ""
        if message["type"] == "ready":
            self._epoch = message["epoch"]
            connection = Connection(time())
            self.evidence.connections.append(connection)
            if passage is not None:
                self._passages.append((connection, passage))
        self.evidence.messages.append(ReceivedMessage(time(), server, self._epoch, message))
        self._put(message)
        self._on_message(message)
