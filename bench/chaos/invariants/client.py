"""Laws of what the client was told."""

from collections import defaultdict
from collections.abc import Iterator

from bench.chaos.course import void
from bench.chaos.evidence import CallEvidence
from domain.call import Call
from domain.events import CallClosed, CallOpened
from domain.fold import fold
from domain.inputs import CandidateTranscribed, ModelTranscribed


def states_told_are_folded(seen: CallEvidence) -> Iterator[str]:
    """The state that the client was told with a version is the state that the log folds to at that version."""
    opened = seen.events[0]
    assert isinstance(opened, CallOpened)
    record = Call(opened).record
    folded = {1: (str(record.state), sorted(record.missing))}
    for event in seen.events[1:]:
        fold(record, event)
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


def words_told_are_recorded(seen: CallEvidence) -> Iterator[str]:
    """Every word that the client was shown, and that was not rolled back, is in the log."""
    recorded: dict[tuple[str, int], str] = defaultdict(str)
    for event in seen.events:
        if isinstance(event, ModelTranscribed):
            recorded["interviewer", event.generation] += event.text
        elif isinstance(event, CandidateTranscribed):
            recorded["candidate", event.turn] += event.text
    for told in seen.client.of("transcript"):
        said = told.message
        if void(seen.events, told.epoch, said.get("version", 0)):
            continue
        if said["text"] not in recorded[said["who"], said["number"]]:
            yield f"{said['who']} {said['number']} was shown as {said['text']!r}, which the log does not hold"
