"""Smart Turn without the package around it: Whisper's features, the real network, recorded answers."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import soundfile

from adapters.voice.smart_turn import (
    HEARD_SAMPLES,
    SmartTurnMissingError,
    completeness,
    log_mel,
    model_path,
    shared_network,
)
from domain.sound.rates import SAMPLE_RATE_HZ

DATA = Path(__file__).parents[2] / "data"
PAUSE = bytes(2 * SAMPLE_RATE_HZ * 160 // 1000)
"""The silence after which the network is first asked."""


def stretch(name: str, from_s: float, to_s: float) -> bytes:
    """Part of a recording as 16 kHz PCM16."""
    wave, rate_hz = soundfile.read(DATA / f"{name}.flac", dtype="int16")
    assert rate_hz == SAMPLE_RATE_HZ
    return bytes(wave[int(from_s * rate_hz) : int(to_s * rate_hz)].astype("<i2").tobytes())


def tone(hertz: float, amplitude: float = 0.3) -> np.ndarray:
    """Eight seconds of it."""
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(HEARD_SAMPLES) / SAMPLE_RATE_HZ)).astype(np.float32)


def test_the_network_has_the_input_that_we_name() -> None:
    """Name and shape are those of the installed file, so an update of the package cannot change
    them unnoticed."""
    (features,) = shared_network().get_inputs()

    assert (features.name, features.type, features.shape[1:]) == ("input_features", "tensor(float)", [80, 800])
    assert shared_network().get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize(("hertz", "band"), [(200, 4), (440, 11), (1_000, 26), (3_000, 54)])
def test_a_tone_is_loudest_in_its_own_band(hertz: int, band: int) -> None:
    """Slaney's scale: 82 edges evenly to 8 kHz, 0.559 mel apart; 1 kHz is 15 mel, in the 27th band."""
    features = log_mel(tone(hertz))

    assert features.shape == (80, 800)
    assert features.dtype == np.float32
    assert set(features[:, 2:-2].argmax(axis=0)) == {band}  # at the ends the wave is mirrored


def test_the_features_span_two_and_do_not_depend_on_loudness() -> None:
    """Whisper's scale: what is 80 dB below the loudest is the floor; the wave is brought to unit
    variance first."""
    loud, soft = log_mel(tone(440)), log_mel(tone(440, amplitude=0.03))

    assert loud.max() - loud.min() == pytest.approx(2.0, abs=1e-5)
    assert np.allclose(loud, soft, atol=0.02)


def test_silence_has_features_too() -> None:
    """Given nothing at all, the features are the lowest there are, and finite."""
    features = np.unique(log_mel(np.zeros(HEARD_SAMPLES, np.float32)))
    assert features == pytest.approx([-1.5], abs=1e-6)  # the last digit is the processor's


@pytest.mark.parametrize(
    ("name", "from_s", "middle_s", "end_s"),
    [
        ("candidate/answer_3", 0.0, 1.28, 4.28),
        ("turns/tune/mfa_acoustic", 7.7, 11.479, 24.975),
        ("turns/tune/mfa_acoustic", 7.7, 19.13, 24.975),
    ],
)
def test_a_finished_answer_sounds_more_finished_than_its_middle(
    name: str, from_s: float, middle_s: float, end_s: float
) -> None:
    """Given the same silence after either, the end is taken for one and the middle is not.

    By the network's own boundary, one half: eight bit arithmetic differs between processors. The
    end of answer_3 has 0.77 on one with matrix instructions, 0.85 in floating point.
    """
    middle, end = stretch(name, from_s, middle_s), stretch(name, from_s, end_s)

    assert completeness(end + PAUSE) > 0.5
    assert completeness(middle + PAUSE) < 0.5


def test_an_answer_shorter_than_eight_seconds_is_filled_up_in_front() -> None:
    """Given so much silence before it, a short answer sounds the same to the last digit."""
    answer = stretch("candidate/answer_3", 0.0, 4.28) + PAUSE
    missing = bytes(2 * HEARD_SAMPLES - len(answer))

    assert completeness(answer) == completeness(missing + answer)
    assert completeness(answer) != completeness(answer + missing)


def test_only_the_last_eight_seconds_are_heard() -> None:
    """Given something else before them, the verdict is the same."""
    answer = stretch("turns/tune/mfa_acoustic", 7.7, 24.975)

    assert completeness(answer) == completeness(answer[-2 * HEARD_SAMPLES :])


@pytest.mark.parametrize("pcm", [b"", b"\0\0", b"\xff\x7f" * 400])
def test_however_little_was_said_there_is_a_verdict(pcm: bytes) -> None:
    """Given an answer of nothing, of a sample, or of a click, it is a probability."""
    assert 0.0 <= completeness(pcm) <= 1.0


def test_nothing_of_the_package_is_imported() -> None:
    """A process that has predicted a pause has not imported `pipecat`, whose dependencies are not
    installed."""
    program = (
        "import sys; from adapters.voice.smart_turn import completeness; completeness(bytes(640))\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('pipecat', 'torch', 'transformers')]\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=50).returncode == 0


def test_a_missing_wheel_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error says how to install it, and how to do without."""

    def no_files(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("adapters.voice.smart_turn.files", no_files)

    with pytest.raises(SmartTurnMissingError, match=r"pip install --no-deps -r requirements/networks\.txt, or .*none"):
        model_path()


@pytest.mark.parametrize("listed", [None, []], ids=["no list of files", "another version"])
def test_a_wheel_without_the_network_is_missing_too(monkeypatch: pytest.MonkeyPatch, listed: list[Path] | None) -> None:
    """Given an installation that lists no such file, the sentence is the same."""
    monkeypatch.setattr("adapters.voice.smart_turn.files", lambda name: listed)

    with pytest.raises(SmartTurnMissingError):
        model_path()
