"""Laws of the control messages that the client received."""

from collections.abc import Iterator
from typing import Any

from bench.chaos.evidence.course import rolled_back, takeovers
from bench.chaos.evidence.evidence import CallEvidence
from domain.call import Call
from domain.effects import TellLatency
from domain.events import CallClosed, CallOpened
from domain.record.client_messages import messages_in
from domain.record.fold import fold


def client_states_agree_with_the_log(seen: CallEvidence) -> Iterator[str]:
    """The state that the client received with a version is the state that the log folds to there."""
    opened = seen.events[0]
    assert isinstance(opened, CallOpened)
    record = Call(opened).record
    folded = {1: (str(record.state), sorted(record.missing))}
    for event in seen.events[1:]:
        record = fold(record, event)
        folded[event.originator_version] = (str(record.state), sorted(record.missing))
    for message in seen.client.messages:
        version = message.body.get("version", 0)
        if message.kind not in ("ready", "state") or rolled_back(seen.events, message.epoch, version):
            continue
        if version not in folded:
            yield f"{message.kind} rests on version {version}, the log has {len(folded)}"
            continue
        said = (message.body["state"], sorted(message.body["missing"]))
        if said != folded[version]:
            yield f"{message.kind} said {said} at version {version}, the log folds to {folded[version]}"


def client_ends_are_in_the_log(seen: CallEvidence) -> Iterator[str]:
    """A durable close that the client received is the close in the log."""
    recorded = [event for event in seen.events if isinstance(event, CallClosed)]
    for message in seen.client.of("closed"):
        if not message.body.get("durable") and rolled_back(seen.events, message.epoch, message.body.get("version", 0)):
            continue
        if not recorded:
            yield f"the client received that the call is closed ({message.body['reason']}), the log does not say so"
        elif message.body["reason"] != recorded[0].reason:
            yield f"the client received {message.body['reason']}, the log says {recorded[0].reason}"


def client_transcript_agrees_with_the_log(seen: CallEvidence) -> Iterator[str]:
    """In the end the client has the transcript and latencies of the log: none missing, none twice,
    none lost since."""
    kept: dict[int, MessageContent] = {}
    for message in seen.client.messages:
        version = message.body.get("version", 0)
        if message.kind == "rollback":
            kept = {each: said for each, said in kept.items() if each <= version}
        elif message.kind in ("transcript", "latency") and not message.body.get("interim"):
            if version in kept:
                yield f"version {version} came twice: {_content(message.body)!r}"
            kept[version] = _content(message.body)
    closed = seen.client.of("closed")
    if not closed or any(each.epoch > closed[-1].epoch for each in takeovers(seen.events)):
        return  # it left before the end that the log knows
    expected = dict(_messages_in_the_log(seen))
    for version in sorted(expected.keys() | kept.keys()):
        if kept.get(version) != expected.get(version):
            yield f"of version {version} the client has {kept.get(version)!r}, the log gives {expected.get(version)!r}"


MessageContent = tuple[Any, ...]


def _content(body: dict[str, Any]) -> MessageContent:
    if body["type"] == "latency":
        return "latency", body["generation"], body["response_ms"]
    return "transcript", str(body["who"]), body["number"], body["text"]


def _messages_in_the_log(seen: CallEvidence) -> Iterator[tuple[int, MessageContent]]:
    for each in messages_in(seen.events):
        if isinstance(each, TellLatency):
            yield each.version, ("latency", each.generation, each.response_ms)
        elif each is not None and not each.interim:
            yield each.version, ("transcript", str(each.side), each.number, each.text)
