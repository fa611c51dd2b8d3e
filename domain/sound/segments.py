"""How audio inputs get into the log and back out of it.

Frames and chunks are gathered into segments of at most one second. A segment's `arrivals` is a
packed table, one row for each frame or chunk: what the decisions were made on, in the order in
which it arrived.

    candidate's frame    <IQiBBBBBHH  seq, at_us, client_seq, the features (level, gate, voice, over_echo, peak,
                                      clipped), partial_samples (320 samples)
    interviewer's chunk  <IQIBBI      seq, at_us, samples, level, peak, clipped

How loud the segment is follows from the same rows.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator

from domain.effects import StoreAudio
from domain.inputs import CandidateFrame, ModelAudio
from domain.ports import AudioSegment, Side
from domain.sound.features import FrameFeatures
from domain.sound.loudness import Loudness, loudness_of_chunks, loudness_of_frames
from domain.sound.rates import FRAME_SAMPLES, MODEL_RATE_HZ, SAMPLE_RATE_HZ, samples

_FRAME = struct.Struct("<IQiBBBBBHH")
_LEVEL_AT, _PEAK_AT, _CLIPPED_AT = 16, 20, 21
"""Bytes of a frame's row."""
_CHUNK = struct.Struct("<IQIBBI")
_BYTES_PER_SAMPLE = 2
_MOST_PARTIAL_SAMPLES = 2**16 - 1
_CHUNK_SLACK_MS = 100
"""The interviewer's segments end so much before their limit: the chunk that comes next should still
fit."""


class SegmentBuffer:
    """One side's audio on its way into segments."""

    __slots__ = (
        "_arrivals",
        "_enough",
        "_first_sample",
        "_limit",
        "_pcm",
        "_rate_hz",
        "_side",
        "due",
        "next_sample",
    )

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

    @property
    def loudness(self) -> Loudness:
        """How loud the audio that waits is. Some has to wait."""
        rows, width = self._arrivals, _FRAME.size
        if self._side is Side.INTERVIEWER:
            return loudness_of_chunks(row[2:] for row in _CHUNK.iter_unpack(rows))
        clipped = sum(rows[_CLIPPED_AT::width]) + 256 * sum(rows[_CLIPPED_AT + 1 :: width])
        return loudness_of_frames(rows[_LEVEL_AT::width], rows[_PEAK_AT::width], clipped)

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
        self._add(audio.pcm, count, _CHUNK.pack(seq, at_us, count, audio.level, audio.peak, audio.clipped))

    def _add(self, pcm: bytes, count: int, row: bytes) -> None:
        self._pcm.append(pcm)
        self._arrivals += row
        self.next_sample += count

    def jump(self, count: int) -> None:
        """Leave out `count` positions of the stream. Needs a buffer in which nothing waits."""
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
    rows = _FRAME.iter_unpack(segment.arrivals)
    for index, (seq, at_us, client_seq, *features, partial_samples) in enumerate(rows):
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


def _chunks(segment: AudioSegment) -> Iterator[tuple[int, ModelAudio]]:
    offset = 0
    for seq, at_us, count, level, peak, clipped in _CHUNK.iter_unpack(segment.arrivals):
        pcm = segment.pcm[offset : offset + count * _BYTES_PER_SAMPLE]
        yield seq, ModelAudio(at_us=at_us, pcm=pcm, level=level, peak=peak, clipped=clipped)
        offset += len(pcm)


def cut_out(segments: Iterable[AudioSegment], from_sample: int, to_sample: int) -> bytes:
    """PCM16 from `from_sample` to `to_sample`, or to where the segments (in order of
    `first_sample`) end before.

    Positions that no segment holds are silence: where a call was taken over, the interviewer's
    stream leaves some out.
    """
    pcm = bytearray()
    for segment in segments:
        begin = from_sample + len(pcm) // _BYTES_PER_SAMPLE
        part = segment.pcm[max(0, begin - segment.first_sample) * _BYTES_PER_SAMPLE :]
        part = part[: max(0, to_sample - max(begin, segment.first_sample)) * _BYTES_PER_SAMPLE]
        if part:
            pcm += bytes(max(0, segment.first_sample - begin) * _BYTES_PER_SAMPLE) + part
    return bytes(pcm)
