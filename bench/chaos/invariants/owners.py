"""The law of ownership, as the log and the clients saw it."""

from collections import defaultdict
from collections.abc import Iterator

from bench.chaos.course import takeovers
from bench.chaos.evidence import CallEvidence


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
    for told in seen.client.of("ready"):
        speakers[told.epoch].add(told.server)
    for epoch, servers in speakers.items():
        if len(servers) > 1:
            yield f"in epoch {epoch} the client was served by {', '.join(sorted(servers))}"
