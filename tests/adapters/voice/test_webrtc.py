"""WebRTC's detector: a quick and generous gate."""

from typing import cast

import pytest

from adapters.voice.webrtc import Mode, WebRtcDetector
from domain.sound.features import VOICE_NOT_MEASURED
from tests.adapters.voice.recordings import features, onset_delays_ms, runs, samples, speech


def test_the_gate_opens_within_100_ms_of_every_start() -> None:
    """In its default mode it misses no onset of either speaker: what it does not let through,
    nobody hears."""
    for name in ("fluent", "hoarse"):
        flags = [frame.gate == 1 for frame in features(WebRtcDetector(), samples(name))]
        assert max(onset_delays_ms(speech(name), flags)) <= 100


def test_it_measures_no_probability() -> None:
    """`voice` says so, rather than pretending one."""
    assert {frame.voice for frame in features(WebRtcDetector(), samples("fluent"))} == {VOICE_NOT_MEASURED}


def test_alone_it_gives_no_likelihood() -> None:
    """An office opens it many times in ten seconds: why there is a turn detector behind it."""
    assert runs([frame.gate == 1 for frame in features(WebRtcDetector(), samples("office"))]) >= 5


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_a_higher_mode_lets_less_through(mode: Mode) -> None:
    """The setting reaches the detector: each mode opens for fewer frames of speech than the one
    before."""
    heard = [
        sum(int(f.gate) for f in features(WebRtcDetector(m), samples("hoarse"))) for m in (cast("Mode", mode - 1), mode)
    ]

    assert heard[1] < heard[0]
