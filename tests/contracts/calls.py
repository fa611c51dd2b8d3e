"""Small appends for the tests of the stores."""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID, uuid4

from domain.ports import Append, AudioSegment, EventWriter, Outcome, Side, StoredEvent

TOPIC = "test.noted.v1"


def event(call_id: UUID, version: int, note: str = "", topic: str = TOPIC) -> StoredEvent:
    """One event whose state is a little JSON."""
    return StoredEvent(call_id, version, topic, f'{{"note":"{note or version}"}}'.encode())


def append(call_id: UUID, first: int, count: int = 1, note: str = "", audio: Sequence[AudioSegment] = ()) -> Append:
    """`count` consecutive events of a call, from version `first` on."""
    events = tuple(event(call_id, version, note) for version in range(first, first + count))
    return Append(call_id, "acme", events, tuple(audio))


def segment(call_id: UUID, first_sample: int = 0, samples: int = 16_000, side: Side = Side.CANDIDATE) -> AudioSegment:
    """A segment of a quiet saw tooth, with a side table."""
    pcm = b"".join((number % 400 - 200).to_bytes(2, "little", signed=True) for number in range(samples))
    return AudioSegment(call_id, "acme", side, sha256(pcm).hexdigest(), 16_000, first_sample, pcm, b"arrivals")


class Outcomes:
    """Collects outcomes in the order in which they came."""

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self.seen: list[tuple[Append, Outcome]] = []

    def submit(self, *appends: Append) -> None:
        for item in appends:
            self._writer.submit(item, lambda outcome, item=item: self.seen.append((item, outcome)))  # type: ignore[misc]

    async def of(self, *appends: Append) -> list[Outcome]:
        """Submit all, flush, and return their outcomes in the order they were submitted."""
        self.submit(*appends)
        await self._writer.flush()
        return [outcome for wanted in appends for item, outcome in self.seen if item is wanted]


def new_call() -> UUID:
    return uuid4()
