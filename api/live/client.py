"""The client's side of a call: its hellos, its audio, what it asks for, and what it must not do."""

from collections.abc import Callable
from typing import assert_never

from api.live.candidate_audio import CandidateAudio
from api.live.client_link import ClientLink
from api.live.closing import Closing
from api.live.greeting import ready_message
from api.live.intake import IntakeFrame
from api.live.message_replay import MessageReplay
from api.wire import protocol
from api.wire.rate_limits import RateLimit
from api.wire.send_queue import SendQueue
from api.wire.tokens import Token
from domain import inputs as inp
from domain.call import Call
from domain.errors import PeerError
from domain.record.client_messages import kept_version
from domain.states import State
from domain.timers import Timer

_HELLOS_PER_S, _HELLOS_AT_ONCE = 2, 30


class ClientSide:
    """Connections come and go (`attach`, `detach`); the call stays.

    What comes in becomes inputs of the call (`feed`), with times of its clock (`now_us`).
    `acknowledged` says up to which message the client's audio is stored, `muted` is called when the
    microphone was switched off, and `settled` says whether nothing of this call is recorded any
    more.
    """

    def __init__(
        self,
        call: Call,
        voice: CandidateAudio,
        line: ClientLink,
        told: MessageReplay,
        closing: Closing,
        *,
        now_us: Callable[[], int],
        feed: Callable[[inp.Input], None],
        acknowledged: Callable[[], int],
        muted: Callable[[], None],
        settled: Callable[[], bool],
    ) -> None:
        self.hellos = RateLimit("hellos", _HELLOS_PER_S, _HELLOS_AT_ONCE, code="call_busy")
        """How often clients may connect: each time costs the log some events."""
        self.told = told
        self._call = call
        self._voice = voice
        self._line = line
        self._closing = closing
        self._now_us = now_us
        self._feed = feed
        self._acknowledged = acknowledged
        self._muted = muted
        self._settled = settled
        self._greeting: tuple[protocol.Hello, Token, int] | None = None

    def attach(self, send_queue: SendQueue, hello: protocol.Hello, token: Token, ping_interval_ms: int) -> None:
        """A client said hello on a new connection; `ready` is the first thing it is sent, with this
        fresh token.

        To a call that is over, it may still send what was not acknowledged, within the grace
        period.

        Raises `PeerError` (bad_sample_rate, call_closed, already_connected).
        """
        over = self._call.state is State.CLOSED
        if over and (self._closing.at_fault or self._settled()):
            raise PeerError("call_closed", f"The call is over ({self._call.record.close_reason}): open a new one.")
        self._admit(hello.client_id)
        left = self._voice.connect(hello.rate_hz)
        resumed = self._call.record.clients > 0
        self._line.record_shed(ended=True)
        self._line.let_go("replaced", "Another connection said hello for this call; use that one.")
        self.hear(left)
        connected = inp.ClientConnected(
            at_us=self._now_us(),
            rate_hz=hello.rate_hz,
            resumed=resumed,
            played_sample=hello.played_sample,
            agent=hello.agent,
        )
        self._line.connect(send_queue, hello.client_id)
        self._greeting = hello, token, ping_interval_ms
        self._feed(connected)
        if over:
            self._closing.tell_again(self._call.record, self._call.timers.left_us(Timer.GRACE, self._now_us()) // 1000)

    def _admit(self, client_id: str) -> None:
        """A second client takes the call or not, as policy has it; one that comes back replaces its
        own lost line."""
        same = client_id != "" and client_id == self._line.client_id
        if self.guarded and not same:
            raise PeerError("already_connected", "This call is open elsewhere: use it there, or close it first.")

    def greet(self) -> None:
        """Before anything that the hello led to; an acknowledgement may have been lost with the
        last connection."""
        assert self._greeting is not None
        hello, token, ping_interval_ms = self._greeting
        kept = self.kept_version(hello)
        self._line.tell(ready_message(self._call, self._voice.next_seq, token, ping_interval_ms, kept))
        if self._acknowledged() >= 0:
            self._line.tell({"type": "ack", "seq": self._acknowledged()})
        self._line.tell_again(self.told.after(kept))

    @property
    def guarded(self) -> bool:
        """Whether a client is connected that no other may replace."""
        return self._line.open and self._call.policy.links.second_client == "refuse"

    def kept_version(self, hello: protocol.Hello) -> int:
        """Up to which version what this client has seen still holds."""
        record = self._call.record
        return min(record.version, kept_version(hello.seen_version, hello.seen_epoch, record.takeovers))

    def is_attached(self, send_queue: SendQueue) -> bool:
        """Whether this connection is the call's."""
        return self._line.leads_to(send_queue)

    def detach(self, send_queue: SendQueue, reason: str, left: bool) -> None:
        """A connection ended; the client closed it in order if it `left`. Nothing happens if it has
        been replaced."""
        if self._line.leads_to(send_queue):
            self._line.lost()
            self._feed(inp.ClientLost(at_us=self._now_us(), reason=reason, left=left))

    def take_audio(self, audio: protocol.ClientAudio) -> None:
        """One audio message. Raises `PeerError` (audio_gap, audio_ahead, message_too_big)."""
        if self._call.record.handed_over:
            return  # not acknowledged: it goes to whoever has the call next
        self.hear(self._voice.take(audio, self._now_us()))

    def take_control(self, message: protocol.ClientMessage) -> None:
        """One control message after the hello."""
        at_us = self._now_us()
        match message:
            case protocol.Playback(played_sample, held):
                self._feed(inp.PlaybackReported(at_us=at_us, played_sample=played_sample, held=held))
            case protocol.Mute():
                self._feed(inp.MicMuted(at_us=at_us))
                self._muted()
            case protocol.Unmute():
                self._feed(inp.MicUnmuted(at_us=at_us))
            case protocol.Hangup(reason):
                self.hear(self._voice.finish())
                self._feed(inp.HangupRequested(at_us=at_us, by="candidate", reason=reason))
            case protocol.Ping(number):
                self._line.tell({"type": "pong", "id": number})
            case protocol.Pong():
                pass  # the connection measures round trips
            case protocol.Hello():
                raise PeerError("unknown_type", "Say hello once per connection: open a new one to say it again.")
            case _:
                assert_never(message)

    def violated(self, error: PeerError) -> None:
        """The client did what it must not: it is told why, the call ends, and its log says so."""
        self._closing.blame(error.code)
        over = self._call.state is State.CLOSED
        self._feed(inp.ClientViolatedProtocol(at_us=self._now_us(), code=error.code, message=error.message))
        if over:  # the core only records it
            self._closing.tell()
            self._line.let_go(error.code, error.message)

    def hear(self, frames: list[IntakeFrame]) -> None:
        """Frames of the candidate's, one after the other."""
        for frame in self._voice.listen(frames, self._now_us):
            self._feed(frame)
