"""What one simulated call left behind: what was decided, what went over the wires, and what was
true."""

from dataclasses import dataclass, field
from typing import TypeVar

from bench.turns.scenes.corpus import RATE_HZ
from bench.turns.scenes.scene import Part, Scene
from bench.turns.stage.loudspeaker import Played
from bench.turns.stage.model import Window
from domain.event import Event
from domain.states import State

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A control message as the client's wire received it: `hold`, `release` or `flush`."""

    at_us: int
    type: str


@dataclass(slots=True)
class Trace:
    """Times are on the call's clock, which began with the microphone; positions are 16 kHz samples
    since then."""

    scene: Scene
    starts: list[int | None]
    events: list[Event] = field(default_factory=list)
    messages: list[ReceivedMessage] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    states: list[tuple[int, State]] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    received: list[tuple[int, int]] = field(default_factory=list)
    """What the model received, as ranges of the candidate's stream, in order: each byte is what the
    log has there."""
    received_wrong: int = 0
    """Samples that the model received and that are not what the log has at that place."""
    heard_samples: int = 0
    length_us: int = 0

    def of(self, *kinds: type[E]) -> list[E]:
        """The events of these kinds, in order."""
        return [event for event in self.events if isinstance(event, kinds)]

    def minutes_in(self, *states: State) -> float:
        """How long the call was in any of these states."""
        ends = [*(at_us for at_us, _ in self.states[1:]), self.length_us]
        spent = sum(end - at_us for (at_us, state), end in zip(self.states, ends, strict=True) if state in states)
        return spent / 60e6

    def state_at(self, at_us: int) -> State | None:
        """The state the call was in at a moment."""
        found = None
        for since_us, state in self.states:
            if since_us > at_us:
                break
            found = state
        return found

    def onset_us(self, number: int) -> int:
        """When a part truly began; -1 if it never did."""
        start = self.starts[number]
        return -1 if start is None else start * 1_000_000 // RATE_HZ

    def speech_us(self, number: int) -> list[tuple[int, int]]:
        """A part's voiced stretches."""
        began = self.onset_us(number)
        return [(began + round(1e6 * start), began + round(1e6 * end)) for start, end in self.part(number).speech]

    def part(self, number: int) -> Part:
        return self.scene.parts[number]

    def first_sent_us(self, kind: str, after_us: int, before_us: int | None = None) -> int | None:
        """When the first message of this kind was sent at or after a moment; None if none was."""
        for message in self.messages:
            if message.type == kind and message.at_us >= after_us and (before_us is None or message.at_us < before_us):
                return message.at_us
        return None
