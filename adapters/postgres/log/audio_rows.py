"""Audio as Postgres keeps it: FLAC, sealed by the key port, addressed by the hash of its PCM.

Packing and unpacking take milliseconds of processor time each: both run in a thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.voice import flac
from domain.errors import StoreError, VivaError
from domain.ports import AudioSegment, KeyRing, Side

FLAC = "flac"
PCM16 = "pcm16"
"""For an empty segment, which FLAC cannot hold."""


@dataclass(frozen=True, slots=True)
class AudioRow:
    """The parameters of `call_append_audio`, in their order."""

    tenant: str
    call_id: UUID
    side: str
    first_sample: int
    sha256: bytes
    codec: str
    rate_hz: int
    samples: int
    sealed: bool
    data: bytes
    arrivals: bytes


def pack_each(
    appends: Sequence[Sequence[AudioSegment]], keys: KeyRing
) -> list[list[AudioRow] | ValueError | RuntimeError | VivaError]:
    """The rows for the audio of each append, or why it cannot be stored. Blocks: call it in a
    thread."""
    return [_pack_all(segments, keys) for segments in appends]


def unpack(records: Sequence[Mapping[str, Any]], keys: KeyRing) -> list[AudioSegment]:
    """The segments in `records` (rows of `call_audio`). Blocks: call it in a thread. Raises
    `StoreError`."""
    return [_unpack(record, keys) for record in records]


def _pack_all(
    segments: Sequence[AudioSegment], keys: KeyRing
) -> list[AudioRow] | ValueError | RuntimeError | VivaError:
    try:
        return [_pack(segment, keys) for segment in segments]
    except (ValueError, RuntimeError, VivaError) as error:  # the codec's are among them
        return error


def _pack(segment: AudioSegment, keys: KeyRing) -> AudioRow:
    codec, encoded = (FLAC, flac.encode(segment.pcm, segment.rate_hz)) if segment.pcm else (PCM16, b"")
    data = keys.seal(segment.call_id, encoded)
    sealed = data != encoded
    return AudioRow(
        tenant=segment.tenant,
        call_id=segment.call_id,
        side=segment.side.value,
        first_sample=segment.first_sample,
        sha256=bytes.fromhex(segment.sha256),
        codec=codec,
        rate_hz=segment.rate_hz,
        samples=len(segment.pcm) // 2,
        sealed=sealed,
        data=data,
        arrivals=keys.seal(segment.call_id, segment.arrivals) if sealed else segment.arrivals,
    )


def _unpack(record: Mapping[str, Any], keys: KeyRing) -> AudioSegment:
    call_id = UUID(int=record["call_id"].int)
    data, arrivals = record["data"], record["arrivals"]
    if record["sealed"]:
        data, arrivals = keys.open(call_id, data), keys.open(call_id, arrivals)
    match record["codec"]:
        case "flac":
            pcm, _ = flac.decode(data)
        case "pcm16":
            pcm = data
        case codec:
            raise StoreError(f"the log holds audio in codec {codec!r}, which this version does not know: upgrade it")
    return AudioSegment(
        call_id=call_id,
        tenant=record["tenant"],
        side=Side(record["side"]),
        sha256=record["sha256"].hex(),
        rate_hz=record["rate_hz"],
        first_sample=record["first_sample"],
        pcm=pcm,
        arrivals=arrivals,
    )
