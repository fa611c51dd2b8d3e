"""What the candidate's microphone picks up: a floor, a bed of noise, the scene's parts, and the
loudspeaker's echo.

Rendered once a scene, at the client's rate; parts that begin relative to the interviewer's turn are
laid in when that turn is heard. Sample n of the 16 kHz truth is captured n/16000 s after the
microphone was opened.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soxr

from bench.turns.scenes.corpus import RATE_HZ, Sound, load
from bench.turns.scenes.scene import At, IntoTurn, Part, Scene

MESSAGE_MS = 20
FADE_MS = 20
_FLOOR_S = 8


@dataclass(frozen=True, slots=True)
class Rendered:
    """A scene's sounds at the client's rate. `sounds[i]` begins `leads[i]` samples (16 kHz) before
    its part does."""

    rate_hz: int
    bed: Sound
    sounds: tuple[Sound, ...]
    leads: tuple[int, ...]


@lru_cache(maxsize=4)
def render(scene: Scene, rate_hz: int) -> Rendered:
    """Everything that does not depend on what the server does."""
    dice = np.random.default_rng(scene.seed)
    bed = dice.normal(0, 10 ** (scene.floor_dbfs / 20), _FLOOR_S * RATE_HZ).astype(np.float32)
    if scene.bed is not None:
        cut = scene.bed.cut
        noise = load(cut.path)[round(cut.start_s * RATE_HZ) : round(cut.end_s * RATE_HZ)] * np.float32(scene.bed.gain)
        offset = int(dice.integers(len(noise))) if scene.kind != "noise" else 0
        bed = np.roll(_seamless(noise), -offset) + np.resize(bed, len(_seamless(noise)))
    sounds, leads = [], []
    for part in scene.parts:
        sound, lead = _cut_out(part)
        sounds.append(_at_rate(sound, rate_hz))
        leads.append(lead)
    whole = MESSAGE_MS * RATE_HZ // 1000
    return Rendered(rate_hz, _at_rate(bed[: len(bed) // whole * whole], rate_hz), tuple(sounds), tuple(leads))


def _seamless(noise: Sound) -> Sound:
    """The end of the noise fades into its beginning, so that it can go round."""
    fade = min(RATE_HZ // 5, len(noise) // 4)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    body = noise[:-fade].copy()
    body[:fade] = body[:fade] * np.sqrt(ramp) + noise[-fade:] * np.sqrt(1 - ramp)
    return body


def _cut_out(part: Part) -> tuple[Sound, int]:
    """A part with its surroundings, faded in and out, and how many samples of it lie before the
    part itself."""
    recording = load(part.cut.path)
    first = max(0, round((part.cut.start_s - part.lead_s) * RATE_HZ))
    last = min(len(recording), round((part.cut.end_s + part.tail_s) * RATE_HZ))
    sound = recording[first:last] * np.float32(part.gain)
    lead = round(part.cut.start_s * RATE_HZ) - first
    fade_in, fade_out = min(FADE_MS * RATE_HZ // 1000, lead), min(FADE_MS * RATE_HZ // 1000, len(sound) // 4)
    if fade_in:
        sound[:fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    sound[-fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32)
    return sound, lead


def _at_rate(sound: Sound, rate_hz: int) -> Sound:
    return sound if rate_hz == RATE_HZ else soxr.resample(sound, RATE_HZ, rate_hz)


class Microphone:
    """`block(n)` is the n-th message's sound, 20 ms in -1..1, without echo. Blocks are asked for in
    order."""

    def __init__(self, scene: Scene, rendered: Rendered) -> None:
        self._scene = scene
        self._rendered = rendered
        self._up = rendered.rate_hz / RATE_HZ
        self._length = rendered.rate_hz * MESSAGE_MS // 1000
        self.starts: list[int | None] = [
            part.start.ms * RATE_HZ // 1000 if isinstance(part.start, At) else None for part in scene.parts
        ]
        """Where each part begins, in 16 kHz samples since the microphone was opened; None while
        nobody knows."""

    def turn_heard(self, turn: int, at_us: int) -> None:
        """One of the interviewer's turns became audible, so long after the microphone was opened."""
        for number, part in enumerate(self._scene.parts):
            if isinstance(part.start, IntoTurn) and part.start.turn == turn:
                self.starts[number] = (at_us + part.start.ms * 1000) * RATE_HZ // 1_000_000

    @property
    def ends_ms(self) -> int | None:
        """When the last part is over; None while one has not been placed."""
        last_ms = 0
        for start, part in zip(self.starts, self._scene.parts, strict=True):
            if start is None:
                return None
            last_ms = max(last_ms, start * 1000 // RATE_HZ + round(1000 * part.cut.seconds))
        return last_ms

    def in_answer(self, at_us: int) -> bool:
        """Whether the candidate is in the middle of an answer or an interruption, by truth."""
        at = at_us * RATE_HZ // 1_000_000
        return any(
            start is not None and start <= at < start + part.cut.seconds * RATE_HZ
            for start, part in zip(self.starts, self._scene.parts, strict=True)
            if part.role in ("answer", "interruption")
        )

    def block(self, number: int) -> Sound:
        length, bed = self._length, self._rendered.bed
        begin = number * length
        at = begin % len(bed)
        sound = bed[at : at + length].copy()
        for start, lead, part in zip(self.starts, self._rendered.leads, self._rendered.sounds, strict=True):
            if start is None:
                continue
            offset = begin - round((start - lead) * self._up)
            if -length < offset < len(part):
                piece = part[max(0, offset) : offset + length]
                where = max(0, -offset)
                sound[where : where + len(piece)] += piece
        return sound
