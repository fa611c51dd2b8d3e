"""Smart Turn: a small network that hears in the last 8 s of an answer whether it sounds finished.

The network (v3.2, for the CPU, BSD 2-Clause) comes within the wheel of `pipecat-ai`, of which
nothing else is used: none of it is imported, and what it depends on is not installed. It hears
Whisper's features: a log-mel spectrogram of 80 bands, 25 ms windows every 10 ms, of the wave
brought to zero mean and unit variance; shorter answers are filled up with silence before their
beginning.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from adapters.voice.features import samples_of
from domain.errors import VivaError
from domain.sound.rates import SAMPLE_RATE_HZ

HEARD_SAMPLES = 8 * SAMPLE_RATE_HZ
_WINDOW, _HOP, _BANDS = 400, 160, 80
_MODEL = "smart-turn-v3.2-cpu.onnx"


class SmartTurnMissingError(VivaError):
    """The network's file is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the Smart Turn network is missing: pip install --no-deps -r requirements/networks.txt, "
            'or set the policy endpoint.turn_detector to "none"'
        )


def model_path() -> Path:
    """Where the network's file is, found without importing the package around it. Raises
    `SmartTurnMissingError`."""
    try:
        found = [file for file in files("pipecat-ai") or () if file.name == _MODEL]
    except PackageNotFoundError:
        found = []
    if not found:
        raise SmartTurnMissingError
    return Path(str(found[0].locate()))


@cache
def shared_network() -> onnxruntime.InferenceSession:
    """The process's one session: on the CPU, in the calling thread. Takes some tenths of a second
    to load."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])


def completeness(pcm: bytes) -> float:
    """The probability, 0..1, that the answer ending with `pcm` (16 kHz mono PCM16, any length) is
    finished.

    Takes around 0.1 s of a core: call it in a thread. Raises `SmartTurnMissingError`.
    """
    wave = samples_of(pcm)[-HEARD_SAMPLES:]
    wave = np.concatenate((np.zeros(HEARD_SAMPLES - len(wave), np.float32), wave))
    (probability,) = shared_network().run(None, {"input_features": log_mel(wave)[None]})
    return float(probability.ravel()[0])


def log_mel(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whisper's features of 8 s: shape (80, 800), roughly -1..1."""
    wave = (wave - wave.mean()) / np.sqrt(wave.var() + np.float32(1e-7))
    padded = np.pad(wave, _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:-1]
    power = np.abs(np.fft.rfft(windows * _hann(), axis=-1)).astype(np.float32) ** 2
    log_power = np.log10(np.maximum(1e-10, power @ _mel_filters())).T
    floored = np.maximum(log_power, log_power.max() - 8.0)
    features: NDArray[np.float32] = ((floored + 4.0) / 4.0).astype(np.float32)
    return features


@cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


@cache
def _mel_filters() -> NDArray[np.float32]:
    """Triangles of equal area on Slaney's mel scale (linear to 1 kHz, logarithmic above): (201
    bins, 80 bands)."""
    bins = np.linspace(0, SAMPLE_RATE_HZ / 2, _WINDOW // 2 + 1)
    edges = _mel_to_hertz(np.linspace(0, _hertz_to_mel(SAMPLE_RATE_HZ / 2), _BANDS + 2))
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: NDArray[np.float32] = (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)
    return filters


_LINEAR_MEL_PER_HZ = 3 / 200
_BREAK_HZ, _BREAK_MEL, _LOG_STEP = 1_000.0, 15.0, np.log(6.4) / 27


def _hertz_to_mel(hertz: float) -> float:
    return hertz * _LINEAR_MEL_PER_HZ if hertz < _BREAK_HZ else _BREAK_MEL + np.log(hertz / _BREAK_HZ) / _LOG_STEP


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel / _LINEAR_MEL_PER_HZ, logarithmic)
