"""How audio inputs get into the log and back out of it.

Frames and chunks are gathered into segments of at most one second. A segment's `arrivals` is a
packed table, one row for each frame or chunk: what the decisions were made on, in the order in
which it arrived.

    candidate's frame    <IQiBBBBH  seq, at_us, client_seq, level, gate, voice, over_echo, partial_samples (320 samples)
    interviewer's chunk  <IQI       seq, at_us, samples

Rows of frames that were recorded before `partial_samples`, or `over_echo`, was known are shorter;
their width tells.
"""

import hashlib
import struct
from collections.abc import Iterator

from domain.effects import StoreAudio
from domain.inputs import CandidateFrame, ModelAudio
from domain.ports import AudioSegment, Side
from domain.sound.features import NOTHING_PLAYED, FrameFeatures
from domain.sound.rates import FRAME_SAMPLES, MODEL_RATE_HZ, SAMPLE_RATE_HZ, samples

_FRAME = struct.Struct("<IQiBBBBH")
_OLDER_FRAMES = struct.Struct("<IQiBBBB"), struct.Struct("<IQiBBB")
_CHUNK = struct.Struct("<IQI")
_BYTES_PER_SAMPLE = 2
_MOST_PARTIAL_SAMPLES = 2**16 - 1
_CHUNK_SLACK_MS = 100
"""The interviewer's segments end so much before their limit: the chunk that comes next should still
fit."""


class Journal:
    """One side's audio on its way into segments."""

    __slots__ = ("_arrivals", "_enough", "_first_sample", "_limit", "_pcm", "_rate_hz", "_side", "due", "next_sample")

    def __init__(self, side: Side, segment_ms: int) -> None:
        self._side = side
        self._rate_hz = SAMPLE_RATE_HZ if side is Side.CANDIDATE else MODEL_RATE_HZ
        self._limit = samples(segment_ms, self._rate_hz)
        slack_ms = min(_CHUNK_SLACK_MS, segment_ms // 2) if side is Side.INTERVIEWER else 0
        self._enough = self._limit - samples(slack_ms, self._rate_hz)
        self._pcm: list[bytes] = []
        self._arrivals = bytearray()
        self._first_sample = 0
        self.next_sample = 0
        self.due = False
        """What waits has waited long enough, full segment or not."""

    @property
    def waiting(self) -> bool:
        """Whether audio waits to be stored."""
        return bool(self._pcm)

    @property
    def waiting_samples(self) -> int:
        """How much."""
        return self.next_sample - self._first_sample

    @property
    def full(self) -> bool:
        """Whether there is enough for a segment."""
        return self.waiting_samples >= self._enough

    def full_with(self, count: int) -> bool:
        """Whether `count` more samples would exceed a segment's length."""
        return self.waiting and self.waiting_samples + count > self._limit

    def frame(self, seq: int, at_us: int, frame: CandidateFrame) -> None:
        """Add a frame of the candidate's."""
        features = frame.features
        row = _FRAME.pack(seq, at_us, frame.client_seq, *features, min(frame.partial_samples, _MOST_PARTIAL_SAMPLES))
        self._add(frame.pcm, FRAME_SAMPLES, row)

    def chunk(self, seq: int, at_us: int, audio: ModelAudio) -> None:
        """Add a chunk of the interviewer's."""
        count = len(audio.pcm) // _BYTES_PER_SAMPLE
        self._add(audio.pcm, count, _CHUNK.pack(seq, at_us, count))

    def _add(self, pcm: bytes, count: int, row: bytes) -> None:
        self._pcm.append(pcm)
        self._arrivals += row
        self.next_sample += count

    def jump(self, count: int) -> None:
        """Leave out `count` positions of the stream. Needs a journal in which nothing waits."""
        assert not self.waiting
        self.next_sample += count
        self._first_sample = self.next_sample

    def forget(self) -> None:
        """Nothing waits any more."""
        self._pcm.clear()
        self._arrivals.clear()
        self._first_sample = self.next_sample
        self.due = False

    def seal(self) -> StoreAudio:
        """The segment gathered so far; the next one begins where it ends."""
        pcm = b"".join(self._pcm)
        sealed = StoreAudio(
            side=self._side,
            sha256=hashlib.sha256(pcm).hexdigest(),
            rate_hz=self._rate_hz,
            first_sample=self._first_sample,
            pcm=pcm,
            arrivals=bytes(self._arrivals),
        )
        self.forget()
        return sealed


def unpack(segment: AudioSegment) -> Iterator[tuple[int, CandidateFrame | ModelAudio]]:
    """The inputs that a stored segment was made of, each with its ordinal."""
    return _frames(segment) if segment.side is Side.CANDIDATE else _chunks(segment)


def _frames(segment: AudioSegment) -> Iterator[tuple[int, CandidateFrame]]:
    width = FRAME_SAMPLES * _BYTES_PER_SAMPLE
    for index, (seq, at_us, client_seq, *heard) in enumerate(_rows(segment, len(segment.pcm) // width)):
        *features, partial_samples = heard
        yield (
            seq,
            CandidateFrame(
                at_us=at_us,
                client_seq=client_seq,
                features=FrameFeatures(*features),
                pcm=segment.pcm[index * width : (index + 1) * width],
                partial_samples=partial_samples,
            ),
        )


def _rows(segment: AudioSegment, count: int) -> Iterator[tuple[int, ...]]:
    """The table's rows in today's form."""
    with_echo, without_echo = _OLDER_FRAMES
    width = len(segment.arrivals) // count if count else _FRAME.size
    if width == _FRAME.size:
        yield from _FRAME.iter_unpack(segment.arrivals)
    elif width == with_echo.size:
        yield from ((*row, 0) for row in with_echo.iter_unpack(segment.arrivals))
    else:
        yield from ((*row, NOTHING_PLAYED, 0) for row in without_echo.iter_unpack(segment.arrivals))


def _chunks(segment: AudioSegment) -> Iterator[tuple[int, ModelAudio]]:
    offset = 0
    for seq, at_us, count in _CHUNK.iter_unpack(segment.arrivals):
        width = count * _BYTES_PER_SAMPLE
        yield seq, ModelAudio(at_us=at_us, pcm=segment.pcm[offset : offset + width])
        offset += width
