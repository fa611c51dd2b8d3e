"""`python -m bench`: everything, one after the other, as a report that says how to repeat each part
alone."""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from adapters.gemini.settings import GeminiSettings
from bench import core, gemini, store, takeover, voice
from bench.load.run import sections as load_sections
from bench.paths.run import sections as paths_sections
from bench.report import Section, console, spread

RESULTS = Path(__file__).with_name("results")


def voice_sections(quick: bool) -> Iterable[Section]:
    """Detectors, resamplers and the codec. Its accuracy tables are `python -m bench.voice`'s own."""
    columns = ("what", "µs", "of webrtc", "of a core, per call")
    section = Section("voice", "Listening: µs per 20 ms, the best of many", "python -m bench.voice", columns)
    first = 0.0
    for name, cost_us in voice.costs():
        first = first or cost_us
        section.rows.append((name, f"{cost_us:.1f}", f"{cost_us / first:.1f} x", f"{cost_us / 200:.2f} %"))
        section.facts[name] = cost_us
    return [section]


def gemini_sections(quick: bool) -> Iterable[Section]:
    """The link with its socket and TLS."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        peer = context.Process(target=gemini.run_peer, args=(theirs, folder))
        peer.start()
        try:
            url = f"https://127.0.0.1:{ours.recv()}"
            settings = GeminiSettings(base_url=url, ca_file=str(Path(folder, "ca.pem")))
            sent_us, received_us = asyncio.run(gemini.measure(settings))
        finally:
            ours.send("done")
            peer.join(10)
    columns = ("40 ms of audio", "CPU µs per message", "of a core, per call")
    section = Section("gemini", "The link to Gemini, socket and TLS included", "python -m bench.gemini", columns)
    for name, cost_us in (("sent", sent_us), ("received", received_us)):
        section.rows.append((name, f"{cost_us:.0f}", f"{cost_us * gemini.MESSAGES_PER_SECOND / 10_000:.2f} %"))
        section.facts[name] = cost_us
    return [section]


def store_sections(quick: bool) -> Iterable[Section]:
    """Ours beside eventsourcing's own recorder, in the same run."""
    rounds, seconds = (2, 1.0) if quick else (store.ROUNDS, store.SECONDS)
    columns = ("load", "events/s", "library", "ratio", "p99 ms", "library", "ratio")
    title = f"Appending events: median of {rounds} rounds (lowest-highest)"
    section = Section("store", title, "python -m bench.store", columns)
    for result in asyncio.run(store.run(rounds, seconds)):
        speeds = [[each.events_per_s for each in side] for side in (result.ours, result.library)]
        delays = [[each.p99_ms for each in side] for side in (result.ours, result.library)]
        times, shares = result.throughput_ratios(), result.p99_ratios()
        section.rows.append(
            (
                result.load.name,
                *(spread(each, 0) for each in speeds),
                spread(times, 1),
                *(spread(each, 1) for each in delays),
                spread(shares, 2),
            )
        )
        section.facts[result.load.name] = {
            "events_per_s": speeds[0],
            "library_events_per_s": speeds[1],
            "throughput_ratio": median(times),
            "p99_ms": delays[0],
            "library_p99_ms": delays[1],
        }
    return [section]


PARTS: dict[str, Callable[[bool], Iterable[Section]]] = {
    "core": lambda quick: core.sections(quick=quick),
    "paths": lambda quick: paths_sections(quick=quick),
    "voice": voice_sections,
    "gemini": gemini_sections,
    "store": store_sections,
    "takeover": lambda quick: takeover.sections(quick=quick),
    "load": lambda quick: load_sections(quick=quick),
}


def save(sections: list[Section]) -> Path:
    """Keep a run in bench/results, as JSON and as it is read."""
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    stem.with_suffix(".json").write_text(json.dumps(_everything(sections), indent=1))
    with stem.with_suffix(".txt").open("w") as file:
        for section in sections:
            section.print(console(file))
    return stem.with_suffix(".txt")


def _everything(sections: list[Section]) -> dict[str, object]:
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    return {"machine": machine | {"load_before": os.getloadavg()}, "sections": [each.as_dict() for each in sections]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="this part; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, 10 calls for 15 s")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--save", action="store_true", help="keep the report in bench/results as well")
    options = parser.parse_args()
    sections: list[Section] = []
    for name in options.only or PARTS:
        for section in PARTS[name](options.quick):
            sections.append(section)
            if not options.json:
                section.print(console())
    if options.json:
        print(json.dumps(_everything(sections)))
    if options.save:
        console().print(f"kept in {save(sections)}")


if __name__ == "__main__":
    main()
