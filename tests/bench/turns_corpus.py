"""A small labelled folder made of the recordings that the tests have anyway, and traces made by
hand."""

from pathlib import Path
from shutil import copy

import numpy as np
import soundfile

from bench.turns.scenes.corpus import Cut
from bench.turns.scenes.scene import At, IntoTurn, Kind, Part, Prompt, Scene
from bench.turns.stage.trace import ReceivedMessage, Trace
from domain.event import Event
from domain.states import State

DATA = Path(__file__).parents[1] / "data"
HEADER = "start_s\tend_s\tlabel\tspeaker\ttext\n"
SECOND_US = 1_000_000


def small_corpus(folder: Path) -> Path:
    """Two answers of two people (one with a pause), an "uh-huh", a clatter, a noise, somebody
    else."""
    _recording(folder, "answer_3", ("0.15 4.13 answer ann", "0.15 1.21 speech ann", "1.45 4.13 speech ann"))
    _recording(folder, "interruption", ("0.15 2.47 answer bob", "0.15 2.47 speech bob"))
    _recording(folder, "uh_huh", ("0.0 0.45 backchannel cid",))
    copy(DATA / "voice" / "dishes.flac", folder)
    _labels(folder, "dishes", ("0.0 6.0 noise -", "6.0 6.4 tic -"))
    copy(DATA / "candidate" / "answer_1.flac", folder)
    _labels(folder, "answer_1", ("0.0 2.0 other_speech dan",))
    return folder


def _recording(folder: Path, name: str, rows: tuple[str, ...]) -> None:
    copy(DATA / "candidate" / f"{name}.flac", folder)
    _labels(folder, name, rows)


def _labels(folder: Path, name: str, rows: tuple[str, ...]) -> None:
    lines = ["\t".join(row.split()) for row in rows]
    (folder / f"{name}.labels.tsv").write_text(HEADER + "\n".join(lines) + "\n")


def labelled(folder: Path, rows: str, *, header: str = HEADER, channels: int = 1) -> Path:
    """A recording of two seconds with a labels file as given."""
    soundfile.write(folder / "one.wav", np.zeros((32_000, channels), np.float32), 16_000)
    (folder / "one.labels.tsv").write_text(header + rows)
    return folder


def trace_of(
    kind: Kind,
    *,
    speech: tuple[tuple[float, float], ...] = ((0.0, 2.0),),
    onset_s: float = 5.0,
    events: tuple[Event, ...] = (),
    messages: tuple[tuple[float, str], ...] = (),
    states: tuple[tuple[float, State], ...] = ((0.0, State.MODEL_SPEAKING),),
    length_s: float = 12.0,
) -> Trace:
    """A trace as if a scene of one part had been played."""
    role = "answer" if kind == "endpoint" else kind if kind not in ("noise", "echo", "double_talk") else "interruption"
    part = Part(Cut("who.flac", 0.0, speech[-1][1], "answer", "ann"), role, At(0), 1.0, speech)  # type: ignore[arg-type]
    scene = Scene("0", kind, "clean", 1, (part,), ((Prompt("go_on", 0),),))
    trace = Trace(scene, [round(onset_s * 16_000)])
    trace.events = list(events)
    trace.messages = [ReceivedMessage(round(at_s * SECOND_US), what) for at_s, what in messages]
    trace.states = [(round(at_s * SECOND_US), state) for at_s, state in states]
    trace.length_us = round(length_s * SECOND_US)
    trace.heard_samples = round(length_s * 16_000)
    return trace


__all__ = ["IntoTurn", "labelled", "small_corpus", "trace_of"]
