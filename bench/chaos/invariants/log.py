"""Laws of the log, and of who owns the call by it."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise, zip_longest

from bench.chaos.evidence.course import rolled_back, takeovers
from bench.chaos.evidence.evidence import CallEvidence
from domain.call import Call
from domain.errors import BugError
from domain.events import CallClosed, CallOpened, CallSettled
from domain.record.fold import fold
from domain.recovery.recover import folded, inputs_of, open_again, run


def versions_are_gapless(seen: CallEvidence) -> Iterator[str]:
    """The log of a call begins with its opening and counts 1, 2, 3 … without a gap and without a
    repetition."""
    if not seen.events or not isinstance(seen.events[0], CallOpened):
        yield "the log does not begin with the call's opening"
        return
    for expected, event in enumerate(seen.events, start=1):
        if event.originator_version != expected:
            yield f"version {event.originator_version} ({event.TOPIC}) stands where {expected} belongs"
            return


def states_are_legal(seen: CallEvidence) -> Iterator[str]:
    """Every event moves the call along a row of the table of states."""
    opened = seen.events[0]
    assert isinstance(opened, CallOpened)
    record = Call(opened).record
    for event in seen.events[1:]:
        try:
            record = fold(record, event)
        except BugError as error:
            yield f"version {event.originator_version} ({event.TOPIC}) cannot follow {record.state}: {error!r}"
            return


def call_has_an_end(seen: CallEvidence) -> Iterator[str]:
    """A call is closed once, settles once, and nothing follows."""
    for kind in (CallClosed, CallSettled):
        count = sum(isinstance(event, kind) for event in seen.events)
        if count != 1:
            yield f"{kind.TOPIC} is there {count} times"
    if not isinstance(seen.events[-1], CallSettled):
        yield f"the last event is {seen.events[-1].TOPIC}"


def call_ends_as_it_may(seen: CallEvidence) -> Iterator[str]:
    """No call is lost: it ends as its people wanted, or as what was done to it allows.

    A close that the client received as not durable, and that died with its process, comes back as a
    client that left.
    """
    allowed = seen.may_end_as | ({"client_gone"} if _close_was_rolled_back(seen) else set())
    for event in seen.events:
        if isinstance(event, CallClosed) and event.reason not in allowed:
            yield f"closed as {event.reason}: {event.detail}"


def _close_was_rolled_back(seen: CallEvidence) -> bool:
    ends = (
        message for message in seen.client.messages if message.body.get("state") == "closed" or message.kind == "closed"
    )
    return any(
        not message.body.get("durable") and rolled_back(seen.events, message.epoch, message.body["version"])
        for message in ends
    )


def epochs_rise(seen: CallEvidence) -> Iterator[str]:
    """Each takeover raises the epoch by one, and a client never receives an older one again."""
    epoch = 1
    for each in takeovers(seen.events):
        if each.epoch != epoch + 1:
            yield f"version {each.originator_version} takes epoch {each.epoch} after {epoch}"
        epoch = each.epoch
    epochs = [each.epoch for each in seen.client.of("ready")]
    for before, after in pairwise(epochs):
        if after < before:
            yield f"the client received epoch {after} after {before}"
    if epochs and max(epochs) > epoch:
        yield f"the client received epoch {max(epochs)}, the log knows {epoch}"


def log_reruns_to_itself(seen: CallEvidence) -> Iterator[str]:
    """The recorded inputs lead the core to the recorded decisions again, and the fold of the log to
    the same record."""
    again, decided = open_again(seen.events), [seen.events[0]]
    for decision in run(again, seen.events, inputs_of(seen.events, seen.audio)):
        decided += decision.events
    for recorded, now in zip_longest(seen.events, decided):
        if recorded != now:
            yield f"recorded {recorded!r}, decided again {now!r}"
            return
    if again.record != folded(seen.events):
        yield "the fold of the log is not the record that re-running it leads to"


def one_owner_per_epoch(seen: CallEvidence) -> Iterator[str]:
    """In one epoch one process owns the call: it alone is named by the log, and it alone speaks to
    the client."""
    processes: dict[int, set[str]] = defaultdict(set)
    for each in takeovers(seen.events):
        processes[each.epoch].add(str(each.process))
    for epoch, owners in processes.items():
        if len(owners) > 1:
            yield f"epoch {epoch} is owned by {', '.join(sorted(owners))}"
    taken = [each.epoch for each in takeovers(seen.events)]
    for epoch in sorted(set(taken)):
        if taken.count(epoch) > 1:
            yield f"epoch {epoch} is taken {taken.count(epoch)} times"
    speakers: dict[int, set[str]] = defaultdict(set)
    for message in seen.client.of("ready"):
        speakers[message.epoch].add(message.server)
    for epoch, servers in speakers.items():
        if len(servers) > 1:
            yield f"in epoch {epoch} the client was served by {', '.join(sorted(servers))}"
