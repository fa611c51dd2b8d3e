"""`viva replay`: what happened in a call, and whether today's core decides the same again."""

import json
import sys
from typing import Any
from uuid import UUID

import click
import msgspec

from adapters.postgres.store import PostgresStore, open_store
from api.cli.loop import run, settings_and_logs
from api.database import open_database
from domain.errors import PeerError
from domain.event import Event
from domain.events import DECISION_VERSION
from domain.inputs import FACTS
from domain.ports import AudioSegment, Side
from domain.recovery.replay import Difference, differences, fold_all, inputs_of

_QUIET = frozenset({"originator_id", "originator_version", "at_us", "seq", "decision_version"})
_WIDEST = 150


@click.command()
@click.argument("call_id", type=click.UUID)
@click.option("--all", "everything", is_flag=True, help="Show recorded inputs and stored segments too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def replay(call_id: UUID, everything: bool, as_json: bool) -> None:
    """Print the timeline of CALL_ID from the log, feed its recorded inputs to the core again, and
    compare.

    Exits with 1 if the core decides differently today.
    """
    settings = settings_and_logs()

    async def work() -> tuple[list[Event], list[AudioSegment]]:
        async with open_database(settings) as dsn, open_store(dsn) as store:
            return await _read(store, call_id)

    events, audio = run(work())
    found = list(differences(events, audio))
    count = sum(1 for _ in inputs_of(events, audio))
    final = fold_all(events)
    if as_json:
        report: dict[str, Any] = {
            "call_id": str(call_id),
            "events": [{"topic": type(event).TOPIC, **msgspec.to_builtins(event)} for event in events],
            "inputs": count,
            "state": final.state,
            "close_reason": final.record.close_reason,
            "differences": [_difference(each) for each in found],
        }
        click.echo(json.dumps(report))
    else:
        _print_timeline(events, everything)
        _print_verdict(events, count, found)
    sys.exit(1 if found else 0)


async def _read(store: PostgresStore, call_id: UUID) -> tuple[list[Event], list[AudioSegment]]:
    stored = await store.reader.select_events(call_id)
    if not stored:
        raise PeerError("call_not_found", f"The log has no call {call_id}: see GET /calls for those there are.")
    audio = [*await store.audio.select_audio(call_id, Side.CANDIDATE)]
    audio += await store.audio.select_audio(call_id, Side.INTERVIEWER)
    return [store.mapper.to_event(event) for event in stored], audio


def _print_timeline(events: list[Event], everything: bool) -> None:
    for event in events:
        topic = type(event).TOPIC.removeprefix("call.").removesuffix(".v1")
        noise = isinstance(event, FACTS) or topic.endswith("audio_recorded")
        if everything or not noise:
            click.echo(f"{event.at_us / 1e6:9.3f} s  {event.originator_version:>5}  {topic:<24} {_facts(event)}")


def _facts(event: Event) -> str:
    """What was decided, then what on: if a line has to be cut, the evidence goes first."""
    facts = {name: value for name, value in msgspec.to_builtins(event).items() if name not in _QUIET and value != ""}
    for last in ("rule", "evidence"):
        if value := facts.pop(last, None):
            facts[last] = value
    text = "  ".join(f"{name}={_short(value)}" for name, value in facts.items())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}={_short(each)}" for name, each in value.items()) + "}"
    return str(value)


def _print_verdict(events: list[Event], count: int, found: list[Difference]) -> None:
    recorded = getattr(events[0], "decision_version", 0)
    click.echo(f"{count} inputs read back from the log, {len(events)} events, decision version {recorded}.")
    if not found:
        click.secho(f"The core (version {DECISION_VERSION}) decides the same again, event for event.", fg="green")
        return
    click.secho(f"The core (version {DECISION_VERSION}) decides differently from here on:", fg="red")
    for side, event in (("recorded", found[0].recorded), ("now", found[0].decided)):
        click.echo(f"  {side:<9} {type(event).TOPIC if event else 'nothing'} {_facts(event) if event else ''}")


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "recorded": msgspec.to_builtins(found.recorded) if found.recorded else None,
        "decided": msgspec.to_builtins(found.decided) if found.decided else None,
    }
