"""A stretch of one side's voice, cut out of the segments that hold it."""

from collections.abc import Iterable

from domain.ports import AudioSegment

_SAMPLE_BYTES = 2


def cut_out(segments: Iterable[AudioSegment], from_sample: int, to_sample: int) -> bytes:
    """PCM16 from `from_sample` to `to_sample`, or to where the segments (in order of
    `first_sample`) end before.

    Positions that no segment holds are silence: where a call was taken over, the interviewer's
    stream leaves some out.
    """
    pcm = bytearray()
    for segment in segments:
        begin = from_sample + len(pcm) // _SAMPLE_BYTES
        part = segment.pcm[max(0, begin - segment.first_sample) * _SAMPLE_BYTES :]
        part = part[: max(0, to_sample - max(begin, segment.first_sample)) * _SAMPLE_BYTES]
        if part:
            pcm += bytes(max(0, segment.first_sample - begin) * _SAMPLE_BYTES) + part
    return bytes(pcm)
