"""What of the interviewer's own voice is in the microphone: a recorded interviewer, and microphones
of every kind."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.voice.echo import LearningEchoGauge
from domain.policy import VoicePolicy
from domain.sound.features import LEVEL_STEPS_PER_DB, NOTHING_PLAYED
from domain.sound.rates import FRAME_BYTES, FRAME_MS, MODEL_RATE_HZ, SAMPLE_RATE_HZ

RECORDED = Path(__file__).parents[3] / "adapters" / "rehearsal" / "speech" / "recorded"
CANDIDATE = Path(__file__).parents[2] / "data" / "candidate"
MARGIN = VoicePolicy().echo_margin_db * LEVEL_STEPS_PER_DB
PLAYED_BYTES = 2 * MODEL_RATE_HZ * FRAME_MS // 1000
FRAMES_A_SECOND = 1000 // FRAME_MS
AUDIBLE_DBFS = -65.0
"""The quietest frame that anybody could take for a voice; the microphone's own noise is at -80."""
SPOKEN_AT = 5 * FRAMES_A_SECOND
"""When the candidate begins, over an interviewer who speaks from the first frame on."""

Wave = NDArray[np.float64]


@cache
def interviewer() -> Wave:
    """Sixteen seconds of the recorded interviewer at 16 kHz, in 16-bit steps."""
    names = ("welcome", "project", "team", "background", "challenge")
    read = [soundfile.read(RECORDED / f"{name}.flac", dtype="int16") for name in names]
    assert {rate_hz for _, rate_hz in read} == {SAMPLE_RATE_HZ}
    return np.concatenate([wave for wave, _ in read]).astype(float)


@cache
def played() -> list[bytes]:
    """The same as it is played, 24 kHz PCM16, cut at the microphone's frames."""
    pcm = as_pcm(soxr.resample(interviewer(), SAMPLE_RATE_HZ, MODEL_RATE_HZ))
    return [pcm[at : at + PLAYED_BYTES] for at in range(0, len(pcm) - PLAYED_BYTES + 1, PLAYED_BYTES)]


def voice() -> Wave:
    """A candidate as loud as the interviewer."""
    wave = soundfile.read(CANDIDATE / "answer_1.flac", dtype="int16")[0].astype(float)
    return wave * rms(interviewer()) / rms(wave)


def rms(wave: Wave) -> float:
    return float(np.sqrt(np.mean(wave**2)))


def gain(db: float) -> float:
    return float(10 ** (db / 20))


def as_pcm(wave: Wave) -> bytes:
    return np.clip(np.rint(wave), -32_768, 32_767).astype("<i2").tobytes()


def microphone(*, echo_db: float, delay_ms: int = 60, voice_db: float | None = None) -> Wave:
    """A quiet microphone with so much of the interviewer in it, so late, and perhaps the candidate
    from 5 s on."""
    wave = np.random.default_rng(1).normal(0, 3, len(interviewer()))
    late = delay_ms * SAMPLE_RATE_HZ // 1000
    wave[late:] += interviewer()[: len(wave) - late] * gain(echo_db)
    if voice_db is not None:
        said, begin = voice() * gain(voice_db), SPOKEN_AT * SAMPLE_RATE_HZ * FRAME_MS // 1000
        wave[begin : begin + len(said)] += said
    return wave


def over_echo(wave: Wave, gauge: LearningEchoGauge | None = None) -> NDArray[np.int_]:
    """What the gauge says of each frame."""
    gauge, pcm = gauge or LearningEchoGauge(), as_pcm(wave)
    frames = [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
    return np.array([gauge.over_echo(*both) for both in zip(frames, played(), strict=False)])


def levels_dbfs(wave: Wave) -> Wave:
    """The loudness of each whole frame."""
    size = FRAME_BYTES // 2
    frames = wave[: len(wave) // size * size].reshape(-1, size) / 32_768
    level: Wave = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return level


def over_voice(wave: Wave) -> NDArray[np.int_]:
    """What the gauge says of the frames in which the candidate is loud."""
    level = levels_dbfs(voice())
    heard = over_echo(wave)[SPOKEN_AT:][: len(level)]
    return heard[level[: len(heard)] > level.max() - 20]


@pytest.mark.parametrize("delay_ms", [20, 60, 120])
@pytest.mark.parametrize("echo_db", [-10, -20, -30])
def test_an_echo_stays_under_the_margin(echo_db: int, delay_ms: int) -> None:
    """Given loudspeakers that leak so much, so late, after a second hardly a frame of it counts as
    the candidate's."""
    wave = microphone(echo_db=echo_db, delay_ms=delay_ms)
    heard = over_echo(wave)
    audible = levels_dbfs(wave)[: len(heard)] > AUDIBLE_DBFS
    audible[:FRAMES_A_SECOND] = False

    assert audible.sum() > 300
    assert np.mean(heard[audible] >= MARGIN) < 0.01


@pytest.mark.parametrize("echo_db", [-20, -30])
def test_an_echo_that_a_browser_lets_through_never_counts_at_first_either(echo_db: int) -> None:
    """Given no second to learn in, the leak that is assumed covers what a browser's cancellation
    leaves."""
    assert over_echo(microphone(echo_db=echo_db))[:FRAMES_A_SECOND].max() < MARGIN


def test_with_headphones_a_quiet_voice_is_far_above() -> None:
    """Given nothing leaks, the gauge learns that within 5 s: a voice 20 dB quieter is above in
    nearly every frame."""
    heard = over_voice(microphone(echo_db=-120, voice_db=-20))

    assert np.mean(heard >= MARGIN) > 0.85
    assert np.median(heard) > 2 * MARGIN


def test_the_same_quiet_voice_is_not_heard_over_loudspeakers() -> None:
    """Given an echo as loud as the voice, the voice cannot be told from it: that is what was
    learned."""
    assert np.mean(over_voice(microphone(echo_db=-20, voice_db=-20)) >= MARGIN) < 0.05


@pytest.mark.parametrize("echo_db", [-20, -30, -40])
def test_a_voice_over_an_echo_is_above_it(echo_db: int) -> None:
    """Given a voice 20 dB above what leaks, most of its loud frames count, and it does not raise
    the leak."""
    heard = over_voice(microphone(echo_db=echo_db, voice_db=echo_db + 20))

    assert np.mean(heard >= MARGIN) > 0.6
    assert np.mean(heard[-50:] >= MARGIN) > 0.5


def test_the_leak_is_learned_anew_when_the_headphones_are_taken_off() -> None:
    """Given eight seconds without any leak and then one of -10 dB, a second and a half later it is
    no voice."""
    gauge, wave = LearningEchoGauge(), microphone(echo_db=-120)
    half = len(wave) // 2 // 320 * 320
    wave[half:] = microphone(echo_db=-10)[half:]
    heard = over_echo(wave, gauge)
    audible = levels_dbfs(wave)[: len(heard)] > AUDIBLE_DBFS

    at_first, later = half // 320, half // 320 + 3 * FRAMES_A_SECOND // 2
    assert np.mean(heard[at_first : at_first + 20][audible[at_first : at_first + 20]] >= MARGIN) > 0.5
    assert np.mean(heard[later:][audible[later:]] >= MARGIN) < 0.15


def test_nothing_can_leak_until_something_is_played_and_320_ms_after() -> None:
    """Before the first sound, and from the sixteenth frame after the last, there is nothing to
    compare with."""
    gauge, frame = LearningEchoGauge(), as_pcm(voice()[:320])
    before = [gauge.over_echo(frame, b"") for _ in range(3)]
    during = [gauge.over_echo(frame, each) for each in played()[:50]]
    after = [gauge.over_echo(frame, b"") for _ in range(20)]
    again = gauge.over_echo(frame, played()[50])

    assert set(before) == {NOTHING_PLAYED}
    assert NOTHING_PLAYED not in during
    assert [value == NOTHING_PLAYED for value in after] == [False] * 15 + [True] * 5
    assert again != NOTHING_PLAYED


sounds = st.binary(max_size=4 * PLAYED_BYTES).map(lambda pcm: pcm[: len(pcm) // 2 * 2])
frames = st.one_of(st.just(b"\xff\x7f" * 320), st.just(b"\x00\x80" * 320), st.binary(min_size=640, max_size=640))


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(frames, sounds | st.just(b"\x00\x80" * 480)), max_size=60))
def test_any_content_is_accepted_and_decided_alike(steps: list[tuple[bytes, bytes]]) -> None:
    """Whatever samples and however many of them: a byte for each frame, the same for another gauge."""
    one, other = LearningEchoGauge(), LearningEchoGauge()
    heard = [one.over_echo(frame, sound) for frame, sound in steps]

    assert all(0 <= value <= NOTHING_PLAYED for value in heard)
    assert heard == [other.over_echo(frame, sound) for frame, sound in steps]
