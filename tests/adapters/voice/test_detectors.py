"""The contract of every detector: deterministic after a reset, apart from its neighbours, unmoved
by any content."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.voice.factory import DetectorKind, make_detector
from adapters.voice.features import level_of
from domain.sound.frames import FrameLengthError
from tests.adapters.voice.recordings import features, samples

KINDS: tuple[DetectorKind, ...] = ("cascade", "silero", "webrtc")
SECOND = 16_000

FULL_SCALE = np.tile(np.array([-32_768, 32_767], "<i2"), 160).tobytes()


of_every_kind = pytest.mark.parametrize("kind", KINDS)


@of_every_kind
def test_the_same_audio_after_a_reset_gives_the_same_features(kind: DetectorKind) -> None:
    """Whatever was heard before a reset leaves no trace."""
    call = samples("hoarse")[: 6 * SECOND]
    detector = make_detector(kind)
    fresh = features(detector, call)
    features(detector, samples("dishes")[: 3 * SECOND + 123])

    detector.reset()

    assert features(detector, call) == fresh


@of_every_kind
def test_two_calls_at_once_hear_what_each_would_hear_alone(kind: DetectorKind) -> None:
    """Detectors of two calls, taking turns frame by frame over one shared network, do not touch
    each other."""
    calls = [samples("fluent")[: 8 * SECOND].tobytes(), samples("dishes")[: 8 * SECOND].tobytes()]
    alone = [features(make_detector(kind), np.frombuffer(call, np.int16)) for call in calls]

    together = [make_detector(kind), make_detector(kind)]
    heard: list[list[object]] = [[], []]
    for at in range(0, len(calls[0]), 640):
        for which, detector in enumerate(together):
            heard[which].append(detector.analyse(calls[which][at : at + 640]))

    assert heard == alone


@of_every_kind
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.binary(min_size=640, max_size=640), st.just(FULL_SCALE), st.just(bytes(640))), max_size=12)
)
def test_no_content_is_refused(kind: DetectorKind, frames: list[bytes]) -> None:
    """Any 640 bytes have features, and each of them is a byte."""
    detector = make_detector(kind)
    for frame in frames:
        level, gate, voice, _ = detector.analyse(frame)

        assert level == level_of(frame)
        assert gate in (0, 1)
        assert 0 <= voice <= 255


@pytest.mark.parametrize("length", [0, 2, 638, 639, 641, 1280])
@of_every_kind
def test_what_is_not_one_frame_is_refused_and_not_heard(kind: DetectorKind, length: int) -> None:
    """A wrong length is our own bug; the features of what follows are as if it had never been
    offered."""
    call = samples("fluent")[SECOND : 2 * SECOND]
    detector = make_detector(kind)
    with pytest.raises(FrameLengthError, match=f"not {length}"):
        detector.analyse(b"\x55" * length)

    assert features(detector, call) == features(make_detector(kind), call)


@of_every_kind
def test_silence_is_never_speech(kind: DetectorKind) -> None:
    """In two seconds of digital silence no gate opens and no probability is high."""
    heard = features(make_detector(kind), np.zeros(2 * SECOND, np.int16))

    assert {frame.level for frame in heard} == {0}
    assert {frame.gate for frame in heard} == {0}
    assert all(frame.voice == 255 or frame.voice < 64 for frame in heard)
