"""How long it took until a call was whole again, read from what its client and Gemini's sessions
saw."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from bench.chaos.evidence.course import WallClock
from bench.chaos.evidence.evidence import CallEvidence, ClientEvidence, GeminiSession
from bench.chaos.injection import Injected
from bench.chaos.schedule import Kind
from domain.events import LinkLost
from domain.states import Link, State

_RESUMING = str(State.RESUMING)
_FELT_WITHIN_S = 6.0
"""A fault that a call has not felt by then, it did not feel."""
_RATE_HZ = 24_000
_AROUND_S = 3.0
_TICKS_S = 0.015
"""Less is the loudspeaker's own clock."""

OF_THE_CLIENT = frozenset({Kind.KILL, Kind.CUT, Kind.STALL})
OF_THE_MODEL = frozenset(
    {Kind.GEMINI_DROP, Kind.GEMINI_ABORT, Kind.GEMINI_REFUSE, Kind.GEMINI_EXPIRE, Kind.GEMINI_GARBAGE}
)
OF_THE_LOG = frozenset({Kind.POSTGRES_FAST, Kind.POSTGRES_IMMEDIATE, Kind.POSTGRES_CRASH})


def recoveries(injected: Sequence[Injected], calls: Mapping[int, CallEvidence]) -> Iterator[tuple[Kind, float]]:
    """(kind, seconds) of every call that felt a fault and went on. `calls` by their candidate's
    number."""
    for made in injected:
        for number in made.hit:
            seen = calls.get(number)
            took_s = _took_s(made, seen) if seen is not None and not made.failed else None
            if took_s is not None:
                yield made.kind, took_s


def readies(injected: Sequence[Injected], calls: Mapping[int, CallEvidence]) -> Iterator[float]:
    """Of the kills: how many seconds until the client had `ready`; the rest of a recovery is
    Gemini's."""
    for made in injected:
        for number in made.hit if made.kind is Kind.KILL and not made.failed else ():
            messages = calls[number].client.of("ready") if number in calls else []
            ready_s = next((each.at_s for each in messages if each.at_s >= made.at_s), None)
            if ready_s is not None:
                yield max(0.0, ready_s - made.back_s)


def _took_s(made: Injected, seen: CallEvidence) -> float | None:
    if made.kind is Kind.DRAIN:
        left_s = next((each.ended_s for each in seen.client.connections if each.ended_s >= made.at_s), None)
        resumed_s = client_resumed_s(seen.client, made.at_s)
        return None if left_s is None or resumed_s is None else max(0.0, resumed_s - left_s)
    if made.kind in OF_THE_CLIENT:
        return _since(made, client_resumed_s(seen.client, made.at_s))
    if made.kind in OF_THE_MODEL:
        flowing = audio_flowing_s(seen.sessions, made.at_s)
        return _since(made, flowing if flowing is not None else model_restored_s(seen.client, made.at_s))
    if made.kind in OF_THE_LOG:
        acks = (message.at_s for message in seen.client.of("ack") if message.at_s >= made.back_s)
        return _since(made, next(acks, None))
    return None


def _since(made: Injected, whole_s: float | None) -> float | None:
    return None if whole_s is None else max(0.0, whole_s - made.back_s)


def client_resumed_s(client: ClientEvidence, after_s: float) -> float | None:
    """When the client had `ready` on a new connection and the call left `resuming`; None if it did
    not come to that."""
    ready = False
    for message in client.messages:
        if message.at_s < after_s:
            continue
        ready = ready or message.kind == "ready"
        if ready and message.kind in ("ready", "state") and message.body["state"] != _RESUMING:
            return None if message.body["state"] == State.CLOSED else message.at_s
    return None


def model_restored_s(client: ClientEvidence, after_s: float) -> float | None:
    """When the call left `resuming`, which it entered for want of Gemini after this moment."""
    felt = False
    for message in client.messages:
        if message.at_s < after_s or message.kind != "state":
            continue
        if not felt:
            if message.at_s > after_s + _FELT_WITHIN_S:
                return None
            felt = message.body["state"] == _RESUMING and str(Link.MODEL) in message.body["missing"]
        elif message.body["state"] != _RESUMING:
            return None if message.body["state"] == State.CLOSED else message.at_s
    return None


def audio_flowing_s(sessions: Sequence[GeminiSession], after_s: float) -> float | None:
    """When a session received audio again, whose forerunner ended in the middle of an answer; None
    if none did so."""
    for before, after in pairwise(sessions):
        broken = before.windows and not before.windows[-1].closed
        if before.began_s < after_s <= before.ended_s + 0.5 <= after_s + _FELT_WITHIN_S and broken:
            return after.openings_s[0] if after.openings_s else None
    return None


def rotations_s(seen: CallEvidence) -> list[float]:
    """When the call left a session that was about to end."""
    clock = WallClock(seen.events)
    return [
        clock.at(event)
        for event in seen.events
        if isinstance(event, LinkLost) and event.link is Link.MODEL and event.reason == "session_ending"
    ]


def gaps_s(client: ClientEvidence) -> Iterator[tuple[float, float]]:
    """(when it ended, how long it was) of every silence inside a reply that nobody had asked for."""
    for before, after in pairwise(client.played):
        silent_s = after.at_s - before.at_s - (after.to_sample - after.from_sample) / _RATE_HZ
        audible = silent_s > _TICKS_S and after.generation == before.generation
        if audible and not _asked_for(client, before.at_s, after.at_s):
            yield after.at_s, silent_s


def audible_gap_s(client: ClientEvidence, around_s: float) -> float:
    """The longest of them near this moment; 0 for none."""
    return max((gap_s for at_s, gap_s in gaps_s(client) if _near(at_s, around_s)), default=0.0)


def gaps_elsewhere(client: ClientEvidence, moments_s: Sequence[float], longer_than_s: float) -> int:
    """How many were longer than that, and near none of these moments: what the machine, or we, do
    anyway."""
    return sum(
        gap_s > longer_than_s and not any(_near(at_s, moment) for moment in moments_s) for at_s, gap_s in gaps_s(client)
    )


def _near(at_s: float, moment_s: float) -> bool:
    return abs(at_s - moment_s) <= _AROUND_S


def _asked_for(client: ClientEvidence, from_s: float, to_s: float) -> bool:
    """Whether playback was held, flushed or begun anew between these moments."""
    kinds = ("hold", "release", "flush", "ready")
    return any(from_s - 0.05 <= message.at_s <= to_s + 0.05 and message.kind in kinds for message in client.messages)


def lost_samples(seen: CallEvidence) -> int:
    """What the client sent and the store does not hold, at 16 kHz."""
    sent = sum(len(pcm) for pcm in seen.client.sent) // 2
    stored = sum(len(each.pcm) for each in seen.audio if each.side == "candidate") // 2
    return max(0, sent - stored)
