"""The cascade: a gate that costs nothing, and a network that hears what the gate lets through."""

import numpy as np
import pytest

from adapters.voice.cascade import CascadeDetector
from adapters.voice.silero import SileroDetector, SileroStream
from adapters.voice.webrtc import WebRtcDetector
from domain.sound.features import FrameFeatures
from tests.adapters.voice.recordings import Stretch, features, onset_delays_ms, runs, samples, speech, voiced

SECOND = 16_000


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every probability that the network has been made to compute."""
    probabilities: list[float] = []
    compute = SileroStream.probability

    def recorded(self: SileroStream, window: np.ndarray) -> float:
        probabilities.append(compute(self, window))
        return probabilities[-1]

    monkeypatch.setattr(SileroStream, "probability", recorded)
    return probabilities


def test_every_start_of_speech_is_found_within_120_ms() -> None:
    """Over both speakers: half of them within 80 ms."""
    delays = [
        delay
        for name in ("fluent", "hoarse")
        for delay in onset_delays_ms(speech(name), voiced(features(CascadeDetector(), samples(name))))
    ]

    assert len(delays) == 11
    assert np.percentile(delays, 50) <= 80
    assert max(delays) <= 120


@pytest.mark.parametrize(("name", "most"), [("dishes", 1), ("office", 1)])
def test_noise_is_seldom_taken_for_speech(name: str, most: int) -> None:
    """In ten seconds of a kitchen or an office the turn detector errs at most once."""
    assert runs(voiced(features(CascadeDetector(), samples(name)))) <= most


def test_the_network_overrules_the_gate_in_an_office() -> None:
    """Where the gate alone would have raised many alarms, the cascade reports the gate and raises
    hardly any."""
    heard = features(CascadeDetector(), samples("office"))

    assert runs([frame.gate == 1 for frame in heard]) >= 5
    assert runs(voiced(heard)) <= 1


def test_a_minute_of_noise_does_not_deafen_it() -> None:
    """A hoarse voice after a minute of clatter is found as without it; the network alone is late by
    half a second."""
    call = np.concatenate((np.tile(samples("dishes"), 6), samples("hoarse")))

    refreshed = onset_delays_ms(speech("hoarse"), voiced(features(CascadeDetector(), call)), offset_s=60)
    network_alone = onset_delays_ms(speech("hoarse"), voiced(features(SileroDetector(), call)), offset_s=60)

    assert max(refreshed) <= 120
    assert max(network_alone) > 500, "refreshing is no longer needed"


def test_speech_after_a_pause_is_found_at_once() -> None:
    """Five seconds of a quiet room before each stretch of the clear speaker, as while the
    interviewer talks."""
    pcm = samples("fluent")
    room = pcm[int(7.7 * SECOND) : int(7.9 * SECOND)]
    pause = np.tile(np.concatenate((room, room[::-1])), 13)
    for start_s, end_s in speech("fluent"):
        call = np.concatenate((pause, pcm[int((start_s - 0.05) * SECOND) : int(end_s * SECOND)]))
        heard = voiced(features(CascadeDetector(), call))

        assert onset_delays_ms([Stretch(0.05, end_s - start_s)], heard, offset_s=len(pause) / SECOND)[0] <= 120


def test_silence_is_nothing_and_costs_no_prediction(predicted: list[float]) -> None:
    """Digital silence is level 0, gate 0 and voice 0 (measured, not unknown), and the network never
    runs."""
    heard = features(CascadeDetector(), np.zeros(5 * SECOND, np.int16))

    assert set(heard) == {FrameFeatures(0, 0, 0)}
    assert predicted == []


def test_the_network_is_asked_in_the_very_frame_that_opens_the_gate(predicted: list[float]) -> None:
    """After a silence, the first open frame carries an opinion that rests on 256 ms: eight
    windows."""
    call = np.concatenate((np.zeros(2 * SECOND, np.int16), samples("fluent")[SECOND : 2 * SECOND]))
    detector = CascadeDetector()
    data = call.tobytes()

    for at in range(0, len(data), 640):
        if detector.analyse(data[at : at + 640]).gate:
            break

    assert len(predicted) == 8


def test_the_gate_is_webrtcs() -> None:
    """`gate` and `level` are those of the gate run alone in the same mode."""
    alone = features(WebRtcDetector(1), samples("hoarse"))
    together = features(CascadeDetector(1), samples("hoarse"))

    assert [frame[:2] for frame in together] == [frame[:2] for frame in alone]


def test_voice_falls_to_zero_once_the_gate_has_been_closed_for_the_hangover() -> None:
    """Half a second after the last open frame, and not before a frame of it, the frame is decided
    to be no speech."""
    call = np.concatenate((samples("fluent")[SECOND : 3 * SECOND], np.zeros(2 * SECOND, np.int16)))

    heard = features(CascadeDetector(hangover_ms=500), call)

    last_open = max(at for at, frame in enumerate(heard) if frame.gate)
    assert {frame.voice for frame in heard[last_open + 25 :]} == {0}
    assert len(heard) - last_open > 50
