"""`python -m bench.chaos.timeline FOLDER [CALL]`: what happened to a call, from all sides, on one
clock.

FOLDER is what `--keep` named, with the scenario's name behind it; CALL an id, or its beginning.
Without one, the calls of that run and what they broke are listed.
"""

import argparse
import pickle
from collections.abc import Iterator
from pathlib import Path

from bench.chaos.checker import check
from bench.chaos.evidence.course import WallClock
from bench.chaos.evidence.evidence import CallEvidence
from bench.chaos.injection import Injected
from bench.chaos.run import Run
from domain.inputs import PlaybackReported, RoundTripMeasured

FILE = "run.pickle"
_LONGEST = 150
_DULL = (
    "originator_id",
    "originator_version",
    "at_us",
    "seq",
    "decision_version",
    "evidence",
    "policy",
    "context",
    "agent",
)
_DULL_KINDS = (PlaybackReported, RoundTripMeasured)


def keep(folder: Path, made: Run) -> None:
    """Write a run down for this command."""
    (folder / FILE).write_bytes(pickle.dumps(made))


def lines(made: Run, seen: CallEvidence, *, everything: bool = False) -> Iterator[str]:
    """One call, in the order of time."""
    number = next((each for each, other in made.calls.items() if other is seen), 0)
    moments = [*_log(seen, everything), *_client(seen), *_gemini(seen), *_faults(made.injected, number)]
    begin_s = min(at_s for at_s, _ in moments)
    for at_s, what in sorted(moments):
        yield f"{at_s - begin_s:9.3f} s  {what[:_LONGEST]}"


def _log(seen: CallEvidence, everything: bool) -> Iterator[tuple[float, str]]:
    clock = WallClock(seen.events)
    for event in seen.events:
        if everything or not isinstance(event, _DULL_KINDS):
            facts = {name: getattr(event, name) for name in event.__struct_fields__ if name not in _DULL}
            said = " ".join(f"{name}={value}" for name, value in facts.items())
            yield clock.at(event), f"{event.originator_version:>5} {type(event).__name__} {said}"


def _client(seen: CallEvidence) -> Iterator[tuple[float, str]]:
    for message in seen.client.messages:
        if message.kind not in ("transcript", "latency", "pong", "ping", "ack", "token"):
            facts = {name: value for name, value in message.body.items() if name not in ("type", "token")}
            yield message.at_s, f"      client ◄ {message.server} {message.kind} {facts}"
    for connection in seen.client.connections:
        if connection.ended_s < float("inf"):
            yield connection.ended_s, "      client: the connection ended"


def _gemini(seen: CallEvidence) -> Iterator[tuple[float, str]]:
    for session in seen.sessions:
        by = f"resumed by {session.handle[:8]}" if session.handle else f"fresh, {session.seeds} turns given in words"
        yield session.began_s, f"      gemini {session.name}: {by}"
        for at_s, window in zip(session.openings_s, session.windows, strict=False):
            yield at_s, f"      gemini {session.name}: window of {len(window.pcm) // 32} ms, closed: {window.closed}"
        if session.ended_s < float("inf"):
            yield session.ended_s, f"      gemini {session.name}: ended"


def _faults(injected: list[Injected], number: int) -> Iterator[tuple[float, str]]:
    for made in injected:
        if number in made.hit:
            yield made.at_s, f"***** {made.kind} for {made.strike.for_s:.2f} s {made.failed}"
            if made.back_s > made.at_s:
                yield made.back_s, f"***** {made.kind} is over"


def main() -> None:
    """Print."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos.timeline", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("call", nargs="?", default="")
    parser.add_argument("--all", action="store_true", help="playback reports and round trips as well")
    options = parser.parse_args()
    made: Run = pickle.loads((options.folder / FILE).read_bytes())
    for seen in (*made.calls.values(), *made.others):
        if not options.call:
            print(seen.call_id, *(f"\n    {found.invariant}: {found.what}" for found in check(seen)))
        elif str(seen.call_id).startswith(options.call):
            print(*lines(made, seen, everything=options.all), sep="\n")


if __name__ == "__main__":
    main()
