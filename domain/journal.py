"""How audio inputs get into the log and back out of it.

Frames and chunks are gathered into segments of at most one second. A segment's `arrivals` is a packed table, one row
for each frame or chunk: what the decisions were made on, in the order in which it arrived.

    candidate's frame    <IQiBBBB  seq, at_us, client_seq, level, gate, voice, over_echo     (320 samples each)
    interviewer's chunk  <IQI      seq, at_us, samples

Rows of frames that were recorded before `over_echo` was known are a byte shorter; their width tells.
"""

import hashlib
import struct
from collections.abc import Iterator

from domain.effects import StoreAudio
from domain.features import FrameFeatures
from domain.inputs import CandidateFrame, ModelAudio
from domain.policy import FRAME_SAMPLES, MODEL_RATE_HZ, SAMPLE_RATE_HZ, samples
from domain.ports import AudioSegment, Side

_FRAME = struct.Struct("<IQiBBBB")
_FRAME_WITHOUT_ECHO = struct.Struct("<IQiBBB")
_CHUNK = struct.Struct("<IQI")
_BYTES_PER_SAMPLE = 2


class Journal:
    """One side's audio on its way into segments."""

    __slots__ = ("_arrivals", "_first_sample", "_limit", "_pcm", "_rate_hz", "_side", "due", "next_sample")

    def __init__(self, side: Side, segment_ms: int) -> None:
        self._side = side
        self._rate_hz = SAMPLE_RATE_HZ if side is Side.CANDIDATE else MODEL_RATE_HZ
        self._limit = samples(segment_ms, self._rate_hz)
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
        """Whether a segment's length is reached."""
        return self.waiting_samples >= self._limit

    def full_with(self, count: int) -> bool:
        """Whether `count` more samples would exceed a segment's length."""
        return self.waiting and self.waiting_samples + count > self._limit

    def frame(self, seq: int, at_us: int, frame: CandidateFrame) -> None:
        """Add a frame of the candidate's."""
        features = frame.features
        row = _FRAME.pack(seq, at_us, frame.client_seq, *features)
        self._add(frame.pcm, FRAME_SAMPLES, row)

    def chunk(self, seq: int, at_us: int, audio: ModelAudio) -> None:
        """Add a chunk of the interviewer's."""
        count = len(audio.pcm) // _BYTES_PER_SAMPLE
        self._add(audio.pcm, count, _CHUNK.pack(seq, at_us, count))

    def _add(self, pcm: bytes, count: int, row: bytes) -> None:
        self._pcm.append(pcm)
        self._arrivals += row
        self.next_sample += count

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
        self._pcm.clear()
        self._arrivals.clear()
        self._first_sample = self.next_sample
        self.due = False
        return sealed


def unpack(segment: AudioSegment) -> Iterator[tuple[int, CandidateFrame | ModelAudio]]:
    """The inputs that a stored segment was made of, each with its ordinal."""
    return _frames(segment) if segment.side is Side.CANDIDATE else _chunks(segment)


def _frames(segment: AudioSegment) -> Iterator[tuple[int, CandidateFrame]]:
    width = FRAME_SAMPLES * _BYTES_PER_SAMPLE
    old = len(segment.arrivals) * width == len(segment.pcm) * _FRAME_WITHOUT_ECHO.size
    rows = (_FRAME_WITHOUT_ECHO if old else _FRAME).iter_unpack(segment.arrivals)
    for index, (seq, at_us, client_seq, *features) in enumerate(rows):
        pcm = segment.pcm[index * width : (index + 1) * width]
        yield seq, CandidateFrame(at_us=at_us, client_seq=client_seq, features=FrameFeatures(*features), pcm=pcm)


def _chunks(segment: AudioSegment) -> Iterator[tuple[int, ModelAudio]]:
    offset = 0
    for seq, at_us, count in _CHUNK.iter_unpack(segment.arrivals):
        width = count * _BYTES_PER_SAMPLE
        yield seq, ModelAudio(at_us=at_us, pcm=segment.pcm[offset : offset + width])
        offset += width
