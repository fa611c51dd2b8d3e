"""What is known of one call afterwards: its log, its audio, what its client saw, and what Gemini's
sessions received.

All `*_s` are seconds of wall time, on the one clock of the one machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.event import Event
from domain.ports import AudioSegment, Side


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A control message as the client received it: which incarnation of which server sent it, and in
    which epoch of the call."""

    at_s: float
    server: str
    epoch: int
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.body["type"])


@dataclass(frozen=True, slots=True)
class Received:
    """One message of the interviewer's voice: PCM16 at 24 kHz, from `sample` of its stream on."""

    at_s: float
    generation: int
    sample: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Played:
    """What a tick of the client's loudspeaker played, up to `at_s`."""

    at_s: float
    generation: int
    from_sample: int
    to_sample: int


@dataclass(slots=True)
class Connection:
    """One connection of the client's, from its hello to its end; infinite while it lasts."""

    began_s: float
    ended_s: float = float("inf")


@dataclass(slots=True)
class ClientEvidence:
    """Everything that one client did and saw. `sent[seq]` is the PCM of an audio message, at
    `rate_hz`."""

    rate_hz: int = 16_000
    sent: list[bytes] = field(default_factory=list)
    messages: list[ReceivedMessage] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    ended_as: str = ""
    """Why the client thinks that the call is over: the reason of `closed`, or the code of an error."""

    def of(self, kind: str) -> list[ReceivedMessage]:
        """All messages of one type."""
        return [each for each in self.messages if each.kind == kind]

    @property
    def acknowledged(self) -> int:
        """The newest audio message that the server acknowledged as durable; -1 for none."""
        return max((each.body["seq"] for each in self.of("ack")), default=-1)


@dataclass(slots=True)
class Window:
    """One window of activity as a Gemini session received it: PCM16 at 16 kHz."""

    pcm: bytes = b""
    closed: bool = False


@dataclass(slots=True)
class GeminiSession:
    """One accepted set-up at the interviewer. `handles` says how many of its windows each handle
    stands for."""

    name: str
    began_s: float
    model: str = ""
    handle: str = ""
    """By which it resumed an earlier session; empty for a fresh one."""
    seeds: int = 0
    """Turns of an earlier conversation that it was given in words."""
    ended_s: float = float("inf")
    openings_s: list[float] = field(default_factory=list)
    """When each window was opened: from then on audio flowed."""
    replies_s: list[float] = field(default_factory=list)
    """When the first audio of each reply was sent."""
    windows: list[Window] = field(default_factory=list)
    handles: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallEvidence:
    """One call. `events` are in the order of the log, `audio` is what is stored of both sides,
    `sessions` by age."""

    call_id: UUID
    events: Sequence[Event]
    audio: Sequence[AudioSegment]
    client: ClientEvidence
    sessions: Sequence[GeminiSession]
    may_end_as: frozenset[str] = frozenset({"completed", "hangup_by_candidate"})
    """How this call may end, given what was done to it."""

    def segments(self, side: Side) -> list[AudioSegment]:
        """One side's stored segments."""
        return [each for each in self.audio if each.side is side]
