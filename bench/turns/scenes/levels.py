"""How loud things are: levels of speech count the sounding parts only, levels of noise everything."""

import numpy as np

from bench.turns.scenes.corpus import Sound

_SILENT_DB = 30


def dbfs(sound: Sound) -> float:
    """Root mean square in dB of full scale."""
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


def frame_levels(sound: Sound, rate_hz: int, frame_ms: int = 20) -> Sound:
    """The level of each whole frame, in dBFS."""
    length = rate_hz * frame_ms // 1000
    if len(sound) < length:
        return np.array([dbfs(sound)], np.float32)
    frames = sound[: len(sound) // length * length].reshape(-1, length)
    levels: Sound = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-12)
    return levels


def active_dbfs(sound: Sound, rate_hz: int) -> float:
    """The level of the frames within 30 dB of the loud ones."""
    levels = frame_levels(sound, rate_hz)
    active = levels[levels > np.percentile(levels, 95) - _SILENT_DB]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def quiet_dbfs(sound: Sound, rate_hz: int) -> float:
    """The level of the quietest tenth: the recording's own floor."""
    return float(np.percentile(frame_levels(sound, rate_hz), 10))


def gain_to(target_dbfs: float, level_dbfs: float) -> float:
    """The linear gain from one level to another."""
    return float(10 ** ((target_dbfs - level_dbfs) / 20))
