"""From the candidate's loudspeaker back into their microphone: late, reverberant, and as loud as
the scene says.

The room is a direct path 20 to 120 ms late (devices, air) and forty reflections that decay by 60 dB
in 150 to 400 ms, drawn by seed; its gain is set on the interviewer's own voice, so that `echo_db`
is the level of the echo relative to what is played.
"""

import numpy as np

from bench.turns.scenes.corpus import Sound
from bench.turns.scenes.interviewer import RATE_HZ, prompt
from bench.turns.scenes.levels import dbfs

_REFLECTIONS = 40
_TAPS = 63
_MIC_RATES = (16_000, 48_000)


class Echo:
    """Takes what was played at 24 kHz, 20 ms at a time, and gives what reaches the microphone
    meanwhile."""

    def __init__(self, echo_db: float, seed: int, rate_hz: int) -> None:
        if rate_hz not in _MIC_RATES:
            raise ValueError(f"echo is made for {_MIC_RATES}, not for {rate_hz} Hz: choose one of them")
        dice = np.random.default_rng((seed, 7))
        self.delay = int(dice.uniform(0.020, 0.120) * RATE_HZ)
        tail_s = dice.uniform(0.15, 0.4)
        after = np.sort(dice.uniform(0.001, 0.8 * tail_s, _REFLECTIONS))
        weights = dice.choice((-1.0, 1.0), _REFLECTIONS) * 0.5 * 10 ** (-3 * after / tail_s)
        self._taps = [(self.delay, 1.0)]
        self._taps += [
            (self.delay + int(late * RATE_HZ), float(each)) for late, each in zip(after, weights, strict=True)
        ]
        self._longest = max(tap for tap, _ in self._taps)
        self._decimate = 48_000 // rate_hz
        cutoff = min(0.45, 0.46 / self._decimate)
        spread = np.arange(_TAPS) - _TAPS // 2
        low_pass = 2 * cutoff * np.sinc(2 * cutoff * spread) * np.hamming(_TAPS)
        self._low_pass = (2 * low_pass / low_pass.sum()).astype(np.float32)
        self._played = np.zeros(self._longest + _TAPS, np.float32)
        self._quiet = 0
        self._gain = np.float32(1)
        self._gain = np.float32(10 ** ((echo_db - self._room_db()) / 20))

    def _room_db(self) -> float:
        """What the room does to the level of the interviewer's voice."""
        voice = prompt("welcome")
        padded = np.concatenate((np.zeros(self._longest, np.float32), voice))
        return dbfs(self._reflected(padded, len(voice))) - dbfs(voice)

    def _reflected(self, played: Sound, count: int) -> Sound:
        """The last `count` samples of the room's answer to `played`."""
        end = len(played)
        heard = np.zeros(count, np.float32)
        for tap, weight in self._taps:
            heard += np.float32(weight) * played[end - tap - count : end - tap]
        return heard

    def of(self, played: Sound) -> Sound | None:
        """`played` is 24 kHz, of 20 ms; None when all is quiet."""
        count = len(played)
        self._quiet = 0 if played.any() else self._quiet + count
        self._played = np.concatenate((self._played, played))[-(self._longest + count + _TAPS) :]
        if self._quiet > self._longest + _TAPS:
            return None
        room = self._reflected(self._played, count + _TAPS) * self._gain
        doubled = np.zeros(2 * len(room), np.float32)
        doubled[::2] = room
        filtered = np.convolve(doubled, self._low_pass, "valid")[-2 * count :]
        return filtered[:: self._decimate]
