"""The offline labeller behind `tests/data/turns`: where speech truly starts and ends.

Every delay that the bench reports is measured against these labels, so they may owe nothing to a
detector that is measured. This one looks at the whole recording, both ways: energies of 10 ms every
millisecond, in four bands (from a murmur to the hiss of fricatives), each against its own noise
floor. It proposes; a person looks at the spectrogram and corrects (breaths, clicks, other people).

    python -m bench.labels propose NAME.flac            # prints the stretches it hears
    python -m bench.labels count tests/data/turns/test  # what a folder of labelled recordings holds
"""

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000
HOP = 16  # 1 ms
BANDS_HZ = ((160, 700), (700, 2_500), (2_500, 4_500), (4_500, 7_000))
HEADER = "start_s\tend_s\tlabel\tspeaker\ttext"
LABELS = ("answer", "speech", "backchannel", "hesitation", "tic", "other_speech", "noise")


@dataclass(frozen=True, slots=True)
class Ear:
    """How the labeller listens."""

    window_ms: int = 10
    enter_db: float = 8.0  # above the floor: certainly sound
    leave_db: float = 3.5  # the same sound reaches out to here, both ways
    range_db: float = (
        42.0  # below the band's loudest sounds, whatever the floor: the room's echo of a word is not the word
    )
    soft_db: float = 10.0  # a first consonant may be so much softer still
    soft_ms: int = 80
    pitch_ms: int = 24  # a creaking voice is silent for so long between two pulses
    shortest_ms: int = 30  # loud for at least half of this, or it is a click
    gap_ms: int = 100  # a shorter gap is a plosive's closure, not a pause


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One line of a labels file."""

    start_s: float
    end_s: float
    label: str
    speaker: str = ""
    text: str = ""

    def line(self) -> str:
        """The row as it is written."""
        return f"{self.start_s:.3f}\t{self.end_s:.3f}\t{self.label}\t{self.speaker}\t{self.text}"


def decibels(sound: NDArray[np.float32], window_ms: int = 10) -> NDArray[np.float64]:
    """Energy in dB of each band, shape (bands, ms); value k is centred on millisecond k."""
    padded = np.concatenate([sound, sound[::-1]]).astype(np.float64)  # or its end would ring on at its beginning
    spectrum, hz = np.fft.rfft(padded), np.fft.rfftfreq(len(padded), 1 / RATE)
    rows = []
    for low, high in BANDS_HZ:
        soft = np.clip((hz - 0.7 * low) / (0.6 * low), 0, 1) * np.clip((1.1 * high - hz) / (0.2 * high), 0, 1)
        power = np.fft.irfft(spectrum * np.sin(soft * np.pi / 2) ** 2, len(padded))[: len(sound)] ** 2
        width = window_ms * RATE // 1000
        summed = np.concatenate([np.zeros(width // 2 + 1), np.cumsum(power), np.full(width, power.sum())])
        mean = (summed[width:][: len(sound)] - summed[: len(sound)]) / width
        rows.append(10 * np.log10(np.maximum(mean[::HOP], 1e-12)))
    return np.array(rows)


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of True as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def floor_and_flicker(level: NDArray[np.float64]) -> tuple[float, float]:
    """The level of the quietest blocks of 150 ms, and how far above it their loudest moments are,
    in dB."""
    blocks = level[: len(level) // 150 * 150].reshape(-1, 150)
    quietest = blocks[np.argsort(np.quantile(blocks, 0.9, axis=1))][: max(3, len(blocks) // 10)]
    floor = float(np.median(quietest))
    return floor, float(np.quantile(quietest, 0.99)) - floor


def audible(sound: NDArray[np.float32], ear: Ear) -> NDArray[np.bool_]:
    """For each millisecond: does a sound that rises clearly above the floor reach here?"""
    heard = np.zeros(len(sound[::HOP]), dtype=bool)
    for level in decibels(sound, ear.window_ms):
        floor, flicker = floor_and_flicker(level)
        dark = float(np.quantile(level, 0.98)) - ear.range_db
        flicker = min(flicker, 10.0)  # digital silence beside a room's noise is no flicker
        reaching = max(floor + max(ear.leave_db, flicker), dark + ear.leave_db)
        certain = max(floor + max(ear.enter_db, flicker + 3), dark + ear.enter_db)
        soft = max(floor + max(ear.leave_db, flicker), dark - ear.soft_db + ear.leave_db)
        there = joined(runs(level > reaching), ear.pitch_ms)
        for start, end in there:
            if (level[start:end] > certain).sum() >= ear.shortest_ms // 2:
                heard[softly(level, start, soft, ear.soft_ms) : end] = True
    return heard


def softly(level: NDArray[np.float64], start: int, quiet: float, reach_ms: int) -> int:
    """Where a sound that is loud enough from `start` on begins to rise out of the quiet."""
    before = level[max(0, start - reach_ms) : start]
    if not before.size:
        return start
    lowest = int(before.argmin())
    silent = np.flatnonzero(before[lowest:] <= quiet)
    return start - before.size + lowest + (int(silent[-1]) + 1 if silent.size else 0)


def joined(pieces: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Pieces with the gaps shorter than `gap` closed."""
    whole: list[tuple[int, int]] = []
    for start, end in pieces:
        if whole and start - whole[-1][1] < gap:
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def stretches(sound: NDArray[np.float32], ear: Ear | None = None) -> list[tuple[float, float]]:
    """Sound in seconds, split where the silence is at least `gap_ms`.

    A window hears a loud sound half its width before it begins: the edges are taken in by that.
    """
    ear = ear or Ear()
    inset = ear.window_ms / 2
    return [
        ((start + inset) / 1000, (end - inset) / 1000)
        for start, end in joined(runs(audible(sound, ear)), ear.gap_ms)
        if end - start >= ear.shortest_ms + 2 * inset
    ]


def read(path: Path) -> NDArray[np.float32]:
    """A 16 kHz mono recording."""
    sound, rate = soundfile.read(path, dtype="float32")
    if rate != RATE or sound.ndim != 1:
        raise SystemExit(f"{path}: {rate} Hz, {sound.ndim} dimensions; recordings here are 16 kHz mono")
    return np.asarray(sound, dtype=np.float32)


def read_rows(path: Path) -> list[Row]:
    """The rows of a labels file, checked."""
    header, *lines = path.read_text().splitlines()
    if header != HEADER:
        raise SystemExit(f"{path}: the header is {header!r}")
    rows = []
    for line in lines:
        start, end, label, speaker, text = line.split("\t")
        if label not in LABELS or not 0 <= float(start) < float(end):
            raise SystemExit(f"{path}: {line!r}")
        rows.append(Row(float(start), float(end), label, speaker, text))
    return rows


def count(folder: Path) -> dict[str, float]:
    """What a folder of labelled recordings holds."""
    totals: dict[str, float] = {"recordings": 0}
    talkers: set[str] = set()

    def add(name: str, much: float = 1) -> None:
        totals[name] = totals.get(name, 0) + much

    for path in sorted(folder.glob("*.labels.tsv")):
        add("recordings")
        rows = read_rows(path)
        for row in rows:
            add(row.label)
            if row.label in ("noise", "other_speech"):
                add(f"{row.label}_min", (row.end_s - row.start_s) / 60)
            if row.label != "answer":
                continue
            talkers.add(row.speaker)
            add("answer_s", row.end_s - row.start_s)
            inside = sorted(r for r in rows if r.label == "speech" and row.start_s - 0.001 <= r.start_s < row.end_s)
            gaps = [later.start_s - earlier.end_s for earlier, later in itertools.pairwise(inside)]
            for at_least in (0.1, 0.3, 0.6, 1.0, 1.5):
                add(f"pauses_{at_least * 1000:.0f}ms", sum(gap >= at_least - 0.0005 for gap in gaps))
            add("onsets", 1 + sum(gap >= 0.3 for gap in gaps))
    return {"speakers": len(talkers), **totals}


def main() -> None:
    """Propose labels for a recording, or count a folder's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["propose", "count"])
    parser.add_argument("path", type=Path)
    chosen = parser.parse_args()
    if chosen.what == "count":
        for name, much in count(chosen.path).items():
            print(f"{name:18} {much:8.1f}" if much % 1 else f"{name:18} {much:6.0f}")
        return
    print(HEADER)
    for start, end in stretches(read(chosen.path)):
        print(Row(start, end, "speech").line())


if __name__ == "__main__":
    main()
