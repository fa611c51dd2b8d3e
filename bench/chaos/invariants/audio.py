"""Laws of the audio: what was sent is what is stored, once, in its place."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from bench.chaos.evidence.course import WallClock, takeovers
from bench.chaos.evidence.evidence import CallEvidence
from bench.chaos.evidence.tape import Tape, named
from domain.events import CallClosed, CallSettled
from domain.ports import Side
from domain.sound.rates import FRAME_SAMPLES, SAMPLE_RATE_HZ

_FRAME_BYTES = 2 * FRAME_SAMPLES


def segments_follow_each_other(seen: CallEvidence) -> Iterator[str]:
    """Each segment that the log names is stored, whole, and begins where the last one ended.

    The interviewer's stream may leave positions out at a takeover, never use one again.
    """
    jumps = bool(takeovers(seen.events))
    for side in Side:
        held = {(each.first_sample, each.sha256): each for each in seen.segments(side)}
        end = 0
        for each in named(seen.events, side):
            segment = held.get((each.first_sample, each.sha256))
            place = f"{side}'s segment of version {each.version}"
            if segment is None:
                yield f"{place} is not stored"
            elif len(segment.pcm) != 2 * each.samples or hashlib.sha256(segment.pcm).hexdigest() != each.sha256:
                yield f"{place} is stored as something else"
            if each.first_sample < end:
                yield f"{place} begins at {each.first_sample}, before {end}: stored twice"
            elif each.first_sample > end and not (jumps and side is Side.INTERVIEWER):
                yield f"{place} begins at {each.first_sample}, after {end}: audio is missing"
            end = max(end, each.end_sample)


def acknowledged_audio_is_stored(seen: CallEvidence) -> Iterator[str]:
    """Audio that the server acknowledged as durable is in the log."""
    seq = seen.client.acknowledged
    if seq < 0:
        return
    recorded = max((each.client_seq for each in named(seen.events, Side.CANDIDATE)), default=-1)
    if recorded < seq:
        yield f"message {seq} was acknowledged, the log names audio up to {recorded}"
    if seen.client.rate_hz == SAMPLE_RATE_HZ:
        promised = sum(len(pcm) for pcm in seen.client.sent[: seq + 1]) // 2
        stored = Tape(seen.events, seen.audio, Side.CANDIDATE).end_sample
        if stored < promised:
            yield f"{promised} samples were acknowledged, {stored} are stored"


def candidate_audio_is_stored_as_sent(seen: CallEvidence) -> Iterator[str]:
    """Every sample that the client sent is stored once, in its order: nothing is missing, nothing
    is there twice.

    What was on its way when the call had ended may be missing where the client could not come back
    in time; the log says up to where it was taken.
    """
    sent = b"".join(seen.client.sent)
    stored = b"".join(pcm for _, pcm in Tape(seen.events, seen.audio, Side.CANDIDATE).pieces)
    if seen.client.rate_hz != SAMPLE_RATE_HZ:
        yield from _as_long_as_sent(seen, len(stored))
        return
    common = min(len(sent), len(stored))
    if stored[:common] != sent[:common]:
        yield _first_difference(seen.client.sent, stored)
    elif len(stored) > len(sent) and (len(stored) - len(sent) >= _FRAME_BYTES or any(stored[common:])):
        yield f"{(len(stored) - len(sent)) // 2} samples are stored that nobody sent"
    elif len(stored) < len(sent) and not _could_not_come(seen):
        yield f"the last {(len(sent) - len(stored)) // 2} samples that were sent are not stored"


def _as_long_as_sent(seen: CallEvidence, stored_bytes: int) -> Iterator[str]:
    """Resampled audio cannot be compared byte by byte; its length can."""
    sent = sum(len(pcm) for pcm in seen.client.sent) // 2
    expected = sent * SAMPLE_RATE_HZ // seen.client.rate_hz
    connections = max(1, len(seen.client.connections))
    if abs(stored_bytes // 2 - expected) > connections * FRAME_SAMPLES and not _could_not_come(seen):
        yield f"{expected} samples were sent, {stored_bytes // 2} are stored"


def _first_difference(sent: Sequence[bytes], stored: bytes) -> str:
    """Which message is not where it belongs, and what is there instead."""
    at = 0
    for seq, pcm in enumerate(sent):
        found = stored[at : at + len(pcm)]
        if found != pcm:
            instead = next((other for other, each in enumerate(sent) if each == found and any(each)), None)
            if instead is None:
                return f"message {seq} is stored as something that was never sent"
            return f"message {instead} is stored {'again ' if instead < seq else ''}where message {seq} belongs"
        at += len(pcm)
    return "what is stored is not what was sent"


def _could_not_come(seen: CallEvidence) -> bool:
    """Whether the client was not connected all the time from the call's end until nothing more was
    taken."""
    closed = [event for event in seen.events if isinstance(event, CallClosed)]
    settled = [event for event in seen.events if isinstance(event, CallSettled)]
    if not closed or not settled:
        return False
    if settled[0].client_seq < seen.client.acknowledged:
        return False
    clock = WallClock(seen.events)
    from_s, to_s = clock.at(closed[0]), clock.at(settled[0])
    return not any(each.began_s <= from_s and each.ended_s >= to_s for each in seen.client.connections)


def positions_hold_one_content(seen: CallEvidence) -> Iterator[str]:
    """A position of the interviewer's stream has one content: what was sent, what was sent again,
    what is stored."""
    tape = Tape(seen.events, seen.audio, Side.INTERVIEWER)
    pieces = [(each.sample, each.pcm, "sent") for each in seen.client.received]
    pieces += [(first, pcm, "stored") for first, pcm in tape.pieces]
    length = max((first + len(pcm) // 2 for first, pcm, _ in pieces), default=0)
    content, known = np.zeros(length, "<i2"), np.zeros(length, bool)
    for first, pcm, how in pieces:
        wave = np.frombuffer(pcm, "<i2")
        place = slice(first, first + len(wave))
        differs = known[place] & (content[place] != wave)
        if differs.any():
            yield f"position {first + int(differs.argmax())} was {how} with other content than before"
        content[place], known[place] = wave, True
    stored_to = tape.end_sample
    if length > stored_to and not _taken_over_since_the_last_segment(seen):
        yield f"the client was sent positions up to {length}, {stored_to} are stored"


def _taken_over_since_the_last_segment(seen: CallEvidence) -> bool:
    """What was sent and not stored by then died with the owner that sent it."""
    last = max((each.version for each in named(seen.events, Side.INTERVIEWER)), default=0)
    return any(each.originator_version > last for each in takeovers(seen.events))
