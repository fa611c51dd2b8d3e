"""Turns what was heard into words: the words of a recording that is known, a plain statement for
any other voice."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import soxr

from adapters.rehearsal.hearing.fingerprint import HOP_MS, LONGEST_PATCH, Atlas, Features, Place, features
from adapters.rehearsal.hearing.recordings import Recording, Word, load_recordings
from adapters.rehearsal.session.activity import INPUT_HZ

_STEP = 400 // HOP_MS
_SHORTEST_PATCH = 200 // HOP_MS
_DRIFT = 30 // HOP_MS  # two patches of one stretch may disagree about its place by this much
_ALIKE = 0.6
_ALIKE_BEST = 0.75  # of the best patch in a run
_ALIKE_ALONE = 0.88  # of a single patch, which nothing else supports


@dataclass(slots=True)
class Stretch:
    """A run of patches that follow each other in the same recording. `begin` and `end` are frames
    of what was heard."""

    index: int
    shift: int
    begin: int
    end: int
    best: float
    patches: int = 1

    @property
    def is_sure(self) -> bool:
        return self.best >= (_ALIKE_BEST if self.patches > 1 else _ALIKE_ALONE)


class Recogniser:
    """Knows the recordings of some folders. One worker thread does the arithmetic for all sessions."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._worker = ThreadPoolExecutor(1, "rehearsal-recognition")
        self._recordings: list[Recording] = []
        self._atlas = Atlas([])

    async def load(self) -> None:
        """Read the folders; call it once before transcribing."""
        await asyncio.get_running_loop().run_in_executor(self._worker, self._load)

    async def transcribe(self, pcm: bytes, rate_hz: int) -> str:
        """The words in PCM16 of any rate; for an unknown voice a statement of its length, and
        nothing for no audio."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._words, pcm, rate_hz)

    def _load(self) -> None:
        self._recordings = load_recordings(self._folders)
        self._atlas = Atlas([item.features for item in self._recordings])

    def _words(self, pcm: bytes, rate_hz: int) -> str:
        if not pcm:
            return ""
        wave = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        at_16k: npt.NDArray[np.float32] = wave if rate_hz == INPUT_HZ else soxr.resample(wave, rate_hz, INPUT_HZ)
        heard = features(at_16k)
        stretches = [item for item in follow(self._places(heard)) if item.is_sure]
        if not stretches:
            return f"[rehearsal: {len(wave) / rate_hz:.1f} s of speech]"
        said = [word for item in _widened(stretches, len(heard)) for word in self._said(item)]
        return " ".join(word.word for word in said)

    def _places(self, heard: Features) -> list[tuple[int, int, Place]]:
        """(begin, end, place) of every patch of what was heard that is like a place of some
        recording."""
        length = min(LONGEST_PATCH, len(heard))
        if length < _SHORTEST_PATCH:
            return []
        begins = sorted({*range(0, len(heard) - length, _STEP), len(heard) - length})
        found = [(begin, begin + length, self._atlas.find(heard[begin : begin + length])) for begin in begins]
        return [(begin, end, place) for begin, end, place in found if place and place.likeness >= _ALIKE]

    def _said(self, stretch: Stretch) -> list[Word]:
        """Words of which at least half lies in the stretch."""
        begin_s, end_s = ((edge + stretch.shift) * HOP_MS / 1000 for edge in (stretch.begin, stretch.end))
        words = self._recordings[stretch.index].words
        return [word for word in words if begin_s <= (word.start_s + word.end_s) / 2 <= end_s]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)


def follow(places: Sequence[tuple[int, int, Place]]) -> list[Stretch]:
    """Join patches, in the order they were heard, that continue each other."""
    stretches: list[Stretch] = []
    for begin, end, place in places:
        shift = place.at - begin
        last = stretches[-1] if stretches else None
        if last and last.index == place.index and abs(last.shift - shift) <= _DRIFT:
            last.end, last.best, last.patches = end, max(last.best, place.likeness), last.patches + 1
        else:
            stretches.append(Stretch(place.index, shift, begin, end, place.likeness))
    return stretches


def _widened(stretches: Sequence[Stretch], heard: int) -> Sequence[Stretch]:
    """Let each stretch reach a patch further where no other one is as close: its edges match less
    well."""
    for position, item in enumerate(stretches):
        before = stretches[position - 1].end if position else 0
        after = stretches[position + 1].begin if position + 1 < len(stretches) else heard
        item.begin = min(item.begin, max(before, item.begin - LONGEST_PATCH))
        item.end = max(item.end, min(after, item.end + LONGEST_PATCH))
    return stretches
