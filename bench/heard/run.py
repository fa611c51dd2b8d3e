"""Does the log know what was heard? `python -m bench.heard [--calls N] [--json]`.

Calls are held through the page in a real Chromium, whose microphone interrupts the interviewer
again and again. The sound is recorded at a sound card (a private PulseAudio); the last audible
sample of each cut reply is found in it and compared with `heard_ms` of the log. Without PulseAudio
the page's own output is recorded instead, which the table says.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adapters.postgres.embedded.server import EmbeddedPostgres
from adapters.postgres.migrate import upgrade
from api import logs
from bench.heard.call import Cut, cuts_of, interrupted_call, make_long_winded, write_script
from bench.heard.sound import Recording, SoundCard, sound_card_missing
from bench.heard.tap import tap_recorded, tapped
from bench.report import Section, console, percentile
from tests.api.web.chromium import Chromium, chromium_path
from tests.fixtures.server import Desk, agents_file, quick_rehearsal, running_desk

COMMAND = "python -m bench.heard"
CALLS, INTERRUPTIONS = 3, 8
MARK_MS = 60
GAPS_S = (2.5, 6.5)
SETTLE_S = 12.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the table."""

    name: str
    policy: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


CONDITIONS = {
    "default": Condition("default policy"),
    "slow": Condition("default policy, sound 240 ms late", flags=("--audio-buffer-size=4096",)),
    "gemini": Condition("Gemini decides turns: no hold", policy={"endpoint": {"turns": "gemini"}}),
}
"""The second is a loudspeaker like a wireless headset: the browser's own buffer is made that long."""


async def one_call(desk: Desk, card: SoundCard | None, agent: str, interruptions: int, seed: int) -> list[Cut]:
    """Hold a call with so many interruptions, and compare its log with its recording."""
    with tempfile.TemporaryDirectory(prefix="viva-heard-") as folder:
        script = write_script(Path(folder, "candidate.wav"), interruptions, seed, GAPS_S)
        async with AsyncExitStack() as stack:
            flags = CONDITIONS[agent].flags
            browser = await stack.enter_async_context(
                Chromium.started(Path(folder, "profile"), script.path, flags=flags)
            )
            recorder = await stack.enter_async_context(card.recording()) if card else None
            page = await browser.open("about:blank")
            if recorder is None:
                await tapped(page)
            async with interrupted_call(desk, page, script, agent) as live:
                recording: Recording = recorder.recorded() if recorder else await tap_recorded(page)
        async with asyncio.timeout(SETTLE_S):
            await live.loop.over.wait()
            await live.loop.appender.written()
        cuts = await cuts_of(desk, live, script, recording)
    await desk.check()
    return cuts


async def measure(names: list[str], calls: int, interruptions: int, *, in_page: bool) -> dict[str, list[Cut]]:
    """All cuts of so many calls under each condition."""
    logs.configure("json", level=40)
    found: dict[str, list[Cut]] = {}
    with tempfile.TemporaryDirectory(prefix="viva-heard-") as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            postgres = stack.enter_context(EmbeddedPostgres.start(folder / "postgres"))
            upgrade(postgres.dsn)
            agents = agents_file(folder, **{each: CONDITIONS[each].policy for each in names})
            rehearsal = quick_rehearsal(thinking_ms=300, speed=3.5)
            desk = await stack.enter_async_context(
                running_desk(postgres.dsn, folder, rehearsal=rehearsal, agents=agents)
            )
            make_long_winded(desk.rehearsal)
            card = None if in_page else await stack.enter_async_context(SoundCard.opened())
            for each in names:
                found[each] = []
                for seed in range(calls):
                    found[each] += await one_call(desk, card, each, interruptions, seed)
    return found


def section(found: dict[str, list[Cut]], command: str, *, in_page: bool) -> Section:
    """What was seen, as a table."""
    columns = ("interrupted under", "cuts", "|error| p50", "p95", "max", "mean error", "word to silence p50", "p90")
    where = "the page's own output, not the loudspeaker" if in_page else "the sound card"
    table = Section("heard", f"What the log says was heard, against sound recorded at {where}: ms", command, columns)
    for name, cuts in found.items():
        sure = [cut for cut in cuts if cut.sure]
        errors = [abs(cut.error_ms) for cut in sure]
        silences = [cut.silent_after_ms for cut in sure if cut.silent_after_ms is not None]
        mean = sum(cut.error_ms for cut in sure) / max(1, len(sure))
        table.rows.append(
            (
                CONDITIONS[name].name,
                str(len(sure)),
                *(f"{percentile(errors, share):.1f}" for share in (0.5, 0.95, 1.0)),
                f"{mean:+.1f}",
                *(f"{percentile(silences, share):.0f}" for share in (0.5, 0.9)),
            )
        )
        table.facts[name] = [asdict(cut) | {"error_ms": cut.error_ms} for cut in cuts]
        if len(sure) < len(cuts):
            table.notes.append(f"{CONDITIONS[name].name}: {len(cuts) - len(sure)} cuts could not be found again.")
    table.notes += [
        f"The mark is {MARK_MS} ms at p95. Negative: more was played than the log says; the fade of 5 ms is in it.",
        "Word to silence: from the first word's label, as it arrives at the server, to the last sound, for good;",
        "the recordings sound from 150 ms before that, and what the browser's capture adds is not in it.",
    ]
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument(
        "--calls", type=int, default=CALLS, help=f"calls under each condition, of about a minute ({CALLS})"
    )
    parser.add_argument("--interruptions", type=int, default=INTERRUPTIONS, help=f"in each call ({INTERRUPTIONS})")
    parser.add_argument("--condition", action="append", choices=list(CONDITIONS), help="this one; may be repeated")
    parser.add_argument("--in-page", action="store_true", help="record inside the page, without a sound card")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if chromium_path() is None:
        sys.exit("no Chromium is installed: there is nothing to record")
    missing = sound_card_missing()
    if missing and not options.in_page:
        print(f"{missing}; recording inside the page", file=sys.stderr)
    in_page = options.in_page or bool(missing)
    names = options.condition or list(CONDITIONS)
    found = asyncio.run(measure(names, options.calls, options.interruptions, in_page=in_page))
    table = section(found, " ".join([COMMAND, *sys.argv[1:]]), in_page=in_page)
    if options.json:
        print(json.dumps(table.as_dict()))
    else:
        table.print(console())
