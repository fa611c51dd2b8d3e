"""Laws of what the client was told."""

from collections.abc import Iterator
from typing import Any

from bench.chaos.evidence.course import takeovers, void
from bench.chaos.evidence.evidence import CallEvidence
from domain.call import Call
from domain.effects import TellLatency
from domain.events import CallClosed, CallOpened
from domain.record.client_messages import messages_in
from domain.record.fold import fold


def states_told_are_folded(seen: CallEvidence) -> Iterator[str]:
    """The state that the client was told with a version is the state that the log folds to at that
    version."""
    opened = seen.events[0]
    assert isinstance(opened, CallOpened)
    record = Call(opened).record
    folded = {1: (str(record.state), sorted(record.missing))}
    for event in seen.events[1:]:
        record = fold(record, event)
        folded[event.originator_version] = (str(record.state), sorted(record.missing))
    for told in seen.client.told:
        version = told.message.get("version", 0)
        if told.kind not in ("ready", "state") or void(seen.events, told.epoch, version):
            continue
        if version not in folded:
            yield f"{told.kind} rests on version {version}, the log has {len(folded)}"
            continue
        said = (told.message["state"], sorted(told.message["missing"]))
        if said != folded[version]:
            yield f"{told.kind} said {said} at version {version}, the log folds to {folded[version]}"


def ends_told_are_recorded(seen: CallEvidence) -> Iterator[str]:
    """A close that the client was told, and told is durable, is the close in the log."""
    recorded = [event for event in seen.events if isinstance(event, CallClosed)]
    for told in seen.client.of("closed"):
        if not told.message.get("durable") and void(seen.events, told.epoch, told.message.get("version", 0)):
            continue
        if not recorded:
            yield f"the client was told that the call is closed ({told.message['reason']}), the log does not say so"
        elif told.message["reason"] != recorded[0].reason:
            yield f"the client was told {told.message['reason']}, the log says {recorded[0].reason}"


def client_keeps_what_the_log_tells(seen: CallEvidence) -> Iterator[str]:
    """In the end the client has the transcript and latencies of the log: none missing, none twice,
    none lost since."""
    kept: dict[int, ReplayableMessage] = {}
    for told in seen.client.told:
        version = told.message.get("version", 0)
        if told.kind == "rollback":
            kept = {each: said for each, said in kept.items() if each <= version}
        elif told.kind in ("transcript", "latency") and not told.message.get("interim"):
            if version in kept:
                yield f"version {version} was told twice: {_said(told.message)!r}"
            kept[version] = _said(told.message)
    closed = seen.client.of("closed")
    if not closed or any(each.epoch > closed[-1].epoch for each in takeovers(seen.events)):
        return  # it left before the end that the log knows
    expected = dict(_tellings(seen))
    for version in sorted(expected.keys() | kept.keys()):
        if kept.get(version) != expected.get(version):
            yield f"of version {version} the client has {kept.get(version)!r}, the log tells {expected.get(version)!r}"


ReplayableMessage = tuple[Any, ...]


def _said(message: dict[str, Any]) -> ReplayableMessage:
    if message["type"] == "latency":
        return "latency", message["generation"], message["response_ms"]
    return "transcript", str(message["who"]), message["number"], message["text"]


def _tellings(seen: CallEvidence) -> Iterator[tuple[int, ReplayableMessage]]:
    for each in messages_in(seen.events):
        if isinstance(each, TellLatency):
            yield each.version, ("latency", each.generation, each.response_ms)
        elif each is not None and not each.interim:
            yield each.version, ("transcript", str(each.side), each.number, each.text)
