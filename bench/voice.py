"""What listening costs and how well it hears: `python -m bench.voice`.

Costs are the best of many rounds, per frame of 20 ms, and as ratios: to WebRTC's detector, and of
one core per call. The accuracy is of each detector's raw decisions, frame by frame, on the
recordings under `tests/data/voice`; "as policy" counts what is left when a start takes 80 ms of
voice within 120 ms.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from adapters.voice import flac
from adapters.voice.cascade import CascadeDetector
from adapters.voice.features import frame_loudness
from adapters.voice.resample import SoxrResampler
from adapters.voice.silero import SileroDetector
from adapters.voice.webrtc import Mode, WebRtcDetector
from domain.ports.voice import VoiceDetector
from domain.sound.features import VOICE_NOT_MEASURED
from domain.sound.rates import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ

RECORDINGS = Path(__file__).parents[1] / "tests" / "data" / "voice"
SPEAKERS = ("fluent", "hoarse")
NOISES = ("dishes", "office")
FRAMES_PER_SECOND = 1000 // FRAME_MS
ROUNDS = 15
PASSES = 7

Pcm = NDArray[np.int16]


def recording(name: str) -> Pcm:
    """One recording's samples."""
    pcm: Pcm = soundfile.read(RECORDINGS / f"{name}.flac", dtype="int16")[0]
    return pcm


def stretches_ms(name: str) -> list[tuple[float, float]]:
    """Where somebody speaks in a recording, by its labels."""
    rows = (RECORDINGS / f"{name}.speech.tsv").read_text().splitlines()[1:]
    return [(1000 * float(start), 1000 * float(end)) for start, end in (row.split("\t") for row in rows)]


def frames(pcm: Pcm) -> list[bytes]:
    """The whole frames of `pcm`."""
    data = pcm.tobytes()
    return [data[at : at + FRAME_BYTES] for at in range(0, len(data) - FRAME_BYTES + 1, FRAME_BYTES)]


def decisions(detector: VoiceDetector, pcm: Pcm) -> list[bool]:
    """Frame by frame, whether the detector decides for speech."""
    detector.reset()
    heard = [detector.analyse(frame) for frame in frames(pcm)]
    return [frame.gate == 1 if frame.voice == VOICE_NOT_MEASURED else frame.voice >= 127 for frame in heard]


def as_policy(flags: list[bool]) -> list[bool]:
    """A start takes four voiced frames out of six."""
    return [sum(flags[max(0, at - 5) : at + 1]) >= 4 for at in range(len(flags))]


def starts(flags: list[bool]) -> int:
    """How often speech begins."""
    return sum(now and not before for before, now in zip([False, *flags], flags, strict=False))


def onsets_ms(detector: VoiceDetector, before: Pcm) -> list[float]:
    """Onset delays over both speakers, each after `before`; infinite where a stretch is missed."""
    delays = []
    skipped_ms = 1000 * len(before) / SAMPLE_RATE_HZ
    for name in SPEAKERS:
        flags = decisions(detector, np.concatenate((before, recording(name))))
        found = [(at + 1) * FRAME_MS - skipped_ms for at, flag in enumerate(flags) if flag]
        for start, end in stretches_ms(name):
            delays.append(next((at - start for at in found if start - 100 < at < end), float("inf")))
    return delays


def onset_columns(delays: list[float]) -> Iterator[str]:
    """Median and ninth of ten of those found, and how many were missed."""
    found = [delay for delay in delays if delay < float("inf")]
    yield f"{np.percentile(found, 50):.0f} / {np.percentile(found, 90):.0f}" if found else "-"
    yield f"{len(delays) - len(found)} of {len(delays)}"


def per_minute(detector: VoiceDetector, reading: Callable[[list[bool]], list[bool]] = list) -> str:
    """Starts of speech per minute in each noise, where there is none."""
    counts = []
    for name in NOISES:
        pcm = recording(name)
        counts.append(starts(reading(decisions(detector, pcm))) * 60 * SAMPLE_RATE_HZ / len(pcm))
    return " / ".join(f"{count:.0f}" for count in counts)


def accuracy() -> Table:
    """Each detector alone, and the cascade."""
    table = Table(title="Onsets and false triggers (raw decisions)")
    for title in ("detector", "onset p50/p90 ms", "missed", "after 60 s of dishes", "missed"):
        table.add_column(title, justify="left" if title == "detector" else "right")
    table.add_column("per minute of dishes/office", justify="right")
    table.add_column("as policy", justify="right")
    quiet, minute = np.zeros(0, np.int16), np.tile(recording("dishes"), 6)
    modes: tuple[Mode, ...] = (0, 1, 2, 3)
    contestants: list[tuple[str, VoiceDetector]] = [(f"webrtc {mode}", WebRtcDetector(mode)) for mode in modes]
    contestants += [("silero", SileroDetector())]
    contestants += [(f"cascade {mode}", CascadeDetector(mode)) for mode in modes]
    for name, detector in contestants:
        table.add_row(
            name,
            *onset_columns(onsets_ms(detector, quiet)),
            *onset_columns(onsets_ms(detector, minute)),
            per_minute(detector),
            per_minute(detector, as_policy),
        )
    return table


def best_us(run: Callable[[], object], frames_each: float) -> float:
    """Microseconds per frame of the quickest round; each round stands for `frames_each` frames."""
    rounds = []
    for _ in range(ROUNDS):
        started = perf_counter()
        run()
        rounds.append(perf_counter() - started)
    return min(rounds) * 1e6 / frames_each


def detector_us(detector: VoiceDetector, pcm: Pcm) -> float:
    """A detector's mean cost over `pcm`, of each frame's quickest hearing: it hears the same in
    every pass."""
    cut = frames(pcm)
    passes = np.zeros((PASSES, len(cut)))
    for times in passes:
        detector.reset()
        for at, frame in enumerate(cut):
            started = perf_counter()
            detector.analyse(frame)
            times[at] = perf_counter() - started
    return float(passes.min(axis=0).mean() * 1e6)


def resampler_us(rate_hz: int) -> float:
    """The resampler's cost on 20 ms chunks from `rate_hz`, conversion from and to bytes included."""
    resampler, chunk = SoxrResampler(rate_hz), np.resize(recording("fluent"), rate_hz // 50).tobytes()
    return best_us(lambda: [resampler.push(chunk) for _ in range(FRAMES_PER_SECOND)], FRAMES_PER_SECOND)


def fixed_ratio_us_and_delay(rate_hz: int, quality: str) -> tuple[float, float]:
    """For comparison, libsoxr's way for ratios that never change: its cost, and how far it falls
    behind in ms."""
    chunk = np.resize(recording("fluent"), rate_hz // 50).astype(np.float32)
    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, "float32", quality)
    made, behind = 0, 0.0
    for count in range(1, 101):
        made += len(stream.resample_chunk(chunk))
        behind = max(behind, count * FRAME_MS - 1000 * made / SAMPLE_RATE_HZ)
    run = partial(stream.resample_chunk, chunk)
    return best_us(lambda: [run() for _ in range(FRAMES_PER_SECOND)], FRAMES_PER_SECOND), behind


def costs() -> Iterator[tuple[str, float]]:
    """Names and microseconds per frame; the first is what the others are compared with."""
    speech = recording("fluent")[SAMPLE_RATE_HZ : 11 * SAMPLE_RATE_HZ]
    second = speech[:SAMPLE_RATE_HZ].tobytes()
    yield "webrtc", detector_us(WebRtcDetector(), speech)
    yield "loudness alone", best_us(lambda: [frame_loudness(frame) for frame in frames(speech)], len(frames(speech)))
    yield "silero", detector_us(SileroDetector(), speech)
    yield "cascade, speech", detector_us(CascadeDetector(), speech)
    yield "cascade, dishes", detector_us(CascadeDetector(), recording("dishes"))
    yield "cascade, silence", detector_us(CascadeDetector(), np.zeros(10 * SAMPLE_RATE_HZ, np.int16))
    for rate_hz in (8_000, 44_100, 48_000):
        yield f"resample {rate_hz} Hz (at most {SoxrResampler(rate_hz).delay_ms:.1f} ms behind)", resampler_us(rate_hz)
        for quality in ("LQ", "HQ"):
            cost_us, behind_ms = fixed_ratio_us_and_delay(rate_hz, quality)
            yield f"  fixed ratio, {quality} (at most {behind_ms:.1f} ms behind)", cost_us
    yield "FLAC encode, segments of 1 s", best_us(lambda: flac.encode(second, SAMPLE_RATE_HZ), FRAMES_PER_SECOND)
    stored = flac.encode(second, SAMPLE_RATE_HZ)
    yield "FLAC decode", best_us(lambda: flac.decode(stored), FRAMES_PER_SECOND)


def cost_table() -> Table:
    """Costs as they are and as ratios."""
    table = Table(title="Cost of one 20 ms frame")
    table.add_column("what")
    for title in ("µs", "of webrtc", "of a core, per call"):
        table.add_column(title, justify="right")
    first = 0.0
    for name, cost_us in costs():
        first = first or cost_us
        table.add_row(name, f"{cost_us:.1f}", f"{cost_us / first:.1f} x", f"{cost_us / (10 * FRAME_MS):.2f} %")
    return table


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(prog="python -m bench.voice", description=__doc__).parse_args()
    console = Console()
    console.print(accuracy())
    console.print(cost_table())


if __name__ == "__main__":
    main()
