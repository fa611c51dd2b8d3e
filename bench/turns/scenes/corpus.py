"""A folder of recordings with labels: what scenes are made of.

    NAME.flac or NAME.wav      mono, any rate
    NAME.labels.tsv            tab-separated, header `start_s end_s label speaker`, optionally `text`

Labels: `answer` (a whole answer of one speaker, first to last voiced sample), `speech` (a voiced
stretch inside an answer: the gaps between the `speech` rows of an answer are its pauses, split at
gaps of 100 ms or more), `backchannel`, `hesitation`, `tic` (cough, throat, breath, click),
`other_speech` (somebody else, far away), `noise` (no speech near). Folders may be nested; `tune/`
and `test/` at the top are the split, and without them everything is test.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from domain.errors import VivaError

Split = Literal["tune", "test", "all"]
Sound = NDArray[np.float32]

RATE_HZ = 16_000
LABELS = ("answer", "speech", "backchannel", "hesitation", "tic", "other_speech", "noise")
SHORTEST_PAUSE_S = 0.1
_SOMEBODY = ("answer", "speech")
_COLUMNS = ("start_s", "end_s", "label", "speaker")
_SUFFIXES = (".flac", ".wav")


class CorpusError(VivaError):
    """The recordings cannot be used; the message names the file and row, and says what to do."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A labelled stretch of a recording, in seconds."""

    path: str
    start_s: float
    end_s: float
    label: str
    speaker: str
    text: str = ""

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and its voiced stretches, in the recording's seconds. `derived`: the stretches are
    our own guess."""

    cut: Cut
    speech: tuple[tuple[float, float], ...]
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything of one split. `notes` are sentences about what was found and assumed."""

    answers: tuple[Answer, ...]
    cuts: tuple[Cut, ...]
    notes: tuple[str, ...]

    def of(self, label: str) -> tuple[Cut, ...]:
        """The stretches of one label."""
        return tuple(cut for cut in self.cuts if cut.label == label)


def read_corpus(folder: Path, split: Split = "test") -> Corpus:
    """Read a folder. Raises `CorpusError`."""
    if not folder.is_dir():
        raise CorpusError(f"{folder} is no folder: give one with recordings and their .labels.tsv.")
    tables = list(_tables(folder, split))
    if not tables:
        raise CorpusError(f"{folder} has no *.labels.tsv for the split {split!r}: see bench/README.md for the format.")
    answers: list[Answer] = []
    cuts: list[Cut] = []
    guessed: list[str] = []
    for table in tables:
        rows = _rows(table)
        cuts += rows
        for answer in _answers(rows):
            answers.append(answer)
            if answer.derived:
                guessed.append(f"{Path(answer.cut.path).name} at {answer.cut.start_s:.2f} s")
    notes = []
    if guessed:
        notes.append(f"{len(guessed)} answers have no speech rows; their pauses are an energy rule's: {guessed[0]} …")
    return Corpus(tuple(answers), tuple(cuts), tuple(notes))


def _tables(folder: Path, split: Split) -> Iterator[Path]:
    parts = [name for name in ("tune", "test") if (folder / name).is_dir()]
    roots = [folder] if split == "all" or not parts else [folder / split]
    if split == "tune" and not parts:
        raise CorpusError(f"{folder} has no tune/ folder, so all of it is for testing: use --split test or all.")
    for root in roots:
        yield from sorted(root.rglob("*.labels.tsv"))


def _rows(table: Path) -> list[Cut]:
    stem = table.name.removesuffix(".labels.tsv")
    path = next(
        (table.with_name(stem + suffix) for suffix in _SUFFIXES if table.with_name(stem + suffix).exists()), None
    )
    if path is None:
        raise CorpusError(f"{table} has no recording beside it: add {stem}.flac or {stem}.wav.")
    try:
        info = soundfile.info(path)
        text = table.read_text(encoding="utf-8-sig")
    except soundfile.LibsndfileError as error:
        raise CorpusError(f"{path} cannot be read as audio: save it again as WAV or FLAC.") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{table} is not UTF-8: save it as UTF-8 text.") from error
    if info.channels != 1:
        raise CorpusError(f"{path} has {info.channels} channels: mix it down to one.")
    lines = text.splitlines()
    header = lines[0].split("\t") if lines else []
    if tuple(header[:4]) != _COLUMNS:
        raise CorpusError(f"{table}: the first row must be the columns {' '.join(_COLUMNS)}, tab-separated.")
    return [_row(table, path, number, line, info.duration) for number, line in enumerate(lines[1:], 2) if line.strip()]


def _row(table: Path, path: Path, number: int, line: str, seconds: float) -> Cut:
    cells = line.split("\t")
    where = f"{table}, row {number}"
    if len(cells) < 4:
        raise CorpusError(f"{where}: it has {len(cells)} cells: write {' '.join(_COLUMNS)}, tab-separated.")
    try:
        start_s, end_s = float(cells[0]), float(cells[1])
    except ValueError:
        raise CorpusError(f"{where}: {cells[0]!r} and {cells[1]!r} must be seconds.") from None
    if not 0 <= start_s < end_s <= seconds + 0.01:
        raise CorpusError(f"{where}: {start_s} to {end_s} s is no stretch of a recording of {seconds:.2f} s.")
    if cells[2] not in LABELS:
        raise CorpusError(f"{where}: {cells[2]!r} is no label: use one of {', '.join(LABELS)}.")
    speaker = cells[3].strip()
    if not speaker and cells[2] in _SOMEBODY:
        raise CorpusError(
            f"{where}: an {cells[2]} row names its speaker: write any name, the same for the same person."
        )
    return Cut(str(path), start_s, min(end_s, seconds), cells[2], speaker or path.stem, "".join(cells[4:5]))


def _answers(rows: list[Cut]) -> Iterator[Answer]:
    speech = sorted((row for row in rows if row.label == "speech"), key=lambda row: row.start_s)
    for answer in (row for row in rows if row.label == "answer"):
        inside = [row for row in speech if row.start_s >= answer.start_s - 0.02 and row.end_s <= answer.end_s + 0.02]
        if inside:
            exact = replace(answer, start_s=inside[0].start_s, end_s=max(row.end_s for row in inside))
            yield Answer(exact, _merged([(row.start_s, row.end_s) for row in inside]))
        else:
            yield _derived(answer)


def _merged(stretches: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Stretches closer than the shortest pause are one."""
    found: list[tuple[float, float]] = []
    for start, end in stretches:
        if found and start - found[-1][1] < SHORTEST_PAUSE_S - 1e-6:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)


def _derived(answer: Cut) -> Answer:
    """An offline energy rule, none of the detectors under test: a third of the way up from the
    pauses to the voice."""
    sound = load(answer.path)[round(answer.start_s * RATE_HZ) : round(answer.end_s * RATE_HZ)]
    hop = RATE_HZ // 100
    frames = sound[: len(sound) // hop * hop].reshape(-1, hop)
    levels = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    quiet_db, loud_db = np.percentile(levels, (5, 90))
    loud = levels > max(loud_db - 35, quiet_db + (loud_db - quiet_db) / 3)
    stretches = []
    for start in np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8)))) == 1).tolist():
        quiet = np.flatnonzero(~loud[start:])
        end = start + int(quiet[0]) if len(quiet) else len(loud)
        stretches.append((answer.start_s + start / 100, answer.start_s + end / 100))
    if not stretches:
        raise CorpusError(f"{answer.path}: nothing can be heard in the answer at {answer.start_s} s: label it anew.")
    merged = tuple(each for each in _merged(stretches) if each[1] - each[0] >= 0.03) or _merged(stretches)
    return Answer(replace(answer, start_s=merged[0][0], end_s=merged[-1][1]), merged, derived=True)


@cache
def load(path: str) -> Sound:
    """A recording's samples in -1..1 at 16 kHz."""
    sound: Sound
    sound, rate_hz = soundfile.read(path, dtype="float32")
    if rate_hz != RATE_HZ:
        sound = soxr.resample(sound, rate_hz, RATE_HZ)
    return sound
