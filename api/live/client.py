"""The client's side of a call: its hellos, its audio, what it asks for, and what it must not do."""

from typing import assert_never

from api.live.call_ports import CallPorts
from api.live.candidate_audio import CandidateAudio
from api.live.client_link import ClientConnection, ClientLink
from api.live.intake import IntakeFrame
from api.live.loop import CallLoop
from api.live.model import ModelSide
from api.live.transcript import Transcript
from api.wire import protocol
from api.wire.rate_limits import RateLimit
from api.wire.receive_queue import ReceiveHandler
from api.wire.send_queue import SendQueue
from domain import inputs as inp
from domain.effects import TellReady
from domain.errors import PeerError
from domain.record.client_messages import kept_version
from domain.rules.ending import CLIENT_AT_FAULT
from domain.states import State

_HELLOS_PER_S, _HELLOS_AT_ONCE = 2, 30
_NO_VIOLATIONS = frozenset({"call_closed", "already_connected", "moving"})
"""Refusals of a hello that say nothing against the client."""


class ClientSide(ReceiveHandler):
    """Connections come and go (`join`, `detach`); the call stays. What comes in becomes inputs."""

    def __init__(
        self,
        loop: CallLoop,
        ports: CallPorts,
        link: ClientLink,
        voice: CandidateAudio,
        model: ModelSide,
        transcript: Transcript,
    ) -> None:
        self._hellos = RateLimit("hellos", _HELLOS_PER_S, _HELLOS_AT_ONCE, code="call_busy")
        """How often clients may connect: each time costs the log some events."""
        self._loop = loop
        self._call = loop.call
        self._ports = ports
        self._link = link
        self._candidate_audio = voice
        self._model = model
        self._transcript = transcript

    # --- connections ---------------------------------------------------------------------------------------------

    async def join(self, connection: ClientConnection, hello: protocol.Hello) -> None:
        """A client said hello: read what it missed, if that is not in memory, and connect it.

        Raises `StoreError`, and `PeerError` as `attach` does, or `call_busy` for too many hellos.
        """
        self._hellos.spend()
        kept = kept_version(hello.seen_version, hello.seen_epoch, self._call.record.takeovers)
        await self._transcript.reach_back(kept)
        try:
            self.attach(connection, hello)
        except PeerError as error:
            if error.code not in _NO_VIOLATIONS:
                self.violated(error)
            raise

    def attach(self, connection: ClientConnection, hello: protocol.Hello) -> None:
        """Connect a client; `ready` is the first thing it is sent.

        To a call that is over it may still send what was not acknowledged, within the grace period.

        Raises `PeerError` (bad_sample_rate, call_closed, already_connected, moving).
        """
        self._admit(hello.client_id)
        left = self._candidate_audio.connect(hello.rate_hz)
        resumed = self._call.record.clients > 0
        self._link.record_dropped(ended=True)
        self._link.dismiss("replaced", "Another connection said hello for this call; use that one.")
        self._hear(left)
        connected = inp.ClientConnected(
            at_us=self._loop.now_us(),
            rate_hz=hello.rate_hz,
            resumed=resumed,
            played_sample=hello.played_sample,
            seen_version=hello.seen_version,
            seen_epoch=hello.seen_epoch,
            agent=hello.agent,
        )
        self._link.connect(connection, hello.client_id)
        self._loop.feed(connected)

    def _admit(self, client_id: str) -> None:
        """A second client takes the call or not, as policy has it; one that comes back replaces its
        own lost connection."""
        reason = self._call.record.close_reason
        if self._call.state is State.CLOSED and (reason in CLIENT_AT_FAULT or self._loop.over.is_set()):
            raise PeerError("call_closed", f"The call is over ({reason}): open a new one.")
        if self._loop.closed_to_clients:
            raise PeerError("moving", "The call is moving to another server: connect again.")
        same = client_id != "" and client_id == self._link.client_id
        if self.guarded and not same:
            raise PeerError("already_connected", "This call is open elsewhere: use it there, or close it first.")

    @property
    def guarded(self) -> bool:
        """Whether a client is connected that no other may replace."""
        return self._link.open and self._call.policy.links.second_client == "refuse"

    def answer_hello(self, ready: TellReady) -> None:
        """An acknowledgement may have been lost with the last connection."""
        self._link.send_ready(ready, self._candidate_audio.next_seq)
        if self._loop.appender.durable_seq >= 0:
            self.acknowledge(self._loop.appender.durable_seq)

    def acknowledge(self, client_seq: int) -> None:
        """Audio up to this message is stored."""
        self._link.send({"type": "ack", "seq": client_seq})

    def detach(self, send_queue: SendQueue, reason: str, left: bool) -> None:
        """A connection ended; the client closed it in order if it `left`. Nothing happens if it has
        been replaced."""
        if self._link.leads_to(send_queue):
            self._link.lost()
            self._loop.feed(inp.ClientLost(at_us=self._loop.now_us(), reason=reason, left=left))

    # --- what comes in -------------------------------------------------------------------------------------------

    def is_attached(self, send_queue: SendQueue) -> bool:
        return self._link.leads_to(send_queue)

    def take_audio(self, audio: protocol.ClientAudio) -> None:
        if not self._call.record.handed_over:  # otherwise not acknowledged: it goes to the next owner
            self._hear(self._candidate_audio.take(audio, self._loop.now_us()))

    def take_control(self, message: protocol.ClientMessage) -> None:
        at_us = self._loop.now_us()
        match message:
            case protocol.Playback(played_sample, held):
                self._loop.feed(inp.PlaybackReported(at_us=at_us, played_sample=played_sample, held=held))
            case protocol.Mute():
                self._loop.feed(inp.MicMuted(at_us=at_us))
                self._model.link.audio_stream_end()
            case protocol.Unmute():
                self._loop.feed(inp.MicUnmuted(at_us=at_us))
            case protocol.Hangup(reason):
                self.flush()
                self._loop.feed(inp.HangupRequested(at_us=at_us, by="candidate", reason=reason))
            case protocol.Ping(number):
                self._link.send({"type": "pong", "id": number})
            case protocol.Pong():
                pass  # the connection measures round trips
            case protocol.Hello():
                raise PeerError("unknown_type", "Say hello once per connection: open a new one to say it again.")
            case _:
                assert_never(message)

    def take_round_trip(self, round_trip_us: int) -> None:
        self._loop.feed(inp.RoundTripMeasured(at_us=self._loop.now_us(), round_trip_us=round_trip_us))

    def receive_queue_filled(self) -> None:
        self._ports.counts.receive_queue_full += 1

    def violated(self, error: PeerError) -> None:
        """The client gets the error, the call ends, and its log says so."""
        over = self._call.state is State.CLOSED
        self._loop.feed(inp.ClientViolatedProtocol(at_us=self._loop.now_us(), code=error.code, message=error.message))
        if over:  # the core only records it
            self._link.send_closed()
            self._link.dismiss(error.code, error.message)

    def flush(self) -> None:
        """No more audio is awaited: what waits for the rest of its frame is heard."""
        self._hear(self._candidate_audio.finish())

    def _hear(self, frames: list[IntakeFrame]) -> None:
        """Frames of the candidate's, one after the other."""
        for frame in self._candidate_audio.listen(frames):
            self._loop.feed(frame)
