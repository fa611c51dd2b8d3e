"""One side's stored audio, as its log names it: by position, with gaps where the stream jumped."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.event import Event
from domain.events import CandidateAudioRecorded, InterviewerAudioRecorded
from domain.ports import AudioSegment, Side


@dataclass(frozen=True, slots=True)
class Named:
    """What an event says of a segment."""

    version: int
    sha256: str
    first_sample: int
    samples: int
    client_seq: int = -1

    @property
    def end_sample(self) -> int:
        return self.first_sample + self.samples


def named(events: Sequence[Event], side: Side) -> Iterator[Named]:
    """The segments of one side that the log names, in the order of the log."""
    for event in events:
        if isinstance(event, CandidateAudioRecorded) and side is Side.CANDIDATE:
            yield Named(event.originator_version, event.sha256, event.first_sample, event.samples, event.client_seq)
        elif isinstance(event, InterviewerAudioRecorded) and side is Side.INTERVIEWER:
            yield Named(event.originator_version, event.sha256, event.first_model_sample, event.samples)


class Tape:
    """Segments that the log names and the store holds, joined where they follow each other."""

    def __init__(self, events: Sequence[Event], audio: Sequence[AudioSegment], side: Side) -> None:
        held = {(each.first_sample, each.sha256): each.pcm for each in audio if each.side is side}
        self.pieces: list[tuple[int, bytes]] = []
        """(first sample, PCM) of each stretch without a gap."""
        for each in named(events, side):
            pcm = held.get((each.first_sample, each.sha256), b"")
            if self.pieces and each.first_sample == self.end_sample:
                first, before = self.pieces[-1]
                self.pieces[-1] = (first, before + pcm)
            else:
                self.pieces.append((each.first_sample, pcm))

    @property
    def end_sample(self) -> int:
        """Behind the last sample; 0 for an empty tape."""
        if not self.pieces:
            return 0
        first, pcm = self.pieces[-1]
        return first + len(pcm) // 2

    def read(self, from_sample: int, to_sample: int) -> bytes:
        """PCM of the positions from..to; shorter where the tape does not hold them all."""
        at = bisect_right([first for first, _ in self.pieces], from_sample) - 1
        if at < 0:
            return b""
        first, pcm = self.pieces[at]
        return pcm[2 * (from_sample - first) : 2 * (to_sample - first)]
