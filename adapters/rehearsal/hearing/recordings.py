"""Loads recordings whose words are known: audio files with their words beside them.

`NAME.flac` or `NAME.wav` goes with the first of `NAME.words.tsv` or `NAME.tsv` (start_s, end_s,
word), `NAME.json` (a list of objects with those fields) and `NAME.txt` (the words alone; their
times are then estimated).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from adapters.rehearsal.hearing.fingerprint import HOP_MS, Features, features
from adapters.rehearsal.session.activity import INPUT_HZ
from domain.errors import PeerError

_AUDIO_SUFFIXES = {".flac", ".wav"}


class Word(msgspec.Struct, frozen=True):
    """A word and when it is said, in seconds from the recording's start."""

    start_s: float
    end_s: float
    word: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that can be recognised."""

    name: str
    words: tuple[Word, ...]
    features: Features


def load_recordings(folders: Iterable[Path]) -> list[Recording]:
    """Every recording with known words in `folders`, in order of their names. Blocking.

    Raises `PeerError` (bad_recording) for a folder that is missing or words that cannot be read.
    """
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise PeerError("bad_recording", f"There is no folder of recordings at {folder}: give an existing one.")
        for path in sorted(item for item in folder.iterdir() if item.suffix in _AUDIO_SUFFIXES):
            shape = features(_wave(path))
            words = _words(path, shape)
            if words:
                found.append(Recording(path.stem, words, shape))
    return found


def _wave(path: Path) -> npt.NDArray[np.float32]:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    wave: npt.NDArray[np.float32] = mono if rate_hz == INPUT_HZ else soxr.resample(mono, rate_hz, INPUT_HZ)
    return wave


def _words(path: Path, shape: Features) -> tuple[Word, ...]:
    timed = [path.with_suffix(suffix) for suffix in (".words.tsv", ".tsv", ".json")]
    source = next((item for item in [*timed, path.with_suffix(".txt")] if item.exists()), None)
    if source is None:
        return ()
    text = source.read_text(encoding="utf-8")
    try:
        if source.suffix == ".txt":
            return _estimated(text, shape)
        if source.suffix == ".json":
            return msgspec.json.decode(text, type=tuple[Word, ...])
        return tuple(_row(line) for line in text.splitlines() if line.strip() and not line.startswith("start"))
    except (ValueError, msgspec.DecodeError) as error:
        raise PeerError("bad_recording", f"Correct the words in {source}: {error}") from error


def _row(line: str) -> Word:
    start, end, word = line.split("\t")
    return Word(float(start), float(end), word)


def _estimated(text: str, shape: Features) -> tuple[Word, ...]:
    """Words spread evenly, by their letters, over the part of the recording that is not silent."""
    words = text.split()
    level = shape.mean(axis=1)
    if not words or not len(level):
        return ()
    loud = np.flatnonzero(level >= (level.min() + level.max()) / 2)
    begin_s, span_s = loud[0] * HOP_MS / 1000, (loud[-1] + 1 - loud[0]) * HOP_MS / 1000
    edges = np.cumsum([0, *(len(word) + 1 for word in words)]) / sum(len(word) + 1 for word in words)
    times = [float(begin_s + edge * span_s) for edge in edges]
    return tuple(Word(times[at], times[at + 1], word) for at, word in enumerate(words))
